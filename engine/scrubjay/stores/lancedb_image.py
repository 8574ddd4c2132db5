"""One owner's table as it is at one version, in memory: exact dense search over it costs microseconds."""

import os
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from scrubjay.matches import Candidate, Match
from scrubjay.moments import micros
from scrubjay.stores.lancedb_rows import COLUMNS, candidates_of, record_of, rows_of, vectors_of
from scrubjay.types import Filter, MemoryRecord, Scope, Visibility

if TYPE_CHECKING:
    from lancedb.table import Table
    from numpy.typing import NDArray

_MOST_BYTES = 256 << 20  # of all tables together
_AROUND_EACH = 64 << 10  # bytes of Arrow's and Python's objects, however few rows there are
_NEVER = np.iinfo(np.int64).max
_DECIDED_HERE = {
    "visible", "ids", "kind", "states", "category", "session_id", "written_by", "current_at", "as_of", "alive_at",
    "since", "until",
}  # fmt: skip
_NOTHING = Filter()

Commits: TypeAlias = tuple[int, int, frozenset[str]]


class Image:
    """The rows of a table at a version; what changes the table makes another one.

    Thread-safe: what is worked out once is kept, and two threads that do so at a time get the same.
    """

    def __init__(self, table: "Table", manifests: Path) -> None:
        self._manifests = manifests
        self.commits = _commits(manifests)
        self.rows = table.search().with_row_id(True).to_arrow().combine_chunks()
        self.size = _AROUND_EACH + self.rows.get_total_buffer_size()
        self._position_by_row_id = {row_id: at for at, row_id in enumerate(self.rows["_rowid"].to_pylist())}
        self.vectors = vectors_of(self.rows)
        self._numbers: dict[str, NDArray[Any]] = {}
        self._codes: dict[str, tuple[list[str], NDArray[Any]]] = {}
        self._positions_by_id: dict[str, list[int]] = {}
        self._candidates: dict[int, Candidate] = {}

    def decides(self, where: Filter) -> bool:
        """Whether a filter looks at nothing but the columns that are compared here."""
        return all(
            getattr(where, name) == getattr(_NOTHING, name) for name in Filter.__slots__ if name not in _DECIDED_HERE
        )

    def matching(self, where: Filter) -> "NDArray[np.intp]":
        """Return the positions of the rows that match, as `stores.matching` defines it."""
        mask = self._in_time(where)
        if where.ids is not None:
            known = self._positions()
            mask &= self._only([position for memory_id in where.ids for position in known.get(memory_id, ())])
        if where.states is not None:
            mask &= self._is_one_of("state", where.states)
        for column in ("kind", "category", "session_id", "written_by"):
            value = getattr(where, column)
            if value is not None:
                mask &= self._is_one_of(column, {value})
        if where.visible is not None:
            mask &= self._visible(where.visible)
        return np.flatnonzero(mask)

    def nearest(self, vectors: "NDArray[np.float32]", where: Filter, *, limit: int) -> list[list[Match]]:
        """Return for each vector the matching rows nearest by cosine, best first."""
        positions = self.matching(where)
        found = []
        for vector in vectors:
            # Of all rows, since copying those that match takes longer; and not with `@`, whose threads go on spinning.
            scores = np.vecdot(self.vectors, vector)[positions]
            best = np.argpartition(-scores, limit)[:limit] if len(scores) > limit else np.arange(len(scores))
            best = best[np.argsort(-scores[best], kind="stable")]
            found.append(self._matches(positions[best].tolist(), scores[best].tolist()))
        return found

    def matches(self, scored: pa.Table, *, among: "NDArray[np.intp]") -> list[Match]:
        """Return matches of the rows with these `_rowid`, in the order given and with their `_score`."""
        allowed = set(among.tolist())
        pairs = zip(scored["_rowid"].to_pylist(), scored["_score"].to_pylist(), strict=True)
        known = [(self._position_by_row_id.get(row_id, -1), score) for row_id, score in pairs]
        found = [(position, score) for position, score in known if position in allowed]
        return self._matches([position for position, _ in found], [score for _, score in found])

    def is_current(self) -> bool:
        """Whether the table is still as it was when it was read."""
        return _commits(self._manifests) == self.commits

    def records(self, where: Filter) -> list[MemoryRecord]:
        """Return the matching rows, made anew: their metadata is the caller's to change."""
        rows = self.rows.select(COLUMNS).take(self.matching(where))
        return [record_of(row) for row in rows_of(rows)]

    def speakers(self, where: Filter) -> frozenset[str]:
        """Return the names of the matching rows."""
        labels, codes = self._coded("name")
        return frozenset(labels[code] for code in np.unique(codes[self.matching(where)]).tolist()) - {""}

    def _matches(self, positions: Sequence[int], scores: Sequence[float]) -> list[Match]:
        """Return matches; a row is made a candidate once, and kept."""
        new = [position for position in positions if position not in self._candidates]
        if new:
            rows = self.rows.take(np.array(new, dtype=np.int64))
            made = candidates_of(rows, (self.vectors[position] for position in new))  # no copies of vectors
            self._candidates.update(zip(new, made, strict=True))
        pairs = zip(positions, scores, strict=True)
        return [Match(candidate=self._candidates[position], score=score) for position, score in pairs]

    def _coded(self, column: str) -> "tuple[list[str], NDArray[Any]]":
        """Return the different texts of a column, and for each row which of them it has."""
        if column not in self._codes:
            encoded = self.rows[column].combine_chunks().dictionary_encode()
            self._codes[column] = (encoded.dictionary.to_pylist(), encoded.indices.to_numpy())
        return self._codes[column]

    def _is_one_of(self, column: str, wanted: Collection[str]) -> "NDArray[np.bool_]":
        labels, codes = self._coded(column)
        holds: NDArray[np.bool_] = np.array([label in wanted for label in labels], dtype=bool)[codes]
        return holds

    def _only(self, positions: Sequence[int]) -> "NDArray[np.bool_]":
        mask = np.zeros(self.rows.num_rows, dtype=bool)
        mask[positions] = True
        return mask

    def _integers(self, column: str) -> "NDArray[Any]":
        """Return whole numbers, or moments as microseconds since 1970 with null as the end of time."""
        if column not in self._numbers:
            self._numbers[column] = self.rows[column].cast(pa.int64()).fill_null(_NEVER).to_numpy()
        return self._numbers[column]

    def _positions(self) -> dict[str, list[int]]:
        """Return where the versions of each memory are."""
        if not self._positions_by_id:
            found: dict[str, list[int]] = {}
            for position, memory_id in enumerate(self.rows["id"].to_pylist()):
                found.setdefault(memory_id, []).append(position)
            self._positions_by_id = found
        return self._positions_by_id

    def _visible(self, visible: Visibility) -> "NDArray[np.bool_]":
        seen = self._is_one_of("scope", visible.scopes - {Scope.SESSION})
        if Scope.SESSION in visible.scopes:
            seen |= self._is_one_of("scope", {Scope.SESSION}) & self._is_one_of("session_id", {visible.session_id})
        return seen

    def _in_time(self, where: Filter) -> "NDArray[np.bool_]":
        begins, ends = self._integers("valid_from"), self._integers("valid_to")
        mask = np.ones(self.rows.num_rows, dtype=bool)
        if where.current_at is not None:
            mask &= (ends > micros(where.current_at)) & ((ends > begins) | (ends == _NEVER))
        if where.as_of is not None:
            mask &= (begins <= micros(where.as_of)) & (ends > micros(where.as_of))
        for alive_at in (where.current_at, where.alive_at):
            if alive_at is not None:
                mask &= self._integers("expires_at") > micros(alive_at)
        if where.since is not None or where.until is not None:
            happened = self._integers("occurred_at")
            happened = np.where(happened == _NEVER, begins, happened)
            mask &= happened >= (micros(where.since) if where.since is not None else -_NEVER)
            mask &= happened <= (micros(where.until) if where.until is not None else _NEVER)
        return mask


