"""backup and restore, while others read and write."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrubjay.erasures import Erasure, Forgotten
from scrubjay.journeys.backup_file import Kept, Reader, new_backup
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.writing import writing
from scrubjay.progress import Progress, part_of, untold
from scrubjay.remembering.cascade import bereft
from scrubjay.types import Filter, MemoryRecord

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
    done = 0
    with new_backup(path) as archive:
        for owner in owners:
            model, parts = engine.store.rows(owner)
            rows = 0
            for rows in archive.put(owner, model, parts):
                told(min(done + rows, total), total)
            done += rows
        for digest in engine.store.digests_forgotten():  # after the rows: else one could slip through
            archive.put_forgotten(digest, engine.store.forgotten(digest))
        archive.finish(at=engine.now())
    return BackedUp(owners=len(owners), rows=done)


def restore(engine: Engine, path: Path, told: Progress = untold) -> Restored:
    """Put back what is missing. What is there stays as it is, and what was forgotten since is not brought back.

    It can be repeated, also when it was interrupted. Vectors of another model are made anew. Raises StoreError: for a
    damaged file before anything is written.
    """
    results = []
    with closing(Reader(path)) as archive:
        forgotten = archive.forgotten()
        restorings = [
            _Restoring(engine, archive, kept, archive.rows(kept), forgotten.get(kept.owner.digest, Forgotten()))
            for kept in archive.owners
        ]  # all of it is read before anything is written
        total = sum(sum(kept.parts) for kept in archive.owners)
        done = 0
        for restoring, kept in zip(restorings, archive.owners, strict=True):
            results.append(restoring.run(part_of(told, begin=done, total=total)))
            done += sum(kept.parts)
        for digest, erased in forgotten.items():
            _note_forgotten(engine, digest, erased)
    return Restored(
        written=sum(result.written for result in results),
        known=sum(result.known for result in results),
        left_out=sum(result.left_out for result in results),
    )


class _Restoring:
    """The way of one owner's rows from a backup into the store; `elsewhere`: what the backup says was forgotten."""

    def __init__(
        self,
        engine: Engine,
        archive: Reader,
        kept: Kept,
        parts: Sequence[Sequence[MemoryRecord]],
        elsewhere: Forgotten,
    ) -> None:
        self._engine = engine
        self._archive = archive
        self._kept = kept
        self._parts = parts
        self._elsewhere = elsewhere
        self._gone: Forgotten | None = None
        self._rows: dict[Key, MemoryRecord] = {}

    def run(self, told: Progress) -> Restored:
        """Write what is missing, part by part."""
        done = written = known = 0
        for number, part in enumerate(self._parts, start=1):
            vectors = _vectors(self._engine, self._archive, self._kept, number, part)
            with writing(self._engine, self._kept.owner):
                self._look()
                staying = [row for row in part if row.key in self._rows]
                added = self._write(part, vectors)
            done, written, known = done + len(part), written + added, known + len(staying) - added
            told(done, sum(self._kept.parts))
        return Restored(written=written, known=known, left_out=done - written - known)

    def _look(self) -> None:
        """See which rows may be written now: some may have been forgotten since the last part."""
        gone = self._engine.store.forgotten(self._kept.owner.digest) | self._elsewhere
        if gone != self._gone:
            self._gone, self._rows = gone, _staying(self._parts, gone, self._engine.now())

    def _write(self, part: Sequence[MemoryRecord], vectors: "Vectors") -> int:
        """Write the missing rows of a part and return how many; what they take the place of is closed with them."""
        owner = self._kept.owner
        found = self._engine.store.find(owner, Filter(ids=tuple({row.id for row in part})))
        present = {row.key: row for row in found}
        last = {row.id: row.version for row in sorted(found, key=lambda row: row.version)}
        added = [at for at, row in enumerate(part) if row.key in self._rows and _is_missing(row, present, last)]
        later = {part[at].id for at in added if part[at].version > last.get(part[at].id, 0)}
        closed = [
            replace(row, valid_to=then.valid_to, superseded_by=then.superseded_by)
            for key, row in present.items()
            if row.id in later and (then := self._rows.get(key)) is not None
        ]
        rows = [self._rows[part[at].key] for at in added]
        self._engine.store.write(owner, inserted=rows, vectors=vectors[added], replaced=closed)
        return len(added)


def _note_forgotten(engine: Engine, digest: str, forgotten: Forgotten) -> None:
    """Note what was forgotten elsewhere, but for what is here: it stays, and the next backup is to hold it."""
    here = {row.key for owner in engine.store.owners(prefix=digest) for row in engine.store.find(owner, Filter())}
    elsewhere = Forgotten(
        ids=forgotten.ids - {memory_id for memory_id, _ in here},
        versions={key: at for key, at in forgotten.versions.items() if key not in here},
        all_until=None if here else forgotten.all_until,
    )
    engine.store.note_forgotten(digest, elsewhere, at=engine.now())


def _staying(parts: Sequence[Sequence[MemoryRecord]], gone: Forgotten, now: datetime) -> dict[Key, MemoryRecord]:
    """Return the rows that may be written: not forgotten, not expired, and without what they held of such."""
    rows = [row for part in parts for row in part]
    newest = {row.id: row for row in sorted(rows, key=lambda row: row.version)}
    erased = Erasure(ids=tuple(gone.ids), versions=tuple(row.key for row in rows if _is_gone(row, gone)))
    changed = {row.key: row for row in bereft(rows, erased)}
    return {
        row.key: changed.get(row.key, row)
        for row in rows
        if row.is_alive(now) and newest[row.id].is_alive(now) and not _is_gone(row, gone)
    }


def _is_gone(row: MemoryRecord, gone: Forgotten) -> bool:
    until = gone.versions.get(row.key) or gone.all_until
    return row.id in gone.ids or (until is not None and row.recorded_at <= until)


def _is_missing(row: MemoryRecord, present: Collection[Key], last: Mapping[str, int]) -> bool:
    """Whether a row is to be written: not a version that was open then, when later ones are there now."""
    return row.key not in present and (row.valid_to is not None or row.version > last.get(row.id, 0))


def _vectors(engine: Engine, archive: Reader, kept: Kept, number: int, part: Sequence[MemoryRecord]) -> "Vectors":
    if kept.embedding not in {"", engine.embedder.signature}:
        return engine.embedder.embed_documents([row.text for row in part])
    return archive.vectors(kept, number)
