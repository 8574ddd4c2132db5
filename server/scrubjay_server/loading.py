"""The engine of a running server: built once, beside the answers to clients."""

import logging
import threading
from collections.abc import Callable

from scrubjay import Memory, ScrubjayError
from scrubjay.journeys.engine import Engine
from scrubjay.types import Owner
from scrubjay_server.local import TENANT, build_memory
from scrubjay_server.pending import PendingReader
from scrubjay_server.settings import Settings
from scrubjay_tools.host import Principal

logger = logging.getLogger(__name__)

_HEAD_START_S = 0.25
"""How long after the first reply loading begins: a client asks for the tools right after the handshake, and imports
would hold the interpreter just then."""


def local_principal(settings: Settings) -> Principal:
    """Return who uses this machine: on stdio there is nobody else."""
    return Principal(tenant=TENANT, user_id=settings.user_id, agent_id=settings.agent_id)


class EngineLoader:
    """Builds the engine once, in the background or for the first call that needs it.

    A failure is told to each call that waits, and the next call tries again: what was wrong may have been mended. What
    was said and nobody has read for facts yet is read in the background, if `served` tells to.
    """

    def __init__(self, settings: Settings, served: Callable[[], Callable[[Owner], bool]]) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._memory: Memory | None = None
        self._timer: threading.Timer | None = None
        self._reader = PendingReader(self, served)

    def __call__(self) -> Engine:
        """Return the engine as soon as its store is open; the weights may still be loading."""
        with self._lock:
            if self._memory is None:
                self._memory = build_memory(self._settings, origin="mcp", maintenance=True)
        return self._memory.engine

    def begin_soon(self) -> None:
        """Load everything in the background, a moment from now; only the first call counts."""
        if self._timer is None:
            self._timer = threading.Timer(_HEAD_START_S, self._load)
            self._timer.start()

    def _load(self) -> None:
        try:
            self().embedder.embed_query("warm up")
        except ScrubjayError as error:
            logger.warning("%s", error)
        self._reader.start()

    def wait_for_no_model(self) -> None:
        """End what is being read for facts, for good: calls that wait for it are answered, and it stays pending."""
        self._reader.stop()
        memory = self._memory
        if memory is not None and memory.engine.reading is not None:
            memory.engine.reading.end()

    def close(self) -> None:
        """Close what was opened; what is under way ends first: native code must not outlive the interpreter."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        self._reader.stop()
        with self._lock:
            if self._memory is not None:
                self._memory.close()
        self._reader.join()
