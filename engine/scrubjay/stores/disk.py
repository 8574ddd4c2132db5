"""What is on the disk, and not only in the system's memory."""

import os
from pathlib import Path


def sync_all(folder: Path) -> None:
    """Return when a folder and everything below it is on the disk."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)


def sync(path: Path) -> None:
    """Return when a file or folder is on the disk; nothing to do when it has vanished meanwhile."""
    on_windows = os.name == "nt"  # where folders cannot be opened, and need not be
    if on_windows and path.is_dir():
        return
    try:
        handle = os.open(path, os.O_RDWR if on_windows else os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mark(path: Path) -> None:
    """Return when an empty file is there, and on the disk."""
    if not path.exists():
        path.touch(mode=0o600)
        sync(path.parent)
