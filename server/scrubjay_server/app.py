"""Builds the engine from settings, and runs the stdio server around it."""

import io
import logging
import os
import signal
import sys
import threading
from typing import Any, BinaryIO

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer

from scrubjay import Memory, ScrubjayError, __version__
from scrubjay.journeys.engine import Engine
from scrubjay_server.local import TENANT, build_memory, local_caller
from scrubjay_server.pending import PendingReader
from scrubjay_server.settings import Settings
from scrubjay_server.stdin import ReadableLines
from scrubjay_tools.host import Host, Principal
from scrubjay_tools.surface import surface

logger = logging.getLogger(__name__)

_INTERRUPTED = 130
_HEAD_START_S = 0.25
"""How long after the first reply loading begins: a client asks for the tools right after the handshake, and imports
would hold the interpreter just then."""


def local_principal(settings: Settings) -> Principal:
    """Return who uses this machine: on stdio there is nobody else."""
    return Principal(tenant=TENANT, user_id=settings.user_id, agent_id=settings.agent_id)


class EngineLoader:
    """Builds the engine once, in the background or for the first call that needs it.

    A failure is told to each call that waits, and the next call tries again: what was wrong may have been mended.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._memory: Memory | None = None
        self._timer: threading.Timer | None = None
        self._reader = PendingReader(self, lambda: [local_caller(settings)])

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


def stdio_server(settings: Settings, loader: EngineLoader) -> MCPServer[Host]:
    """Return the server for one local person, which begins to load when it has answered for the first time."""

    async def load_after_first_reply(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        loader.begin_soon()
        return result

    settings.folder  # noqa: B018 - a wrong setting is told at the start
    host = Host(engine=loader, principal=lambda: local_principal(settings))
    return surface(host, version=__version__, log_level=settings.log_level, middleware=[load_after_first_reply])


def serve_stdio(settings: Settings) -> None:
    """Serve on standard input and output until the client hangs up; logs go to standard error."""
    loader = EngineLoader(settings)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(ReadableLines(_take_standard_input())), encoding="utf-8")
    # A thread waits for standard input and cannot be woken; what was acknowledged is on the disk.
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    stdio_server(settings, loader).run("stdio")
    loader.close()


def _take_standard_input() -> BinaryIO:
    """Return the client's pipe, and leave nothing on standard input that a child process could read away."""
    pipe = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return pipe
