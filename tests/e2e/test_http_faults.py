"""Clients that leave, cancel, dawdle or say half of it; and the end of the server in the middle of everything."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e.servers import (
    BOTH_KINDS,
    Conversation,
    Site,
    bearer,
    hello,
    last_event,
    message,
    older_conversation,
    site,
    token_for,
)
from loopback import NOTHING, Messages, Model, running

LONG_S = {"SCRUBJAY_ADD_WAIT_S": "600", "SCRUBJAY_EXTRACT_TIMEOUT_S": "600"}
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def model() -> Iterator[Model]:
    with running(Messages()) as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path, model: Model) -> Iterator[Site]:
    """A server that waits long for a model, and ends well whatever its clients do."""
    for user in ("ana", "ben"):
        token_for(tmp_path, user)
    with site(tmp_path, ANTHROPIC_API_KEY="key", ANTHROPIC_BASE_URL=model.url, **LONG_S) as opened:
        yield opened
        if opened.process.poll() is None:
            assert opened.stop() == 0
        assert not [line for line in opened.said if "Traceback" in line]


def until(happens: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < give_up_at, "it does not happen"


def nothing_pending(conversation: Conversation) -> Callable[[], bool]:
    return lambda: conversation.call("list_memories", state="pending")["total"] == 0


def is_well(server: Site, folder: Path) -> bool:
    """Whether somebody else is served, from the first word on."""
    with server.http(token_for(folder, "ben")) as http:
        return (
            Conversation(http).call("search_memories", query="anything") is not None
            and http.get("/healthz").status_code == http.get("/readyz").status_code == 200
        )


class WaitingCall(threading.Thread):
    """A call that a model holds up; it ends when it is answered or its client is closed."""

    answer = ""

    def __init__(self, conversation: Conversation, body: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._conversation, self._body = conversation, body
        self.text = body["params"]["arguments"]["content"]
        self.start()

    def run(self) -> None:
        with suppress(httpx2.TransportError, RuntimeError):  # the client was closed meanwhile
            self.answer = self._conversation.post(self._body).text


def raw_request(server: Site, token: str, body: bytes, **headers: str) -> bytes:
    named = {"host": "localhost", **BOTH_KINDS, **bearer(token), "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"POST /mcp HTTP/1.1\r\n{head}content-type: application/json\r\n\r\n".encode() + body


@pytest.mark.promise("all-or-nothing")
def test_whoever_leaves_in_the_middle_of_a_call_leaves_nothing_half_done(
    server: Site, tmp_path: Path, model: Model
) -> None:
    token = token_for(tmp_path)
    for number in range(3):
        answer = model.hold()
        with server.http(token) as http:
            conversation = Conversation(http)
            body = conversation.request("add_memory", content=f"I keep {number + 2} bees")
            with server.connection() as line:
                payload = httpx2.Request("POST", server.url, json=body).read()
                session = {name: value for name, value in conversation.headers.items() if name.startswith("mcp")}
                line.sendall(raw_request(server, token, payload, **session))
                assert model.asked.acquire(timeout=60)
            assert is_well(server, tmp_path)
            answer()
            until(nothing_pending(conversation))
    with server.http(token) as http:
        assert sorted(Conversation(http).texts()) == [f"Noted: I keep {number + 2} bees" for number in range(3)]


@pytest.mark.promise("all-or-nothing")
def test_a_cancelled_call_is_whole_and_the_session_goes_on(server: Site, tmp_path: Path, model: Model) -> None:
    answer = model.hold()
    with server.http(token_for(tmp_path)) as http:
        conversation = Conversation(http)
        body = conversation.request("add_memory", content="I keep bees")
        call = WaitingCall(conversation, body)
        assert model.asked.acquire(timeout=60)
        cancelled = message("notifications/cancelled", None, requestId=body["id"], reason="no longer wanted")
        assert conversation.post(cancelled).status_code == 202
        assert conversation.call("search_memories", query="bees")["results"][0]["memory"] == "I keep bees"
        answer()
        until(nothing_pending(conversation))
        assert conversation.texts() == ["Noted: I keep bees"]
        call.join(60)
        assert not call.is_alive()


def test_a_cancelled_call_of_the_older_transport_leaves_the_stream_open(
    server: Site, tmp_path: Path, model: Model
) -> None:
    answer = model.hold()
    with server.http(token_for(tmp_path)) as http, older_conversation(http) as older:
        older.post(message("tools/call", 5, name="add_memory", arguments={"content": "I keep bees"}))
        assert model.asked.acquire(timeout=60)
        older.post(message("notifications/cancelled", None, requestId=5))
        answer()
        older.post(message("ping", 6))
        while (told := older.next())["id"] != 6:
            assert told["id"] == 5
        until(lambda: older.call("list_memories", state="pending")["total"] == 0)
        assert older.call("list_memories")["total"] == 1


HEAD = '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"add_memory","arguments":'


def test_what_cannot_be_read_is_answered_and_not_logged(server: Site, tmp_path: Path) -> None:
    kind = {"content-type": "application/json"}
    with server.http(token_for(tmp_path)) as http, older_conversation(http) as older:
        conversation = Conversation(http)
        for body in (b"canary", b"[]", b'{"canary":1}', b"[" * 5000, b"\xff\xfe"):
            assert http.post("/mcp", content=body, headers={**conversation.headers, **kind}).status_code == 400
            assert http.post(older.endpoint, content=body, headers=kind).status_code == 400
        for arguments in ("[" * 300 + "]" * 300, '{"limit": ' + "9" * 5000 + "}", "{,}"):
            body = f"{HEAD}{arguments}}}}}".encode()
            answer = last_event(http.post("/mcp", content=body, headers={**conversation.headers, **kind}).text)
            assert http.post(older.endpoint, content=body, headers=kind).status_code == 202
            for told in (answer, older.next()):
                assert told["id"] == 77
                assert "cannot be read" in told["error"]["message"] + str(told["error"].get("data"))
        body = f'{HEAD}{{"content":"cut emoji \\ud83d here"}}}}}}'.encode()
        assert http.post("/mcp", content=body, headers={**conversation.headers, **kind}).status_code == 200
        assert http.post(older.endpoint, content=body, headers=kind).status_code == 202
        assert older.next()["result"]["structuredContent"]["results"][0]["event"] == "NONE"
        assert conversation.call("list_memories")["memories"][0]["memory"] == "Noted: cut emoji \ufffd here"
    assert server.stop() == 0
    assert "canary" not in "".join(server.said)


def test_whoever_has_many_calls_waiting_delays_nobody_else(server: Site, tmp_path: Path, model: Model) -> None:
    model.script(NOTHING)
    with server.http(token_for(tmp_path)) as http:
        conversation = Conversation(http)
        said = [conversation.request("add_memory", content=f"I keep {number + 2} bees") for number in range(30)]
        calls = [WaitingCall(conversation, body) for body in said]
        assert model.asked.acquire(timeout=60)
        assert is_well(server, tmp_path)
        assert server.stop() == 0
        for call in calls:
            call.join(60)
    told = {call.text for call in calls if '"PENDING"' in call.answer}
    with site(tmp_path) as again, again.http(token_for(tmp_path)) as http:
        assert set(Conversation(http).texts()) >= told


def test_half_a_request_keeps_nobody_waiting(server: Site, tmp_path: Path) -> None:
    token = token_for(tmp_path)
    whole = raw_request(server, token, httpx2.Request("POST", server.url, json=hello()).read())
    assert is_well(server, tmp_path)
    before = server.has("fd")
    with ExitStack() as opened:
        lines = [opened.enter_context(server.connection()) for _ in range(60)]
        for number, line in enumerate(lines):
            line.sendall((b"", whole[:40], whole[:-10])[number % 3])
        until(lambda: server.has("fd") >= before + 50)
        assert is_well(server, tmp_path)
    until(lambda: server.has("fd") <= before + 5)
    assert is_well(server, tmp_path)
    with server.http(token) as http:
        assert Conversation(http).texts() == []


def test_whoever_reads_slowly_or_not_at_all_delays_nobody(server: Site, tmp_path: Path) -> None:
    token = token_for(tmp_path)
    with server.http(token) as http, ExitStack() as opened:
        conversation = Conversation(http)
        said = [{"text": f"Remark {number}", "metadata": {"note": "x" * 15_000}} for number in range(200)]
        conversation.call("add_memory", facts=said)
        listing = conversation.request("list_memories", limit=200, max_tokens=10_000_000)
        payload = httpx2.Request("POST", server.url, json=listing).read()
        session = {name: value for name, value in conversation.headers.items() if name.startswith("mcp")}
        for _ in range(20):
            line = opened.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(server.address)
            line.sendall(raw_request(server, token, payload, **session))
            assert line.recv(12) == b"HTTP/1.1 200"
        assert conversation.call("list_memories", limit=1)["total"] == 200
        assert is_well(server, tmp_path)
        assert server.stop() == 0


def test_clients_that_come_and_go_leave_no_threads_and_no_sockets(server: Site, tmp_path: Path) -> None:
    token = token_for(tmp_path)

    def visits(count: int) -> None:
        for _ in range(count):
            with server.http(token) as http, older_conversation(http) as older:
                older.post(message("tools/call", 3, name="list_memories", arguments={}))
                conversation = Conversation(http)
                with http.stream("GET", "/mcp", headers=conversation.headers) as stream:
                    assert stream.status_code == 200
                    conversation.call("list_memories")

    visits(5)
    until(lambda: is_well(server, tmp_path))
    sockets, threads = server.has("fd"), server.has("task")
    visits(40)
    until(lambda: server.has("fd") <= sockets + 3)
    assert server.has("task") <= threads + 40  # the worker threads, which are bounded
    assert is_well(server, tmp_path)


def tell_on_and_on(server: Site, token: str, name: str, acknowledged: list[str]) -> None:
    """Add memories until the server is gone."""
    with suppress(httpx2.TransportError, AssertionError), server.http(token) as http:
        conversation = Conversation(http)
        for number in range(10_000):
            text = f"{name} said number {number}"
            conversation.call("add_memory", facts=[{"text": text}])
            acknowledged.append(text)


@pytest.mark.promise("durability")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_the_end_of_the_server(tmp_path: Path, stop: signal.Signals) -> None:
    token = token_for(tmp_path)
    told: list[list[str]] = [[] for _ in range(4)]
    with site(tmp_path) as server:
        tellers = [
            threading.Thread(target=tell_on_and_on, args=(server, token, f"Teller {number}", acknowledged))
            for number, acknowledged in enumerate(told)
        ]
        for teller in tellers:
            teller.start()
        until(lambda: all(len(acknowledged) >= 3 for acknowledged in told))
        assert server.stop(stop) == (-stop if stop == signal.SIGKILL else 0)
        for teller in tellers:
            teller.join(60)
        assert not [line for line in server.said if "Traceback" in line], server.said
    with site(tmp_path) as server, server.http(token) as http:
        known = Conversation(http).texts()
        assert len(known) == len(set(known))
        assert set(known) >= {text for acknowledged in told for text in acknowledged}


@pytest.mark.promise("nothing-unread")
@pytest.mark.parametrize("more", [[], SIGNALS], ids=["one signal", "three signals"])
def test_the_server_ends_while_a_model_is_waited_for_and_streams_are_open(
    server: Site, tmp_path: Path, model: Model, more: list[signal.Signals]
) -> None:
    model.script(NOTHING)
    token = token_for(tmp_path)
    with server.http(token) as http, older_conversation(http) as older:
        conversation = Conversation(http)
        with http.stream("GET", "/mcp", headers=conversation.headers) as stream:
            assert stream.status_code == 200
            body = conversation.request("add_memory", content="I keep bees")
            call = WaitingCall(conversation, body)
            assert model.asked.acquire(timeout=60)
            assert older.post(message("ping", 2)).status_code == 202
            for number in [signal.SIGTERM, *more]:
                server.process.send_signal(number)
            assert server.ended() == 0
            call.join(60)
            assert '"PENDING"' in call.answer or len(more) > 1  # a second SIGINT says that nobody waits
    assert model.hung_up.wait(20)
    with site(tmp_path, ANTHROPIC_API_KEY="key", ANTHROPIC_BASE_URL=model.url) as again, again.http(token) as http:
        conversation = Conversation(http)
        until(nothing_pending(conversation))
        assert conversation.texts() == ["Noted: I keep bees"]


@pytest.mark.parametrize("stop", SIGNALS)
def test_a_server_that_has_not_begun_ends_as_well(tmp_path: Path, stop: signal.Signals) -> None:
    for _ in range(3):
        with site(tmp_path) as server:
            assert server.stop(stop) == 0
            assert not [line for line in server.said if "Traceback" in line], server.said
