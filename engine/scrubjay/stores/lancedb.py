"""The default store: one LanceDB table per owner in a folder, safe for many processes at once.

What LanceDB leaves to its user and this adapter does (measured with 0.40): fresh reads in every process
(`read_consistency_interval=0`), one lock per owner around each commit, fsync before a write is acknowledged, quoting,
compaction, and a forget that leaves no byte (`lancedb_erasure`).
"""

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from scrubjay.errors import ScrubjayError, StoreError
from scrubjay.stores.disk import mark, sync
from scrubjay.stores.lancedb_erasure import discard, erase_rows, finish_discarding, is_unfinished
from scrubjay.stores.locks import OwnerLocks
from scrubjay.stores.matching import order
from scrubjay.stores.sql import condition, quoted
from scrubjay.texts import one_line
from scrubjay.types import PENDING, Filter, Match, MemoryRecord, Owner, Position, State

if TYPE_CHECKING:
    import numpy as np
    from lancedb.table import Table
    from numpy.typing import NDArray

    from scrubjay.stores.lancedb_image import Image

logger = logging.getLogger(__name__)

T = TypeVar("T")

_COMMITS_BETWEEN_COMPACTIONS = 16  # a search over 20 fragments takes 2.5 times as long as over one; compacting 40 ms
_ROWS_WORTH_COMPACTING = 32  # until then full-text search goes through new rows one by one, which takes twice as long
_SHARE_WORTH_COMPACTING = 50  # or a fiftieth of the table, since compacting a large one takes longer
_KEEP_OLD_VERSIONS = timedelta(minutes=1)  # long enough for a reader in another process to finish
_EXTRACTION = ".extraction"
_WRITTEN_FOLDERS = ("data", "_versions", "_transactions", "_deletions")
_READ_TRIES = 5
_BUILD_PATH = re.compile(r",?\s*/\S*\.cargo/\S*")  # LanceDB tells where in its own source an error was made
_LATEST_FIRST = ("recorded_at", "id", "version")


