"""What of a folder is in the system's memory only and would not outlive a power cut, as Linux tells it."""

import ctypes
import os
import sys
from pathlib import Path

_CACHESTAT = 451


class _Range(ctypes.Structure):
    _fields_ = [("off", ctypes.c_uint64), ("len", ctypes.c_uint64)]


class _Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("cached", "dirty", "in_writeback", "evicted", "recently_evicted")]


def unsynced(folder: Path) -> list[Path]:
    """Return the files some of whose pages are not on the disk; raises OSError where the system does not tell."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and _unsynced_pages(path))


def is_told(folder: Path) -> bool:
    """Whether the system and the file system of a folder tell."""
    probe = folder / "probe"
    probe.write_bytes(b"x" * 10_000)
    try:
        return sys.platform == "linux" and bool(_unsynced_pages(probe))
    except OSError:
        return False
    finally:
        probe.unlink()


def _unsynced_pages(path: Path) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    counts = _Counts()
    with path.open("rb") as file:
        code = libc.syscall(_CACHESTAT, file.fileno(), ctypes.byref(_Range()), ctypes.byref(counts), 0)
    if code:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(counts.dirty + counts.in_writeback)
