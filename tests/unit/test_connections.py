"""Requests that do not come to their end, and streams of who may not read on: without a clock that a test waits for."""

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from scrubjay_server.http.connections import PromptRequests, WholeBodies

pytestmark = pytest.mark.anyio
HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Hasty(PromptRequests):
    patience_s = 0.05


async def size(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the number of bytes that came at once."""
    message = await receive()
    assert not message["more_body"]
    told = str(len(message["body"])).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
    await send({"type": "http.response.body", "body": told})


async def said_to(parts: list[bytes]) -> bytes:
    """Return what a server with little patience answers to these bytes, until it hangs up."""
    config = uvicorn.Config(WholeBodies(size, most_bytes=1000, patience_s=0.05), lifespan="off")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: Hasty(config, state, {}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for part in parts:
            writer.write(part)
            await writer.drain()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


@pytest.mark.parametrize("parts", [[], [b"POST /"], [HEAD], [HEAD, b"x: y\r\n"]])
async def test_a_connection_without_a_whole_head_is_closed(parts: list[bytes]) -> None:
    assert await said_to(parts) == b""


async def test_a_second_request_has_no_more_time_than_the_first() -> None:
    answer = await said_to([HEAD + b"content-length: 2\r\n\r\nab", HEAD])
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n2")


async def test_a_body_that_does_not_come_is_refused() -> None:
    answer = await said_to([HEAD + b"content-length: 20\r\n\r\nab"])
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"the body did not come" in answer


@pytest.mark.parametrize(
    "request_",
    [b"content-length: 1001\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n" + b"200\r\n%s\r\n" % (b"x" * 512) * 2],
)
async def test_a_body_that_is_too_large_is_refused(request_: bytes) -> None:
    assert (await said_to([HEAD + request_])).startswith(b"HTTP/1.1 413")


async def test_a_body_in_pieces_arrives_as_a_whole() -> None:
    pieces = b"".join(b"%x\r\n%s\r\n" % (n, b"x" * n) for n in (1, 200, 300)) + b"0\r\n\r\n"
    assert (await said_to([HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n" + pieces])).endswith(
        b"501"
    )


async def test_who_leaves_before_the_end_is_not_answered() -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def nobody(*_: Any) -> None:
        pytest.fail("half a request was passed on")

    await WholeBodies(nobody)({"type": "http", "path": "/", "headers": []}, receive, send)
    assert sent == []
