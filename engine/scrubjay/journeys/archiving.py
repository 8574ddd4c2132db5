"""backup and restore, while others read and write."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrubjay.erasures import Forgotten
from scrubjay.journeys.backup_file import Kept, Reader, new_backup
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.writing import writing
from scrubjay.progress import Progress, part_of, untold
from scrubjay.remembering.cascade import bereft
from scrubjay.types import Filter, MemoryRecord, Owner

if TYPE_CHECKING:
    from scrubjay.ports import Vectors

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """How much a backup holds: rows (one per version of a memory) of how many owners."""

    owners: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of the rows in a backup: written, there already, and left out as forgotten or expired."""

    written: int
    known: int
    left_out: int


def backup(engine: Engine, path: Path, told: Progress = untold) -> BackedUp:
    """Write everything of every owner into one file; each owner's as it is at one moment.

    Raises InvalidInput when another kind of file is there, StoreError.
    """
    owners = engine.store.owners()
    total = sum(engine.store.stats(owner).rows for owner in owners)
    rows = 0
    with new_backup(path) as archive:
        for owner in owners:
            before = rows
            for done in archive.put(owner, engine.store.stats(owner).embedding, engine.store.rows(owner)):
                rows = before + done
                told(min(rows, total), total)
            archive.put_forgotten(owner, engine.store.forgotten(owner))  # after the rows: else one could slip through
        archive.finish(at=engine.now())
    return BackedUp(owners=len(owners), rows=rows)


def restore(engine: Engine, path: Path, told: Progress = untold) -> Restored:
    """Put back what is missing. What is there stays as it is, and what was forgotten since is not brought back.

    It can be repeated, also when it was interrupted. Vectors of another model are made anew. Raises StoreError: for a
    damaged file before anything is written.
    """
    results = []
    with closing(Reader(path)) as archive:
        kept = [(each, archive.rows(each), archive.forgotten(each)) for each in archive.owners]  # read before written
        total = sum(sum(each.parts) for each in archive.owners)
        done = 0
        for each, parts, forgotten in kept:
            report = part_of(told, begin=done, total=total)
            results.append(_restore_owner(engine, archive, each, parts, forgotten, report))
            done += sum(each.parts)
    return Restored(
        written=sum(result.written for result in results),
        known=sum(result.known for result in results),
        left_out=sum(result.left_out for result in results),
    )


def _restore_owner(
    engine: Engine,
    archive: Reader,
    kept: Kept,
    parts: Sequence[Sequence[MemoryRecord]],
    forgotten: Forgotten,
    told: Progress,
) -> Restored:
    owner, now = kept.owner, engine.now()
    rows = _staying(parts, engine.store.forgotten(owner) | forgotten, now)
    versions: dict[str, list[MemoryRecord]] = {}
    for row in rows.values():
        versions.setdefault(row.id, []).append(row)
    done = written = 0
    for number, part in enumerate(parts, start=1):
        vectors = _vectors(engine, archive, kept, number, part)
        with writing(engine, owner):
            present = _present(engine, owner, part)
            added = [at for at, row in enumerate(part) if row.key in rows and _is_missing(rows[row.key], present)]
            later = {part[at].id for at in added if part[at].version > max(present.get(part[at].id, {0}))}
            closed = [row for memory_id in later for row in versions[memory_id]]
            engine.store.write(
                owner,
                inserted=[rows[part[at].key] for at in added],
                vectors=vectors[added],
                replaced=[row for row in closed if row.version in present.get(row.id, ())],
            )
        written, done = written + len(added), done + len(part)
        told(done, sum(kept.parts))
    _note_forgotten(engine, owner, forgotten)
    return Restored(written=written, known=len(rows) - written, left_out=done - len(rows))


def _note_forgotten(engine: Engine, owner: Owner, forgotten: Forgotten) -> None:
    """Note what was forgotten elsewhere, but for what is here: it stays, and the next backup is to hold it."""
    with engine.store.exclusive(owner):
        here = {row.key for row in engine.store.find(owner, Filter())}
        ids = forgotten.ids - {memory_id for memory_id, _ in here}
        elsewhere = Forgotten(ids=ids, versions=forgotten.versions - here, all_until=forgotten.all_until)
        engine.store.note_forgotten(owner, replace(elsewhere, all_until=None) if here else elsewhere, at=engine.now())


def _staying(parts: Sequence[Sequence[MemoryRecord]], gone: Forgotten, now: datetime) -> dict[Key, MemoryRecord]:
    """Return the rows that may be written, without what they held of the forgotten ones."""
    rows = [row for part in parts for row in part]
    changed = {row.key: row for row in bereft(rows, gone)}
    return {row.key: changed.get(row.key, row) for row in rows if row.is_alive(now) and not _is_gone(row, gone)}


def _is_gone(row: MemoryRecord, gone: Forgotten) -> bool:
    before_all = gone.all_until is not None and row.recorded_at <= gone.all_until
    return before_all or row.id in gone.ids or row.key in gone.versions


def _present(engine: Engine, owner: Owner, part: Sequence[MemoryRecord]) -> dict[str, set[int]]:
    """Return the versions that are there of the memories in a part."""
    found: dict[str, set[int]] = {}
    for row in engine.store.find(owner, Filter(ids=tuple({row.id for row in part}))):
        found.setdefault(row.id, set()).add(row.version)
    return found


def _is_missing(row: MemoryRecord, present: Mapping[str, set[int]]) -> bool:
    """Whether a row is to be written: not a version that was open then, when later ones are there now."""
    versions = present.get(row.id, set())
    return row.version not in versions and (row.valid_to is not None or row.version > max(versions, default=0))


def _vectors(engine: Engine, archive: Reader, kept: Kept, number: int, part: Sequence[MemoryRecord]) -> "Vectors":
    if kept.embedding not in {"", engine.embedder.signature}:
        return engine.embedder.embed_documents([row.text for row in part])
    return archive.vectors(kept, number)
