"""restore-version: what an older version of a memory said holds again, because the person says so."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from scrubjay.errors import InvalidInput
from scrubjay.journeys.awaiting import begin_reading
from scrubjay.journeys.committing import Vectors, commit, outdated
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import history
from scrubjay.journeys.writing import writing
from scrubjay.remembering.plan import Plan
from scrubjay.remembering.rows import ended, occasion_of, read_already, restored
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, MemoryRecord, Owner, State, Visibility


def restore_version(engine: Engine, caller: Caller | None, memory_id: str, version: int) -> MemoryRecord:
    """Make an older version of a memory its next one, and return it: true from now on, until something replaces it.

    What held until now holds until now, together with the words that only it rested on. A memory that another one had
    superseded comes back by itself: the other one stays, since it may say more, and can be forgotten. The words that an
    old version rests on are its evidence again, but stay in the past. Nothing is written when this is what holds now.
    Raises NotAllowed, MemoryNotFound, InvalidInput (no such version, a suspect one, one that another memory says now),
    EmbeddingError, StoreError.
    """
    owner = engine.required_owner(memory_id, caller, Right.WRITE)
    vectors = Vectors(engine, [_version(history(engine, caller, memory_id), memory_id, version).text])
    with writing(engine, owner):
        now = engine.now()
        old = _version(history(engine, caller, memory_id), memory_id, version)
        versions = engine.store.find(owner, Filter(ids=(memory_id,)))  # those that have expired keep their numbers
        holding = _holding(versions, now)
        if holding is not None and _says_the_same(holding, old):
            return holding
        _refuse_what_another_says(engine, owner, old, now)
        number = max(row.version for row in versions) + 1
        new = restored(old, version=number, now=now, written_by=caller.written_by if caller else "")
        if engine.extractor is not None and engine.store.count(owner, Filter(rests_on=(memory_id,))):
            new = replace(new, state=State.PENDING)  # facts were drawn from the other wording
        closed = [ended(row, now=now) for row in versions if not row.has_ended(now)]
        occasion = occasion_of(old, owner, now=now, extractor="")
        words = outdated(engine, occasion, Plan(inserted=(new,), replaced=tuple(closed), outcomes=()))
        commit(engine, occasion, inserted=[new], replaced=[*closed, *words], vectors=vectors)
    if new.state is State.PENDING:
        begin_reading(engine, owner)
    return new


def _version(rows: Sequence[MemoryRecord], memory_id: str, version: int) -> MemoryRecord:
    found = next((row for row in rows if row.key == (memory_id, version)), None)
    if found is None:
        known = ", ".join(str(row.version) for row in rows if row.id == memory_id)
        raise InvalidInput("version", f"{version} is none of the versions of {memory_id!r}: {known}")
    if found.state is State.SUSPECT:
        raise InvalidInput("version", f"{version} is suspect; confirm the memory first, or forget it")
    return found


def _holding(versions: Sequence[MemoryRecord], now: datetime) -> MemoryRecord | None:
    """Return the version that holds now and has no end, when no other one is to begin."""
    lasting = [row for row in versions if not row.has_ended(now)]
    only = lasting[0] if len(lasting) == 1 else None
    return only if only and only.is_alive(now) and only.valid_to is None and only.valid_from <= now else None


def _says_the_same(one: MemoryRecord, other: MemoryRecord) -> bool:
    """Whether two versions tell the same; that one of them still waits to be read for facts makes no difference."""
    return one.key == other.key or all(
        getattr(read_already(one), column) == getattr(read_already(other), column)
        for column in ("text", "category", "entities", "relations", "metadata", "state")
    )


def _refuse_what_another_says(engine: Engine, owner: Owner, old: MemoryRecord, now: datetime) -> None:
    """Raise InvalidInput when another memory of the same scope says it now: an add would have stored nothing, too."""
    visible = Visibility(scopes=frozenset({old.scope}), session_id=old.session_id)
    same = Filter(digests=(old.digest,), visible=visible, current_at=now, without_ids=(old.id,))
    other = next((row for row in engine.store.find(owner, same) if row.state is not State.SUSPECT), None)
    if other is not None:
        raise InvalidInput("version", f"{old.version} says what the memory {other.id!r} says now; nothing was changed")
