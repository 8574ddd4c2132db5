"""MCP over HTTP: Streamable HTTP at /mcp and, for clients that have only that, SSE at /sse and /messages/."""

from collections.abc import Callable
from typing import Any

import anyio.to_thread
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from scrubjay import __version__
from scrubjay.journeys.engine import Engine
from scrubjay_server.http.access import Identities, principal_now, principal_of
from scrubjay_server.http.connections import MOST_BODY_BYTES, FewSessions, MortalStreams, given
from scrubjay_server.http.guards import Turns
from scrubjay_server.http.metrics import Metrics, measured_calls
from scrubjay_server.http.problems import problem
from scrubjay_server.stdin import is_readable, readable_line
from scrubjay_tools.host import Host
from scrubjay_tools.surface import LogLevel, surface

_WORKING = frozenset({"tools/call", "resources/read", "prompts/get"})
_OPERATIONS = frozenset(
    {
        "add_memory", "search_memories", "list_memories", "update_memory", "forget", "initialize", "ping", "tools/list",
        "server/discover", "resources/list", "resources/read", "resources/templates/list", "prompts/list",
        "prompts/get", "subscriptions/listen",
    }
)  # fmt: skip
_LONG_BYTES = 64 << 10
"""Messages that are longer are read in a thread: millions of brackets take seconds."""
_CHECKED_ALREADY = TransportSecuritySettings(enable_dns_rebinding_protection=False)


def mcp_server(engine: Callable[[], Engine], *, turns: Turns, metrics: Metrics, log_level: LogLevel) -> MCPServer[Host]:
    """Return the server for everybody whom `Access` lets in."""
    host = Host(engine=engine, principal=principal_now)
    middleware: list[ServerMiddleware[Any]] = [measured_calls(metrics, _OPERATIONS), _in_turn(turns)]
    return surface(host, version=__version__, log_level=log_level, middleware=middleware)


def _in_turn(turns: Turns) -> ServerMiddleware[Any]:
    async def wait(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method not in _WORKING:
            return await call_next(ctx)
        async with turns.of(principal_now()):
            return await call_next(ctx)

    return wait


def streamable_routes(server: MCPServer[Host], identities: Identities, turns: Turns) -> list[BaseRoute]:
    """Return the route of Streamable HTTP; `server.session_manager.run()` has to be running."""
    app = server.streamable_http_app(transport_security=_CHECKED_ALREADY, max_request_body_size=MOST_BODY_BYTES)
    return _knowing_who_asks(app.routes, identities, turns)


def sse_routes(server: MCPServer[Host], identities: Identities, turns: Turns) -> list[BaseRoute]:
    """Return the routes of the older transport."""
    app = server.sse_app(transport_security=_CHECKED_ALREADY, max_request_body_size=MOST_BODY_BYTES)
    return _knowing_who_asks(app.routes, identities, turns)


def _knowing_who_asks(routes: list[BaseRoute], identities: Identities, turns: Turns) -> list[BaseRoute]:
    for route in routes:
        if isinstance(route, Route | Mount):
            route.app = _around(route.app, identities, turns)
    return routes


def _around(app: ASGIApp, identities: Identities, turns: Turns) -> ASGIApp:
    mortal = MortalStreams(FewSessions(AuthContextMiddleware(app)), identities=identities)
    return ReadableMessages(mortal, turns=turns)


class ReadableMessages:
    """Mends what clients write that the SDK cannot read, as on standard input: half an emoji must stop no request.

    The SDK writes what it cannot read into the log when it comes by the older transport; here it is only refused.
    """

    def __init__(self, app: ASGIApp, *, turns: Turns) -> None:
        self._app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a body that can be read, or answer 400."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        message = await receive()  # whole, which `WholeBodies` sees to
        sent = message.get("body", b"")
        if len(sent) > _LONG_BYTES:
            turn = self._turns.of(principal_of(HTTPConnection(scope)))
            body, can_be_read = await anyio.to_thread.run_sync(_mended, sent, limiter=turn)
        else:
            body, can_be_read = _mended(sent)
        if scope["path"].startswith("/messages") and not can_be_read:
            await problem(400, "the body is no JSON-RPC message")(scope, receive, send)
            return
        await self._app(scope, given({**message, "body": body}, receive), send)


def _mended(body: bytes) -> tuple[bytes, bool]:
    """Return a message that can be read, if that is to be had, and whether it can."""
    line = readable_line(body)
    return line, is_readable(line)
