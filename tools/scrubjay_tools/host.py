"""What the surface is given by whoever runs it: an engine, once it is ready, and who is asking."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
from mcp.server.mcpserver import Context

from scrubjay.journeys.engine import Engine
from scrubjay.progress import Progress
from scrubjay.rights import EVERY_RIGHT, Right
from scrubjay.types import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is connected, from the launch configuration or the token; nothing a model writes gets in here."""

    tenant: str
    user_id: str
    agent_id: str
    rights: frozenset[Right] = EVERY_RIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The server around the surface. `engine` waits until the engine is loaded; `principal` knows who asks now."""

    engine: Callable[[], Engine]
    principal: Callable[[], Principal]


def engine_of(ctx: Context[Host]) -> Engine:
    """Return the engine, loaded."""
    return ctx.request_context.lifespan_context.engine()


def caller_of(ctx: Context[Host], session_id: str = "") -> Caller:
    """Return who calls: the principal, in the conversation that `session_id` names."""
    client = ctx.session.client_params
    origin = client.client_info.name if client else ""
    return caller(ctx.request_context.lifespan_context.principal(), session_id=session_id, origin=origin[:256])


def caller(principal: Principal, *, session_id: str = "", origin: str = "") -> Caller:
    """Return the engine's caller for a principal."""
    return Caller(
        tenant=principal.tenant,
        user_id=principal.user_id,
        agent_id=principal.agent_id,
        session_id=session_id,
        written_by=principal.user_id,
        origin=origin,
        rights=principal.rights,
    )


def reporting(ctx: Context[Host], of_what: str) -> Progress:
    """Return what tells the client how far a call has come; tools run in worker threads of the server's loop."""

    def report(done: int, total: int) -> None:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # who has left needs no progress
            anyio.from_thread.run(ctx.report_progress, done, total, of_what)

    return report
