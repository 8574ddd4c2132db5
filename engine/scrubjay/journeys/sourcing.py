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


def successors_of(engine: Engine, caller: Caller, ended: Iterable[MemoryRecord]) -> dict[tuple[str, int], MemoryRecord]:
    """Return what holds now in the place of versions that no longer do, by their keys; of some nothing does.

    That is what the memory says now, else what the memory says that superseded it. Raises NotAllowed, OwnerRequired,
    StoreError.
    """
    caller.require(Right.READ)
    rows = list(ended)
    ids = tuple(dict.fromkeys(each for row in rows for each in (row.id, row.superseded_by) if each))
    now = engine.now()
    current: dict[str, MemoryRecord] = {}
    for owner, visible in caller.readable(None) if ids else ():
        for row in engine.store.find(owner, Filter(ids=ids, visible=visible, current_at=now)):
            earlier = current.get(row.id)
            current[row.id] = row if earlier is None or row.valid_from < earlier.valid_from else earlier
    found = {row.key: current.get(row.id) or current.get(row.superseded_by) for row in rows}
    return {key: row for key, row in found.items() if row is not None}
