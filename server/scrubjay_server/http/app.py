"""The one ASGI application: what it offers where, and through what every request comes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import anyio.to_thread
from fastapi import FastAPI
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import ProtectedResourceMetadata
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from scrubjay import __version__
from scrubjay.journeys.engine import Engine
from scrubjay.ports import Work
from scrubjay.rights import Right
from scrubjay_server.dashboard.pages import pages
from scrubjay_server.dashboard.sessions import Codes
from scrubjay_server.dashboard.visiting import BaseUrl
from scrubjay_server.http.access import METADATA_PATH, RESOURCES, Access, Identities
from scrubjay_server.http.api import offer_api
from scrubjay_server.http.connections import WholeBodies
from scrubjay_server.http.guards import Allowances, FairShare, KnownSite, Turns, base_url, whose
from scrubjay_server.http.metrics import CONTENT_TYPE, Measured, Metrics, PendingMessages
from scrubjay_server.http.problems import tell_problems
from scrubjay_server.http.protocol import mcp_server, sse_routes, streamable_routes
from scrubjay_server.settings import Settings
from scrubjay_tools.host import Host

Transport = Literal["http", "sse"]
_WORKERS = 40
"""Threads for everything that blocks; whoever comes when all are busy waits, and nobody's handshake does."""


def build_app(
    settings: Settings,
    engine: Callable[[], Engine],
    *,
    identities: Identities,
    codes: Codes | None = None,
    transport: Transport = "http",
) -> FastAPI:
    """Return the application around an engine that is built outside it; `engine` waits until it is ready.

    `codes` open the page for the local person.
    """
    metrics, turns, base = Metrics(), Turns(), base_url(settings)
    allowances = Allowances(settings.rate_per_minute)
    server = mcp_server(engine, turns=turns, metrics=metrics, log_level=settings.log_level)
    app = FastAPI(
        title="Scrubjay",
        version=__version__,
        summary="Persistent memory for AI assistants",
        openapi_url="/api/v1/openapi.json" if transport == "http" else None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(server if transport == "http" else None),
        middleware=[
            Middleware(Measured, metrics=metrics, interfaces={"/api/": "rest", "/dashboard": "page"}),
            Middleware(KnownSite, settings=settings),
            Middleware(Access, identities=identities, base_url=base),
            Middleware(FairShare, allowances=allowances),
            Middleware(WholeBodies, later=("/api/",)),
        ],
    )
    tell_problems(app)
    _add_health(app, engine, metrics)
    _add_metadata(app, base)
    app.router.routes.extend(sse_routes(server, identities))
    if transport == "http":
        app.router.routes.extend(streamable_routes(server, identities))
        offer_api(app, engine=engine, turns=turns)
        page = pages(engine, identities, codes or Codes(), base, may_ask=lambda person: allowances.take(whose(person)))
        app.include_router(page)
        app.add_route("/", lambda _: RedirectResponse("/dashboard"), include_in_schema=False)
    return app


def _lifespan(server: MCPServer[Host] | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _WORKERS
        if server is None:
            yield
            return
        async with server.session_manager.run():
            yield

    return lifespan


def _add_health(app: FastAPI, engine: Callable[[], Engine], metrics: Metrics) -> None:
    metrics.registry.register(PendingMessages(engine))

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> dict[str, str]:
        ready = engine()
        ready.store.owners_with(Work.PENDING, now=ready.now())
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    def everything_counted() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)


def _add_metadata(app: FastAPI, base: BaseUrl) -> None:
    async def metadata(request: Request) -> JSONResponse:
        url, resource = base(request), request.url.path.partition(METADATA_PATH)[2]
        told = ProtectedResourceMetadata.model_validate(
            {
                "resource": f"{url}{resource}",
                "authorization_servers": [url],
                "scopes_supported": list(Right),
                "resource_name": "Scrubjay",
            }
        )
        return JSONResponse(told.model_dump(mode="json", exclude_none=True))

    for resource in ("", *RESOURCES):
        app.add_api_route(f"{METADATA_PATH}{resource}", metadata, include_in_schema=False)
