"""forget: every version, everything derived, every byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from scrubjay.journeys.engine import Engine
from scrubjay.remembering.cascade import Cascade, cascade, episodes_taken
from scrubjay.types import Caller, Filter, Kind, Owner, Scope, Visibility

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was forgotten: the ids that were named, how many memories went in all, and when. It holds no text."""

    forgotten: tuple[str, ...]
    erased: int
    rewritten: int
    at: datetime


def forget(engine: Engine, caller: Caller | None, ids: Sequence[str]) -> Receipt:
    """Forget memories by id. Ids that are malformed, unknown or of somebody else are skipped.

    A fact takes the episodes it rests on with it, an episode the facts that rest only on it. Raises StoreError.
    """
    forgotten: list[str] = []
    erased = rewritten = 0
    for owner, owned in engine.by_owner(ids, caller).items():
        with engine.store.exclusive(owner):
            plan = _cascade(engine, owner, tuple(owned))
            if plan.rewritten:
                engine.store.write(owner, inserted=(), vectors=_no_vectors(engine), replaced=plan.rewritten)
            engine.store.erase(owner, plan.erased_ids)
        forgotten += [memory_id for memory_id in owned if memory_id in plan.erased_ids]
        erased += len(plan.erased_ids)
        rewritten += len(plan.rewritten)
    return Receipt(forgotten=tuple(forgotten), erased=erased, rewritten=rewritten, at=engine.now())


def forget_everything(engine: Engine, caller: Caller, scope: Scope) -> Receipt:
    """Forget all of a scope: `user` a person's table, their sessions and the agent memories they wrote.

    `session`: one conversation. `agent`: all that the agent learned. Raises InvalidInput, OwnerRequired, StoreError.
    """
    owner = caller.owner_of(scope)
    if scope is Scope.SESSION and owner.scope is not Scope.SESSION:
        visible = Visibility(scopes=frozenset({Scope.SESSION}), session_id=caller.session_id)
        return forget(engine, caller, _ids(engine, owner, Filter(visible=visible)))
    with engine.store.exclusive(owner):
        gone = _ids(engine, owner, Filter())
        engine.store.erase_owner(owner)
    also = Receipt(forgotten=(), erased=0, rewritten=0, at=engine.now())
    if owner.scope is Scope.USER and caller.agent_id:
        written = Filter(written_by=caller.written_by or caller.user_id)
        also = forget(engine, caller, _ids(engine, caller.owner_of(Scope.AGENT), written))
    return Receipt(
        forgotten=(*gone, *also.forgotten), erased=len(gone) + also.erased, rewritten=also.rewritten, at=also.at
    )


def _cascade(engine: Engine, owner: Owner, ids: tuple[str, ...]) -> Cascade:
    targets = engine.store.find(owner, Filter(ids=ids))
    taken = episodes_taken(targets)
    if not taken:
        return cascade(targets, (), ())
    episodes = engine.store.find(owner, Filter(ids=taken, kind=Kind.EPISODE))
    for session_id in sorted({episode.session_id for episode in episodes}):
        episodes += engine.store.find(owner, Filter(session_id=session_id, kind=Kind.EPISODE, without_ids=taken))
    return cascade(targets, episodes, engine.store.find(owner, Filter(rests_on=taken)))


def _ids(engine: Engine, owner: Owner, where: Filter) -> list[str]:
    return list(dict.fromkeys(record.id for record in engine.store.find(owner, where)))


def _no_vectors(engine: Engine) -> "NDArray[np.float32]":
    import numpy as np

    return np.zeros((0, engine.embedder.dimension), dtype=np.float32)
