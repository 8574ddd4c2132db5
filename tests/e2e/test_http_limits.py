"""What each person may ask for, what is told to whoever watches the server, and how it begins."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.servers import BOTH_KINDS, Conversation, Site, hello, message, refused, site, token_for

USER, TENANT = "Wilhelmina-Canary", "Quetzal-Canary-Inc"
SAID, WANTED = "The canary's name is Archibald", "Marmalade-Canary"
HEAVY = ("lancedb", "onnxruntime", "pyarrow", "numpy", "tokenizers", "model.onnx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("limits")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Site]:
    token_for(folder, "somebody")
    with site(folder, SCRUBJAY_RATE_PER_MINUTE="40") as running:
        yield running
        assert running.stop() == 0
        assert not [line for line in running.said if "Traceback" in line]


def test_who_asks_too_often_waits_and_nobody_else_does(server: Site, folder: Path) -> None:
    anas = [token_for(folder, "ana"), token_for(folder, "ana")]
    with server.http(anas[0]) as http:
        statuses = [http.post("/mcp", json=hello(), headers=BOTH_KINDS).status_code for _ in range(60)]
        assert statuses[:40] == [200] * 40
        assert statuses.count(429) >= 10  # a bucket fills while we ask
        answer = next(a for a in (http.get("/sse/no") for _ in range(60)) if a.status_code == 429)
        assert answer.headers["retry-after"] == "5"
        assert "the limit is 40 a minute" in answer.json()["detail"]
        assert http.get("/healthz").status_code == 200
    with server.http(anas[1]) as http:
        seen = {http.post("/mcp", json=hello(), headers=BOTH_KINDS).status_code for _ in range(10)}
        assert 429 in seen  # a second token is no second person
    with server.http(token_for(folder, "ana", tenant="elsewhere")) as http:
        assert http.post("/mcp", json=hello(), headers=BOTH_KINDS).status_code == 200
    with server.http(token_for(folder, "ben")) as http:
        assert Conversation(http).texts() == []


@pytest.mark.parametrize("path", ["/mcp", "/messages/", "/api/v1/memories", "/dashboard/sign-in", "/no/such"])
def test_a_body_that_is_too_large_is_refused_wherever_it_goes(server: Site, folder: Path, path: str) -> None:
    with server.http(token_for(folder, f"cleo at {path}"), **BOTH_KINDS) as http:
        body = json.dumps(message("tools/call", name="add_memory", arguments={"content": "x" * (4 << 20)}))
        assert http.post(path, content=body).status_code == 413
        pieces = (body[start : start + 65_536].encode() for start in range(0, len(body), 65_536))
        assert http.post(path, content=pieces).status_code == 413
        assert http.get("/healthz").status_code == 200


def test_who_has_no_token_sends_no_body(server: Site) -> None:
    with server.http() as http:
        assert http.post("/mcp", content=b"x" * (5 << 20), headers=BOTH_KINDS).status_code == 401


@pytest.mark.promise("private")
def test_the_metrics_count_and_tell_nobodys_words(server: Site, folder: Path) -> None:
    with server.http(token_for(folder, USER, tenant=TENANT)) as http:
        conversation = Conversation(http)
        conversation.call("add_memory", content=SAID)
        conversation.call("search_memories", query=WANTED)
        refusal = conversation.post(conversation.request("update_memory", memory_id="a" * 16, content=SAID))
        assert "isError" in refusal.text
        conversation.post(conversation.request(f"tool-{WANTED}"))
        conversation.post(message(f"method/{WANTED}", 77))
        http.get(f"/api/v1/memories/{WANTED}", params={"query": WANTED})
        http.get(f"/dashboard/{WANTED}")
    with server.http() as http:
        told = http.get("/metrics")
        assert told.status_code == 200
        assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    figures = {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in told.text.splitlines() if line[0] != "#"
    }
    assert figures['scrubjay_operations_total{interface="mcp",operation="add_memory",outcome="ok"}'] >= 1
    assert figures['scrubjay_operations_total{interface="mcp",operation="update_memory",outcome="error"}'] >= 1
    assert figures['scrubjay_operation_seconds_count{interface="mcp",operation="search_memories"}'] >= 1
    assert figures["scrubjay_pending_messages"] == 0
    assert figures["process_open_fds"] > 0
    for word in (USER, TENANT, "Archibald", WANTED, "Canary", "canary", "local"):
        assert word not in told.text
    names = set(re.findall(r'operation="([^"]*)"', told.text))
    assert "other" in names
    assert all(re.fullmatch(r"[\w/]+", name) for name in names)


def test_without_a_token_only_health_is_told(server: Site) -> None:
    with server.http() as http:
        assert http.get("/healthz").json() == {"status": "alive"}
        assert http.get("/readyz").json() == {"status": "ready"}


def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    token = token_for(keys)
    tmp_path.joinpath("data").write_text("not a folder")
    with (
        site(tmp_path / "data", SCRUBJAY_TOKENS_FILE=str(keys / "tokens.json")) as server,
        server.http(token, **BOTH_KINDS) as http,
    ):
        assert http.get("/healthz").status_code == 200
        for path in ("/readyz", "/metrics"):
            answer = http.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"].count("\n") == 0
            assert str(tmp_path / "data") in answer.json()["detail"]
        conversation = Conversation(http)
        assert '"isError":true' in conversation.post(conversation.request("list_memories")).text
        tmp_path.joinpath("data").unlink()
        assert http.get("/readyz").status_code == 200
        conversation.call("add_memory", content="I like tea")
        assert server.stop() == 0
        assert not [line for line in server.said if "Traceback" in line], server.said


def test_a_data_folder_that_vanishes_is_told(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    token = token_for(keys)
    with (
        site(tmp_path / "data", SCRUBJAY_TOKENS_FILE=str(keys / "tokens.json")) as server,
        server.http(token, **BOTH_KINDS) as http,
    ):
        Conversation(http).call("add_memory", content="I like tea")
        tmp_path.joinpath("data").rename(tmp_path / "elsewhere")
        tmp_path.joinpath("data").write_text("not a folder")
        assert http.get("/readyz").status_code == 503
        tmp_path.joinpath("data").unlink()
        tmp_path.joinpath("elsewhere").rename(tmp_path / "data")
        assert http.get("/readyz").status_code == 200
        assert Conversation(http).texts() == ["I like tea"]
        assert server.stop() == 0


@pytest.mark.promise("fast-start")
@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel what is loaded")
def test_the_first_requests_are_answered_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    with site(tmp_path) as server, server.http() as http:
        early = server.mapped_files()
        assert [name for name in HEAVY if name in early] == []
        conversation = Conversation(http)
        listed = conversation.post(message("tools/list", 2))
        assert listed.text.count('"inputSchema"') == 5
        assert [name for name in HEAVY if name in server.mapped_files()] == []
        conversation.call("add_memory", content="I like tea")
        assert "onnxruntime" in server.mapped_files()


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    for name, value in {
        "SCRUBJAY_RATE_PER_MINUTE": "0",
        "SCRUBJAY_PORT": "70000",
        "SCRUBJAY_STORE": "redis://x",
        "SCRUBJAY_PUBLIC_URL": "memory.example",
    }.items():
        assert name in refused(tmp_path, **{name: value})
