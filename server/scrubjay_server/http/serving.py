"""Runs the application: a socket, a server, an engine, and an end within seconds."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import click
import uvicorn
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp

from scrubjay.errors import ConfigurationError
from scrubjay_server.dashboard.sessions import Codes
from scrubjay_server.http.access import Identities, require_tokens
from scrubjay_server.http.app import Transport, build_app
from scrubjay_server.http.connections import PromptRequests
from scrubjay_server.loading import EngineLoader
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens

_LAST_WORDS_S = 5
"""How long calls under way may take when the server is told to stop; what they were told by then is on the disk."""
_LAST_EVENTS_S = 2
"""How long streams stay open then: answers may come on them."""
_WAITING_CONNECTIONS = 512


def serve_http(settings: Settings, *, transport: Transport = "http") -> None:
    """Serve until a signal says to stop. Raises ConfigurationError for an address that cannot be used."""
    leave_when_told()
    tokens = Tokens(settings.tokens_path)
    require_tokens(settings, tokens)
    identities = Identities(settings, tokens)
    loader = EngineLoader(settings, identities.served)
    listening = bound(settings)
    codes = Codes()
    app = build_app(settings, loader, identities=identities, codes=codes, transport=transport)
    offered = "/sse" if transport == "sse" else "/mcp, /sse, /api/v1, /dashboard"
    click.echo(f"Scrubjay listens on {url_of(listening)} ({offered})", err=True)
    if transport == "http" and identities.local():
        click.echo(f"Your page, once: {url_of(listening)}/dashboard?code={codes.issue()}", err=True)
    run(app, listening, loader, log_level=settings.log_level)


class _Server(uvicorn.Server):
    """uvicorn's server, which takes leave of the models first, so that calls are answered, and then of the streams."""

    def __init__(self, config: uvicorn.Config, loader: EngineLoader) -> None:
        super().__init__(config)
        self._loader = loader

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, and end."""
        await asyncio.to_thread(self._loader.wait_for_no_model)
        ending = asyncio.get_running_loop().call_later(_LAST_EVENTS_S, setattr, AppStatus, "should_exit", True)
        await super().shutdown(sockets)
        ending.cancel()


def run(app: ASGIApp, listening: socket.socket, loader: EngineLoader, *, log_level: str) -> None:
    """Serve on a socket until a signal says to stop; then close the engine, and leave the process."""
    config = uvicorn.Config(
        app,
        http=PromptRequests,
        ws="none",
        log_level=log_level.lower(),
        access_log=False,  # addresses hold what people search for
        server_header=False,
        timeout_graceful_shutdown=_LAST_WORDS_S,
    )
    AppStatus.enable_automatic_graceful_drain = False  # it would end streams at once, and the answers on them
    loader.begin_soon()
    try:
        _Server(config, loader).run(sockets=[listening])  # a signal that it was stopped by is raised again at its end
    finally:
        _on_signals(signal.SIG_IGN)  # what is being closed is closed to its end
        loader.close()


def leave_when_told() -> None:
    """Have a signal to stop end the process well, whatever it is at."""
    _on_signals(lambda *_: sys.exit(0))


def _on_signals(what: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, what)


def bound(settings: Settings) -> socket.socket:
    """Return a socket at the address that the settings name. Raises ConfigurationError when that is not to be had."""
    host = settings.host.strip("[]")
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(host or None, settings.port, type=socket.SOCK_STREAM)
        return socket.create_server(address[:2], family=family, backlog=_WAITING_CONNECTIONS)
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]
        raise ConfigurationError(
            f"cannot listen on {settings.host!r}, port {settings.port} ({why}); choose others with --host and --port"
        ) from error


def url_of(listening: socket.socket) -> str:
    """Return the URL at which a socket is reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
