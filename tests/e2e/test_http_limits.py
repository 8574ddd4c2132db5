"""What each person may ask for, what is told to whoever watches the server, and how it begins."""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.processes import environment
from e2e.servers import BOTH_KINDS, Conversation, Site, hello, message, refused, site, token_for

USER, TENANT = "Wilhelmina-Canary", "Quetzal-Canary-Inc"
SAID, WANTED = "The canary's name is Archibald", "Marmalade-Canary"
HEAVY = ("lancedb", "onnxruntime", "pyarrow", "numpy", "fastembed", "tokenizers")


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
def test_nothing_heavy_is_loaded_to_listen(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from scrubjay_server.http import access, app, serving\n"
        "from scrubjay_server.settings import load_settings\n"
        "from scrubjay_server.tokens import Tokens\n"
        "settings = load_settings()\n"
        "known = access.Identities(settings, Tokens(settings.tokens_path))\n"
        "app.build_app(settings, serving.EngineLoader(settings, known.served), identities=known)\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    loaded = done.stdout.split()
    assert "scrubjay_server.http.serving" in loaded, done.stderr
    assert [name for name in HEAVY if name in loaded] == []


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    for name, value in {
        "SCRUBJAY_RATE_PER_MINUTE": "0",
        "SCRUBJAY_PORT": "70000",
        "SCRUBJAY_STORE": "redis://x",
        "SCRUBJAY_PUBLIC_URL": "memory.example",
    }.items():
        assert name in refused(tmp_path, **{name: value})


def test_who_opens_very_many_sessions_loses_the_quietest_and_nobody_else_does(tmp_path: Path) -> None:
    tokens = token_for(tmp_path), token_for(tmp_path, "ben")
    with site(tmp_path) as server, server.http(tokens[0]) as http, server.http(tokens[1]) as bens:
        quiet, used, bens_own = Conversation(http), Conversation(http), Conversation(bens)
        for _ in range(254):
            assert http.post("/mcp", json=hello(), headers=BOTH_KINDS).status_code == 200
        assert used.post(message("ping", 2)).status_code == 200
        assert Conversation(http).post(message("ping", 2)).status_code == 200
        assert quiet.post(message("ping", 2)).status_code == 404
        assert used.post(message("ping", 3)).status_code == 200
        assert bens_own.post(message("ping", 2)).status_code == 200
        assert server.stop() == 0


def test_a_long_message_that_cannot_be_read_is_refused(server: Site, folder: Path) -> None:
    with server.http(token_for(folder, "dora"), **BOTH_KINDS, content_type="application/json") as http:
        for body in ("[" * 100_000, '"' * 100_000):
            assert http.post("/mcp", content=body).status_code == 400
            assert http.post("/messages/?session_id=" + "0" * 32, content=body).status_code == 400


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel how many files may be open")
def test_the_server_may_open_as_many_files_as_the_system_grants(tmp_path: Path) -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, most))
    try:
        with site(tmp_path) as server, server.http() as http:
            assert http.get("/healthz").status_code == 200
            limits = Path(f"/proc/{server.process.pid}/limits").read_text(encoding="utf-8")
            granted = next(line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
            assert int(granted) == min(10_240, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))
