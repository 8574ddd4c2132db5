"""When a table is tended to: after so many commits that searches take longer, and a moment after the last one."""

import atexit
import logging
import threading
import time
from collections.abc import Callable

from scrubjay.errors import StoreError
from scrubjay.types import Owner

logger = logging.getLogger(__name__)

_COMMITS_WORTH_IT = 16  # a search over 20 fragments takes 2.5 times as long as over one
_IDLE_S = 1.0
_PAUSE_PER_WORK = 4  # a table that is being written to is tended at most a fifth of the time
_COMMITS_TOO_MANY = 32  # with so many it is tended all the same: each takes the room of six rows
_FOREVER_S = 3600.0


class Upkeep:
    """A thread that calls `tend` for owners whose tables were written to; begun with the first write.

    `tend` returns whether it changed anything: then the table is looked at once more, when it is at rest. Tables are
    tended one at a time, those that make searches slow before those that are at rest, of whom there may be many.
    Thread-safe.
    """

    def __init__(self, tend: Callable[[Owner], bool]) -> None:
        self._tend = tend
        self._due: dict[Owner, float] = {}
        self._urgent: set[Owner] = set()
        self._not_before: dict[Owner, float] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def note(self, owner: Owner, *, commits: int) -> None:
        """Note that there have been so many commits since the table was tended to last."""
        now = time.monotonic()
        with self._changed:
            if self._closing:
                return
            if commits >= _COMMITS_WORTH_IT:
                self._urgent.add(owner)
            soon = now if owner in self._urgent else now + _IDLE_S
            pause_ends = 0 if commits >= _COMMITS_TOO_MANY else self._not_before.get(owner, 0)
            self._due[owner] = max(soon, pause_ends)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scrubjay-upkeep", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._changed.notify()

    def forget(self, owner: Owner) -> None:
        """Tend no more to an owner whose table is gone."""
        with self._changed:
            self._due.pop(owner, None)
            self._urgent.discard(owner)
            self._not_before.pop(owner, None)

    def close(self) -> None:
        """Tend to what cannot wait, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        atexit.unregister(self.close)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (owner := self._next()) is not None:
            began = time.monotonic()
            try:
                again = self._tend(owner)
            except StoreError as error:
                logger.warning("maintenance is put off: %s", error)
                again = False
            except Exception:
                logger.exception("maintenance failed")
                again = False
            ended = time.monotonic()
            with self._changed:
                self._not_before = {each: ends for each, ends in self._not_before.items() if ends > ended}
                self._not_before[owner] = ended + _PAUSE_PER_WORK * (ended - began)
                if again and not self._closing:
                    self._due.setdefault(owner, max(self._not_before[owner], ended + 2 * _IDLE_S))

    def _next(self) -> Owner | None:
        """Wait until an owner is due and return it; None when there is no more to do."""
        with self._changed:
            while True:
                due = {owner: self._due[owner] for owner in self._urgent} if self._closing else self._due
                if self._closing and not due:
                    return None
                now = time.monotonic()
                can_wait = {each: due[each] > now or each not in self._urgent for each in due}
                owner = min(due, key=lambda each: (can_wait[each], due[each]), default=None)
                wait_s = _FOREVER_S if owner is None else due[owner] - now
                if owner is not None and (self._closing or wait_s <= 0):
                    del self._due[owner]
                    self._urgent.discard(owner)
                    return owner
                self._changed.wait(wait_s)
