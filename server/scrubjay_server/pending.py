"""The background worker: what nobody has read for facts yet is read while the server runs."""

import logging
import threading
from collections.abc import Callable

from scrubjay.errors import ScrubjayError
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.extracting import extract_everything
from scrubjay.types import Owner

logger = logging.getLogger(__name__)

_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 3600.0


class PendingReader:
    """A thread that looks for pending episodes at once and every half minute, and less and less often after a failure.

    `served` is asked each time whose words are read: those of anybody else go to nobody whom they have not chosen.
    Other processes may look as well: whoever holds the owner's second lock reads.
    """

    def __init__(self, engine: Callable[[], Engine], served: Callable[[], Callable[[Owner], bool]]) -> None:
        self._engine = engine
        self._served = served
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scrubjay-pending", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a reading under way goes on until its extractor is closed."""
        self._stopping.set()

    def join(self) -> None:
        """Return when the thread has ended."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_s = _PAUSE_S
        while not self._stopping.is_set():
            try:
                tally = extract_everything(self._engine(), whose=self._served())
                pause_s = _longer(pause_s) if tally.problem else _PAUSE_S
            except ScrubjayError as error:
                logger.warning("pending messages are read later: %s", error)
                pause_s = _longer(pause_s)
            self._stopping.wait(pause_s)


def _longer(pause_s: float) -> float:
    return min(2 * pause_s, _LONGEST_PAUSE_S)
