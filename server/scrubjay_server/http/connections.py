"""Connections that wait for nothing: half a request ends in time, and a stream ends with the token that opened it."""

import asyncio
from typing import ClassVar

import anyio
import h11
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from scrubjay_server.http.access import Identities, token_id_of
from scrubjay_server.http.problems import problem

MOST_BODY_BYTES = 4 << 20
_PATIENCE_S = 30.0
_LOOK_AGAIN_S = 2.0


class PromptRequests(H11Protocol):
    """uvicorn's protocol, which by itself waits for ever for the rest of a request's head."""

    patience_s: ClassVar[float] = _PATIENCE_S
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, from when the request began, or stop when its head is there."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._due = self._due or self.loop.call_later(self.patience_s, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


class WholeBodies:
    """Passes a request on when its body is there, whole: 413 for one that is too large, 408 for one that does not come.

    Requests whose path begins with one of `later` are passed on as they are: who takes them has it done when it is
    their turn.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most_bytes: int = MOST_BODY_BYTES,
        patience_s: float = _PATIENCE_S,
        later: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._later = later
        self._most_bytes = most_bytes
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http" or scope["path"].startswith(self._later):
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        try:
            with anyio.fail_after(self._patience_s):
                too_large = declared.isdecimal() and int(declared) > self._most_bytes
                body = None if too_large else await self._body(receive)
        except TimeoutError:
            await problem(408, f"the body did not come within {self._patience_s:g} seconds")(scope, receive, send)
            return
        if body is None:
            told = f"the body is larger than {self._most_bytes >> 20} MiB; send it in several requests"
            await problem(413, told)(scope, receive, send)
        elif body["type"] == "http.request":
            await self._app(scope, given(body, receive), send)

    async def _body(self, receive: Receive) -> Message | None:
        """Return the message with the whole body, or that the client has left; None when it is too large."""
        parts = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            parts += message.get("body", b"")
            if len(parts) > self._most_bytes:
                return None
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(parts), "more_body": False}


def given(first: Message, receive: Receive) -> Receive:
    """Return what gives one message and then those that come."""
    left = [first]

    async def next_message() -> Message:
        return left.pop() if left else await receive()

    return next_message


class MortalStreams:
    """Ends a stream when whoever opened it would be let in no more: their token was revoked, or has expired."""

    def __init__(self, app: ASGIApp, *, identities: Identities) -> None:
        self._app = app
        self._identities = identities

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; what is only read, with GET, may be cut off."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        has_begun, is_open = False, False

        async def watched(message: Message) -> None:
            nonlocal has_begun, is_open
            begins = message["type"] == "http.response.start"
            if begins and has_begun:  # the SDK answers a stream once more that did not end with its client
                return
            has_begun, is_open = True, begins or message.get("more_body", False)
            await send(message)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._until_let_in_no_more, token_id_of(HTTPConnection(scope)), tasks.cancel_scope)
            await self._app(scope, receive, watched)
            tasks.cancel_scope.cancel()
        if is_open:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_let_in_no_more(self, token_id: str, end: anyio.CancelScope) -> None:
        while self._identities.let_in(token_id):  # noqa: ASYNC110 - a file tells nobody that it has changed
            await anyio.sleep(_LOOK_AGAIN_S)
        end.cancel()
