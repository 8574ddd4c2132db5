"""Many clients of one server at once: MCP over Streamable HTTP and SSE, in both eras, and REST, over real sockets."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import anyio
import httpx2
from crowd import QUERIES
from durable import Told, new_word, temporary
from gauges import Gauges, gauge, quantiles
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from scrubjay.rights import USUAL_RIGHTS
from scrubjay_server.tokens import Tokens

WEIGHTS = {"search": 12, "list": 3, "add": 3, "correct": 1, "forget": 1}
WAYS = ("MCP over HTTP, 2026-07-28", "MCP over HTTP, 2025-11-25", "MCP over SSE", "REST")
_MOST_GROWN_MB = 25.0
_SAMPLED_EVERY_S = 5.0
_PATIENCE_S = 60.0
_TOLD = re.compile(r"http://[\d.]+:\d+")


class Wire(Protocol):
    """One client's way to the server; what it returns are the memories, their ids and texts."""

    async def search(self, query: str) -> list[dict[str, Any]]: ...
    async def list(self) -> list[dict[str, Any]]: ...
    async def add(self, text: str) -> str: ...
    async def correct(self, memory_id: str, text: str) -> None: ...
    async def forget(self, memory_id: str) -> None: ...


class OverMcp:
    """By the official client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def search(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._call("search_memories", query=query))["results"]
        return found

    async def list(self) -> list[dict[str, Any]]:
        told = await self._call("list_memories", limit=1_000, max_tokens=1_000_000)
        listed: list[dict[str, Any]] = told["memories"]
        return listed

    async def add(self, text: str) -> str:
        return str((await self._call("add_memory", facts=[{"text": text}]))["results"][0]["id"])

    async def correct(self, memory_id: str, text: str) -> None:
        await self._call("update_memory", memory_id=memory_id, content=text)

    async def forget(self, memory_id: str) -> None:
        assert (await self._call("forget", memory_ids=[memory_id]))["forgotten"] == [memory_id]

    async def _call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self._client.call_tool(tool, arguments)
        if result.is_error:
            raise RuntimeError(str(result.content))
        return dict(result.structured_content or {})


class OverRest:
    """By plain HTTP."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def search(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._ask("POST", "/search", {"query": query}))["results"]
        return found

    async def list(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await self._ask("GET", "?limit=1000"))["memories"]
        return listed

    async def add(self, text: str) -> str:
        return str((await self._ask("POST", "", {"facts": [{"text": text}]}))["results"][0]["id"])

    async def correct(self, memory_id: str, text: str) -> None:
        await self._ask("PUT", f"/{memory_id}", {"content": text})

    async def forget(self, memory_id: str) -> None:
        assert (await self._ask("DELETE", f"/{memory_id}"))["forgotten"] == [memory_id]

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = await self._client.request(method, f"/api/v1/memories{path}", json=body)
        if answer.status_code >= 300:
            raise RuntimeError(f"{answer.status_code} {answer.text[:200]}")
        return dict(answer.json())


@dataclass
class Diary:
    """What one client was told: its memories by id with their words, what it forgot, times by call, and errors."""

    way: str
    kept: dict[str, str] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)


class Person:
    """What one client does, one thing after the other."""

    def __init__(self, wire: Wire, diary: Diary, chance: random.Random) -> None:
        self._wire = wire
        self._diary = diary
        self._chance = chance

    async def go_on(self, until: float) -> None:
        """Do things until it is time."""
        while time.monotonic() < until:
            (chosen,) = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            chosen = "add" if chosen in {"correct", "forget"} and not self._diary.kept else chosen
            began = time.perf_counter()
            try:
                with anyio.fail_after(_PATIENCE_S):
                    await getattr(self, chosen)()
            except Exception as error:  # noqa: BLE001 - every error at a client counts
                self._diary.errors.append(f"{chosen}, {self._diary.way}: {type(error).__name__}: {error}"[:300])
            self._diary.times_ms[chosen].append(1_000 * (time.perf_counter() - began))

    async def search(self) -> None:
        await self._wire.search(self._chance.choice(QUERIES))

    async def list(self) -> None:
        await self._wire.list()

    async def add(self) -> None:
        text = self._text()
        self._diary.kept[await self._wire.add(text)] = text

    async def correct(self) -> None:
        memory_id, text = self._chance.choice(list(self._diary.kept)), self._text()
        await self._wire.correct(memory_id, text)
        self._diary.kept[memory_id] = text

    async def forget(self) -> None:
        memory_id = self._chance.choice(list(self._diary.kept))
        await self._wire.forget(memory_id)
        del self._diary.kept[memory_id]
        self._diary.forgotten.add(memory_id)

    async def check(self) -> None:
        """Note as an error what was acknowledged and is not there, and what was forgotten and is."""
        there = {memory["id"]: memory["memory"] for memory in await self._wire.list()}
        if there != self._diary.kept:
            self._diary.errors.append(f"{len(there)} memories in the end, and not {len(self._diary.kept)}")

    def _text(self) -> str:
        return f"Keeps the {new_word(self._chance)} lantern on the upper shelf"