class Images:
    """The images of the tables that were searched last; the oldest go when they take more than 256 MB together.

    Thread-safe.

    A table of more than `most_rows` is not held: reading one takes 3 ms with 1,000 rows and 16 with 10,000.
    """

    def __init__(self, *, most_rows: int, most_bytes: int = _MOST_BYTES) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._bytes = 0  # kept, since asking thousands of tables each time takes longer than a search
        self._held: OrderedDict[str, tuple[Table, Image]] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, table: "Table", manifests: Path) -> Image | None:
        """Return the table as it is now; None when it has too many rows to be held.

        `manifests` is the folder in which each commit leaves a file of its own; looking into it costs a hundredth of
        asking LanceDB for the version.
        """
        name = table.name
        with self._guard:
            held, image = self._held.get(name, (None, None))
            if image is not None and held is table and image.is_current():
                self._held.move_to_end(name)
                return image
            self._let_go(name)  # what is out of date may hold what was erased
        if table.count_rows() > self._most_rows:
            return None
        image = Image(table, manifests)
        self._hold(name, table, image)
        return image

    def drop(self, name: str) -> None:
        """Let go of a table, of which something was erased."""
        with self._guard:
            self._let_go(name)

    def clear(self) -> None:
        """Let go of every table."""
        with self._guard:
            self._held.clear()
            self._bytes = 0

    def _hold(self, name: str, table: "Table", image: Image) -> None:
        with self._guard:  # so that who erases something drops the image after it is held, or it is not held
            if not image.is_current():  # it was read while somebody wrote: good for this call only
                return
            self._let_go(name)
            self._held[name] = (table, image)
            self._bytes += image.size
            while len(self._held) > 1 and self._bytes > self._most_bytes:
                self._let_go(next(iter(self._held)))

    def _let_go(self, name: str) -> None:
        _, image = self._held.pop(name, (None, None))
        self._bytes -= 0 if image is None else image.size


def _commits(manifests: Path) -> Commits:
    """Return what every commit changes: the names in the folder of manifests, and which folder it is."""
    status = manifests.stat()
    return status.st_ino, status.st_mtime_ns, frozenset(os.listdir(manifests))  # noqa: PTH208 - ten times as fast
