"""How a LanceDB table forgets to the last byte, and finishes when it was interrupted. All of it under the lock.

LanceDB itself deletes by marking: text, vectors, index tokens and the predicate stay in data files, transactions, old
versions and dead index pages, and files of a killed writer stay for good (measured with 0.40, every file decoded).
"""

import shutil
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scrubjay.stores.disk import sync, sync_all
from scrubjay.stores.sql import quoted

if TYPE_CHECKING:
    from lancedb.table import Table

_UNFINISHED = "unfinished-erasure"
_DISCARDED = ".discarded"
_AT_ONCE = timedelta(milliseconds=1)  # as zero, without the warning that readers of old versions fail: ours retry
_LEFT_BY_THE_KILLED = ("**/.tmp*", "**/*#*")


def erase_rows(table: "Table", where: str, folder: Path) -> None:
    """Leave no byte of the rows in data files, indexes, transactions or old versions.

    Compaction rewrites a fragment only when it has a neighbour, so a blank row is added and taken away again; indexes
    keep dead tokens until they are rebuilt; then everything older goes, whatever the clock says, and what killed
    writers left. A marker in the folder has the next writer begin anew if this is interrupted.
    """
    from scrubjay.stores.lancedb_rows import BLANK_ID, blank_row, index

    blank = f"id = {quoted(BLANK_ID)}"
    folder.joinpath(_UNFINISHED).touch()
    sync(folder)
    table.delete(f"({where}) OR {blank}")
    table.add(blank_row(table.schema))
    table.optimize()
    table.optimize()
    table.delete(blank)
    index(table)
    sync_all(folder)  # what goes now is all that a power cut could fall back on
    _drop_old_manifests(folder)
    time.sleep(2 * _AT_ONCE.total_seconds())
    table.optimize(cleanup_older_than=_AT_ONCE, delete_unverified=True)
    for pattern in _LEFT_BY_THE_KILLED:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    folder.joinpath(_UNFINISHED).unlink()


def is_unfinished(folder: Path) -> bool:
    """Whether an erasure in this table was interrupted."""
    return folder.joinpath(_UNFINISHED).exists()


def discard(folder: Path) -> None:
    """Take a table's folder away at once by renaming it, then remove it and what an earlier try has left.

    Raises OSError when something cannot be removed; it is not to be opened any more even then.
    """
    finish_discarding(folder.parent, name=folder.stem)
    gone = folder.with_suffix(f"{_DISCARDED}-{time.time_ns()}")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return
    sync(folder.parent)
    _remove(gone)


def finish_discarding(tables: Path, *, name: str = "*") -> None:
    """Remove what an interrupted `discard` of a table (by default of any) has left; raises OSError."""
    for gone in tables.glob(f"{name}{_DISCARDED}-*"):
        _remove(gone)


def _remove(folder: Path) -> None:
    """Return when a folder is gone; other processes may remove it at the same time."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _drop_old_manifests(folder: Path) -> None:
    """Remove every manifest but the newest, whose name sorts first: LanceDB goes by age, and clocks go back."""
    for manifest in sorted(folder.joinpath("_versions").glob("*.manifest"))[1:]:
        manifest.unlink()
