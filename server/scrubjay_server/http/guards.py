"""What a request has to pass before anybody looks at it: from which site, how large, how often."""

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import anyio
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from scrubjay_server.dashboard.visiting import BaseUrl
from scrubjay_server.http.access import is_loopback, principal_of
from scrubjay_server.http.problems import problem
from scrubjay_server.settings import Settings
from scrubjay_tools.host import Principal

_MOST_AT_ONCE = 8
_MOST_IN_FLIGHT = 256
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_WILDCARDS = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - recognised, not bound


class KnownSite:
    """Refuses requests to a host name, or from a web page, that is not this server's: DNS rebinding ends here."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        hosts = _host_names(settings)
        allowed = [*hosts, *(f"{name}:*" for name in hosts)]
        origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in allowed]
        self._check = TransportSecurityMiddleware(
            TransportSecuritySettings(allowed_hosts=allowed, allowed_origins=origins)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 or 403, or pass the request on."""
        refused = await self._check.validate_request(Request(scope)) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, receive, send)
            return
        header = "Origin" if refused.status_code == HTTPStatus.FORBIDDEN else "Host"
        told = f"this server does not know the {header} of the request; SCRUBJAY_PUBLIC_URL names where it is reached"
        await problem(refused.status_code, told)(scope, receive, send)


def _host_names(settings: Settings) -> list[str]:
    bound = f"[{settings.host}]" if ":" in settings.host.strip("[]") and settings.host[0] != "[" else settings.host
    named = [] if is_loopback(settings.host) or settings.host in _WILDCARDS else [bound]
    here = [] if is_loopback(settings.host) else [socket.gethostname()]
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    return [*_LOOPBACK, *named, *here, *([public] if public else [])]


class FairShare:
    """Holds each person to so many requests a minute, and to so many that wait at once."""

    def __init__(self, app: ASGIApp, *, allowances: "Allowances") -> None:
        self._app = app
        self._allowances = allowances
        self._in_flight: dict[tuple[str, str], int] = defaultdict(int)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429, or pass the request on."""
        if scope["type"] != "http" or "user" not in scope:
            await self._app(scope, receive, send)
            return
        person = whose(principal_of(HTTPConnection(scope)))
        if self._in_flight[person] >= _MOST_IN_FLIGHT or not self._allowances.take(person):
            told = f"too many requests; the limit is {self._allowances.per_minute} a minute, {_MOST_IN_FLIGHT} at once"
            await problem(429, told, headers={"Retry-After": "5"})(scope, receive, send)
            return
        self._in_flight[person] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight[person] -= 1


def whose(principal: Principal) -> tuple[str, str]:
    """Return what stands for a person: tenant and user."""
    return (principal.tenant, principal.user_id)


class Allowances:
    """How much each person may still ask for: a bucket that holds a minute's worth and fills evenly. Thread-safe."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._guard = threading.Lock()
        self._left: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, person: tuple[str, str]) -> bool:
        """Take one, if there is one left."""
        with self._guard:
            now = self._clock()
            left, then = self._left.get(person, (float(self.per_minute), now))
            left = min(self.per_minute, left + (now - then) * self.per_minute / 60)
            self._left[person] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class Turns:
    """Lets each principal have so many calls worked on at once; the others of theirs wait, and nobody else's do."""

    def __init__(self) -> None:
        self._limiters: dict[tuple[str, str], anyio.CapacityLimiter] = {}

    def of(self, principal: Principal) -> anyio.CapacityLimiter:
        """Return what to hold while working for a principal."""
        return self._limiters.setdefault(whose(principal), anyio.CapacityLimiter(_MOST_AT_ONCE))


def base_url(settings: Settings) -> BaseUrl:
    """Return what tells under which URL a request's client reaches the server, without a slash at its end."""
    if settings.public_url:
        return lambda _: settings.public_url.rstrip("/")
    return lambda connection: str(connection.base_url).rstrip("/")
