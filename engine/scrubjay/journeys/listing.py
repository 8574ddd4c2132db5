"""list and history: everything a caller may see, page by page."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.journeys.engine import Engine, is_memory_id
from scrubjay.journeys.searching import RECALLED, check_limit, proven_by_then, still_current
from scrubjay.recall.budget import first_page
from scrubjay.rights import Right
from scrubjay.types import (
    Caller,
    Filter,
    JsonObject,
    Kind,
    MemoryRecord,
    Owner,
    Position,
    Scope,
    Shown,
    State,
    Visibility,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_VERSIONS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What to list. `state` None: everything but suspect memories. `max_tokens` None: no budget.

    `ended`: only versions that no longer hold, or never did.
    """

    scope: Scope | None = None
    kind: Kind | None = None
    category: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    state: State | None = None
    limit: int = 50
    max_tokens: int | None = None
    cursor: str = ""
    as_of: datetime | None = None
    include_superseded: bool = False
    ended: bool = False
    entity: str | None = None

    def __post_init__(self) -> None:
        check_limit(self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Memories newest first, how many there are in all, and where to go on ("" at the end)."""

    memories: tuple[Shown, ...]
    total: int
    next_cursor: str


def list_memories(engine: Engine, caller: Caller, listing: Listing) -> Page:
    """Return one page, newest first, of facts and of those episodes that no fact rests on.

    Raises InvalidInput (also for a cursor that is not from here), NotAllowed, OwnerRequired, StoreError.
    """
    caller.require(Right.READ)
    after = _parse_cursor(listing.cursor)
    tables = _tables(engine, caller, listing)
    total = sum(engine.store.count(owner, where) for owner, where in tables)
    found = [
        (record, where)
        for owner, where in tables
        for record in engine.store.find(owner, where, limit=listing.limit + 1, after=after)
    ]
    found.sort(key=lambda row: (row[0].recorded_at, row[0].id, row[0].version), reverse=True)
    fetched = found[: listing.limit]
    current = [(record, where) for record, where in fetched if still_current(engine, where, [record])]
    proven = proven_by_then(engine, tables, [record for record, _ in current], as_of=listing.as_of)
    rows = [Shown(record=record) for record in proven]
    last = fetched[-1][0] if fetched else None
    if listing.max_tokens is not None:
        frame = {"memories": [], "total": total, "next_cursor": _cursor(last) if last else ""}
        page = first_page(rows, frame=frame, max_tokens=listing.max_tokens, count_tokens=engine.count_tokens)
        if len(page) < len(rows):
            return Page(memories=tuple(page), total=total, next_cursor=_cursor(page[-1].record))
        rows = page
    more = last is not None and len(found) > len(fetched)
    return Page(memories=tuple(rows), total=total, next_cursor=_cursor(last) if more and last else "")


def current_facts(engine: Engine, caller: Caller) -> list[MemoryRecord]:
    """Return all facts about the person that hold now, newest first. Raises NotAllowed, StoreError."""
    caller.require(Right.READ)
    visible = Visibility(scopes=frozenset({Scope.USER}))
    where = Filter(visible=visible, kind=Kind.FACT, current_at=engine.now(), states=RECALLED)
    return engine.store.find(caller.owner_of(Scope.USER), where)


def history(engine: Engine, caller: Caller | None, memory_id: str) -> list[MemoryRecord]:
    """Return every version of a memory, newest version first, then memories that it superseded.

    A caller sees session memories of their own session only, and nobody what has expired. Raises MemoryNotFound.
    """
    owner = engine.required_owner(memory_id, caller, Right.READ)
    visible = _readable_by_id(caller, owner)
    now = engine.now()
    versions = engine.store.find(owner, Filter(ids=(memory_id,), visible=visible, alive_at=now))
    if not versions:
        raise MemoryNotFound(memory_id)
    superseded = engine.store.find(owner, Filter(superseded_by=(memory_id,), visible=visible, alive_at=now))
    versions.sort(key=lambda record: -record.version)
    return [*versions, *(record for record in superseded if record.id != memory_id)]


def version_that_holds(versions: list[MemoryRecord], now: datetime) -> MemoryRecord:
    """Return the version that is true now, else the one that will be, else the newest."""
    open_versions = [record for record in versions if record.is_current(now)]
    return min(open_versions, key=lambda record: record.valid_from) if open_versions else versions[0]


def current_version(engine: Engine, caller: Caller | None, memory_id: str) -> MemoryRecord:
    """Return the version of a memory that holds now, else its newest; raises MemoryNotFound."""
    versions = [record for record in history(engine, caller, memory_id) if record.id == memory_id]
    return version_that_holds(versions, engine.now())


def _readable_by_id(caller: Caller | None, owner: Owner) -> Visibility | None:
    if caller is None:
        return None
    scopes = frozenset({owner.scope, *([Scope.SESSION] if caller.session_id else [])})
    return Visibility(scopes=scopes, session_id=caller.session_id)


def _tables(engine: Engine, caller: Caller, listing: Listing) -> list[tuple[Owner, Filter]]:
    now = engine.now()
    any_time = listing.include_superseded or listing.ended or listing.as_of is not None
    return [
        (
            owner,
            Filter(
                visible=visible,
                kind=listing.kind,
                category=listing.category,
                metadata=listing.metadata,
                states=RECALLED if listing.state is None else frozenset({listing.state}),
                current_at=None if any_time else now,
                ended_at=now if listing.ended else None,
                as_of=listing.as_of,
                alive_at=now,
                unclaimed=True,
                entity=listing.entity,
            ),
        )
        for owner, visible in caller.readable(listing.scope)
    ]


def _cursor(last: MemoryRecord) -> str:
    position = [(last.recorded_at - _EPOCH) // _MICROSECOND, last.id, last.version]
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def _parse_cursor(cursor: str) -> Position | None:
    """Return the position in a cursor. It holds no identity: it only says how far a listing got."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parsed: Any = json.loads(base64.urlsafe_b64decode(padded.encode()))
        micros, memory_id, version = parsed
        position = Position(recorded_at=_EPOCH + micros * _MICROSECOND, id=memory_id, version=int(version))
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        position = None
    if position is None or not is_memory_id(position.id) or not 0 < position.version < _MOST_VERSIONS:
        raise InvalidInput("cursor", "is not one that list_memories returned; leave it empty to begin")
    return position
