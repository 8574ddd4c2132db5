"""export: everything that is held about a person, one version of a memory after the other."""

from collections.abc import Iterator

from scrubjay.journeys.engine import Engine
from scrubjay.journeys.sharing import shared_tables
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, MemoryRecord, Owner, Position, Scope

_AT_A_TIME = 1_000


def everything_held(engine: Engine, caller: Caller) -> Iterator[MemoryRecord]:
    """Give every version of every memory of the caller's own table, sessions included, newest first.

    After them come the memories that the person wrote into what their tenant shares: what forgetting everything about
    them would take. Some hundreds of rows are held at a time; what is written meanwhile may be missing. What has
    expired is not held any more, even if it is still to be erased. Raises NotAllowed and OwnerRequired at once, and
    StoreError while it is read.
    """
    caller.require(Right.READ)
    own, now = caller.home, engine.now()
    tables = [(own, Filter(alive_at=now))]
    if own.scope is Scope.USER:
        written = Filter(written_by=own.name, alive_at=now)
        tables += [(owner, written) for owner in shared_tables(engine, own.tenant)]
    return (row for owner, where in tables for row in rows_of(engine, owner, where))


def rows_of(engine: Engine, owner: Owner, where: Filter) -> Iterator[MemoryRecord]:
    """Give the matching rows of one table, newest first, some hundreds of them held at a time. Raises StoreError."""
    after: Position | None = None
    while rows := engine.store.find(owner, where, limit=_AT_A_TIME, after=after):
        yield from rows
        if len(rows) < _AT_A_TIME:
            return
        after = Position(recorded_at=rows[-1].recorded_at, id=rows[-1].id, version=rows[-1].version)
