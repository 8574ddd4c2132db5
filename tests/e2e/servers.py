"""Real servers on loopback, for many people: started, asked, stopped by their own id."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from e2e.processes import COMMAND, environment
from scrubjay.rights import USUAL_RIGHTS, Right
from scrubjay_server.tokens import Tokens

PATIENCE_S = 60
BOTH_KINDS = {"accept": "application/json, text/event-stream"}
ERA = "2025-06-18"


class Site:
    """A running server. `said` is what it has written on standard error so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said: list[str] = []
        self.url = ""
        self._heard = threading.Condition()
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()
        with self._heard:
            self._heard.wait_for(lambda: self.url or not self._ear.is_alive(), PATIENCE_S)
        if not self.url:
            process.kill()
        assert self.url, self.said

    @property
    def address(self) -> tuple[str, int]:
        known = httpx2.URL(self.url)
        return known.host.strip("[]"), known.port or 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        status = self.process.wait(timeout=PATIENCE_S)
        self._ear.join(PATIENCE_S)
        return status

    def http(self, token: str = "", **headers: str) -> httpx2.Client:
        """A plain client of this server, with a person's token."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx2.Client(base_url=self.url, headers={**bearer(token), **named}, timeout=PATIENCE_S, trust_env=False)

    def connection(self) -> socket.socket:
        """A connection on which a test writes what no client would."""
        return socket.create_connection(self.address, timeout=PATIENCE_S)

    def has(self, what: str) -> int:
        """Return how many threads ("task") or open files and sockets ("fd") the process has, as the kernel tells it."""
        return len(list(Path(f"/proc/{self.process.pid}/{what}").iterdir()))

    def mapped_files(self) -> str:
        return Path(f"/proc/{self.process.pid}/maps").read_text(encoding="utf-8")

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._heard:
                self.said.append(line)
                if "listens on " in line:
                    self.url = line.split("listens on ")[1].split()[0]
                self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()


@contextmanager
def site(folder: Path, *arguments: str, transport: str = "http", port: int = 0, **more: str) -> Iterator[Site]:
    """Run a server over a folder while the block runs."""
    command = [*COMMAND, "serve", "--transport", transport, "--port", str(port), *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(folder, **more),
    ) as process:
        running = Site(process)
        try:
            yield running
        finally:
            process.kill()
            running.ended()  # its pipe is read to the end before it is closed


def refused(folder: Path, *arguments: str, **more: str) -> str:
    """Return the one line with which a server ends that cannot begin."""
    done = subprocess.run(
        [*COMMAND, "serve", "--transport", "http", *arguments],
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def token_for(
    folder: Path,
    user: str = "ana",
    *,
    tenant: str = "local",
    scopes: frozenset[Right] = USUAL_RIGHTS,
    lifetime: timedelta | None = None,
) -> str:
    return tokens(folder).create(tenant=tenant, user_id=user, scopes=scopes, lifetime=lifetime)[0]


def tokens(folder: Path) -> Tokens:
    return Tokens(folder / "tokens.json")


def id_of(token: str) -> str:
    return token.split("_")[1]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def message(method: str, number: int | None = 1, **params: Any) -> dict[str, Any]:
    numbered = {} if number is None else {"id": number}
    return {"jsonrpc": "2.0", **numbered, "method": method, "params": params}


def hello(number: int = 1) -> dict[str, Any]:
    client = {"name": "raw", "version": "0"}
    return message("initialize", number, protocolVersion=ERA, capabilities={}, clientInfo=client)


class Conversation:
    """A session of Streamable HTTP in the handshake era, spoken by hand."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self._number = 1
        answer = http.post("/mcp", json=hello(), headers=BOTH_KINDS)
        assert answer.status_code == 200, answer.text
        self.headers = {**BOTH_KINDS, "mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": ERA}
        assert self.post(message("notifications/initialized", None)).status_code == 202

    def post(self, body: dict[str, Any], **headers: str) -> httpx2.Response:
        return self.http.post("/mcp", json=body, headers={**self.headers, **headers})

    def request(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the message that calls a tool."""
        self._number += 1
        return message("tools/call", self._number, name=tool, arguments=arguments)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        answer = self.post(self.request(tool, **arguments))
        assert answer.status_code == 200, answer.text
        result = last_event(answer.text)["result"]
        assert not result.get("isError"), result
        return dict(result["structuredContent"])

    def texts(self) -> list[str]:
        listed = self.call("list_memories", limit=500, max_tokens=100_000)
        return [memory["memory"] for memory in listed["memories"]]


def last_event(stream: str) -> dict[str, Any]:
    *_, last = (line for line in stream.splitlines() if line.startswith("data: {"))
    return dict(json.loads(last.removeprefix("data: ")))


class OlderConversation:
    """A session of the older transport, spoken by hand: what is posted is answered on the stream."""

    def __init__(self, http: httpx2.Client, stream: httpx2.Response) -> None:
        self.http = http
        self._events = (line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: "))
        self.endpoint = next(self._events)
        assert self.post(hello()).status_code == 202
        assert self.next()["result"]["serverInfo"]["name"] == "scrubjay"
        assert self.post(message("notifications/initialized", None)).status_code == 202

    def post(self, body: dict[str, Any], http: httpx2.Client | None = None) -> httpx2.Response:
        return (http or self.http).post(self.endpoint, json=body)

    def next(self) -> dict[str, Any]:
        return dict(json.loads(next(self._events)))

    def ends(self) -> bool:
        """Wait until the server ends the stream."""
        return not list(self._events)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        assert self.post(message("tools/call", 7, name=tool, arguments=arguments)).status_code == 202
        result = self.next()["result"]
        assert not result.get("isError"), result
        return dict(result["structuredContent"])


@contextmanager
def older_conversation(http: httpx2.Client) -> Iterator[OlderConversation]:
    with http.stream("GET", "/sse") as stream:
        assert stream.status_code == 200
        yield OlderConversation(http, stream)
