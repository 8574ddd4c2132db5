"""Files that are whole, and on the disk, not only in the system's memory."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO


def sync_all(folder: Path) -> None:
    """Return when a folder and everything below it is on the disk."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)


def sync_new(before: set[Path], after: set[Path]) -> None:
    """Return when the files that came are on the disk, and so is that they are in their folders, new ones too."""
    new = after - before
    folders = {path.parent for path in new}
    around = {folder.parent for folder in folders - {path.parent for path in before}}
    for path in [*new, *folders, *around]:
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


@contextmanager
def replacing(path: Path, *, durably: bool = True) -> Iterator[IO[bytes]]:
    """Give a private file to write, which takes the place of `path` when it is whole; `durably`: and on the disk.

    Whoever reads `path` sees the old file or the new one; if something fails, the old one.
    """
    new = path.with_name(f"{path.name}.new")
    with ExitStack() as undo:
        undo.callback(new.unlink, missing_ok=True)
        with os.fdopen(os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            file.flush()
            if durably:
                os.fsync(file.fileno())
        new.replace(path)
        undo.pop_all()
    if durably:
        sync(path.parent)


def put(path: Path, text: str, *, durably: bool = True) -> None:
    """Write a small file as a whole, `durably` or not."""
    with replacing(path, durably=durably) as file:
        file.write(text.encode())


def append(path: Path, line: str) -> None:
    """Return when a line stands at the end of a file, on the disk. What a killed writer left of a line stays apart."""
    is_new = not path.exists()
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
            line = f"\n{line}"
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync(path.parent)


def files_below(folder: Path) -> set[Path]:
    """Return every file in a folder and its folders; one that vanishes meanwhile may be missing."""
    return {Path(place, name) for place, _, names in os.walk(folder) for name in names}


def bytes_of(paths: Iterable[Path]) -> int:
    """Return how long these files are together; one that vanishes meanwhile counts nothing."""
    return sum(path.stat().st_size for path in paths if path.exists())


def modified_at(path: Path) -> datetime:
    """Return when a file was changed last, UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