class LanceDBStore:
    """Tables in `folder`, which is made private (0700) if it is made here.

    `embedding` and `dimension` are recorded with each table. Tables of up to `most_held` rows are searched in memory.
    Opening reads nothing; LanceDB (0.7 s) is imported here and in its neighbours only.

    Raises StoreError when the folder cannot be used.
    """

    def __init__(self, folder: Path, *, embedding: str, dimension: int, most_held: int = 20_000) -> None:
        os.environ.setdefault("LANCEDB_LOG", "error")  # else it warns on stderr about columns that nobody selected
        import lancedb

        from scrubjay.stores.lancedb_image import Images

        self._root = folder
        self._tables = folder / "memories"
        self._pending = folder / "pending"
        self._embedding = embedding
        self._dimension = dimension
        self._make_private_folders()
        with suppress(OSError):
            finish_discarding(self._tables)
        self._locks = OwnerLocks(folder / "locks")
        self._database = lancedb.connect(str(self._tables), read_consistency_interval=timedelta(0))
        self._open: dict[str, tuple[tuple[int, int], Table]] = {}
        self._new_rows: dict[str, int] = {}
        self._images = Images(most_rows=most_held)

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

        with self._writing(owner) as table:
            if any(record.state is State.PENDING for record in (*inserted, *replaced)):
                mark(self._marker(owner))  # before the commit: who is killed in between leaves one too many
            if inserted:
                check_embedding(table.schema, self._embedding)
            before = table.version
            if not replaced:
                table.add(rows_with_vectors(inserted, list(vectors), table.schema))
            else:
                stored = vectors_by_key(table, [*inserted, *replaced])
                taken = [record.key for record in inserted if record.key in stored]
                if taken:
                    raise StoreError(f"version {taken[0][1]} of {taken[0][0]} exists already; nothing was changed")
                changed = [record for record in replaced if record.key in stored]
                all_vectors = [*vectors, *(stored[record.key] for record in changed)]
                rows = rows_with_vectors([*inserted, *changed], all_vectors, table.schema)
                merge = table.merge_insert(["id", "version"]).when_matched_update_all().when_not_matched_insert_all()
                merge.execute(rows)
            self._unmark_if_done(owner, table)
            several = table.version // _COMMITS_BETWEEN_COMPACTIONS != before // _COMMITS_BETWEEN_COMPACTIONS
            if several or self._has_many_new(owner, table, len(inserted)):
                self._new_rows.pop(owner.digest, None)
                _compact(table)

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

        return self._read(owner, read, nothing=[])

    def count(self, owner: Owner, where: Filter) -> int:
        """Return how many rows match."""
        from scrubjay.stores.lancedb_search import sql_of

        return self._read(owner, lambda table: int(table.count_rows(sql_of(table, where))), nothing=0)

    def dense(self, owner: Owner, vectors: "NDArray[np.float32]", where: Filter, *, limit: int) -> list[list[Match]]:
        """Return for each vector the rows nearest by cosine, best first; exact: there is no vector index."""
        from scrubjay.stores.lancedb_rows import check_embedding
        from scrubjay.stores.lancedb_search import nearest

        def read(table: "Table") -> list[list[Match]]:
            image = self._image(table, where)
            check_embedding(table.schema if image is None else image.rows.schema, self._embedding)
            return image.nearest(vectors, where, limit=limit) if image else nearest(table, vectors, where, limit)

        return self._read(owner, read, nothing=[[] for _ in vectors])

    def lexical(self, owner: Owner, text: str, where: Filter, *, limit: int) -> list[Match]:
        """Return the rows that share words with `text`, by BM25, best first."""
        from scrubjay.stores.lancedb_search import sharing_words

        return self._read(
            owner, lambda table: sharing_words(table, text, where, limit, self._image(table, where)), nothing=[]
        )

    def speakers(self, owner: Owner, where: Filter) -> frozenset[str]:
        """Return the names under which matching rows were said."""
        from scrubjay.stores.lancedb_search import names

        def read(table: "Table") -> frozenset[str]:
            image = self._image(table, where)
            return image.speakers(where) if image else names(table, where)

        return self._read(owner, read, nothing=frozenset())

    def erase(self, owner: Owner, ids: Sequence[str], *, versions: Sequence[tuple[str, int]] = ()) -> None:
        """Delete, then rewrite every file that could still hold a byte of it."""
        conditions = [f"id = {quoted(i)}" for i in ids]
        conditions += [f"id = {quoted(i)} AND version = {int(version)}" for i, version in versions]
        where = " OR ".join(f"({each})" for each in conditions) or "false"
        with self.exclusive(owner), _translated("erase"):
            finish_discarding(self._tables, name=owner.digest)
            table = self._table(owner)
            if table is None:
                return
            erased = table.count_rows(where)
            if erased and erased == table.count_rows():
                self.erase_owner(owner)
            elif erased or is_unfinished(self._folder(owner)):
                with self._writing(owner):
                    erase_rows(table, where, self._folder(owner))
                    self._unmark_if_done(owner, table)
                self._images.drop(owner.digest)

    def erase_owner(self, owner: Owner) -> None:
        """Take the owner's table away at once, folder and all, and remove it."""
        with self.exclusive(owner), _translated("erase"):
            self._open.pop(owner.digest, None)
            discard(self._folder(owner))
            self._images.drop(owner.digest)
            self._marker(owner).unlink(missing_ok=True)

    def owners(self, *, prefix: str = "") -> list[Owner]:
        """Return the owners of the tables whose names begin with `prefix`."""
        from scrubjay.stores.lancedb_rows import owner_of

        def read(name: str) -> list[Owner]:
            try:
                return [owner_of(self._database.open_table(name).schema)]
            except (ValueError, RuntimeError) as error:
                if not _is_gone(error):
                    raise
                return []  # dropped meanwhile, or its maker was killed before the first commit

        with _translated("read"):
            if (
                prefix
            ):  # somebody looks for an id, perhaps to forget it again: what a killed process had taken away goes
                finish_discarding(self._tables, name=f"{prefix}*")
            names = sorted(path.stem for path in self._tables.glob(f"{prefix}*.lance"))
            return [owner for name in names for owner in read(name)]

    def owners_with_pending(self) -> list[Owner]:
        """Return the owners whom a marker names."""
        with _translated("read"):
            names = sorted(path.name for path in self._pending.glob("*"))
        return [owner for name in names for owner in self.owners(prefix=name)]

    def close(self) -> None:
        """Let go of every table."""
        self._open.clear()
        self._images.clear()

    def _image(self, table: "Table", where: Filter) -> "Image | None":
        """Return the table as it is now, in memory, if it is small and can decide the filter."""
        image = self._images.of(table, self._tables / f"{table.name}.lance" / "_versions")
        return image if image is not None and image.decides(where) else None

    def _make_private_folders(self) -> None:
        try:
            for place in (self._root, self._tables, self._pending, self._root / "locks"):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"cannot use the data folder {self._root} ({error.strerror}); name a writable one in SCRUBJAY_DATA_DIR"
            ) from error

    def _marker(self, owner: Owner) -> Path:
        return self._pending / owner.digest

    def _unmark_if_done(self, owner: Owner, table: "Table") -> None:
        """Take the marker away, under the lock, when nothing is pending any more."""
        if self._marker(owner).exists() and not table.count_rows(condition(PENDING)):
            self._marker(owner).unlink(missing_ok=True)

    def _has_many_new(self, owner: Owner, table: "Table", inserted: int) -> bool:
        """Whether this process has added so many rows since the last compaction that the next is worth its while."""
        new = self._new_rows[owner.digest] = self._new_rows.get(owner.digest, 0) + inserted
        return new >= _ROWS_WORTH_COMPACTING and new >= table.count_rows() // _SHARE_WORTH_COMPACTING

    def _folder(self, owner: Owner) -> Path:
        return self._tables / f"{owner.digest}.lance"

    def _table(self, owner: Owner) -> "Table | None":
        """Return the owner's table, opened anew when another process has dropped or remade it meanwhile."""
        from scrubjay.stores.lancedb_rows import check_schema, index

        name, folder = owner.digest, self._folder(owner)
        known, table = self._open.get(name, (None, None))
        stamp = _stamp(folder)
        if table is None or known != stamp:
            if stamp is None or not _is_committed(folder):
                self._open.pop(name, None)
                return None
            table = self._database.open_table(name)
            check_schema(table.schema, owner)
            if not table.list_indices():  # its maker was killed between the table and its index
                with self.exclusive(owner):
                    index(table)
            self._open[name] = (stamp, table)
        return table

    def _read(self, owner: Owner, action: "Callable[[Table], T]", *, nothing: T) -> T:
        with _translated("read"):
            for _ in range(_READ_TRIES):
                try:
                    table = self._table(owner)
                    return nothing if table is None else action(table)
                except (RuntimeError, ValueError, OSError) as error:
                    if not _is_gone(error):
                        raise
                    self._open.pop(owner.digest, None)  # the files were rewritten or dropped between open and read
            with self.exclusive(owner):  # nobody rewrites them now
                table = self._table(owner)
                return nothing if table is None else action(table)

    @contextmanager
    def _writing(self, owner: Owner) -> "Iterator[Table]":
        """Hold the lock and give the owner's table, made if need be; all its new files are on the disk at the end."""
        folder = self._folder(owner)
        with self.exclusive(owner), _translated("write"):
            table = self._table(owner)
            before = _files(folder)
            if table is None:
                discard(folder)  # what a maker left who was killed before the first commit
                table, before = self._create(owner), set()
            elif is_unfinished(folder):
                erase_rows(table, "false", folder)
            yield table
            new = _files(folder) - before
            folders = {folder / name.rpartition("/")[0] for name in new}
            for path in [*(folder / name for name in new), *folders, *([] if before else [folder, self._tables])]:
                sync(path)

    def _create(self, owner: Owner) -> "Table":
        from scrubjay.stores.lancedb_rows import index, table_schema

        schema = table_schema(owner, embedding=self._embedding, dimension=self._dimension)
        table = self._database.create_table(owner.digest, schema=schema)
        index(table)
        return table


