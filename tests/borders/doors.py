"""The ways into the server, byte by byte: what a client sends and every byte that comes back."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx2

_META = "io.modelcontextprotocol"
_TIMEOUT_S = 30.0
_CLIENT = {"name": "stranger", "version": "1"}
_ACCEPTED = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whole; `headers` without those that differ from one answer to the next."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def everything(self) -> bytes:
        """Every byte of it."""
        return json.dumps(self.headers).encode() + self.body

    @property
    def message(self) -> dict[str, Any]:
        """The JSON-RPC message in it."""
        lines = [line.removeprefix(b"data: ") for line in self.body.splitlines() if line.startswith(b"data: {")]
        parsed: dict[str, Any] = json.loads(lines[-1] if lines else self.body)
        return parsed

    @property
    def shape(self) -> dict[str, Any]:
        """What a tool returned; raises AssertionError when it did not."""
        result = self.message.get("result", {})
        assert "structuredContent" in result, self.body
        assert not result.get("isError"), self.body
        shape: dict[str, Any] = result["structuredContent"]
        return shape


class Door:
    """A client of one kind, with one token. `ask` sends one JSON-RPC request and returns the answer to it."""

    def __init__(self, url: str, token: str | None, *, client: Mapping[str, Any] = _CLIENT) -> None:
        self.url = url
        self.headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        self._http = httpx2.Client(base_url=url, timeout=_TIMEOUT_S)
        self._numbers = itertools.count(1)
        self._client = dict(client)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        self._http.close()

    def ask(self, method: str, params: Mapping[str, Any]) -> Answer:
        raise NotImplementedError

    def tool(self, name: str, **arguments: Any) -> Answer:
        """Call a tool."""
        return self.ask("tools/call", {"name": name, "arguments": arguments})

    def send(
        self, verb: str, path: str, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a plain HTTP request with the token, and these headers."""
        sent = self._http.request(verb, path, content=content, headers={**self.headers, **(headers or {})})
        return _answer(sent)

    def post(self, path: str, message: Mapping[str, Any], **headers: str) -> Answer:
        """Post a JSON-RPC message."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", path, content=json.dumps(message).encode(), headers={**_ACCEPTED, **named})

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a JSON-RPC request; its id has so many digits always, so that answers can be compared."""
        return {"jsonrpc": "2.0", "id": 100_000 + next(self._numbers), "method": method, "params": dict(params)}


def _answer(sent: httpx2.Response) -> Answer:
    kept = {name: value for name, value in sent.headers.items() if name not in {"date", "mcp-session-id"}}
    return Answer(status=sent.status_code, body=sent.content, headers=kept)


class Stateless(Door):
    """Streamable HTTP as of 2026-07-28: each request stands for itself."""

    def ask(self, method: str, params: Mapping[str, Any], **headers: str) -> Answer:
        told = {
            f"{_META}/protocolVersion": "2026-07-28",
            f"{_META}/clientInfo": self._client,
            f"{_META}/clientCapabilities": {},
            **params.get("_meta", {}),
        }
        named = params.get("name") or params.get("uri") or ""
        about = {"mcp_protocol_version": "2026-07-28", "mcp_method": method, **({"mcp_name": named} if named else {})}
        return self.post("/mcp", self.request(method, {**params, "_meta": told}), **about, **headers)


class Handshake(Door):
    """Streamable HTTP with a session, as until 2025-11-25."""

    session = ""

    def ask(self, method: str, params: Mapping[str, Any]) -> Answer:
        if not self.session:
            self.begin()
        return self.post("/mcp", self.request(method, params), **self.in_session(self.session))

    def begin(self) -> Answer:
        """Make a session."""
        opening = self.request("initialize", _opening(self._client))
        sent = self._http.post("/mcp", content=json.dumps(opening).encode(), headers={**self.headers, **_ACCEPTED})
        self.session = sent.headers.get("mcp-session-id", "")
        if self.session:
            self.post("/mcp", _INITIALIZED, **self.in_session(self.session))
        return _answer(sent)

    @staticmethod
    def in_session(session: str) -> dict[str, str]:
        """Return the headers of a request in a session."""
        return {"mcp_session_id": session, "mcp_protocol_version": "2025-11-25"}


class OlderTransport(Door):
    """SSE: a stream on which all answers come, and an address to post to."""

    address = ""

    def ask(self, method: str, params: Mapping[str, Any]) -> Answer:
        if not self.address:
            self.begin()
        request = self.request(method, params)
        accepted = self.post(self.address, request)
        return self._told(request["id"]) if accepted.status == httpx2.codes.ACCEPTED else accepted

    def begin(self) -> None:
        """Open the stream, and make a session on it."""
        self._lines = self._open.enter_context(self._stream())
        self.address = next(line for line in self._lines if line.startswith("data: ")).removeprefix("data: ")
        opening = self.request("initialize", _opening(self._client))
        self.post(self.address, opening)
        self._told(opening["id"])
        self.post(self.address, _INITIALIZED)

    @contextmanager
    def _stream(self) -> Iterator[Iterator[str]]:
        with self._http.stream("GET", "/sse", headers=self.headers) as response:
            yield response.iter_lines()

    def _told(self, number: int) -> Answer:
        """Return everything that came until the answer with this number."""
        came = []
        for line in self._lines:
            came.append(line)
            if line.startswith("data: {") and json.loads(line.removeprefix("data: ")).get("id") == number:
                return Answer(status=200, body="\n".join(came).encode())
        raise AssertionError("the stream has ended")


def _opening(client: Mapping[str, Any]) -> dict[str, Any]:
    return {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}


_INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}

DOORS: dict[str, Callable[..., AbstractContextManager[Door]]] = {
    "stateless": Stateless,
    "handshake": Handshake,
    "sse": OlderTransport,
}
