"""The default store: one LanceDB table per owner in a folder, safe for many processes at once.

What LanceDB leaves to its user and this adapter does (measured with 0.40): fresh reads in every process
(`read_consistency_interval=0`), one lock per owner around each commit, fsync before a write is acknowledged, quoting,
compaction, and a forget that leaves no byte.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from scrubjay.errors import ScrubjayError, StoreError
from scrubjay.stores.locks import OwnerLocks
from scrubjay.stores.sql import condition, quoted
from scrubjay.texts import one_line
from scrubjay.types import Filter, Match, MemoryRecord, Owner, Position

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from lancedb.query import LanceVectorQueryBuilder
    from lancedb.table import Table
    from numpy.typing import NDArray

T = TypeVar("T")

_COMMITS_BETWEEN_COMPACTIONS = 16  # a search over 20 fragments takes 2.5 times as long as over one; compacting 40 ms
_KEEP_OLD_VERSIONS = timedelta(hours=1)  # long enough for a reader in another process to finish
_AT_ONCE = timedelta(milliseconds=1)  # as zero, without the warning that readers of old versions fail: ours retry
_READ_TRIES = 3
_LATEST_FIRST = ("recorded_at", "id", "version")


class LanceDBStore:
    """Tables in `folder`, made private (0700). `embedding` and `dimension` are recorded with each table.

    Opening reads nothing; imports of LanceDB (0.7 s) happen here and nowhere else. Raises StoreError when the folder
    cannot be used.
    """

    def __init__(self, folder: Path, *, embedding: str, dimension: int) -> None:
        os.environ.setdefault("LANCEDB_LOG", "error")  # else it warns on stderr about columns that nobody selected
        import lancedb

        self._tables = folder / "memories"
        self._embedding = embedding
        self._dimension = dimension
        try:
            for place in (folder, self._tables, folder / "locks"):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise StoreError(
                f"cannot use the data folder {folder} ({error.strerror}); name a writable one in SCRUBJAY_DATA_DIR"
            ) from error
        self._locks = OwnerLocks(folder / "locks")
        self._database = lancedb.connect(str(self._tables), read_consistency_interval=timedelta(0))
        self._open: dict[str, tuple[tuple[int, int], Table]] = {}

    def exclusive(self, owner: Owner) -> AbstractContextManager[None]:
        """Hold the owner's lock across threads and processes."""
        return self._locks.held(owner.digest)

    def write(
        self,
        owner: Owner,
        *,
        inserted: Sequence[MemoryRecord],
        vectors: "NDArray[np.float32]",
        replaced: Sequence[MemoryRecord],
    ) -> None:
        """Commit all of it in one LanceDB version, and return when it is on the disk."""
        from scrubjay.stores.lancedb_rows import rows_with_vectors

        with self._writing(owner) as table:
            schema, version = table.schema, table.version
            if not replaced:
                table.add(rows_with_vectors(inserted, list(vectors), schema))
            else:
                kept = _vectors_of(table, replaced)
                changed = [record for record in replaced if record.key in kept]
                rows = rows_with_vectors(
                    [*inserted, *changed], [*vectors, *(kept[record.key] for record in changed)], schema
                )
                merge = table.merge_insert(["id", "version"]).when_matched_update_all().when_not_matched_insert_all()
                merge.execute(rows)
            if table.version // _COMMITS_BETWEEN_COMPACTIONS != version // _COMMITS_BETWEEN_COMPACTIONS:
                table.optimize(cleanup_older_than=_KEEP_OLD_VERSIONS)

    def find(
        self, owner: Owner, where: Filter, *, limit: int | None = None, after: Position | None = None
    ) -> list[MemoryRecord]:
        """Return matching rows, newest first."""
        from lancedb.query import ColumnOrdering

        from scrubjay.stores.lancedb_rows import COLUMNS, record_of

        def read(table: "Table") -> list[MemoryRecord]:
            newest_first = [ColumnOrdering(column_name=name, ascending=False) for name in _LATEST_FIRST]
            query = _filtered(table.search(), condition(where, after=after)).order_by(newest_first)
            if limit is not None:
                query = query.limit(limit)
            return [record_of(row) for row in query.select(COLUMNS).to_arrow().to_pylist()]

        return self._read(owner, read, nothing=[])

    def count(self, owner: Owner, where: Filter) -> int:
        """Return how many rows match."""
        return self._read(owner, lambda table: int(table.count_rows(condition(where) or None)), nothing=0)

    def source_ids(self, owner: Owner, where: Filter) -> frozenset[str]:
        """Return the ids of all episodes that the matching facts rest on."""

        def read(table: "Table") -> frozenset[str]:
            rows = _filtered(table.search(), condition(where)).select(["source_ids"]).to_arrow().to_pylist()
            return frozenset(source for row in rows for source in row["source_ids"])

        return self._read(owner, read, nothing=frozenset())

    def dense(self, owner: Owner, vector: "NDArray[np.float32]", where: Filter, *, limit: int) -> list[Match]:
        """Return the rows nearest by cosine, best first; exact, for there is no vector index below 50,000 rows."""

        def read(table: "Table") -> list[Match]:
            nearest = cast("LanceVectorQueryBuilder", table.search(vector)).distance_type("cosine")
            query = _filtered(nearest, condition(where)).limit(limit)
            rows = query.select(["id", "version", "_distance"]).to_arrow().to_pylist()
            return [Match(id=r["id"], version=r["version"], score=1 - r["_distance"]) for r in rows]

        return self._read(owner, read, nothing=[])

    def lexical(self, owner: Owner, text: str, where: Filter, *, limit: int) -> list[Match]:
        """Return the rows that share words with `text`, by BM25, best first."""
        from lancedb.query import MatchQuery

        def read(table: "Table") -> list[Match]:
            # A plain string would be parsed: quoted words in it become a phrase query, and fail.
            wanted = MatchQuery(text, "lexical")  # type: ignore[call-arg]  # type checkers do not see its defaults
            query = _filtered(table.search(wanted), condition(where)).limit(limit)
            rows = query.select(["id", "version", "_score"]).to_arrow().to_pylist()
            return [Match(id=r["id"], version=r["version"], score=r["_score"]) for r in rows]

        return self._read(owner, read, nothing=[])

    def erase(self, owner: Owner, ids: Sequence[str]) -> None:
        """Delete, then rewrite every file that could still hold a byte of it."""
        with self.exclusive(owner):
            if self._table(owner) is None or not ids:
                return
            if self.count(owner, Filter(without_ids=tuple(ids))) == 0:
                self.erase_owner(owner)
                return
            with self._writing(owner) as table:
                _erase(table, "id IN ({})".format(", ".join(quoted(i) for i in ids)))

    def erase_owner(self, owner: Owner) -> None:
        """Drop the owner's table, folder and all."""
        with self.exclusive(owner), _translated("erase"):
            if self._table(owner) is not None:
                self._database.drop_table(owner.digest)
                self._open.pop(owner.digest, None)
                _sync(self._tables)

    def owners_with_prefix(self, prefix: str) -> list[Owner]:
        """Return the owners whose tables' names begin with `prefix`."""
        from scrubjay.stores.lancedb_rows import owner_of

        with _translated("read"):
            names = [path.stem for path in self._tables.glob(f"{prefix}*.lance")]
            return [owner_of(self._database.open_table(name).schema) for name in names]

    def close(self) -> None:
        """Let go of every table."""
        self._open.clear()

    def _table(self, owner: Owner) -> "Table | None":
        """Return the owner's table, opened anew when another process has dropped or remade it meanwhile."""
        from scrubjay.stores.lancedb_rows import check_schema

        name = owner.digest
        folder = self._tables / f"{name}.lance"
        if not _has_versions(folder):
            self._open.pop(name, None)
            return None
        status = folder.stat()
        stamp = (status.st_ino, status.st_mtime_ns)
        known, table = self._open.get(name, (None, None))
        if table is None or known != stamp:
            table = self._database.open_table(name)
            check_schema(table.schema, owner, embedding=self._embedding)
            if not table.list_indices():  # its maker was killed between the table and its index
                with self.exclusive(owner):
                    _index(table)
            self._open[name] = (stamp, table)
        return table

    def _read(self, owner: Owner, action: "Callable[[Table], T]", *, nothing: T) -> T:
        with _translated("read"):
            for _ in range(_READ_TRIES):
                table = self._table(owner)
                if table is None:
                    return nothing
                try:
                    return action(table)
                except (RuntimeError, ValueError, OSError) as error:
                    if "not found" not in str(error).lower():
                        raise
                    self._open.pop(owner.digest, None)  # an erasure rewrote the files between open and read
            raise StoreError("could not read the memories: they are being rewritten without end; try again")

    @contextmanager
    def _writing(self, owner: Owner) -> "Iterator[Table]":
        """Hold the lock and give the owner's table, made if need be; all its new files are on the disk at the end."""
        with self.exclusive(owner), _translated("write"):
            folder = self._tables / f"{owner.digest}.lance"
            before = _files(folder)
            yield self._table(owner) or self._create(owner)
            new = _files(folder) - before
            for path in new | {path.parent for path in new} | ({folder, self._tables} if not before else set()):
                _sync(path)

    def _create(self, owner: Owner) -> "Table":
        from scrubjay.stores.lancedb_rows import table_schema

        schema = table_schema(owner, embedding=self._embedding, dimension=self._dimension)
        table = self._database.create_table(owner.digest, schema=schema)
        _index(table)
        return table


