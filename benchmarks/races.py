"""Many processes on one folder: servers over stdio with the real client, and processes of the library.

Each keeps counters by superseding them (read, add one, write), adds, corrects, forgets, searches, lists, reads what is
pending and maintains. In the end every acknowledged write must be there once, every counter's versions must be a line
without gaps, as many as there were acknowledged increments, and nothing that was forgotten.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import anyio
from durable import LOG, NOTED, OWNER, USER, Row, Told, fact_of, message_of, new_word, temporary, text_of, words_of
from ledger import grouped
from mcp import Client, StdioServerParameters
from traces import Wanted, traces

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from loopback import Messages, running
from scrubjay import Memory
from scrubjay.journeys import maintaining
from scrubjay.types import PENDING, Filter, Kind, MemoryRecord, State

_SHARED, _OWN_KEPT = 4, 8
_PAUSE_S = 0.005
WEIGHTS = {"add": 6, "increment": 6, "supersede": 3, "update": 3, "forget": 2, "search": 4, "page": 1, "tend": 1}


@dataclass
class Diary:
    """What one process was told: the words of each memory's versions, what it said, and the errors it saw."""

    kept: dict[str, list[str]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    increments: dict[str, int] = field(default_factory=dict)
    forgotten: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    calls: int = 0


class Doing:
    """What the processes do, by one of two ways to ask: the server's tools, or the library."""

    def __init__(self, ask: "Ask", name: str, counters: list[str], randomness: random.Random) -> None:
        self.diary = Diary()
        self._ask = ask
        self._name = name
        self._counters = counters
        self._randomness = randomness

    async def go_on(self, until: float) -> None:
        """Do one thing after the other until it is time."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while time.time() < until:
            (chosen,) = self._randomness.choices(names, weights)
            try:
                await getattr(self, chosen)()
            except Exception as error:  # noqa: BLE001 - every error at a client counts
                self.diary.errors.append(f"{self._name}, {chosen}: {type(error).__name__}: {error}"[:300])
            self.diary.calls += 1
            await anyio.sleep(_PAUSE_S)

    async def add(self) -> None:
        words = [new_word(self._randomness) for _ in range(self._randomness.choice((1, 1, 5)))]
        for word, memory_id in zip(words, await self._ask.add([fact_of(word) for word in words]), strict=True):
            self.diary.kept[memory_id] = [word]

    async def increment(self) -> None:
        counter = self._randomness.choice(self._counters)
        word = new_word(self._randomness)
        (memory_id,) = await self._ask.add([{**fact_of(word), "replaces": [counter]}])
        if memory_id != counter:
            raise RuntimeError(f"{counter} was superseded by {memory_id}, not by its next version")
        self.diary.increments[counter] = self.diary.increments.get(counter, 0) + 1

    async def supersede(self) -> None:
        if memory_id := self._own():
            word = new_word(self._randomness)
            await self._ask.add([{**fact_of(word), "replaces": [memory_id]}])
            self.diary.kept[memory_id].append(word)

    async def update(self) -> None:
        if memory_id := self._own():
            word = new_word(self._randomness)
            await self._ask.update(memory_id, text_of(word))
            self.diary.kept[memory_id].append(word)

    async def forget(self) -> None:
        if len(self.diary.kept) > _OWN_KEPT and (memory_id := self._own()):
            self.diary.forgotten[memory_id] = self.diary.kept.pop(memory_id)
            gone = await self._ask.forget(memory_id)
            if not gone:
                raise RuntimeError(f"{memory_id} was not there to be forgotten")

    async def search(self) -> None:
        if memory_id := self._own():
            text = text_of(self.diary.kept[memory_id][-1])
            found = await self._ask.search(text)
            if text not in found:
                raise RuntimeError(f"{text!r} was acknowledged and is not found")

    async def page(self) -> None:
        await self._ask.page()

    async def tend(self) -> None:
        message = message_of(new_word(self._randomness))
        await self._ask.tend([message])
        self.diary.said.append(message["content"])

    def _own(self) -> str | None:
        return self._randomness.choice(list(self.diary.kept)) if self.diary.kept else None


class Ask:
    """The library's way."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def add(self, facts: list[dict[str, Any]]) -> list[str]:
        return [outcome["id"] for outcome in self._memory.add(facts=facts, user_id=USER)["results"]]

    async def update(self, memory_id: str, text: str) -> None:
        self._memory.update(memory_id, text)

    async def forget(self, memory_id: str) -> bool:
        return memory_id in self._memory.delete(memory_id)["forgotten"]

    async def search(self, text: str) -> list[str]:
        return [hit["memory"] for hit in self._memory.search(text, user_id=USER)["results"]]

    async def page(self) -> None:
        self._memory.get_all(user_id=USER, limit=50)

    async def tend(self, messages: list[dict[str, Any]]) -> None:
        """Say something that waits to be read, read what waits, and maintain."""
        self._memory.add(messages, user_id=USER)
        self._memory.extract()
        maintaining.maintain(self._memory.engine)


class AskServer(Ask):
    """The server's way."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def add(self, facts: list[dict[str, Any]]) -> list[str]:
        told = await self._call("add_memory", facts=facts)
        return [outcome["id"] for outcome in told["results"]]

    async def update(self, memory_id: str, text: str) -> None:
        await self._call("update_memory", memory_id=memory_id, content=text)

    async def forget(self, memory_id: str) -> bool:
        return memory_id in (await self._call("forget", memory_ids=[memory_id]))["forgotten"]

    async def search(self, text: str) -> list[str]:
        found = await self._call("search_memories", query=text, limit=10, max_tokens=100_000)
        return [hit["memory"] for hit in found["results"]]

    async def page(self) -> None:
        await self._call("list_memories", limit=50)

    async def tend(self, messages: list[dict[str, Any]]) -> None:
        """Say something; a server maintains and reads by itself."""
        await self._call("add_memory", messages=messages)

    async def _call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self._client.call_tool(tool, arguments)
        if result.is_error:
            raise RuntimeError(str(result.content))
        return dict(result.structured_content or {})


def run(processes: int, minutes: float, seed: int) -> Told:
    """Let so many processes work for so long; every fourth is one of the library, the others are servers."""
    randomness = random.Random(seed)
    with temporary() as folder, running(Messages()) as model:
        environment = _environment(folder, model.url)
        with Memory(folder, extractor="none", maintenance=False) as memory:
            facts = [fact_of(new_word(randomness)) for _ in range(_SHARED)]
            counters = [outcome["id"] for outcome in memory.add(facts=facts, user_id=USER)["results"]]
        names = [f"{'library' if number % 4 == 3 else 'server'} {number + 1}" for number in range(processes)]
        diaries: dict[str, Diary] = {}
        anyio.run(_race, names, counters, environment, minutes, seed, diaries)
        subprocess.run([sys.executable, __file__, json.dumps({"finish": True})], env=environment, check=True)
        with Memory(folder, extractor="none", maintenance=False) as memory:
            maintaining.maintain(memory.engine)
            row = _checked(memory, folder, counters, diaries)
    return Told({"on one folder": [row.shown()]}, row.broken[:20])


def _environment(folder: Path, url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRUBJAY_", "ANTHROPIC_"))}
    ours = {"SCRUBJAY_DATA_DIR": str(folder), "SCRUBJAY_USER_ID": USER}
    return {**kept, **ours, "ANTHROPIC_API_KEY": "key", "ANTHROPIC_BASE_URL": url}


async def _race(
    names: list[str],
    counters: list[str],
    environment: dict[str, str],
    minutes: float,
    seed: int,
    diaries: dict[str, Diary],
) -> None:
    """Start them all, let them begin together, and gather what they were told."""
    ready = [anyio.Event() for _ in names]

    async def together() -> float:
        for event in ready:
            await event.wait()
        return time.time() + 60 * minutes

    async def serve(number: int, name: str) -> None:
        parameters = StdioServerParameters(
            command=sys.executable, args=["-m", "scrubjay_server", "serve"], env=environment
        )
        async with Client(parameters) as client:
            await client.call_tool("search_memories", {"query": "warm up"})
            ready[number].set()
            doing = Doing(AskServer(client), name, counters, random.Random(f"{seed} {name}"))
            await doing.go_on(await together())
            diaries[name] = doing.diary

    async def borrow(number: int, name: str) -> None:
        with _library(name, counters, environment, seed) as process:
            await anyio.to_thread.run_sync(_line_of, process)
            ready[number].set()
            until = await together()
            told = await anyio.to_thread.run_sync(_told, process, until)
            diaries[name] = Diary(**json.loads(told))

    async with anyio.create_task_group() as group:
        for number, name in enumerate(names):
            group.start_soon(serve if name.startswith("server") else borrow, number, name)


@contextmanager
def _library(
    name: str, counters: list[str], environment: dict[str, str], seed: int
) -> Iterator["subprocess.Popen[str]"]:
    """Give a process of the library, started and ended here."""
    job = json.dumps({"name": name, "counters": counters, "seed": seed})
    with subprocess.Popen(
        [sys.executable, __file__, job], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _told(process: "subprocess.Popen[str]", until: float) -> str:
    told, _ = process.communicate(f"{until}\n")
    return told


def _checked(memory: Memory, folder: Path, counters: list[str], diaries: dict[str, Diary]) -> Row:
    """Compare everything that was acknowledged with what is there."""
    every = list(diaries.values())
    row = Row(f"{len(every)} processes", trials=sum(diary.calls for diary in every))
    records = memory.engine.store.find(OWNER, Filter())
    by_id = grouped(records)
    for diary in every:
        for memory_id, words in diary.kept.items():
            row.acknowledged += len(words)
            _count_versions(memory_id, [text_of(word) for word in words], by_id.get(memory_id, []), row)
    increments = Counter[str]()
    for diary in every:
        increments.update(diary.increments)
    row.acknowledged += sum(increments.values())
    for counter in counters:
        _count_increments(counter, 1 + increments[counter], by_id.get(counter, []), row)
    _count_facts(records, [text for diary in every for text in diary.said], row)
    _count_forgotten(folder, by_id, every, row)
    errors = [error for diary in every for error in diary.errors]
    row.more = {
        "increments": sum(increments.values()),
        "forgets": sum(len(d.forgotten) for d in every),
        "errors": len(errors),
    }
    row.broken += errors
    row.more["pending"] = memory.engine.store.count(OWNER, PENDING)
    if row.more["pending"]:
        row.count("lost", f"{row.more['pending']} messages wait to be read, after everything was", row.more["pending"])
    return row


def _count_versions(memory_id: str, texts: list[str], rows: list[MemoryRecord], row: Row) -> None:
    """Count what differs from one line of versions with these texts."""
    numbers = [record.version for record in rows]
    for number in set(range(1, len(texts) + 1)) - set(numbers):
        row.count("lost", f"version {number} of {memory_id}")
    if len(numbers) > len(texts):
        row.count("duplicated", f"{memory_id} has versions {numbers}, {len(texts)} were acknowledged")
    if [record.text for record in rows] != texts and sorted(numbers) == list(range(1, len(texts) + 1)):
        row.count("torn", f"{memory_id} says {[record.text for record in rows]}, not {texts}")


def _count_increments(counter: str, acknowledged: int, rows: list[MemoryRecord], row: Row) -> None:
    """Count updates of a counter that were lost or are there twice, and versions that are no line."""
    numbers = [record.version for record in rows]
    if len(numbers) < acknowledged:
        row.count("lost", f"{acknowledged} updates of {counter}, {len(numbers)} are there", acknowledged - len(numbers))
    if len(numbers) > acknowledged or len(set(numbers)) < len(numbers):
        row.count("duplicated", f"{acknowledged} updates of {counter}, {len(numbers)} are there")
    if sorted(set(numbers)) != list(range(1, len(set(numbers)) + 1)):
        row.count("torn", f"versions of {counter} have gaps: {numbers}")
    if sum(record.valid_to is None for record in rows) != 1:
        row.count("torn", f"{counter} has not one open version")


def _count_facts(records: list[MemoryRecord], said: list[str], row: Row) -> None:
    """Count messages that are not there once, with one fact; or without one, while they wait to be read."""
    row.acknowledged += len(said)
    spoken = Counter(record.text for record in records if record.kind is Kind.EPISODE)
    waiting = {record.text for record in records if record.state is State.PENDING}
    drawn = Counter(record.text for record in records if record.kind is Kind.FACT)
    for text in said:
        if spoken[text] != 1:
            row.count("duplicated" if spoken[text] else "lost", f"{text!r} is there {spoken[text]} times")
        many = drawn[f"{NOTED}{text}"]
        if many > 1 or (many == 0 and spoken[text] and text not in waiting):
            row.count("duplicated" if many else "lost", f"{text!r} was read, and {many} facts of it are there")


def _count_forgotten(folder: Path, by_id: dict[str, list[MemoryRecord]], diaries: list[Diary], row: Row) -> None:
    """Count what was forgotten and is there, in rows or in any byte."""
    forgotten = {memory_id: words for diary in diaries for memory_id, words in diary.forgotten.items()}
    row.acknowledged += len(forgotten)
    words = {part for listed in forgotten.values() for word in listed for part in words_of(word)}
    for memory_id in forgotten.keys() & by_id.keys():
        row.count("traces_left", f"{memory_id} was forgotten and is there")
    for trace in traces(folder, Wanted(frozenset(words | forgotten.keys())), apart_from=[LOG]):
        row.count("traces_left", f"{trace.what} in {trace.path.name} ({trace.seen})")


def _work(job: dict[str, Any]) -> None:
    """Be a process of the library: say that it is ready, read until when to go on, and write what was told."""
    with Memory(os.environ["SCRUBJAY_DATA_DIR"]) as memory:
        memory.search("warm up", user_id=USER)
        print("ready", flush=True)
        until = float(sys.stdin.readline())
        doing = Doing(Ask(memory), job["name"], job["counters"], random.Random(f"{job['seed']} {job['name']}"))
        anyio.run(doing.go_on, until)
    print(json.dumps(asdict(doing.diary)), flush=True)


def _finish() -> None:
    """Read what is still to be read, when all the others have ended."""
    with Memory(os.environ["SCRUBJAY_DATA_DIR"]) as memory:
        memory.extract()


def main() -> None:
    job = json.loads(sys.argv[1])
    if "finish" in job:
        _finish()
    else:
        _work(job)


if __name__ == "__main__":
    main()
