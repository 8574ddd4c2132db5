"""MCP over HTTP: Streamable HTTP at /mcp and, for clients that have only that, SSE at /sse and /messages/."""

from collections.abc import Callable
from typing import Any

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from scrubjay import __version__
from scrubjay.journeys.engine import Engine
from scrubjay_server.http.access import principal_now
from scrubjay_server.http.guards import MOST_BODY_BYTES, Turns
from scrubjay_server.http.metrics import Metrics, measured_calls
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


def streamable_routes(server: MCPServer[Host]) -> list[BaseRoute]:
    """Return the route of Streamable HTTP; `server.session_manager.run()` has to be running."""
    app = server.streamable_http_app(transport_security=_CHECKED_ALREADY, max_request_body_size=MOST_BODY_BYTES)
    return _knowing_who_asks(app.routes)


def sse_routes(server: MCPServer[Host]) -> list[BaseRoute]:
    """Return the routes of the older transport."""
    app = server.sse_app(transport_security=_CHECKED_ALREADY, max_request_body_size=MOST_BODY_BYTES)
    return _knowing_who_asks(app.routes)


def _knowing_who_asks(routes: list[BaseRoute]) -> list[BaseRoute]:
    for route in routes:
        if isinstance(route, Route | Mount):
            route.app = _with_context(route.app)
    return routes


def _with_context(app: ASGIApp) -> ASGIApp:
    return AuthContextMiddleware(app)
