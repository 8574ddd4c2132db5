"""The tables that are open: those that were used last."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from lancedb.table import Table

Stamp: TypeAlias = tuple[int, int]
"""What tells a table's folder from another one made in its place."""


class OpenTables:
    """Up to `most` open tables by name; the one that was used longest ago is let go of first. Thread-safe.

    It is not closed: whoever reads it keeps it, and it goes when the last of them has done.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._open: OrderedDict[str, tuple[Stamp, Table]] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, name: str, stamp: Stamp | None) -> "Table | None":
        """Return the table if it is open, and still the one in the folder."""
        with self._guard:
            known, table = self._open.get(name, (None, None))
            if table is None or known != stamp:
                return None
            self._open.move_to_end(name)
            return table

    def keep(self, name: str, stamp: Stamp, table: "Table") -> None:
        """Keep a table that was opened."""
        with self._guard:
            self._open[name] = (stamp, table)
            self._open.move_to_end(name)
            while len(self._open) > self._most:
                self._open.popitem(last=False)

    def drop(self, name: str) -> None:
        """Let go of a table."""
        with self._guard:
            self._open.pop(name, None)

    def clear(self) -> None:
        """Let go of every table."""
        with self._guard:
            self._open.clear()
