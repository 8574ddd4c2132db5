"""What is not understood: refused, named, and told in one form."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from fastapi import FastAPI

from people import Person, Served, Tenant, problem_in
from scrubjay.errors import ScrubjayError, StoreBusy
from scrubjay.journeys.engine import Engine
from scrubjay_server.http.access import Identities
from scrubjay_server.http.app import build_app
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens
from scrubjay_tools.host import Principal

JSON = {"content-type": "application/json"}
PLACES = ("POST /memories", "POST /memories/search", "PUT /memories/aaaaaaaaaaaaaaaa")
UNREADABLE = {
    "not JSON": b"{content}",
    "cut off": b'{"content": "a',
    "two values": b'{"content": "a"} {}',
    "a list": b'["content"]',
    "a text": b'"content"',
    "null": b"null",
    "nothing": b"",
    "UTF-16": '{"content": "a"}'.encode("utf-16"),
    "bytes": b'{"content": "\xff\xfe"}',
    "encoded surrogate": b'{"content": "\xed\xa0\x80"}',
    "half a pair": b'{"content": "\\ud83d"}',
    "half a pair as a name": b'{"\\ud83d": 1}',
    "a name twice": b'{"content": "a", "content": "b"}',
    "a name twice, inside": b'{"content": "a", "metadata": {"b": {"c": 1, "c": 2}}}',
    "NaN": b'{"content": "a", "metadata": {"n": NaN}}',
    "infinity": b'{"min_score": -Infinity}',
    "5,000 digits": b'{"limit": ' + b"1" * 5_000 + b"}",
    "deep lists": b'{"metadata": ' + b"[" * 200_000,
    "deep objects": b'{"metadata": ' * 100_000,
}


def test_the_bare_address_leads_everybody_to_the_page(served: Served, ana: Person) -> None:
    answer = httpx2.get(served.url)
    assert (answer.status_code, answer.headers["location"]) == (307, "/dashboard")
    assert httpx2.get(f"{served.url}//api/v1/memories").status_code == 401
    assert ana.texts() == []


@pytest.mark.promise("rest")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_is_refused(ana: Person, place: str, body: bytes) -> None:
    assert "the body" in ana.refused(400, *place.split(), content=body, headers=JSON)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"contents": "x"}, "there is no argument 'contents'; it takes content, messages, facts, scope"),
        ({"\u202e\n": "x"}, "there is no argument '\\u202e\\n'"),
        (
            {"facts": [{"texts": "x"}]},
            "facts[0].text is missing; there is no argument 'facts[0].texts'; it takes text,",
        ),
        ({"messages": [{"content": 1}]}, "messages[0].content must be a text"),
        ({"content": 1}, "content must be a text"),
        ({"infer": 1}, "infer must be a valid boolean"),
        ({"infer": "true"}, "infer must be a valid boolean"),
        ({"scope": "world"}, "scope must be 'user', 'session' or 'agent'"),
        ({"facts": {}}, "facts must be a valid list"),
        ({"facts": [{"text": "x"}] * 1_001}, "facts must have at most 1000 items"),
        ({"facts": [{"text": "x", "importance": 10**400}]}, "facts[0].importance"),
        ({"facts": [{"text": "x", "expires_at": "soon"}]}, "facts[0].expires_at 'soon' is not a date"),
        ({"facts": [{"text": "x" * 200_001}]}, "facts[0].text has 200,001 characters"),
        ({}, "content is empty, and so are messages and facts"),
        ({"content": "x", "session_id": "s" * 257}, "session_id has 257 characters"),
        ({"content": "x", "metadata": []}, "metadata must be a JSON object"),
        ({"content": "x", "metadata": {"a": "b" * 16_000}}, "metadata has 16,"),
        ({"content": "x", "metadata": json.loads('{"a":' * 40 + "1" + "}" * 40)}, "metadata is nested deeper"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_wrong_field_is_named(ana: Person, body: dict[str, object], told: str) -> None:
    assert told in ana.refused(422, "POST", "/memories", content=json.dumps(body), headers=JSON)


def test_a_number_beyond_all_numbers_is_refused(ana: Person) -> None:
    body = b'{"content": "x", "metadata": {"n": 1e999}}'
    assert "metadata" in ana.refused(422, "POST", "/memories", content=body, headers=JSON)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limits=1", "there is no parameter 'limits'; it takes user_id, session_id, scope"),
        ("limit=1&limit=2", "the parameter 'limit' is given more than once"),
        ("user_id=ana&user_id=bo", "the parameter 'user_id' is given more than once"),
        ("limit=0", "limit must be greater than or equal to 1"),
        ("limit=1001", "limit must be less than or equal to 1000"),
        ("limit=many", "limit must be a valid integer"),
        ("include_superseded=maybe", "include_superseded must be a valid boolean"),
        ("category=nonsense", "category must be"),
        ("as_of=yesterday", "as_of 'yesterday' is not a date"),
        ("cursor=WzEsImEiLDFd", "cursor is not one"),
    ],
)
def test_a_wrong_parameter_is_named(ana: Person, query: str, told: str) -> None:
    assert told in ana.refused(422, "GET", f"/memories?{query}")


@pytest.mark.parametrize(
    "place",
    [
        "POST /memories",
        "POST /memories/search",
        "GET /memories/aaaaaaaaaaaaaaaa",
        "PUT /memories/aaaaaaaaaaaaaaaa",
        "DELETE /memories/aaaaaaaaaaaaaaaa",
        "GET /users/ana/memories",
        "DELETE /users/ana/memories",
    ],
)
def test_an_unknown_parameter_is_refused_everywhere(ana: Person, place: str) -> None:
    method, path = place.split()
    body = {"content": "x"} if method in {"POST", "PUT"} else None
    assert "there is no parameter 'tenant'" in ana.refused(422, method, f"{path}?tenant=other", json=body)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_another_kind_of_body_is_refused(ana: Person, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    told = ana.refused(415, "POST", "/memories", content=b'{"content": "x"}', headers=headers)
    assert told.endswith("send a JSON object, as application/json")


def test_a_nul_byte_is_a_character_like_any_other(ana: Person) -> None:
    ana.remember("Ana's \x00 key", session_id="s\x00")
    assert ana.texts() == ["Ana's \x00 key"]


@pytest.mark.parametrize(
    "known", ["", "aaaaaaaaaaaaaaaa", "%0a", "'; --", "..%2f..%2fetc", "%00", "a" * 10_000, "search", "%2a"]
)
def test_an_id_that_is_nobodys_is_not_found(ana: Person, known: str) -> None:
    for method, body in (("GET", None), ("PUT", {"content": "x"}), ("DELETE", None)):
        ana.refused(404, method, f"/memories/{known}", json=body)


def test_an_unknown_path_and_an_unknown_method_are_problems_too(ana: Person) -> None:
    assert "/api/v1/openapi.json" in ana.refused(404, "GET", "/nothing")
    answer = ana.call("PATCH", "/memories", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert problem_in(answer) == "this path does not take PATCH; it takes GET, POST"


def test_without_a_good_token_nothing_is_answered(served: Served, tenant: Tenant) -> None:
    tenant.person("ana")
    for header in (None, "Bearer wrong", "Basic YTpi"):
        for method, path in (
            ("GET", "/memories"),
            ("POST", "/memories"),
            ("DELETE", "/users/ana/memories"),
            ("GET", "/x"),
        ):
            headers = {"authorization": header} if header else {}
            answer = httpx2.request(method, f"{served.url}/api/v1{path}", headers=headers)
            assert answer.status_code == 401
            assert "Bearer" in answer.headers["www-authenticate"]
            problem_in(answer)


def test_another_host_and_another_site_are_refused(ana: Person) -> None:
    ana.refused(421, "GET", "/memories", headers={"host": "evil.example"})
    ana.refused(403, "GET", "/memories", headers={"origin": "https://evil.example"})


LARGE = b'{"content": "' + b"x" * (5 << 20) + b'"}'


def pieces() -> Iterator[bytes]:
    yield from (LARGE[at : at + 65_536] for at in range(0, len(LARGE), 65_536))


@pytest.mark.promise("rest")
def test_a_body_that_is_too_large_is_refused_however_it_comes(served: Served, ana: Person) -> None:
    for body in (LARGE, pieces()):
        assert "4 MiB" in ana.refused(413, "POST", "/memories", content=body, headers=JSON)
    answer = httpx2.post(f"{served.url}/api/v1/memories", content=LARGE, headers=JSON)
    assert answer.status_code == 401
    assert ana.texts() == []


def test_who_hangs_up_in_the_middle_of_a_body_changes_nothing(served: Served, tenant: Tenant) -> None:
    ana = tenant.person("ana")
    token = ana.client.headers["authorization"]
    address = urlsplit(served.url)
    for declared in (b"content-length: 100", b"transfer-encoding: chunked"):
        with socket.create_connection((address.hostname or "", address.port or 0)) as line:
            head = f"POST /api/v1/memories HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: {token}\r\n"
            line.sendall(
                head.encode() + b"content-type: application/json\r\n" + declared + b'\r\n\r\n19\r\n{"content": '
            )
    assert ana.texts() == []


@contextmanager
def application(folder: Path, engine: Engine | ScrubjayError | RuntimeError, **settings: int) -> Iterator[FastAPI]:
    """Give the application around an engine, or around a failure to load one, for the local person."""

    def loaded() -> Engine:
        if isinstance(engine, Engine):
            return engine
        raise engine

    chosen = Settings(data_dir=folder, user_id="ana", **settings)
    yield build_app(chosen, loaded, identities=Identities(chosen, Tokens(chosen.tokens_path)))


def inside(app: FastAPI) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def test_without_tokens_the_local_person_is_served(tmp_path: Path, engine: Engine) -> None:
    async def run(app: FastAPI) -> None:
        async with inside(app) as client:
            await client.post("/api/v1/memories", json={"content": "I like tea"})
            listed = (await client.get("/api/v1/memories")).json()
            assert [each["memory"] for each in listed["memories"]] == ["I like tea"]

    with application(tmp_path, engine) as app:
        anyio.run(run, app)


@pytest.mark.parametrize(
    ("failure", "status", "told"),
    [
        (StoreBusy("somebody else is writing; try again"), 503, "somebody else is writing; try again"),
        (RuntimeError("a secret from the inside"), 500, "it failed inside; the server's log has the details"),
    ],
)
def test_a_failure_inside_is_told_without_its_insides(
    tmp_path: Path, failure: ScrubjayError | RuntimeError, status: int, told: str
) -> None:
    async def run(app: FastAPI) -> None:
        async with inside(app) as client:
            answer = await client.get("/api/v1/memories")
            assert (answer.status_code, problem_in(answer)) == (status, told)

    with application(tmp_path, failure) as app:
        anyio.run(run, app)


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path, engine: Engine) -> None:
    async def run(app: FastAPI) -> None:
        async with inside(app) as client:
            assert (await client.get("/api/v1/memories")).status_code == 200
            answer = await client.get("/api/v1/memories")
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
            problem_in(answer)

    with application(tmp_path, engine, rate_per_minute=1) as app:
        anyio.run(run, app)


def test_a_person_whose_turns_are_taken_waits_and_nobody_else_does(tmp_path: Path, engine: Engine) -> None:
    async def run(app: FastAPI) -> None:
        turns = app.state.turns.of(Principal(tenant="local", user_id="ana", agent_id="assistant"))
        busy = [object() for _ in range(int(turns.total_tokens))]
        for borrower in busy:
            turns.acquire_on_behalf_of_nowait(borrower)
        answers: list[httpx2.Response] = []

        async def ask() -> None:
            answers.append(await client.get("/api/v1/memories"))

        async with inside(app) as client, anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert answers == []
            assert turns.statistics().tasks_waiting == 1
            turns.release_on_behalf_of(busy.pop())
        assert [answer.status_code for answer in answers] == [200]
        assert turns.borrowed_tokens == len(busy)

    with application(tmp_path, engine) as app:
        anyio.run(run, app)
