"""LanceDB's and the system's errors, told as StoreError with what to do."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from scrubjay.errors import ScrubjayError, StoreError
from scrubjay.texts import one_line

_BUILD_PATH = re.compile(r",?\s*/\S*\.cargo/\S*")  # LanceDB tells where in its own source an error was made
_SYSTEM_ERROR = re.compile(r"os error (\d+)")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}
_PANICS = {"PanicException", "RustPanic"}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn LanceDB's and the system's errors into StoreError, once, at this border."""
    try:
        yield
    except ScrubjayError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise StoreError(f"could not {doing} the memories: {_explained(error)}") from error


def is_failure(error: BaseException) -> bool:
    """Whether LanceDB or the system failed; LanceDB panics over some damaged files, with exceptions of two kinds."""
    return isinstance(error, (RuntimeError, ValueError, OSError, OverflowError)) or type(error).__name__ in _PANICS


def is_gone(error: BaseException) -> bool:
    """Whether a table or one of its files has vanished: another process has dropped or rewritten it."""
    return isinstance(error, FileNotFoundError) or "not found" in str(error).lower()


def _explained(error: BaseException) -> str:
    """Return what went wrong and what to do about it; LanceDB tells the system's errors by number, in its text."""
    code = getattr(error, "errno", None) or next((int(n) for n in _SYSTEM_ERROR.findall(str(error))), None)
    if code in _FULL:
        return "the disk is full. What was stored before is unharmed; free some space and try again"
    if code in _UNWRITABLE:
        return "the data folder cannot be written. Make it writable, or name another in SCRUBJAY_DATA_DIR"
    told = getattr(error, "strerror", None) or str(error)
    detail = one_line(_BUILD_PATH.sub("", told), longest=200)
    return (
        f"{detail}. `scrubjay restore` brings back from a backup what a damaged file has lost; "
        "`scrubjay doctor` checks the data folder"
    )
