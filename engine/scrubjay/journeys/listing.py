"""list and history: everything a caller may see, page by page."""

import base64
import binascii
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scrubjay.errors import InvalidInput, MemoryNotFound
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import RECALLED
from scrubjay.recall.reply import compact, told
from scrubjay.types import Caller, Filter, JsonObject, Kind, MemoryRecord, Owner, Position, Scope, State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What to list. `state` None: everything but suspect memories. `max_tokens` None: no budget."""

    scope: Scope | None = None
    category: str = ""
    metadata: JsonObject = field(default_factory=dict)
    state: State | None = None
    limit: int = 50
    max_tokens: int | None = None
    cursor: str = ""
    as_of: datetime | None = None
    include_superseded: bool = False

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise InvalidInput("limit", f"is {self.limit}; it is at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Memories newest first, how many there are in all, and where to go on ("" at the end)."""

    memories: tuple[MemoryRecord, ...]
    total: int
    next_cursor: str


def list_memories(engine: Engine, caller: Caller, listing: Listing) -> Page:
    """Return one page of facts, and of those episodes that no fact rests on.

    Raises InvalidInput (also for a cursor that is not from here), OwnerRequired, StoreError.
    """
    tables = _tables(engine, caller, listing)
    table, position = _parse_cursor(listing.cursor, tables=len(tables))
    total = sum(engine.store.count(owner, where) for owner, where in tables)
    found: list[tuple[int, MemoryRecord]] = []
    for number, (owner, where) in enumerate(tables):
        if number >= table and len(found) <= listing.limit:
            after = position if number == table else None
            wanted = listing.limit + 1 - len(found)
            found += [(number, record) for record in engine.store.find(owner, where, limit=wanted, after=after)]
    page = _within_budget(engine, found[: listing.limit], listing.max_tokens)
    more = len(found) > len(page)
    cursor = _cursor(page[-1]) if more and page else ""
    return Page(memories=tuple(record for _, record in page), total=total, next_cursor=cursor)


def history(engine: Engine, caller: Caller | None, memory_id: str) -> list[MemoryRecord]:
    """Return every version of a memory, newest version first, then memories that it superseded.

    Raises MemoryNotFound.
    """
    owner = engine.required_owner(memory_id, caller)
    alive_at = engine.now()
    versions = engine.store.find(owner, Filter(ids=(memory_id,), alive_at=alive_at))
    if not versions:
        raise MemoryNotFound(memory_id)
    superseded = engine.store.find(owner, Filter(superseded_by=memory_id, alive_at=alive_at))
    return [*sorted(versions, key=lambda record: -record.version), *superseded]


def current_version(engine: Engine, caller: Caller | None, memory_id: str) -> MemoryRecord:
    """Return the version of a memory that holds now, else its newest; raises MemoryNotFound."""
    versions = [record for record in history(engine, caller, memory_id) if record.id == memory_id]
    now = engine.now()
    holding = (record for record in versions if record.valid_to is None or record.valid_to > now)
    return next(holding, versions[0])


def _tables(engine: Engine, caller: Caller, listing: Listing) -> list[tuple[Owner, Filter]]:
    now = engine.now()
    any_time = listing.include_superseded or listing.as_of is not None
    tables = []
    for owner, visible in caller.readable(listing.scope):
        where = Filter(
            visible=visible,
            category=listing.category,
            metadata=listing.metadata,
            states=RECALLED if listing.state is None else frozenset({listing.state}),
            current_at=None if any_time else now,
            as_of=listing.as_of,
            alive_at=now,
        )
        facts = Filter(visible=visible, kind=Kind.FACT, alive_at=now)
        covered = tuple(sorted(engine.store.source_ids(owner, facts)))
        tables.append((owner, replace(where, without_episodes=covered)))
    return tables


def _within_budget(
    engine: Engine, rows: list[tuple[int, MemoryRecord]], max_tokens: int | None
) -> list[tuple[int, MemoryRecord]]:
    """Return as many rows as fit the budget, at least one, so that paging always gets on."""
    if max_tokens is None:
        return rows
    kept: list[tuple[int, MemoryRecord]] = []
    spent = engine.count_tokens(compact({"memories": [], "total": len(rows), "next_cursor": "x" * 80}))
    for row in rows:
        spent += engine.count_tokens(compact(told(row[1]))) + 1
        if kept and spent > max_tokens:
            break
        kept.append(row)
    return kept


def _cursor(last: tuple[int, MemoryRecord]) -> str:
    table, record = last
    position = [table, (record.recorded_at - _EPOCH) // _MICROSECOND, record.id, record.version]
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def _parse_cursor(cursor: str, *, tables: int) -> tuple[int, Position | None]:
    """Return the table and the position in it. A cursor holds no identity: it only says how far a listing got."""
    if not cursor:
        return 0, None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parsed: Any = json.loads(base64.urlsafe_b64decode(padded.encode()))
        table, micros, memory_id, version = parsed
        position = Position(recorded_at=_EPOCH + micros * _MICROSECOND, id=str(memory_id), version=int(version))
        within = 0 <= table < tables
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise InvalidInput("cursor", "is not one that list_memories returned; leave it empty to begin") from error
    if not within:
        raise InvalidInput("cursor", "belongs to another listing; leave it empty to begin")
    return int(table), position
