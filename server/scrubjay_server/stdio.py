"""The server of one local person, on standard input and output."""

import io
import os
import signal
import sys
from typing import Any, BinaryIO

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer

from scrubjay import __version__
from scrubjay_server.loading import EngineLoader, local_principal
from scrubjay_server.local import locally_served
from scrubjay_server.settings import Settings
from scrubjay_server.stdin import ReadableLines
from scrubjay_tools.host import Host
from scrubjay_tools.surface import surface

_INTERRUPTED = 130


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
    loader = EngineLoader(settings, lambda: locally_served(settings))
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
