"""What is counted, in the words of Prometheus. No label and no figure holds a text, a person or a tenant."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scrubjay.errors import StoreError
from scrubjay.journeys.engine import Engine
from scrubjay.ports import Work
from scrubjay.types import PENDING, Owner

logger = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ERRORS_FROM = 400


class Metrics:
    """The counters of one server. Thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("interface", "operation")
        self._operations = Counter(
            "scrubjay_operations", "Calls answered", (*labels, "outcome"), registry=self.registry
        )
        self._seconds = Histogram(
            "scrubjay_operation_seconds", "Time a call took", labels, buckets=_SECONDS, registry=self.registry
        )
        ProcessCollector(registry=self.registry)

    @contextmanager
    def timed(self, interface: str, operation: Callable[[], str]) -> Iterator["Outcome"]:
        """Count and time a call; its outcome is "error" unless the block ends well and does not say otherwise."""
        outcome, began = Outcome(), time.perf_counter()
        try:
            yield outcome
        except BaseException:
            outcome.failed = True
            raise
        finally:
            name = operation()
            self._seconds.labels(interface, name).observe(time.perf_counter() - began)
            self._operations.labels(interface, name, "error" if outcome.failed else "ok").inc()

    def text(self) -> bytes:
        """Return everything, as Prometheus reads it."""
        return generate_latest(self.registry)


class Outcome:
    """Whether a call that was answered has failed all the same."""

    failed = False


class PendingMessages(Collector):
    """How many messages wait to be read for facts; counted when somebody asks."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the one figure, without what lies in damaged tables; raises StoreError."""
        engine = self._engine()
        waiting = engine.store.owners_with(Work.PENDING, now=engine.now())
        count = sum(_pending(engine, owner) for owner in waiting)
        yield GaugeMetricFamily("scrubjay_pending_messages", "Messages not yet read for facts", value=count)


def _pending(engine: Engine, owner: Owner) -> int:
    try:
        return engine.store.count(owner, PENDING)
    except StoreError as error:  # it names the table, and who asks for metrics is nobody in particular
        logger.warning("somebody's pending messages cannot be counted: %s", error)
        return 0


class Measured:
    """Counts the requests to the routes of the REST API and the page, by the name of the route."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, interfaces: Mapping[str, str]) -> None:
        self._app = app
        self._metrics = metrics
        self._interfaces = interfaces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it."""
        path = scope.get("path", "")
        interface = next((name for start, name in self._interfaces.items() if path.startswith(start)), None)
        if scope["type"] != "http" or interface is None:
            await self._app(scope, receive, send)
            return
        with self._metrics.timed(interface, lambda: getattr(scope.get("route"), "name", None) or "none") as outcome:

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    outcome.failed = message["status"] >= _ERRORS_FROM
                await send(message)

            await self._app(scope, receive, watched)


def measured_calls(metrics: Metrics, known: frozenset[str]) -> Any:
    """Return what counts the calls of MCP tools, resources and prompts, in the SDK's form of a middleware."""

    async def count(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        named = str((ctx.params or {}).get("name", "")) if ctx.method == "tools/call" else ctx.method
        with metrics.timed("mcp", lambda: named if named in known else "other") as outcome:
            result = await call_next(ctx)
            is_error = result.get("isError") if isinstance(result, dict) else getattr(result, "is_error", None)
            outcome.failed = bool(is_error)
            return result

    return count
