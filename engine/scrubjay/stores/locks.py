"""One lock per owner, held across threads and processes and released by the system when its holder dies."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

from scrubjay.errors import StoreBusy, StoreError

_PATIENCE_S = 60.0
_POLL_S = 0.004


class OwnerLocks:
    """Lock files in one folder, one per name; a name's lock is reentrant within a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Kept as long as somebody holds or wants it: one takes 2 KB, and more for each thread that ever held it.
        self._locks: WeakValueDictionary[str, FileLock] = WeakValueDictionary()
        self._guard = threading.Lock()

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold the lock; raises StoreBusy when it is not free within a minute."""
        with self.tried(name, wait_s=_PATIENCE_S) as is_held:
            if not is_held:
                raise StoreBusy(
                    "another process is writing these memories and did not finish within a minute; try again"
                )
            yield

    @contextmanager
    def tried(self, name: str, *, wait_s: float) -> Iterator[bool]:
        """Hold the lock if it is free within this time, and say whether it is held."""
        with self._guard:
            lock = self._locks.get(name)
            if lock is None:
                lock = self._locks[name] = FileLock(self._folder / f"{name}.lock", poll_interval=_POLL_S)
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            yield False
            return
        except RuntimeError as error:
            raise StoreError("these memories were opened before a fork; open them anew in the new process") from error
        except OSError as error:
            raise StoreError(
                f"cannot write in the data folder {self._folder.parent} ({error.strerror}); "
                "name a writable one in SCRUBJAY_DATA_DIR"
            ) from error
        try:
            yield True
        finally:
            lock.release()
