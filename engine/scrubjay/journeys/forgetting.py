"""forget: every version, everything derived, every byte."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scrubjay.erasures import Erasure, Proof
from scrubjay.errors import StoreError
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import Question, search
from scrubjay.journeys.sharing import shared_tables
from scrubjay.journeys.writing import writing
from scrubjay.progress import Progress, share_of, untold
from scrubjay.remembering.cascade import bereft, episodes_taken, taken_along
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, Kind, MemoryRecord, Owner, Scope, Shown, Visibility

_SESSIONS_ASKED_FOR = 4  # one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was forgotten: the ids that were named, how many memories went in all, when, and what was looked at after.

    `rewritten`: memories that stay, without what they held of the forgotten ones. It holds no text.
    """

    forgotten: tuple[str, ...]
    erased: int
    rewritten: int
    at: datetime
    proof: Proof = field(default_factory=Proof)


def forget(engine: Engine, caller: Caller | None, ids: Sequence[str], told: Progress = untold) -> Receipt:
    """Forget memories by id. Ids that are malformed, unknown or of somebody else are skipped.

    A fact takes the episodes it rests on with it, an episode the facts that rest only on it. Raises NotAllowed, before
    anything is forgotten, and StoreError; what was begun by then is finished by whoever writes next.
    """
    forgotten: list[str] = []
    erased = rewritten = 0
    proof = Proof()
    by_owner = engine.by_owner(ids, caller)
    if caller is not None:
        for owner in (None, *by_owner):
            caller.require(Right.ERASE, owner)
    for number, (owner, owned) in enumerate(by_owner.items()):
        report = share_of(told, number=number, of=len(by_owner))
        with writing(engine, owner):
            erasure, rows = _taken(engine, owner, engine.store.find(owner, Filter(ids=tuple(owned))))
            changed = bereft(rows, erasure)
            proof += _erase(engine, owner, erasure, changed, report)
        gone = set(erasure.ids)
        forgotten += [memory_id for memory_id in owned if memory_id in gone]
        erased += len(gone)
        rewritten += len(changed)
    return Receipt(forgotten=tuple(forgotten), erased=erased, rewritten=rewritten, at=engine.now(), proof=proof)


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


def forget_everything(engine: Engine, caller: Caller, scope: Scope, told: Progress = untold) -> Receipt:
    """Forget all of a scope: `user` a person's table, their sessions and the agent memories they wrote.

    `session`: one conversation. `agent`: all that the agent learned. Raises InvalidInput, NotAllowed, OwnerRequired,
    StoreError.
    """
    owner = caller.owner_of(scope)
    caller.require(Right.ERASE, owner)
    if scope is Scope.SESSION and owner.scope is not Scope.SESSION:
        visible = Visibility(scopes=frozenset({Scope.SESSION}), session_id=caller.session_id)
        return forget(engine, caller, _ids(engine, owner, Filter(visible=visible)), told)
    with engine.store.exclusive(owner):
        gone, unread = _all_ids(engine, owner)
        proof = engine.store.erase(
            owner, Erasure(ids=tuple(gone), everything=True, unread=unread), at=engine.now(), told=told
        )
    if scope is Scope.USER:
        lessons, of_lessons = _forget_written_elsewhere(engine, caller)
        gone, proof = gone + lessons, proof + of_lessons
    return Receipt(forgotten=tuple(gone), erased=len(gone), rewritten=0, at=engine.now(), proof=proof)


def forget_expired(engine: Engine, owner: Owner) -> None:
    """Forget the memories whose newest version has expired, as if they had been named, and of others the versions.

    Raises StoreError.
    """
    now = engine.now()
    with writing(engine, owner):
        ids = tuple(_ids(engine, owner, Filter(expired_at=now)))
        versions = engine.store.find(owner, Filter(ids=ids))
        newest = {row.id: row for row in sorted(versions, key=lambda row: row.version)}
        living = {row.id for row in newest.values() if row.is_alive(now)}
        erasure, rows = _taken(engine, owner, [row for row in versions if row.id not in living])
        erasure |= Erasure(versions=tuple(row.key for row in versions if row.id in living and not row.is_alive(now)))
        _erase(engine, owner, erasure, bereft([*rows, *versions], erasure))


def _forget_written_elsewhere(engine: Engine, caller: Caller) -> tuple[list[str], Proof]:
    """Erase what the person wrote into others' tables of the tenant, version by version; others' versions stay."""
    forgotten: list[str] = []
    proof = Proof()
    for owner in shared_tables(engine, caller.tenant):
        with writing(engine, owner):
            written = engine.store.find(owner, Filter(written_by=caller.user_id))
            versions = engine.store.find(owner, Filter(ids=tuple({record.id for record in written})))
            of_others = {record.id for record in versions if record.written_by != caller.user_id}
            words = [row for row in written if row.kind is Kind.EPISODE and row.id not in of_others]
            erasure, rows = _taken(engine, owner, words)
            erasure |= Erasure(versions=tuple(record.key for record in written))
            proof += _erase(engine, owner, erasure, bereft([*rows, *versions], erasure))
        forgotten += dict.fromkeys(record.id for record in written)
    return forgotten, proof


def _erase(
    engine: Engine, owner: Owner, erasure: Erasure, changed: Sequence[MemoryRecord], told: Progress = untold
) -> Proof:
    if not (erasure.ids or erasure.versions):
        return Proof()
    return engine.store.erase(owner, erasure, at=engine.now(), rewritten=changed, told=told)


def _taken(engine: Engine, owner: Owner, targets: Sequence[MemoryRecord]) -> tuple[Erasure, list[MemoryRecord]]:
    """Return what goes when these rows go, and every row that touches it."""
    taken = episodes_taken(targets)
    episodes = engine.store.find(owner, Filter(ids=taken, kind=Kind.EPISODE)) if taken else []
    near = _of_sessions(engine, owner, {episode.session_id for episode in episodes})
    resting = {record.id for record in engine.store.find(owner, Filter(rests_on=taken))} if taken else set()
    dependants = engine.store.find(owner, Filter(ids=tuple(resting))) if resting else []
    erasure = taken_along(targets, dependants)
    pointing = engine.store.find(owner, Filter(superseded_by=erasure.ids)) if erasure.ids else []
    rows = {row.key: row for row in (*targets, *episodes, *near, *dependants, *pointing)}
    return erasure, list(rows.values())


def _of_sessions(engine: Engine, owner: Owner, sessions: set[str]) -> list[MemoryRecord]:
    """Return everything that was said in these sessions; of many in one look at the table."""
    if len(sessions) > _SESSIONS_ASKED_FOR:
        said = engine.store.find(owner, Filter(kind=Kind.EPISODE))
        return [row for row in said if row.session_id in sessions]
    return [
        row
        for session_id in sorted(sessions)
        for row in engine.store.find(owner, Filter(session_id=session_id, kind=Kind.EPISODE))
    ]


def _all_ids(engine: Engine, owner: Owner) -> tuple[list[str], bool]:
    """Return the ids of everything, and whether they could not be read: a damaged table goes all the same."""
    try:
        return _ids(engine, owner, Filter()), False
    except StoreError:
        return [], True


def _ids(engine: Engine, owner: Owner, where: Filter) -> list[str]:
    return list(dict.fromkeys(record.id for record in engine.store.find(owner, where)))
