"""The LanceDB tables of a data folder: opened, read, written to and rewritten, each under its owner's lock.

What LanceDB leaves to its user and is done here (measured with 0.40): fresh reads in every process
(`read_consistency_interval=0`), one lock per owner around each commit, fsync before a write is acknowledged, and
recovery from a power cut.
"""

import errno
import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import lancedb
import pyarrow as pa

from scrubjay.disk import sync, sync_all, sync_new
from scrubjay.erasures import Proof
from scrubjay.errors import StoreError
from scrubjay.moments import shown
from scrubjay.progress import Progress, untold
from scrubjay.stores.lancedb_discarding import discard
from scrubjay.stores.lancedb_errors import is_failure, is_gone, translated
from scrubjay.stores.lancedb_folder import Notes, TableFolder
from scrubjay.stores.lancedb_open import OpenTables
from scrubjay.stores.lancedb_rows import (
    SCHEMA_VERSION,
    check_owner,
    embedding_of,
    index,
    owner_of,
    owner_told,
    schema_version,
    table_schema,
    upgraded,
)
from scrubjay.stores.locks import OwnerLocks
from scrubjay.types import Owner

if TYPE_CHECKING:
    from lancedb.table import Table

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FAILURES = (RuntimeError, ValueError, OSError, OverflowError, LookupError)
_READ_TRIES = 5
_STEPS = 4  # of rewriting a table
_ROWS_AT_ONCE = 4_096
_SUFFIX = ".lance"
_METADATA_BYTES, _INDEX_BYTES = 64 << 20, 1 << 20
"""What LanceDB may keep of all tables together; by default 1 GB and 6 GB. Each commit leaves 100 KB in the one that
nobody reads again, each maintenance a file of 7 KB in the other, open though it was removed. A search over
100,000 rows takes no longer with so little."""


