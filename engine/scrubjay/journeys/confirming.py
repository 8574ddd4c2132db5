"""confirm: what was kept aside as suspect counts, because the person says so. No tool that a model calls does this."""

from dataclasses import replace

from scrubjay.errors import MemoryNotFound
from scrubjay.journeys.committing import Vectors, commit
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.writing import writing
from scrubjay.remembering.rows import occasion_of
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, MemoryRecord, State


def confirm(engine: Engine, caller: Caller | None, memory_id: str) -> MemoryRecord:
    """Make a suspect memory, every version of it, ready, and return it; one that is not suspect stays as it is.

    The words of a confirmed message are given to no extractor. Raises NotAllowed, MemoryNotFound, StoreError.
    """
    owner = engine.required_owner(memory_id, caller, Right.WRITE)
    with writing(engine, owner):
        now = engine.now()
        versions = engine.store.find(owner, Filter(ids=(memory_id,), alive_at=now))
        if not versions:
            raise MemoryNotFound(memory_id)
        confirmed = [replace(row, state=State.READY) for row in versions if row.state is State.SUSPECT]
        occasion = occasion_of(versions[0], owner, now=now, extractor="")
        commit(engine, occasion, inserted=(), replaced=confirmed, vectors=Vectors(engine))
    return max(confirmed or versions, key=lambda row: row.version)
