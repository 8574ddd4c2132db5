"""Extraction by real processes: killed at the worst moments, several at once, and in the background."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.processes import COMMAND, RawServer, environment, raw_server
from loopback import NOTHING, Messages, Model, error, running
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import PENDING, Filter, Kind, Owner, Scope

SAID = [f"Fact number {number}: room {number + 100} has {number + 3} chairs" for number in range(20)]
ANA = Owner(tenant="local", scope=Scope.USER, name="ana")


@pytest.fixture
def model() -> Iterator[Model]:
    with running(Messages()) as opened:
        yield opened


def with_model(model: Model, **more: str) -> dict[str, str]:
    return {"ANTHROPIC_API_KEY": "key", "ANTHROPIC_BASE_URL": model.url, **more}


def run(folder: Path, *arguments: str, status: int = 0, **more: str) -> dict[str, Any]:
    done = subprocess.run(
        [*COMMAND, *arguments, "--json"],
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == status, done.stderr
    return dict(json.loads(done.stdout))


def facts(folder: Path) -> Counter[str]:
    return Counter(row.text for row in opened(folder).find(ANA, Filter(kind=Kind.FACT)))


def pending(folder: Path) -> int:
    return opened(folder).count(ANA, PENDING)


def until(happens: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < give_up_at, "it does not happen"


def messages(texts: list[str] = SAID) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


def opened(folder: Path) -> LanceDBStore:
    """The store in this process, to look into it and to hold its locks against the processes that are tested."""
    return LanceDBStore(folder, embedding="none", dimension=4)


def tell(server: RawServer) -> None:
    server.shake_hands()
    server.request_nowait("tools/call", name="add_memory", arguments={"messages": messages()})


def expected() -> Counter[str]:
    return Counter(f"Noted: {text}" for text in SAID)


@pytest.mark.promise("nothing-unread")
def test_killed_between_the_write_and_the_call(tmp_path: Path, model: Model) -> None:
    with opened(tmp_path).extracting(ANA, wait_s=1), raw_server(tmp_path, **with_model(model)) as server:
        tell(server)
        until(lambda: pending(tmp_path) == len(SAID))
        server.process.kill()
        server.process.wait()
    assert model.requests == []
    assert run(tmp_path, "search", SAID[7])["results"][0]["memory"] == SAID[7]
    assert run(tmp_path, "extract", "--pending", **with_model(model)) == {"read": 20, "facts": 20, "pending": 0}
    assert facts(tmp_path) == expected()


@pytest.mark.promise("nothing-unread")
@pytest.mark.parametrize("answered", [0, 1], ids=["the first call", "a call in the middle"])
def test_killed_during_a_call(tmp_path: Path, model: Model, answered: int) -> None:
    model.script(*[lambda asked: model.says(model.reads(asked))] * answered, NOTHING)
    with raw_server(tmp_path, **with_model(model)) as server:
        tell(server)
        for _ in range(answered + 1):
            assert model.asked.acquire(timeout=60)
        server.process.kill()
        server.process.wait()
    assert sum(facts(tmp_path).values()) == 8 * answered
    assert run(tmp_path, "search", SAID[19])["results"][0]["memory"] == SAID[19]
    run(tmp_path, "extract", "--pending", **with_model(model))
    assert facts(tmp_path) == expected()


@pytest.mark.promise("nothing-unread")
def test_killed_between_the_answer_and_the_commit(tmp_path: Path, model: Model) -> None:
    answer = model.hold()
    with raw_server(tmp_path, **with_model(model)) as server:
        tell(server)
        assert model.asked.acquire(timeout=60)
        with opened(tmp_path).exclusive(ANA):  # so that nobody can commit
            answer()
            assert model.delivered.acquire(timeout=60)
            server.process.kill()
            server.process.wait()
    assert facts(tmp_path) == Counter()
    run(tmp_path, "extract", "--pending", **with_model(model))
    assert facts(tmp_path) == expected()


@pytest.mark.promise("concurrency")
def test_several_processes_read_each_message_once(tmp_path: Path, model: Model) -> None:
    texts = "\n".join(json.dumps(message) for message in messages())
    tmp_path.joinpath("said.jsonl").write_text(texts)
    model.script(error(401, "authentication_error"))
    run(tmp_path / "data", "add", "--messages", str(tmp_path / "said.jsonl"), **with_model(model))
    readers = [
        subprocess.Popen(
            [*COMMAND, "extract", "--pending", "--json"],
            env=environment(tmp_path / "data", **with_model(model)),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    tallies = [json.loads(reader.communicate(timeout=120)[0]) for reader in readers]
    assert sum(tally["read"] for tally in tallies) == len(SAID)
    assert facts(tmp_path / "data") == expected()
    read = Counter(said["content"] for asked in model.requests[1:] for said in asked.messages)
    assert set(read.values()) == {1}


def test_the_server_reads_by_itself_what_is_pending(tmp_path: Path, model: Model) -> None:
    model.script(error(401, "authentication_error"))
    added = run(tmp_path, "add", "I keep bees", **with_model(model))
    assert [result["event"] for result in added["results"]] == ["PENDING"]
    assert "authentication" in added["note"] or "401" in added["note"]
    with raw_server(tmp_path, **with_model(model)) as server:
        server.shake_hands()
        server.request("tools/list")
        assert model.asked.acquire(timeout=60)
        assert model.asked.acquire(timeout=60)
        until(lambda: not server.call("list_memories", state="pending")["total"])
        assert [one["memory"] for one in server.call("list_memories")["memories"]] == ["Noted: I keep bees"]
        assert server.hang_up() == 0


def test_the_caller_waits_no_longer_than_told_and_the_rest_goes_on(tmp_path: Path, model: Model) -> None:
    go_on = model.hold()
    with raw_server(tmp_path, **with_model(model, SCRUBJAY_ADD_WAIT_S="0.2")) as server:
        server.shake_hands()
        added = server.call("add_memory", content="I keep bees")
        assert [result["event"] for result in added["results"]] == ["PENDING"]
        assert "will be read for facts later" in added["note"]
        assert [hit["memory"] for hit in server.call("search_memories", query="bees")["results"]] == ["I keep bees"]
        go_on()
        until(lambda: not server.call("list_memories", state="pending")["total"])
        assert facts(tmp_path) == Counter(["Noted: I keep bees"])


def test_without_an_extractor_there_is_nothing_to_extract_with(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "extract", "--pending"], env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: there is nobody to read with: set ANTHROPIC_API_KEY")


def test_hanging_up_waits_for_no_model(tmp_path: Path, model: Model) -> None:
    model.script(NOTHING)
    patience = {"SCRUBJAY_ADD_WAIT_S": "0.1", "SCRUBJAY_EXTRACT_TIMEOUT_S": "600"}
    with raw_server(tmp_path, **with_model(model, **patience)) as server:
        server.shake_hands()
        assert [result["event"] for result in server.call("add_memory", content="I keep bees")["results"]] == [
            "PENDING"
        ]
        assert model.asked.acquire(timeout=60)
        assert server.hang_up() == 0
    assert model.hung_up.wait(20)
    run(tmp_path, "extract", "--pending", **with_model(model))
    assert facts(tmp_path) == Counter(["Noted: I keep bees"])


@pytest.mark.promise("isolation")
def test_nobody_has_another_persons_words_read(tmp_path: Path, model: Model) -> None:
    model.script(error(401, "authentication_error"))
    run(tmp_path, "add", "I keep bees", **with_model(model))
    ben = with_model(model, SCRUBJAY_USER_ID="ben")
    assert run(tmp_path, "extract", "--pending", **ben) == {"read": 0, "facts": 0, "pending": 0}
    assert len(model.requests) == 1
    assert run(tmp_path, "extract", "--pending", **with_model(model)) == {"read": 1, "facts": 1, "pending": 0}
