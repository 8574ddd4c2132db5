"""sources: the words, as they were said, that facts rest on."""

from collections.abc import Iterable

from scrubjay.journeys.engine import Engine
from scrubjay.journeys.listing import version_that_holds
from scrubjay.rights import Right
from scrubjay.types import Caller, Filter, Kind, MemoryRecord


def sources_of(engine: Engine, caller: Caller, facts: Iterable[MemoryRecord]) -> dict[str, MemoryRecord]:
    """Return the episodes that any of these facts rests on, by id: of each the wording that holds, else the newest.

    Only what the caller sees, and nothing that has expired. Raises NotAllowed, OwnerRequired, StoreError.
    """
    caller.require(Right.READ)
    wanted = tuple(dict.fromkeys(source for fact in facts for source in fact.source_ids))
    now = engine.now()
    versions: dict[str, list[MemoryRecord]] = {}
    for owner, visible in caller.readable(None) if wanted else ():
        where = Filter(ids=wanted, kind=Kind.EPISODE, visible=visible, alive_at=now)
        for row in engine.store.find(owner, where):
            versions.setdefault(row.id, []).append(row)
    newest_first = {key: sorted(rows, key=lambda row: -row.version) for key, rows in versions.items()}
    return {key: version_that_holds(rows, now) for key, rows in newest_first.items()}
