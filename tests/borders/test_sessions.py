"""The transports' own sessions, and everything in which somebody might smuggle a name."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from borders.checks import changed, foreign_canaries, of_others
from borders.doors import Answer, Handshake, OlderTransport, Stateless
from borders.people import ANA, ANA_ELSEWHERE, BEN, CHIEF, Person
from borders.served import Served
from people import on_a_socket
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.rights import EVERY_RIGHT
from scrubjay.types import Filter, Scope
from scrubjay_server.dashboard.sessions import Codes
from scrubjay_server.http.access import Identities
from scrubjay_server.http.app import build_app
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens

STRANGERS = (BEN, ANA_ELSEWHERE, CHIEF)
NO_SESSION = "0" * 32
LISTING = {"name": "list_memories", "arguments": {}}


def answers_in(door: Handshake, session: str) -> list[Answer]:
    """Return what is answered to every kind of request in a session."""
    named = {name.replace("_", "-"): value for name, value in Handshake.in_session(session).items()}
    return [
        door.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": LISTING}, **named),
        door.post("/mcp", {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}, **named),
        door.post("/mcp", {"jsonrpc": "2.0", "id": 1, "result": {}}, **named),
        door.send("GET", "/mcp", headers={**named, "accept": "text/event-stream"}),
        door.send("GET", "/mcp", headers={**named, "accept": "text/event-stream", "last-event-id": "0"}),
        door.send("DELETE", "/mcp", headers=named),
    ]


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda each: each.canary)
def test_a_session_of_somebody_else_is_answered_like_one_that_there_is_not(house: Served, stranger: Person) -> None:
    with (
        Handshake(house.url, house.token_by_person[ANA]) as ana,
        Handshake(house.url, house.token_by_person[stranger]) as other,
    ):
        ana.begin()
        taken, unknown = answers_in(other, ana.session), answers_in(other, NO_SESSION)
        assert [(each.status, each.body) for each in taken] == [(each.status, each.body) for each in unknown]
        assert {each.status for each in taken} == {404}
        assert ANA.canary.encode() in ana.tool("list_memories").body, "and it goes on"


@pytest.mark.promise("isolation")
def test_a_session_belongs_to_the_token_that_began_it(house: Served) -> None:
    with Handshake(house.url, house.token_by_person[ANA]) as first, Handshake(house.url, house.token(ANA)) as second:
        first.begin()
        assert {each.status for each in answers_in(second, first.session)} == {404}
        assert ANA.canary.encode() in first.tool("list_memories").body


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("kind", [Handshake, OlderTransport])
def test_a_session_ends_with_its_token(house: Served, kind: type[Handshake] | type[OlderTransport]) -> None:
    token = house.token(ANA)
    with kind(house.url, token) as door:
        assert ANA.canary.encode() in door.tool("list_memories").body
        house.tokens.revoke(token.split("_")[1])
        refused = door.ask("tools/call", LISTING)
        assert refused.status == 401
        assert ANA.canary.encode() not in refused.everything


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda each: each.canary)
def test_nobody_posts_into_the_stream_of_somebody_else(house: Served, stranger: Person) -> None:
    before = of_others(house, stranger)
    with (
        OlderTransport(house.url, house.token_by_person[ANA]) as ana,
        OlderTransport(house.url, house.token_by_person[stranger]) as other,
    ):
        ana.begin()
        for params in (LISTING, {"name": "forget", "arguments": {"everything": True, "confirm": "forget everything"}}):
            message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
            taken = other.post(ana.address, message)
            unknown = other.post(f"/messages/?session_id={NO_SESSION}", message)
            assert (taken.status, taken.body) == (unknown.status, unknown.body)
            assert taken.status == 404
        told = ana.tool("list_memories").body
        assert ANA.canary.encode() in told
        assert b'"id":7' not in told, "nothing of it came over the stream"
    assert changed(before, of_others(house, stranger)) == []


@pytest.mark.promise("isolation")
def test_two_people_at_a_time_each_get_their_own_answers(house: Served) -> None:
    with (
        OlderTransport(house.url, house.token_by_person[ANA]) as ana,
        OlderTransport(house.url, house.token_by_person[BEN]) as ben,
    ):
        for _ in range(5):
            for door, person in ((ana, ANA), (ben, BEN)):
                told = door.tool("list_memories")
                assert person.canary.encode() in told.body
                assert foreign_canaries(told, person) == []


HEADERS = (
    {"x-forwarded-user": "ana"}, {"x-remote-user": "ana"}, {"remote-user": "ana"}, {"x-user-id": "ana"},
    {"x-user": "ana"},
    {"x-tenant": "acme"}, {"x-tenant-id": "acme"}, {"x-scrubjay-user": "ana"}, {"scrubjay-user-id": "ana"},
    {"x-forwarded-for": "127.0.0.1"}, {"x-real-ip": "127.0.0.1"}, {"forwarded": "for=127.0.0.1;host=acme"},
    {"x-forwarded-host": "acme"}, {"x-forwarded-proto": "https"}, {"x-original-url": "/api/v1/users/ana/memories"},
    {"x-rewrite-url": "/api/v1/users/ana/memories"}, {"x-http-method-override": "DELETE"}, {"cookie": "user_id=ana"},
    {"mcp-session-id": "ana"}, {"last-event-id": "1"}, {"if-none-match": "*"}, {"range": "bytes=0-"},
    {"x-forwarded-prefix": "/api/v1/users/ana"}, {"host": "localhost:1"},
)  # fmt: skip


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_no_header_but_the_token_says_who_asks(house: Served, headers: dict[str, str]) -> None:
    before = of_others(house, BEN)
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**LISTING, "_meta": META}}
    about = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "list_memories"}
    with Stateless(house.url, house.token_by_person[BEN]) as door:
        for answer in (
            door.send("GET", "/api/v1/memories", headers=headers),
            door.post("/mcp", request, **{**about, **headers}),
        ):
            assert foreign_canaries(answer, BEN) == []
            assert BEN.canary.encode() in answer.body or answer.status >= 400
    assert changed(before, of_others(house, BEN)) == []


META: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "ana", "version": "1", "title": "acme"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
SMUGGLED: tuple[dict[str, Any], ...] = (
    {"user_id": "ana"}, {"user": "ana"}, {"tenant": "acme"}, {"agent_id": "ana"}, {"owner": "ana"}, {"run_id": "ana"},
    {"filters": {"user_id": "ana"}}, {"written_by": "ana"}, {"principal": {"tenant": "acme", "user_id": "ana"}},
    {"metadata": {"user_id": "ana"}}, {"metadata": {"tenant": "acme", "written_by": "ana"}}, {"entity": "ana"},
    {"session_id": "ana"}, {"category": "ana"}, {"scope": "ana"}, {"scope": "all", "session_id": "conversation-1"},
    {"metadata": {"' OR '1'='1": "x"}}, {"metadata": {"x' OR 1=1 --": 1}}, {"entity": "' OR '1'='1"}, {"ctx": {}},
    {"metadata": {"note": {"$ne": ""}}}, {"metadata": {"note": ["kwyjib*"]}}, {"metadata": {"note": None}},
    {"_meta": {"user_id": "ana"}}, {"self": "ana"}, {"consent": {"action": "accept", "data": {"sure": True}}},
)  # fmt: skip


@pytest.mark.promise("isolation")
@pytest.mark.parametrize("smuggled", SMUGGLED, ids=str)
def test_no_argument_says_who_asks(house: Served, smuggled: dict[str, Any]) -> None:
    before = of_others(house, ANA_ELSEWHERE)
    with Stateless(house.url, house.token_by_person[ANA_ELSEWHERE]) as door:
        for tool, arguments in (
            ("list_memories", {}),
            ("search_memories", {"query": "pears"}),
            ("forget", {"query": "pears"}),
            ("forget", {"everything": True}),
            ("add_memory", {"content": "The pears are ripe", "infer": False}),
        ):
            told = door.ask("tools/call", {"name": tool, "arguments": {**arguments, **smuggled}})
            assert foreign_canaries(told, ANA_ELSEWHERE) == []
            if tool == "forget":
                assert b'"forgotten":[]' in told.body or b'"isError":true' in told.body
        for path in (f"/api/v1/memories?{name}={value}" for name, value in smuggled.items()):
            assert foreign_canaries(door.send("GET", str(httpx2.URL(path))), ANA_ELSEWHERE) == []
    assert changed(before, of_others(house, ANA_ELSEWHERE)) == []


@pytest.mark.promise("isolation")
@pytest.mark.parametrize(
    "meta",
    [
        {"progressToken": "ana"}, {"progressToken": 1}, {"user_id": "ana", "tenant": "acme"},
        {"subject": '["acme", "ana"]'},
        {"io.modelcontextprotocol/clientInfo": {"name": "acme/ana", "version": "1"}}, {"authorization": "Bearer x"},
        {"io.modelcontextprotocol/clientInfo": {"name": "' OR '1'='1", "version": "1"}},
        {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}},
    ],
    ids=str,
)  # fmt: skip
def test_nothing_that_a_client_says_of_itself_says_who_asks(house: Served, meta: dict[str, Any]) -> None:
    with Stateless(house.url, house.token_by_person[BEN]) as door:
        for params in (LISTING, {"name": "search_memories", "arguments": {"query": "pears"}}):
            told = door.ask("tools/call", {**params, "_meta": meta})
            assert foreign_canaries(told, BEN) == []
            assert BEN.canary.encode() in told.body


@pytest.mark.promise("isolation")
def test_consent_that_somebody_else_was_asked_for_is_no_consent(house: Served) -> None:
    """The state of a question travels through the client: it is sealed for whom it was asked."""
    capable = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}
    params = {"name": "forget", "arguments": {"everything": True}, "_meta": capable}
    with (
        Stateless(house.url, house.token_by_person[BEN]) as ben,
        Stateless(house.url, house.token_by_person[ANA]) as ana,
    ):
        asked = ben.ask("tools/call", params).message["result"]
        (name,) = asked["inputRequests"]
        answer = {"inputResponses": {name: {"action": "accept", "content": {"sure": True}}}}
        stolen = ana.ask("tools/call", {**params, **answer, "requestState": asked["requestState"]})
        assert "error" in stolen.message, stolen.body
        assert b'"forgotten":[]' in stolen.body or "error" in stolen.message
        assert ANA.canary.encode() in ana.tool("list_memories").body
    assert house.engine.store.count(ANA.caller().owner_of(Scope.USER), Filter()) > 0


@pytest.mark.promise("isolation")
def test_what_the_local_person_began_is_nobodys_once_there_are_tokens(
    tmp_path: Path, embedder: FastembedEmbedder
) -> None:
    settings = Settings(data_dir=tmp_path, user_id="local-person")
    tokens, codes = Tokens(settings.tokens_path), Codes()
    with Memory(tmp_path, embedder=embedder, extractor="none", maintenance=False) as memory:
        app = build_app(settings, lambda: memory.engine, identities=Identities(settings, tokens), codes=codes)
        with on_a_socket(app) as url, Handshake(url, None) as local, OlderTransport(url, None) as older:
            assert local.tool("add_memory", content="The local canary").shape["results"]
            assert b"canary" in older.tool("list_memories").body
            page = httpx2.Client(base_url=url)
            page.get(f"/dashboard?code={codes.issue()}")
            assert "canary" in page.get("/dashboard").text
            token, _ = tokens.create(tenant="local", user_id="somebody", scopes=EVERY_RIGHT)
            for refused in (local.ask("tools/call", LISTING), local.send("GET", "/api/v1/memories")):
                assert refused.status == 401
            assert older.post(older.address, {"jsonrpc": "2.0", "id": 9, "method": "ping"}).status == 401
            assert page.get("/dashboard").status_code == 401
            page.close()
            with Handshake(url, token) as somebody:
                assert {each.status for each in answers_in(somebody, local.session)} == {404}
                message = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": LISTING}
                assert somebody.post(older.address, message).status == 404
                assert b"canary" not in somebody.tool("list_memories").body
            settings.tokens_path.unlink()
            assert local.ask("tools/call", LISTING).status == 401, "who takes the tokens away opens no door"
