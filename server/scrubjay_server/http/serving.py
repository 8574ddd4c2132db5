"""Runs the application: a socket, a server, an engine, and an end within seconds."""

import signal
import socket
import sys

import click
import uvicorn
from starlette.types import ASGIApp

from scrubjay.errors import ConfigurationError
from scrubjay_server.dashboard.sessions import Codes
from scrubjay_server.http.access import Identities, require_tokens
from scrubjay_server.http.app import Transport, build_app
from scrubjay_server.loading import EngineLoader
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens

_LAST_WORDS_S = 5
"""How long calls under way may take when the server is told to stop; what they were told by then is on the disk."""
_WAITING_CONNECTIONS = 512


def serve_http(settings: Settings, *, transport: Transport = "http") -> None:
    """Serve until a signal says to stop. Raises ConfigurationError for an address that cannot be used."""
    tokens = Tokens(settings.tokens_path)
    require_tokens(settings, tokens)
    identities = Identities(settings, tokens)
    loader = EngineLoader(settings, identities.callers)
    listening = bound(settings)
    codes = Codes()
    app = build_app(settings, loader, identities=identities, codes=codes, transport=transport)
    offered = "/sse" if transport == "sse" else "/mcp, /sse, /api/v1, /dashboard"
    click.echo(f"Scrubjay listens on {url_of(listening)} ({offered})", err=True)
    if transport == "http" and identities.local():
        click.echo(f"Your page, once: {url_of(listening)}/dashboard?code={codes.issue()}", err=True)
    run(app, listening, loader, log_level=settings.log_level)


def run(app: ASGIApp, listening: socket.socket, loader: EngineLoader, *, log_level: str) -> None:
    """Serve on a socket until a signal says to stop; then close the engine, and leave the process."""
    config = uvicorn.Config(
        app,
        log_level=log_level.lower(),
        access_log=False,  # addresses hold what people search for
        server_header=False,
        timeout_graceful_shutdown=_LAST_WORDS_S,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again when it is done
        signal.signal(number, lambda *_: sys.exit(0))
    loader.begin_soon()
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        loader.close()


def bound(settings: Settings) -> socket.socket:
    """Return a socket at the address that the settings name. Raises ConfigurationError when that is not to be had."""
    host = settings.host.strip("[]")
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(host or None, settings.port, type=socket.SOCK_STREAM)
        return socket.create_server(address[:2], family=family, backlog=_WAITING_CONNECTIONS)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.host!r}, port {settings.port} ({error.strerror}); "
            "choose others with --host and --port"
        ) from error


def url_of(listening: socket.socket) -> str:
    """Return the URL at which a socket is reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
