"""Taking an owner's table away at once, so that being killed in the middle leaves no half a table."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from scrubjay.disk import files_below, sync

_DISCARDED = ".discarded"


def discard(folder: Path) -> int:
    """Rename a table's folder, then remove it and what an earlier try has left; return how many files went.

    Raises OSError when something cannot be removed; it is not to be opened any more even then.
    """
    removed = finish_discarding(folder.parent, name=folder.stem)
    gone = folder.with_suffix(f"{_DISCARDED}-{time.time_ns()}")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return removed
    sync(folder.parent)
    return removed + _remove(gone)


def finish_discarding(tables: Path, *, name: str = "*") -> int:
    """Remove what an interrupted `discard` of a table (by default of any) has left; return how many files went.

    Raises OSError.
    """
    return sum(_remove(gone) for gone in tables.glob(f"{name}{_DISCARDED}-*"))


def left_of(folder: Path) -> set[Path]:
    """Return the files of a table that are left, wherever they were put."""
    places = [folder, *folder.parent.glob(f"{folder.stem}{_DISCARDED}-*")]
    return {path for place in places for path in files_below(place)}


def _remove(folder: Path) -> int:
    """Return when a folder is gone; other processes may remove it at the same time."""
    files = len(files_below(folder))
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
    sync(folder.parent)
    return files