def _index(table: "Table") -> None:
    """Build the full-text index anew. Words of every script are cut as Unicode says, English ones stemmed as well."""
    from lancedb.index import FTS

    table.create_index("lexical", config=FTS(base_tokenizer="icu/split", remove_stop_words=False), replace=True)


def _erase(table: "Table", where: str) -> None:
    """Leave no byte of the rows in data files, indexes, transactions or old versions.

    Compaction rewrites a fragment only when it has a neighbour, so a blank row is added and taken away again; indexes
    keep dead tokens until they are rebuilt; then every older version goes. Measured on tables of up to 100,000 rows.
    """
    from scrubjay.stores.lancedb_rows import BLANK_ID, blank_row

    table.delete(where)
    table.add(blank_row(table.schema))
    table.optimize()
    table.optimize()
    table.delete(f"id = {quoted(BLANK_ID)}")
    _index(table)
    time.sleep(2 * _AT_ONCE.total_seconds())
    table.optimize(cleanup_older_than=_AT_ONCE)


def _has_versions(folder: Path) -> bool:
    """Whether a table was ever committed here; its maker may have been killed before that."""
    try:
        return any(folder.joinpath("_versions").iterdir())
    except FileNotFoundError:
        return False


def _filtered(query: Any, sql: str) -> Any:
    return query.where(sql, prefilter=True) if sql else query


def _vectors_of(table: "Table", records: Sequence[MemoryRecord]) -> "dict[tuple[str, int], pa.Array]":
    where = condition(Filter(ids=tuple(record.id for record in records)))
    rows = table.search().where(where).select(["id", "version", "vector"]).to_arrow().to_pylist()
    return {(row["id"], row["version"]): row["vector"] for row in rows}


def _files(folder: Path) -> set[Path]:
    return {Path(parent, name) for parent, _, names in os.walk(folder) for name in names}


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # written and cleaned up again within the same commit
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