def run(clients: int, seed: int, *, minutes: float) -> Told:
    """Return how long the calls of so many clients took, what went wrong, and what the server held meanwhile."""
    with temporary() as folder:
        tokens = [_token(folder, number) for number in range(clients)]
        with _serving(folder) as (process, url):
            diaries = [Diary(way=WAYS[number % len(WAYS)]) for number in range(clients)]
            gauges = Gauges(process.pid)
            before = gauge(process.pid)
            anyio.run(_all_at_once, url, tokens, diaries, seed, 60 * minutes, gauges)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            ended = {"exit status": process.wait(timeout=30), "seconds": round(time.monotonic() - began, 1)}
    errors = Counter(error for diary in diaries for error in diary.errors)
    tables = {
        f"{clients} clients, one server, {minutes:g} minutes": _lines(diaries, 60 * minutes),
        "by the way they came": _ways(diaries),
        "errors": [{"errors": errors.total(), "memories kept": sum(len(diary.kept) for diary in diaries)}],
        "the server, over time": [{"second": 0, **before.shown()}, *gauges.shown()],
        "told to stop": [ended],
    }
    stopped = [] if ended["exit status"] == 0 else ["the server did not end well"]
    broken = [f"{count} times {error}" for error, count in errors.most_common(20)]
    return Told(tables, [*broken, *gauges.grown(most_mb=_MOST_GROWN_MB), *stopped])


async def _all_at_once(
    url: str, tokens: list[str], diaries: list[Diary], seed: int, seconds: float, gauges: Gauges
) -> None:
    until = time.monotonic() + seconds
    with gauges.noting(every_s=_SAMPLED_EVERY_S):
        async with anyio.create_task_group() as group:
            for number, (token, diary) in enumerate(zip(tokens, diaries, strict=True)):
                group.start_soon(_live, url, token, diary, random.Random(f"{seed} {number}"), until)


async def _live(url: str, token: str, diary: Diary, chance: random.Random, until: float) -> None:
    async with _wire(url, token, diary.way) as wire:
        person = Person(wire, diary, chance)
        await person.go_on(until)
        await person.check()


@asynccontextmanager
async def _wire(url: str, token: str, way: str) -> AsyncIterator[Wire]:
    headers = {"Authorization": f"Bearer {token}"}
    if way == "MCP over SSE":
        async with Client(sse_client(f"{url}/sse", headers=headers), mode="legacy") as client:
            yield OverMcp(client)
        return
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=_PATIENCE_S) as plain:
        if way == "REST":
            yield OverRest(plain)
            return
        mode = "auto" if way == WAYS[0] else "legacy"
        async with Client(streamable_http_client(f"{url}/mcp", http_client=plain), mode=mode) as client:
            yield OverMcp(client)


@contextmanager
def _serving(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    ours = {"SCRUBJAY_DATA_DIR": str(folder / "data"), "SCRUBJAY_EXTRACTOR": "none"}
    command = [sys.executable, "-m", "scrubjay_server", "serve", "--transport", "http", "--port", "0"]
    with subprocess.Popen(command, env={**os.environ, **ours}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        address = _TOLD.search(told)
        assert address, told
        try:
            httpx2.get(f"{address[0]}/readyz", timeout=_PATIENCE_S).raise_for_status()
            yield process, address[0]
        finally:
            process.kill()


def _token(folder: Path, number: int) -> str:
    data = folder / "data"
    text, _ = Tokens(data / "tokens.json").create(
        tenant="load", user_id=f"user-{number}", scopes=USUAL_RIGHTS, lifetime=timedelta(days=1)
    )
    return text


def _lines(diaries: list[Diary], seconds: float) -> list[dict[str, Any]]:
    times = {name: [ms for diary in diaries for ms in diary.times_ms[name]] for name in WEIGHTS}
    times["all"] = [ms for each in times.values() for ms in each]
    return [
        {"call": name, "calls": len(each), "a second": round(len(each) / seconds, 1), **quantiles(each, also=(99, 100))}
        for name, each in times.items()
        if each
    ]


def _ways(diaries: list[Diary]) -> list[dict[str, Any]]:
    lines = []
    for way in WAYS:
        times = [ms for diary in diaries if diary.way == way for each in diary.times_ms.values() for ms in each]
        if times:
            lines.append({"way": way, "calls": len(times), **quantiles(times, also=(99,))})
    return lines
