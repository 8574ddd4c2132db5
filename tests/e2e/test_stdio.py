"""The server as clients start it: a process on a pipe."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client

from e2e.processes import COMMAND, environment, parameters, raw_server

pytestmark = pytest.mark.anyio
ON_LINUX = sys.platform == "linux"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.promise("wire")
@pytest.mark.parametrize("arguments", [("serve",), ()])
def test_nothing_but_the_protocol_is_on_standard_output(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with raw_server(tmp_path, arguments=arguments, SCRUBJAY_LOG_LEVEL="DEBUG") as server:
        server.shake_hands()
        server.request("tools/list")
        server.call("add_memory", content="I like tea")
        server.call("search_memories", query="tea")
        assert "error" in server.request("no/such/method")
        assert server.request("tools/call", name="search_memories", arguments={})["result"]["isError"]
        assert server.hang_up() == 0
        assert len(server.lines) >= 6
        assert all(json.loads(line)["jsonrpc"] == "2.0" for line in server.lines)


@pytest.mark.promise("fast-start")
@pytest.mark.skipif(not ON_LINUX, reason="asks the Linux kernel what is loaded")
def test_tools_are_listed_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    heavy = ("lancedb", "onnxruntime", "pyarrow", "numpy", "tokenizers", "model.onnx")
    with raw_server(tmp_path) as server:
        server.shake_hands()
        listed = server.request("tools/list")
        assert [name for name in heavy if name in server.mapped_files()] == []
        assert len(listed["result"]["tools"]) == 5
        server.call("add_memory", content="I like tea")
        assert "lancedb" in server.mapped_files()
        assert "onnxruntime" in server.mapped_files()


@pytest.mark.skipif(not ON_LINUX, reason="asks the Linux kernel what is loaded")
def test_everything_loads_by_itself_after_the_handshake(tmp_path: Path) -> None:
    with raw_server(tmp_path) as server:
        server.shake_hands()
        for _ in range(3000):
            server.request("ping")
            if "onnxruntime" in server.mapped_files():
                return
        pytest.fail("the engine did not begin to load")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_server_at_once(tmp_path: Path, stop: signal.Signals) -> None:
    with raw_server(tmp_path) as server:
        server.shake_hands()
        server.call("add_memory", content="I like tea")
        server.process.send_signal(stop)
        assert server.process.wait(timeout=20) != 0
    with raw_server(tmp_path) as server:
        server.shake_hands()
        assert server.call("list_memories")["total"] == 1


@pytest.mark.promise("private")
def test_nothing_is_kept_outside_the_data_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    elsewhere = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home)}
    with raw_server(tmp_path / "data", **elsewhere) as server:
        server.shake_hands()
        server.call("add_memory", content="I like tea")
        server.call("search_memories", query="tea")
        assert server.hang_up() == 0
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_request_that_cannot_be_read_is_answered_all_the_same(tmp_path: Path) -> None:
    head = '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"add_memory","arguments":'
    with raw_server(tmp_path) as server:
        server.shake_hands()
        for arguments in ("[" * 300 + "]" * 300, '{"limit": ' + "9" * 5000 + "}", "{,}"):
            server.write_line(f"{head}{arguments}}}}}")
            answer = server.read()
            assert answer["id"] == 77
            assert "cannot be read" in answer["error"]["message"] + str(answer["error"].get("data"))
        server.write_line(head + '{"content":"cut emoji \\ud83d here"}}}')
        assert server.read()["result"]["structuredContent"]["results"][0]["memory"] == "cut emoji \ufffd here"
        server.write_line(head + '{"content":"whole emoji \\ud83e\\udd9c here"}}}')
        assert server.read()["result"]["structuredContent"]["results"][0]["memory"] == "whole emoji 🦜 here"
        server.write_line("not JSON at all")
        assert "tools" in server.request("tools/list")["result"]


def test_hanging_up_while_the_engine_loads_is_a_clean_end(tmp_path: Path) -> None:
    for number in range(4):
        with raw_server(tmp_path) as server:
            server.shake_hands()
            server.request("tools/list")
            for _ in range(150 * number):  # so that hanging up meets different stages of loading
                server.request("ping")
            assert server.hang_up() == 0


@pytest.mark.promise("durability")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_new_process_knows_what_the_old_one_was_told(tmp_path: Path, mode: str) -> None:
    async with Client(parameters(tmp_path), mode=mode) as client:
        await client.call_tool("add_memory", {"content": "I use a MacBook Pro M3"})
    async with Client(parameters(tmp_path), mode=mode) as client:
        found = await client.call_tool("search_memories", {"query": "what case should I buy?"})
        assert found.structured_content is not None
        assert found.structured_content["results"][0]["memory"] == "I use a MacBook Pro M3"


@pytest.mark.promise("durability")
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    acknowledged = []
    for life in range(4):
        with raw_server(tmp_path) as server:
            server.shake_hands()
            for number in range(life + 1):
                text = f"Life {life}, memory {number}"
                server.call("add_memory", content=text)
                acknowledged.append(text)
            server.request_nowait("tools/call", name="add_memory", arguments={"content": f"In flight {life}"})
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
    with raw_server(tmp_path) as server:
        server.shake_hands()
        listed = [m["memory"] for m in server.call("list_memories", limit=100, max_tokens=100_000)["memories"]]
    assert [text for text in listed if text.startswith("Life")] == acknowledged[::-1]
    assert len(listed) == len(set(listed))


@pytest.mark.promise("isolation")
async def test_the_user_comes_from_the_launch_and_nowhere_else(tmp_path: Path) -> None:
    async with Client(parameters(tmp_path, "ana")) as client:
        await client.call_tool("add_memory", {"content": "Ana's canary"})
    async with Client(parameters(tmp_path, "ben")) as client:
        refused = await client.call_tool("search_memories", {"query": "canary", "user_id": "ana"})
        assert refused.is_error
        listed = await client.call_tool("list_memories", {})
        assert (listed.structured_content or {})["total"] == 0


def test_a_wrong_setting_is_one_line_on_standard_error(tmp_path: Path) -> None:
    cases = {
        "SCRUBJAY_SESSION_TTL_HOURS": ("soon", "SCRUBJAY_SESSION_TTL_HOURS 'soon'"),
        "SCRUBJAY_LOG_LEVEL": ("LOUD", "SCRUBJAY_LOG_LEVEL 'LOUD'"),
        "SCRUBJAY_STORE": ("redis://x", "SCRUBJAY_STORE 'redis://x' is not supported"),
        "SCRUBJAY_EXTRACTOR": ("oracle", "SCRUBJAY_EXTRACTOR 'oracle'"),
    }
    for name, (value, told) in cases.items():
        done = subprocess.run(
            [*COMMAND, "serve"],
            env=environment(tmp_path, **{name: value}),
            input="",
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert told in done.stderr


def test_a_model_that_is_not_there_is_told_to_the_caller(tmp_path: Path) -> None:
    folder = tmp_path / "empty-model"
    folder.mkdir()
    with raw_server(tmp_path / "data", SCRUBJAY_EMBEDDING_MODEL=str(folder)) as server:
        server.shake_hands()
        assert len(server.request("tools/list")["result"]["tools"]) == 5
        result = server.request("tools/call", name="search_memories", arguments={"query": "x"})["result"]
        assert result["isError"]
        assert "lacks model.onnx" in result["content"][0]["text"]