def _compact(table: "Table") -> None:
    """Join fragments and drop old versions. The rows are committed already, so a failure is no failure of the write."""
    try:
        table.optimize(cleanup_older_than=_KEEP_OLD_VERSIONS)
    except (RuntimeError, OSError) as error:
        logger.warning("compaction is put off: %s", one_line(str(error), longest=200))


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another one made in its place; None when there is none."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _is_committed(folder: Path) -> bool:
    """Whether a table was ever committed here; its maker may have been killed before that."""
    return any(folder.joinpath("_versions").glob("*.manifest"))


def _is_gone(error: Exception) -> bool:
    """Whether a table or one of its files has vanished: another process has dropped or rewritten it."""
    return isinstance(error, FileNotFoundError) or "not found" in str(error).lower()


def _files(folder: Path) -> set[str]:
    """Return the files of a table by their paths within it."""
    found: set[str] = set()
    for part in _WRITTEN_FOLDERS:
        with suppress(FileNotFoundError), os.scandir(folder / part) as entries:
            found.update(f"{part}/{entry.name}" for entry in entries)
    return found | {path.relative_to(folder).as_posix() for path in folder.glob("_indices/*/*")}


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn LanceDB's and the system's errors into StoreError, once, at this border."""
    try:
        yield
    except ScrubjayError:
        raise
    except (RuntimeError, ValueError, OSError) as error:
        detail = one_line(str(error), longest=200)
        raise StoreError(
            f"could not {doing} the memories: {detail}. `scrubjay doctor` checks the data folder"
        ) from error
