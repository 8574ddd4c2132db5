"""The default store: one LanceDB table per owner in a folder, safe for many processes at once."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrubjay.disk import bytes_of, sync
from scrubjay.erasures import Erasure, Forgotten, Proof
from scrubjay.errors import StoreError
from scrubjay.matches import Match
from scrubjay.moments import moment
from scrubjay.ports import TableStats, Work
from scrubjay.progress import Progress, untold
from scrubjay.stores.erasure_log import ErasureLog
from scrubjay.stores.lancedb_discarding import discard, finish_discarding, left_of
from scrubjay.stores.lancedb_errors import translated
from scrubjay.stores.lancedb_upkeep import Upkeep
from scrubjay.stores.lancedb_waiting import Waiting
from scrubjay.stores.locks import OwnerLocks
from scrubjay.stores.markers import Markers
from scrubjay.stores.matching import order
from scrubjay.stores.sql import erased_condition
from scrubjay.types import PENDING, Filter, MemoryRecord, Owner, Position

if TYPE_CHECKING:
    import numpy as np
    from lancedb.table import Table
    from numpy.typing import NDArray

    from scrubjay.ports import Vectors
    from scrubjay.stores.lancedb_image import Image
    from scrubjay.stores.lancedb_reembedding import Stage

logger = logging.getLogger(__name__)

_EXTRACTION = ".extraction"
_UPKEEP_WAIT_S = 5.0
_LATEST_FIRST = ("recorded_at", "id", "version")
_FOLDERS = ("memories", "pending", "expiring", "erasing", "erasures", "reembedding", "locks")


class LanceDBStore:
    """Tables in `folder`, which is made private (0700) if it is made here.

    `embedding` and `dimension` are recorded with each table. Tables of up to `most_held` rows are searched in memory;
    `most_open` of them (40 KB each) stay open, those used last. Opening the store reads nothing; LanceDB (0.7 s) is
    imported here and in its neighbours only.

    Raises StoreError when the folder cannot be used.
    """

    def __init__(
        self, folder: Path, *, embedding: str, dimension: int, most_held: int = 20_000, most_open: int = 4_096
    ) -> None:
        os.environ.setdefault("LANCEDB_LOG", "error")  # else it warns on stderr about columns that nobody selected
        # Arrow's own allocator keeps memory for each thread that ever read: 300 MB more with fifty, after a minute.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        from scrubjay.stores.lancedb_image import Images
        from scrubjay.stores.lancedb_tables import Tables

        self._root = folder
        self._embedding = embedding
        self._dimension = dimension
        self._most_held = most_held
        self._make_private_folders()
        self._waiting = Waiting(folder)
        self._log = ErasureLog(folder / "erasures", unfinished=Markers(folder / "erasing"))
        self._locks = OwnerLocks(folder / "locks")
        self._tables = Tables(
            folder / "memories",
            self._locks,
            embedding=embedding,
            dimension=dimension,
            upgrading=self._waiting.update_expiry,
            most_open=most_open,
        )
        with suppress(OSError):
            finish_discarding(folder / "memories")
        self._images = Images(most_rows=most_held)
        self._upkeep = Upkeep(self.maintain)

    def exclusive(self, owner: Owner) -> AbstractContextManager[None]:
        """Hold the owner's lock across threads and processes."""
        self._make_private_folders()  # whoever has deleted the folder meanwhile does not get a public one
        return self._locks.held(owner.digest)

    def extracting(self, owner: Owner, *, wait_s: float) -> AbstractContextManager[bool]:
        """Hold the owner's second lock across threads and processes, if it is free in time."""
        self._make_private_folders()
        return self._locks.tried(f"{owner.digest}{_EXTRACTION}", wait_s=wait_s)

    def write(
        self,
        owner: Owner,
        *,
        inserted: Sequence[MemoryRecord],
        vectors: "NDArray[np.float32]",
        replaced: Sequence[MemoryRecord],
    ) -> None:
        """Commit all of it in one LanceDB version, and return when it is on the disk."""
        from scrubjay.stores.lancedb_rows import check_embedding, rows_with_vectors
        from scrubjay.stores.lancedb_search import vectors_by_key

        if not (inserted or replaced or self._tables.folder(owner).is_committed()):
            return
        with self.exclusive(owner), self._tables.writing(owner) as table:
            self._waiting.announce(owner, [*inserted, *replaced])
            if inserted:
                check_embedding(table.schema, self._embedding)
            if inserted and not replaced:
                table.add(rows_with_vectors(inserted, list(vectors), table.schema))
            elif replaced:
                stored = vectors_by_key(table, [*inserted, *replaced])
                taken = [record.key for record in inserted if record.key in stored]
                if taken:
                    raise StoreError(f"version {taken[0][1]} of {taken[0][0]} exists already; nothing was changed")
                changed = [record for record in replaced if record.key in stored]
                all_vectors = [*vectors, *(stored[record.key] for record in changed)]
                rows = rows_with_vectors([*inserted, *changed], all_vectors, table.schema)
                merge = table.merge_insert(["id", "version"]).when_matched_update_all().when_not_matched_insert_all()
                merge.execute(rows)
            self._waiting.update(owner, table)
            commits = table.version - self._tables.folder(owner).notes().tended
        self._upkeep.note(owner, commits=commits)

    def find(
        self, owner: Owner, where: Filter, *, limit: int | None = None, after: Position | None = None
    ) -> list[MemoryRecord]:
        """Return matching rows, newest first."""
        from lancedb.query import ColumnOrdering

        from scrubjay.stores.lancedb_rows import COLUMNS, record_of
        from scrubjay.stores.lancedb_search import filtered, sql_of

        def read(table: "Table") -> list[MemoryRecord]:
            image = self._image(table, where) if where.ids is not None and after is None else None
            if image is not None:
                return sorted(image.records(where), key=order, reverse=True)[:limit]
            query = filtered(table.search(), sql_of(table, where, after=after))
            if where.ids is None:  # a few rows by their ids are faster put in order here
                newest_first = [ColumnOrdering(column_name=name, ascending=False) for name in _LATEST_FIRST]
                query = query.order_by(newest_first)
                query = query if limit is None else query.limit(limit)
            records = [record_of(row) for row in query.select(COLUMNS).to_arrow().to_pylist()]
            return sorted(records, key=order, reverse=True)[:limit]

        return self._tables.read(owner, read, nothing=[])

    def count(self, owner: Owner, where: Filter) -> int:
        """Return how many rows match."""
        from scrubjay.stores.lancedb_search import sql_of

        return self._tables.read(owner, lambda table: int(table.count_rows(sql_of(table, where) or None)), nothing=0)

    def dense(self, owner: Owner, vectors: "NDArray[np.float32]", where: Filter, *, limit: int) -> list[list[Match]]:
        """Return for each vector the rows nearest by cosine, best first; exact: there is no vector index."""
        from scrubjay.stores.lancedb_rows import check_embedding
        from scrubjay.stores.lancedb_search import nearest

        def read(table: "Table") -> list[list[Match]]:
            image = self._image(table, where)
            check_embedding(table.schema if image is None else image.rows.schema, self._embedding)
            return image.nearest(vectors, where, limit=limit) if image else nearest(table, vectors, where, limit)

        return self._tables.read(owner, read, nothing=[[] for _ in vectors])

    def lexical(self, owner: Owner, text: str, where: Filter, *, limit: int) -> list[Match]:
        """Return the rows that share words with `text`, by BM25, best first."""
        from scrubjay.stores.lancedb_search import sharing_words

        return self._tables.read(
            owner, lambda table: sharing_words(table, text, where, limit, self._image(table, where)), nothing=[]
        )

    def speakers(self, owner: Owner, where: Filter) -> frozenset[str]:
        """Return the names under which matching rows were said."""
        from scrubjay.stores.lancedb_search import names

        def read(table: "Table") -> frozenset[str]:
            image = self._image(table, where)
            return image.speakers(where) if image else names(table, where)

        return self._tables.read(owner, read, nothing=frozenset())

    def rows(self, owner: Owner) -> "tuple[str, Iterator[tuple[list[MemoryRecord], Vectors]]]":
        """Return the model and all rows of one version of the table."""
        from scrubjay.stores.lancedb_rows import embedding_of, records_with_vectors

        rows = self._tables.read(owner, lambda table: table.to_arrow(), nothing=None)
        if rows is None:
            return self._embedding, iter(())
        return embedding_of(rows.schema)[0], records_with_vectors(rows)

    def erase(
        self,
        owner: Owner,
        erasure: Erasure,
        *,
        at: datetime,
        rewritten: Sequence[MemoryRecord] = (),
        told: Progress = untold,
    ) -> Proof:
        """Write what stays anew, in one commit, and remove every file from before."""
        with self.exclusive(owner), translated("erase"):
            unfinished = self._log.unfinished(owner.digest)
            erasure |= unfinished or Erasure()
            table = None if erasure.everything else self._tables.open(owner)
            erased = 0 if table is None else self._count_erased(table, erasure)
            if not (erased or unfinished or (erasure.everything and self._tables.folder(owner).stamp)):
                return Proof()
            self._log.begin(owner.digest, erasure, at=at)
            if table is None or erased == table.count_rows():
                proof = self._discard(owner)
            else:
                proof = self._rewrite_without(owner, table, erasure, rewritten, told)
            if proof.rows_left or proof.files_left:
                raise StoreError(
                    f"{proof.rows_left} rows and {proof.files_left} files are still there; forget them again"
                )
            self._log.end(owner.digest, proof, at=at)
            return proof

    def unfinished(self, owner: Owner) -> Erasure | None:
        """Return what was begun to be erased and is not done, None if there is nothing."""
        with translated("read"):
            return self._log.unfinished(owner.digest)

    def forgotten(self, digest: str) -> Forgotten:
        """Return what the log of erasures says."""
        with self._locks.held(digest), translated("read"):
            return self._log.erased(digest)

    def digests_forgotten(self) -> list[str]:
        """Return the names of the logs."""
        return self._log.names()

    def note_forgotten(self, digest: str, forgotten: Forgotten, *, at: datetime) -> None:
        """Add to the log what was erased in the folder that a backup was made of."""
        with self._locks.held(digest), translated("write"):
            self._log.note(digest, forgotten, at=at)

    def reembed(self, owner: Owner, embed: "Callable[[Sequence[str]], Vectors]", told: Progress = untold) -> bool:
        """Make the vectors beside the table, and put them into it in one commit when all are there."""
        from scrubjay.stores.lancedb_reembedding import reembed

        with translated("reembed"):
            done = reembed(self._tables, owner, self._stage(owner), embed, told)
        self._images.drop(owner.digest)
        return done

    def maintain(self, owner: Owner) -> bool:
        """Join fragments and bring indexes up to date; when that is on the disk, remove old versions and leftovers."""
        from scrubjay.stores.lancedb_tending import clean, join

        folder = self._tables.folder(owner)
        with self._locks.tried(owner.digest, wait_s=_UPKEEP_WAIT_S) as is_held:
            if not is_held or not folder.is_committed():
                return False
            with self._tables.writing(owner) as table:
                if self._waiting.expires(owner):
                    self._waiting.update_expiry(owner, table)
                if table.version == folder.notes().tended and len(folder.versions()) == 1:
                    return False
                is_joined = join(table, most_held=self._most_held)
            with translated("maintain"):
                if is_joined:
                    folder.note_tended(table.version)
                    clean(table, folder)
            return True

    def stats(self, owner: Owner) -> TableStats:
        """Return how much there is of an owner."""
        from scrubjay.stores.lancedb_rows import embedding_of

        folder = self._tables.folder(owner)
        return TableStats(
            rows=self.count(owner, Filter()),
            memories=self._tables.read(owner, lambda table: len(set(_ids(table))), nothing=0),
            pending=self.count(owner, PENDING),
            states=len(folder.versions()),
            size=bytes_of(folder.files()),
            maintained_at=moment(folder.notes().tended_at, field="tended_at"),
            embedding=self._tables.read(owner, lambda table: embedding_of(table.schema)[0], nothing=""),
        )

    def owners(self, *, prefix: str = "") -> list[Owner]:
        """Return the owners of the tables whose names begin with `prefix`."""
        with translated("read"):
            if prefix:  # somebody looks for an id, perhaps to forget it again: what a killed process took away goes
                self._finish_discarding(f"{prefix}*")
            return self._tables.owners(prefix=prefix)

    def owners_with(self, work: Work, *, now: datetime) -> list[Owner]:
        """Return the owners whom a marker names."""
        with translated("read"):
            if work is Work.PENDING:
                names = self._waiting.with_pending()
            elif work is Work.EXPIRED:
                names = self._waiting.with_expired(now)
            else:
                names = [name for name in self._log.names_unfinished() if not self._finished(name, now)]
        return [owner for name in names for owner in self._owners_of(name)]

    def close(self) -> None:
        """Tend to what cannot wait, and let go of every table."""
        self._upkeep.close()
        self._tables.close()
        self._images.clear()

    def _image(self, table: "Table", where: Filter) -> "Image | None":
        """Return the table as it is now, in memory, if it is small and can decide the filter."""
        image = self._images.of(table, self._root / "memories" / f"{table.name}.lance" / "_versions")
        return image if image is not None and image.decides(where) else None

    def _make_private_folders(self) -> None:
        try:
            for place in (self._root, *(self._root / name for name in _FOLDERS)):
                if not place.is_dir():
                    place.mkdir(mode=0o700, parents=True, exist_ok=True)
                    sync(place.parent)
        except OSError as error:
            raise StoreError(
                f"cannot use the data folder {self._root} ({error.strerror}); name a writable one in SCRUBJAY_DATA_DIR"
            ) from error

    def _stage(self, owner: Owner) -> "Stage":
        from scrubjay.stores.lancedb_reembedding import Stage

        return Stage(self._root / "reembedding" / owner.digest, embedding=self._embedding)

    def _count_erased(self, table: "Table", erasure: Erasure) -> int:
        return int(table.count_rows(erased_condition(erasure)))

    def _rewrite_without(
        self, owner: Owner, table: "Table", erasure: Erasure, rewritten: Sequence[MemoryRecord], told: Progress
    ) -> Proof:
        from scrubjay.stores.lancedb_rows import staying

        self._waiting.announce(owner, rewritten)
        rows = staying(self._tables.batches(table), table.schema, erasure, rewritten)
        proof = self._tables.rewrite(owner, rows, table.schema, told)
        self._stage(owner).clear()
        self._images.drop(owner.digest)
        self._waiting.update(owner, table)
        self._waiting.update_expiry(owner, table)
        return replace(proof, rows_left=self._count_erased(table, erasure))

    def _discard(self, owner: Owner) -> Proof:
        self._tables.close(owner)
        self._upkeep.forget(owner)
        self._stage(owner).clear()
        removed = discard(self._tables.folder(owner).path)
        self._images.drop(owner.digest)
        self._waiting.clear(owner)
        return Proof(files_removed=removed, files_left=len(left_of(self._tables.folder(owner).path)))

    def _finished(self, name: str, now: datetime) -> bool:
        """Finish an erasure that was interrupted when the table had been taken away; whether it was one."""
        if self._tables.folder_of(name).is_committed():
            return False
        with self._locks.held(name):
            if self._log.unfinished(name) and not self._tables.folder_of(name).is_committed():
                self._log.end(name, Proof(files_removed=self._finish_discarding(name)), at=now)
        return True

    def _owners_of(self, name: str) -> list[Owner]:
        """Return whose table has this name; a damaged one keeps nobody from working on the others."""
        try:
            with translated("read"):
                return self._tables.owners_named(name)
        except StoreError as error:
            logger.warning("%s: %s", name, error)
            return []

    def _finish_discarding(self, pattern: str) -> int:
        return finish_discarding(self._root / "memories", name=pattern)


def _ids(table: "Table") -> list[str]:
    ids: list[str] = table.search().select(["id"]).to_arrow()["id"].to_pylist()
    return ids