class Tables:
    """One table per owner in `folder`; `embedding` and `dimension` are recorded with each table that is made.

    Thread-safe, and safe for many processes. `most_open` of them stay open. `upgrading` is called with a table of an
    older version before it becomes one of this version, under the lock.
    """

    def __init__(
        self,
        folder: Path,
        locks: OwnerLocks,
        *,
        embedding: str,
        dimension: int,
        upgrading: "Callable[[Owner, Table], None]",
        most_open: int,
    ) -> None:
        self._root = folder
        self._locks = locks
        self._embedding = embedding
        self._dimension = dimension
        self._upgrading = upgrading
        self._process = os.getpid()
        session = lancedb.Session(index_cache_size_bytes=_INDEX_BYTES, metadata_cache_size_bytes=_METADATA_BYTES)
        self._database = lancedb.connect(str(folder), read_consistency_interval=timedelta(0), session=session)
        self._open = OpenTables(most=most_open)

    def folder(self, owner: Owner) -> TableFolder:
        """Return the folder of the owner's table, which need not exist."""
        return self.folder_of(owner.digest)

    def folder_of(self, name: str) -> TableFolder:
        """Return the folder of a table by the owner's digest."""
        return TableFolder(self._root / f"{name}{_SUFFIX}")

    def exclusive(self, owner: Owner) -> AbstractContextManager[None]:
        """Hold the owner's lock across threads and processes."""
        return self._locks.held(owner.digest)

    def open(self, owner: Owner) -> "Table | None":
        """Return the owner's table, opened anew when another process has dropped or remade it meanwhile."""
        if os.getpid() != self._process:
            raise StoreError("these memories were opened before a fork; open them anew in the new process")
        name, folder = owner.digest, self.folder(owner)
        stamp = folder.stamp
        table = self._open.get(name, stamp)
        if table is None:
            if stamp is None or not folder.is_committed():
                self._open.drop(name)
                return None
            table = self._opened(owner, folder)
            if table is None:
                return None
            self._open.keep(name, folder.stamp or stamp, table)
        return table

    def owners(self, *, prefix: str = "") -> list[Owner]:
        """Return the owners of the tables whose names begin with `prefix`."""
        try:
            files = sorted(os.listdir(self._root))  # noqa: PTH208 - ten times as fast, and there is one for each owner
        except FileNotFoundError:
            return []
        names = [file.removesuffix(_SUFFIX) for file in files if file.startswith(prefix) and file.endswith(_SUFFIX)]
        return [owner for name in names for owner in self.owners_named(name)]

    def owners_named(self, name: str) -> list[Owner]:
        """Return the owner of the table with this name, if there is such a table.

        It is not opened, which takes twenty times as long, when it says itself whose it is.
        """
        folder = self.folder_of(name)
        told = owner_told(folder.newest_manifest())
        return [told] if told is not None and told.digest == name else self._owners_of(folder)

    def read(self, owner: Owner, action: "Callable[[Table], T]", *, nothing: T) -> T:
        """Return what `action` reads from the owner's table; again, when the files were rewritten in between."""
        with translated("read"):
            for _ in range(_READ_TRIES):
                try:
                    table = self.open(owner)
                    return nothing if table is None else action(table)
                except (RuntimeError, ValueError, OSError) as error:
                    if not is_gone(error):
                        raise
                    self.close(owner)
            with self.exclusive(owner):  # nobody rewrites them now
                table = self.open(owner)
                return nothing if table is None else action(table)

    @contextmanager
    def writing(self, owner: Owner) -> "Iterator[Table]":
        """Hold the lock and give the owner's table, made if need be; all its new files are on the disk at the end."""
        folder = self.folder(owner)
        with self.exclusive(owner), translated("write"):
            table = self.open(owner)
            if table is None:
                discard(folder.path)  # what a maker left who was killed before the first commit
            before = folder.files()
            with self._or_not_at_all(owner, before):
                if table is None:
                    table = self._create(owner)
                elif folder.notes().synced != table.version:
                    sync_all(folder.path)  # its writer was killed before that, and what is built on it must not be torn
                yield table
                after = folder.files()
                _check_whole(folder, after - before)
                sync_new(before, after)
                if not before:
                    sync_all(folder.path)
                    sync(self._root)
                folder.note(replace(folder.notes(), synced=table.version))

    def rewrite(
        self, owner: Owner, rows: "Iterable[pa.RecordBatch]", schema: pa.Schema, told: Progress = untold
    ) -> Proof:
        """Put these rows in place of all the table has, in one commit, and remove every file from before.

        To be called under the lock. Nothing of what is left out stays: rows and index are written anew, and no file
        that is left is older. Raises StoreError; killed in between, either all of it is visible or nothing, and files
        from before may be left until it is called again.
        """
        folder = self.folder(owner)
        before = folder.files()
        reader = pa.RecordBatchReader.from_batches(schema, rows)
        with self._or_not_at_all(owner, before):
            table = self._database.create_table(owner.digest, data=reader, mode="overwrite")
            told(1, _STEPS)
            index(table)
            told(2, _STEPS)
            _check_whole(folder, folder.files() - before)
            sync_all(folder.path)  # what goes now is all that a power cut could fall back on
            folder.note(Notes(synced=table.version, tended=table.version, tended_at=shown(datetime.now(UTC))))
        told(3, _STEPS)
        old = before - {folder.manifests / "latest_version_hint.json"}
        for path in old:
            path.unlink(missing_ok=True)
        sync_all(folder.path)
        told(4, _STEPS)
        return Proof(files_left=len(old & folder.files()), files_removed=len(old))

    def batches(self, table: "Table", sql: str = "") -> "Iterator[pa.RecordBatch]":
        """Give the rows that match, all of one version of the table."""
        query = table.search()
        yield from (query.where(sql, prefilter=True) if sql else query).to_batches(_ROWS_AT_ONCE)

    def schema_of(self, owner: Owner) -> pa.Schema:
        """Return the schema that the owner's table would have if it was made now."""
        return table_schema(owner, embedding=self._embedding, dimension=self._dimension)

    def close(self, owner: Owner | None = None) -> None:
        """Let go of an owner's table, or of every table."""
        if owner is None:
            self._open.clear()
        else:
            self._open.drop(owner.digest)

    @contextmanager
    def _or_not_at_all(self, owner: Owner, before: Collection[Path]) -> Iterator[None]:
        """Take back what was committed since `before` when something fails."""
        folder = self.folder(owner)
        try:
            yield
        except Exception as error:
            new = folder.files() - set(before)
            torn = folder.torn(new)
            self.close(owner)
            folder.take_back(new)
            if torn:
                raise _disk_full(torn) from error
            raise

    def _owners_of(self, folder: TableFolder) -> list[Owner]:
        name = folder.path.stem
        try:
            return [owner_of(self._database.open_table(name).schema)]
        except BaseException as error:
            if is_gone(error):
                return []  # dropped meanwhile, or its maker was killed before the first commit
            if not (is_failure(error) or isinstance(error, StoreError)):
                raise
            with self._locks.held(name):
                folder.lay_aside_torn_versions()
                return [owner_of(self._database.open_table(name).schema)] if folder.is_committed() else []

    def _opened(self, owner: Owner, folder: TableFolder) -> "Table | None":
        if folder.torn():
            with self.exclusive(owner):
                return self._mended(owner, folder)
        table = self._database.open_table(owner.digest)
        check_owner(table.schema, owner)
        if not table.list_indices() or schema_version(table.schema) != SCHEMA_VERSION:
            with self.exclusive(owner):
                return self._completed(owner)
        return table

    def _mended(self, owner: Owner, folder: TableFolder) -> "Table | None":
        """Open a table some of whose files a power cut tore, or a killed writer left half-written."""
        folder.lay_aside_torn_versions()
        if not folder.is_committed():
            return None
        table = self._database.open_table(owner.digest)
        check_owner(table.schema, owner)
        if torn := folder.torn_indexes():
            logger.warning("%s: the full-text index was not written whole; it is built anew", folder.path.name)
            index(table)
            folder.lay_aside(torn)
        return self._completed(owner)

    def _completed(self, owner: Owner) -> "Table":
        """Open a table whose maker was killed before its index was there, or which an older Scrubjay made."""
        table = self._database.open_table(owner.digest)
        version = schema_version(table.schema)
        if version < SCHEMA_VERSION:
            embedding, dimension = embedding_of(table.schema)
            schema = table_schema(owner, embedding=embedding, dimension=dimension)
            self._upgrading(owner, table)
            self.rewrite(owner, upgraded(self.batches(table), schema), schema)
            logger.warning("%s: upgraded from schema version %d to %d", owner.digest, version, SCHEMA_VERSION)
            table = self._database.open_table(owner.digest)
        if not table.list_indices():
            index(table)
        return table

    def _create(self, owner: Owner) -> "Table":
        table = self._database.create_table(owner.digest, schema=self.schema_of(owner))
        index(table)
        return table


def _check_whole(folder: TableFolder, new: Collection[Path]) -> None:
    """Raise OSError when a new file is not whole: LanceDB commits one whose last bytes found no room on the disk."""
    if torn := folder.torn(new):
        raise _disk_full(torn)


def _disk_full(torn: Collection[Path]) -> OSError:
    return OSError(errno.ENOSPC, f"{len(torn)} files were not written whole")
