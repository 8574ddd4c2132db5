"""forget: every version, everything derived, every byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import Question, search
from scrubjay.remembering.cascade import Cascade, cascade, episodes_taken, without_successors
from scrubjay.types import Caller, Filter, Kind, MemoryRecord, Owner, Scope, Shown, Visibility

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
            plan = _cascade(engine, owner, engine.store.find(owner, Filter(ids=tuple(owned))))
            _erase(engine, owner, plan)
        forgotten += [memory_id for memory_id in owned if memory_id in plan.erased_ids]
        erased += len(plan.erased_ids)
        rewritten += len(plan.rewritten)
    return Receipt(forgotten=tuple(forgotten), erased=erased, rewritten=rewritten, at=engine.now())


def candidates(engine: Engine, caller: Caller, query: str, scope: Scope) -> list[Shown]:
    """Return what could be meant by a query, best first: facts and words, also what is no longer true.

    Of several versions of a memory the best one stands for it: they go together. In a session its memories count too.
    """
    wider = scope is Scope.USER and caller.session_id
    question = Question(query=query, scope=None if wider else scope, any_time=True, collapse=False)
    best: dict[str, Shown] = {}
    for hit in search(engine, caller, question).hits:
        best.setdefault(hit.record.id, hit)
    return list(best.values())


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
    if scope is Scope.USER:
        gone += _forget_lessons(engine, caller)
    return Receipt(forgotten=tuple(gone), erased=len(gone), rewritten=0, at=engine.now())


def _forget_lessons(engine: Engine, caller: Caller) -> list[str]:
    """Erase what the person wrote into any agent's table of the tenant, version by version; others' versions stay."""
    forgotten: list[str] = []
    agents = [o for o in engine.store.owners() if o.tenant == caller.tenant and o.scope is Scope.AGENT]
    for owner in agents:
        with engine.store.exclusive(owner):
            written = engine.store.find(owner, Filter(written_by=caller.user_id))
            words = [record for record in written if record.kind is Kind.EPISODE]
            _erase(engine, owner, _cascade(engine, owner, words), also=[record.key for record in written])
        forgotten += dict.fromkeys(record.id for record in written)
    return forgotten


def _erase(engine: Engine, owner: Owner, plan: Cascade, *, also: Sequence[tuple[str, int]] = ()) -> None:
    if plan.rewritten:
        engine.store.write(owner, inserted=(), vectors=_no_vectors(engine), replaced=plan.rewritten)
    engine.store.erase(owner, plan.erased_ids, versions=[*plan.erased_versions, *also])


def _cascade(engine: Engine, owner: Owner, targets: Sequence[MemoryRecord]) -> Cascade:
    """Look up all that touches the rows to forget, and decide its fate."""
    taken = episodes_taken(targets)
    episodes = engine.store.find(owner, Filter(ids=taken, kind=Kind.EPISODE)) if taken else []
    for session_id in sorted({episode.session_id for episode in episodes}):
        episodes += engine.store.find(owner, Filter(session_id=session_id, kind=Kind.EPISODE, without_ids=taken))
    resting = {record.id for record in engine.store.find(owner, Filter(rests_on=taken))} if taken else set()
    dependants = engine.store.find(owner, Filter(ids=tuple(resting))) if resting else []
    plan = cascade(targets, episodes, dependants)
    pointing = engine.store.find(owner, Filter(superseded_by=plan.erased_ids)) if plan.erased_ids else []
    return without_successors(plan, pointing)


def _ids(engine: Engine, owner: Owner, where: Filter) -> list[str]:
    return list(dict.fromkeys(record.id for record in engine.store.find(owner, where)))


def _no_vectors(engine: Engine) -> "NDArray[np.float32]":
    import numpy as np

    return np.zeros((0, engine.embedder.dimension), dtype=np.float32)
