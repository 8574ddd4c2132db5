"""Twenty people of four tenants who share a server and, across tenants, their names; each has words of their own.

Every text of a person holds their word, and what they teach the agent holds their tenant's: whatever an answer holds
of any other word, it should not.
"""

import http.client
import itertools
import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from durable import new_word

from scrubjay.rights import USUAL_RIGHTS, Right
from scrubjay.types import Caller

TENANTS = ("acme", "globex", "initech", "umbrella")
NAMES = ("ana", "ben", "cleo", "dan", "chief")
SESSIONS = ("morning", "evening")
AGENT = "assistant"
_TIMEOUT_S = 120
_MESSAGE = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
_OPENING = {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"},
}  # fmt: skip


@dataclass(eq=False, kw_only=True)
class Stranger:
    """One person: their token, their word, the ids and cursors they were told, and their sessions with the server."""

    tenant: str
    user_id: str
    word: str
    lesson_word: str
    token: str = ""
    ids: list[str] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    session: str = ""
    cookie: str = ""
    stream: "Stream | None" = None

    @property
    def rights(self) -> frozenset[Right]:
        """What their token grants: who is called chief is an admin, and Cleo may teach the agent."""
        more = {"chief": {Right.ADMIN}, "cleo": {Right.AGENT_WRITE}}.get(self.user_id, set())
        return USUAL_RIGHTS | more

    def caller(self, *, session_id: str = "") -> Caller:
        """Return them as the engine's caller."""
        return Caller(
            tenant=self.tenant,
            user_id=self.user_id,
            agent_id=AGENT,
            session_id=session_id,
            written_by=self.user_id,
            rights=self.rights,
        )


def strangers(randomness: random.Random) -> list[Stranger]:
    """Return all of them; no word begins another."""
    people = []
    for tenant in TENANTS:
        lesson_word = new_word(randomness)
        people += [
            Stranger(tenant=tenant, user_id=name, word=new_word(randomness), lesson_word=lesson_word) for name in NAMES
        ]
    return people


def others_words(person: Stranger, people: list[Stranger], *, also: Stranger | None = None) -> list[bytes]:
    """Return the words that no answer to a person may hold; `also`: for whom they have asked, and may."""
    known = {person.word, person.lesson_word, *([also.word] if also else [])}
    return [word.encode() for word in sorted({w for each in people for w in (each.word, each.lesson_word)} - known)]


class Wire:
    """One thread's connection to the server; every answer comes back as its status and all its bytes."""

    _numbers = itertools.count(1)

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._http = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)

    def send(
        self, who: Stranger, verb: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request with a person's token."""
        sent = {"authorization": f"Bearer {who.token}", **(headers or {})}
        content = None if body is None else json.dumps(body)
        if content is not None:
            sent |= {**_MESSAGE, **(headers or {})}
        self._http.request(verb, path, content, sent)
        response = self._http.getresponse()
        told = response.read()
        return response.status, str(response.getheaders()).encode() + told

    def page(self, who: Stranger, path: str) -> tuple[int, bytes]:
        """Ask for a page, with a person's cookie."""
        self._http.request("GET", f"/dashboard{path}", headers={"cookie": who.cookie})
        response = self._http.getresponse()
        return response.status, response.read()

    def sign_in(self, who: Stranger) -> None:
        """Have the page know a person by a cookie."""
        form = {"content-type": "application/x-www-form-urlencoded"}
        self._http.request("POST", "/dashboard/sign-in", f"token={who.token}", form)
        response = self._http.getresponse()
        response.read()
        who.cookie = (response.getheader("set-cookie") or "").partition(";")[0]

    def stateless(self, who: Stranger, method: str, params: Mapping[str, Any]) -> tuple[int, bytes]:
        """Send a JSON-RPC request as of 2026-07-28."""
        named = params.get("name") or params.get("uri") or ""
        about = {"mcp-protocol-version": "2026-07-28", "mcp-method": method, **({"mcp-name": named} if named else {})}
        return self.send(who, "POST", "/mcp", self._request(method, {**params, "_meta": _META}), about)

    def in_session(self, who: Stranger, method: str, params: Mapping[str, Any], session: str = "") -> tuple[int, bytes]:
        """Send a JSON-RPC request in a session of Streamable HTTP, by default in the person's own."""
        about = {"mcp-session-id": session or who.session, "mcp-protocol-version": "2025-11-25"}
        return self.send(who, "POST", "/mcp", self._request(method, params), about)

    def begin_session(self, who: Stranger) -> None:
        """Begin a person's session."""
        opening = json.dumps(self._request("initialize", _OPENING))
        self._http.request("POST", "/mcp", opening, {"authorization": f"Bearer {who.token}", **_MESSAGE})
        response = self._http.getresponse()
        response.read()
        who.session = response.getheader("mcp-session-id") or ""
        about = {"mcp-session-id": who.session, "mcp-protocol-version": "2025-11-25"}
        self.send(who, "POST", "/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}, about)

    def over_stream(self, who: Stranger, method: str, params: Mapping[str, Any]) -> tuple[int, bytes]:
        """Send a JSON-RPC request over the older transport, and return all that came until its answer."""
        assert who.stream is not None
        with who.stream.guard:
            request = self._request(method, params)
            status, told = self.send(who, "POST", who.stream.address, request)
            return (200, told + who.stream.until(request["id"])) if status == http.client.ACCEPTED else (status, told)

    def begin_stream(self, who: Stranger, url: str) -> None:
        """Open a person's stream."""
        who.stream = Stream(url, who.token)
        self.over_stream(who, "initialize", _OPENING)
        self.send(who, "POST", who.stream.address, {"jsonrpc": "2.0", "method": "notifications/initialized"})

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": dict(params)}


class Stream:
    """A stream of the older transport, and where to post what is answered on it. One at a time holds the guard."""

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        self.guard = threading.Lock()
        self._http = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_S)
        self._http.request("GET", "/sse", headers={"authorization": f"Bearer {token}"})
        self._response = self._http.getresponse()
        self.address = self._line(b"data: /").decode().removeprefix("data: ").strip()

    def until(self, number: int) -> bytes:
        """Return all that comes until the answer with this number."""
        came = b""
        while True:
            line = self._response.readline()
            if not line:
                raise ConnectionError("the stream has ended")
            came += line
            if line.startswith(b"data: {") and json.loads(line[6:]).get("id") == number:
                return came

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _line(self, start: bytes) -> bytes:
        while not (line := self._response.readline()).startswith(start):
            if not line:
                raise ConnectionError("the stream has ended")
        return line
