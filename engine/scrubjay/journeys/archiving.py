"""backup and restore, while others read and write."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrubjay.erasures import Forgotten
from scrubjay.journeys.archive import Kept, Reader, writing
from scrubjay.journeys.engine import Engine
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
    with writing(path) as archive:
        for owner in owners:
            before = rows
            for done in archive.put(owner, _model(engine, owner), engine.store.rows(owner)):
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
        parts = {kept.owner: list(archive.rows(kept)) for kept in archive.owners}
        total = sum(kept.rows for kept in archive.owners)
        done = 0
        for kept in archive.owners:
            report = part_of(told, begin=done, total=total)
            results.append(_restore_owner(engine, archive, kept, parts[kept.owner], report))
            done += kept.rows
    return Restored(
        written=sum(result.written for result in results),
        known=sum(result.known for result in results),
        left_out=sum(result.left_out for result in results),
    )


def _restore_owner(
    engine: Engine, archive: Reader, kept: Kept, parts: Sequence[Sequence[MemoryRecord]], told: Progress
) -> Restored:
    owner, now = kept.owner, engine.now()
    engine.store.note_forgotten(owner, archive.forgotten(kept), at=now)
    rows = _staying(parts, engine.store.forgotten(owner), now)
    versions: dict[str, list[MemoryRecord]] = {}
    for row in rows.values():
        versions.setdefault(row.id, []).append(row)
    done = written = 0
    for number, part in enumerate(parts, start=1):
        vectors = _vectors(engine, archive, kept, number, part)
        with engine.store.exclusive(owner):
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
        told(done, kept.rows)
    return Restored(written=written, known=len(rows) - written, left_out=done - len(rows))


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
    return archive.vectors(kept, number, len(part))


def _model(engine: Engine, owner: Owner) -> str:
    return engine.store.stats(owner).embedding
