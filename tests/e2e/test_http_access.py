"""Who comes in over HTTP: by which token, from which site, to which address, and to nobody else's session."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from e2e.servers import (
    BOTH_KINDS,
    Conversation,
    Site,
    bearer,
    hello,
    id_of,
    message,
    older_conversation,
    refused,
    site,
    token_for,
    tokens,
)
from scrubjay_server.tokens import Tokens

CLOSED = [
    ("POST", "/mcp"),
    ("GET", "/mcp"),
    ("DELETE", "/mcp"),
    ("GET", "/sse"),
    ("POST", "/messages/?session_id=" + "0" * 32),
    ("GET", "/api/v1/memories"),
    ("GET", "/no/such/thing"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Site]:
    token_for(folder, "somebody")
    with site(folder) as running:
        yield running
        assert running.stop() == 0
        assert not [line for line in running.said if "Traceback" in line]


def wrong_tokens(folder: Path) -> dict[str, str]:
    good = token_for(folder)
    revoked = token_for(folder)
    tokens(folder).revoke(id_of(revoked))
    past = datetime.now(UTC) - timedelta(days=2)
    expired, _ = Tokens(folder / "tokens.json", now=lambda: past).create(
        tenant="local", user_id="ana", scopes=frozenset(["memory:read"]), lifetime=timedelta(days=1)
    )
    return {
        "none": "",
        "changed": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "another's id": good.replace(id_of(good), id_of(token_for(folder, "ben"))),
        "without its beginning": good.removeprefix("sj_"),
        "expired": expired,
        "revoked": revoked,
        "its hash": next(t.hash for t in tokens(folder).listed() if t.id == id_of(good)),
        "very long": "sj_" + "a" * 20_000,
    }


@pytest.mark.promise("isolation")
def test_without_a_good_token_every_way_in_is_closed(server: Site, folder: Path) -> None:
    for wrong, token in wrong_tokens(folder).items():
        with server.http(token) as http:
            for method, path in CLOSED:
                answer = http.request(method, path, json=hello(), headers=BOTH_KINDS)
                assert (wrong, path, answer.status_code) == (wrong, path, 401)
                assert answer.json()["status"] == 401


def test_other_ways_to_show_a_token_are_none(server: Site, folder: Path) -> None:
    token = token_for(folder)
    with server.http() as http:
        for headers in (
            {"Authorization": f"Basic {token}"},
            {"Authorization": token},
            {"Cookie": f"token={token}"},
            {"X-API-Key": token},
        ):
            assert http.post("/mcp", json=hello(), headers={**BOTH_KINDS, **headers}).status_code == 401
        assert http.post(f"/mcp?access_token={token}", json=hello(), headers=BOTH_KINDS).status_code == 401


@pytest.mark.promise("isolation")
def test_the_tenant_and_the_user_come_from_the_token(server: Site, folder: Path) -> None:
    said = {(tenant, user): f"Canary of {user} at {tenant}" for tenant in ("north", "south") for user in ("ana", "ben")}
    for (tenant, user), text in said.items():
        with server.http(token_for(folder, user, tenant=tenant)) as http:
            Conversation(http).call("add_memory", content=text)
    for (tenant, user), text in said.items():
        with server.http(token_for(folder, user, tenant=tenant)) as http:
            conversation = Conversation(http)
            assert conversation.texts() == [text]
            asked = conversation.request("search_memories", query="canary", user_id="ana", tenant="north")
            assert "there is no argument" in conversation.post(asked).text


def test_a_revoked_token_is_refused_in_the_middle_of_a_session(server: Site, folder: Path) -> None:
    token = token_for(folder, "cleo")
    with server.http(token) as http:
        conversation = Conversation(http)
        conversation.call("add_memory", content="I like tea")
        tokens(folder).revoke(id_of(token))
        assert conversation.post(conversation.request("add_memory", content="Too late")).status_code == 401
    with server.http(token_for(folder, "cleo")) as http:
        assert Conversation(http).texts() == ["I like tea"]


def test_streams_end_with_the_token_that_opened_them(server: Site, folder: Path) -> None:
    token = token_for(folder, "dora")
    with server.http(token) as http, older_conversation(http) as older:
        older.call("add_memory", content="I like tea")
        conversation = Conversation(http)
        with http.stream("GET", "/mcp", headers=conversation.headers) as stream:
            assert stream.status_code == 200
            tokens(folder).revoke(id_of(token))
            assert older.post(message("ping", 9)).status_code == 401
            assert older.ends()
            assert [line for line in stream.iter_lines() if line.startswith("data")] == []


@pytest.mark.promise("isolation")
def test_another_persons_session_reads_as_absent(server: Site, folder: Path) -> None:
    with server.http(token_for(folder, "eva")) as evas, server.http(token_for(folder, "finn")) as finns:
        eva = Conversation(evas)
        stolen = eva.request("add_memory", content="Finn was here")
        absent = {**BOTH_KINDS, "mcp-session-id": "0" * 32, "mcp-protocol-version": "2025-06-18"}
        unknown = finns.post("/mcp", json=stolen, headers=absent)
        for method in ("POST", "GET", "DELETE"):
            answer = finns.request(method, "/mcp", json=stolen if method == "POST" else None, headers=eva.headers)
            assert (answer.status_code, answer.text) == (404, unknown.text)
        assert eva.texts() == []


@pytest.mark.promise("isolation")
def test_another_persons_stream_takes_no_messages(server: Site, folder: Path) -> None:
    with (
        server.http(token_for(folder, "gina")) as ginas,
        server.http(token_for(folder, "hugo")) as hugos,
        older_conversation(ginas) as gina,
    ):
        stolen = message("tools/call", 8, name="add_memory", arguments={"content": "Hugo was here"})
        unknown = hugos.post("/messages/?session_id=" + "0" * 32, json=stolen)
        answer = gina.post(stolen, http=hugos)
        assert (answer.status_code, answer.text) == (404, unknown.text)
        assert gina.call("list_memories")["total"] == 0


SITES = {
    "evil.example": 421,
    "evil.example:{port}": 421,
    "127.0.0.1.evil.example": 421,
    "localhost": 200,
    "localhost:{port}": 200,
    "[::1]:{port}": 200,
    "": 421,
}
ORIGINS = {
    "http://evil.example": 403,
    "https://localhost.evil.example": 403,
    "null": 403,
    "http://localhost:{port}": 200,
    "http://127.0.0.1:{port}": 200,
}


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_foreign_hosts_and_origins_are_refused(folder: Path, host: str) -> None:
    token = token_for(folder)
    with site(folder, "--host", host, SCRUBJAY_PUBLIC_URL="https://memory.example") as server:
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")
        port = server.address[1]
        with server.http(token, **BOTH_KINDS) as http:
            for name, status in {**SITES, "memory.example": 200, "memory.example:443": 200}.items():
                answer = http.post("/mcp", json=hello(), headers={"host": name.format(port=port)})
                assert (name, answer.status_code) == (name, status)
            for name, status in {**ORIGINS, "https://memory.example": 200}.items():
                answer = http.post("/mcp", json=hello(), headers={"origin": name.format(port=port)})
                assert (name, answer.status_code) == (name, status)
            for path in ("/sse", "/healthz", "/metrics", "/api/v1/openapi.json", "/dashboard"):
                assert http.get(path, headers={"host": "evil.example"}).status_code == 421
                assert http.get(path, headers={"origin": "http://evil.example"}).status_code == 403


def test_a_public_url_is_what_clients_are_told(folder: Path) -> None:
    token_for(folder)
    with site(folder, SCRUBJAY_PUBLIC_URL="https://memory.example/") as server, server.http() as http:
        told = http.post("/mcp", json=hello(), headers={"host": "memory.example"}).headers["www-authenticate"]
        assert 'resource_metadata="https://memory.example/.well-known/oauth-protected-resource/mcp"' in told
        metadata = http.get("/.well-known/oauth-protected-resource/mcp").json()
        assert metadata["resource"] == "https://memory.example/mcp"


def test_without_tokens_only_this_machine_is_listened_to(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "memory.example"):
        told = refused(tmp_path, "--host", host)
        assert told.startswith("Error: without tokens the server listens on this machine only")
        assert "scrubjay token create" in told
        assert "--host 127.0.0.1" in told
    told = refused(tmp_path, "--public-url", "https://memory.example")
    assert told.startswith("Error: without tokens the server is for this machine only")
    assert "scrubjay token create" in told


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_without_tokens_everybody_on_this_machine_is_the_local_person(tmp_path: Path, host: str) -> None:
    with site(tmp_path, "--host", host) as server, server.http() as http:
        Conversation(http).call("add_memory", content="I like tea")
        assert Conversation(http).texts() == ["I like tea"]
        assert server.stop() == 0


def test_a_token_made_while_the_server_runs_is_needed_from_then_on(tmp_path: Path) -> None:
    with site(tmp_path) as server, server.http() as http, older_conversation(http) as older:
        conversation = Conversation(http)
        conversation.call("add_memory", content="I like tea")
        token = token_for(tmp_path)
        assert conversation.post(conversation.request("list_memories")).status_code == 401
        assert older.ends()
        tmp_path.joinpath("tokens.json").unlink()
        assert http.post("/mcp", json=hello(), headers=BOTH_KINDS).status_code == 401
        assert http.post("/mcp", json=hello(), headers={**BOTH_KINDS, **bearer(token)}).status_code == 401


def test_tokens_that_are_taken_away_let_nobody_in(tmp_path: Path) -> None:
    token = token_for(tmp_path)
    with site(tmp_path) as server, server.http(token) as http:
        tmp_path.joinpath("tokens.json").unlink()
        for headers in (BOTH_KINDS, {**BOTH_KINDS, "authorization": ""}):
            assert http.post("/mcp", json=hello(), headers=headers).status_code == 401


def test_damaged_tokens_close_the_server_and_say_why(tmp_path: Path) -> None:
    token, file = token_for(tmp_path), tmp_path / "tokens.json"
    whole = file.read_bytes()
    with site(tmp_path) as server, server.http(**BOTH_KINDS) as http:
        for damage in (b"", b"{", b'{"tokens": [{"id": 1}]}', b"[]", b"\xff\xfe"):
            assert http.post("/mcp", json=hello(), headers=bearer(token)).status_code == 200
            file.write_bytes(damage)
            answer = http.post("/mcp", json=hello(), headers=bearer(token))
            assert answer.status_code == 503
            assert answer.json()["detail"].endswith("put back a good copy, or remove it to begin anew")
            assert http.post("/mcp", json=hello()).status_code == 401
            assert http.get("/healthz").status_code == 200
            file.write_bytes(whole)
        assert server.stop() == 0
        assert not [line for line in server.said if "Traceback" in line]


def test_the_older_transport_alone_has_nothing_else(tmp_path: Path) -> None:
    token = token_for(tmp_path)
    with site(tmp_path, transport="sse") as server, server.http(token) as http:
        assert any("(/sse)" in line for line in server.said)
        with older_conversation(http) as older:
            older.call("add_memory", content="I like tea")
            assert older.call("list_memories")["total"] == 1
        for path in ("/mcp", "/api/v1/memories", "/api/v1/openapi.json", "/dashboard", "/"):
            assert http.get(path, headers=BOTH_KINDS).status_code == 404
        assert http.get("/healthz").status_code == 200
        assert server.stop() == 0


def test_an_address_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with site(tmp_path) as server:
        port = server.address[1]
        told = refused(tmp_path, "--port", str(port))
        assert told == (
            f"Error: cannot listen on '127.0.0.1', port {port} (Address already in use); "
            "choose others with --host and --port\n"
        )


def test_answers_name_no_software_and_no_path(server: Site, folder: Path) -> None:
    with server.http() as http:
        for path in ("/mcp", "/healthz", "/no/such/thing"):
            answer = http.get(path)
            assert "server" not in answer.headers
            assert str(folder) not in answer.text
            assert json.loads(answer.text)
