"""Each desktop client starts its own server on the same folder."""

from pathlib import Path

import anyio
import pytest
from mcp import Client

from e2e.processes import parameters

pytestmark = pytest.mark.anyio
PROCESSES, EACH = 6, 50


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.promise("concurrency")
async def test_six_processes_adding_fifty_each_lose_nothing_and_store_nothing_twice(tmp_path: Path) -> None:
    texts = {f"Process {process} remembers item {number}" for process in range(PROCESSES) for number in range(EACH)}
    seen: list[set[str]] = []
    ready = [anyio.Event() for _ in range(PROCESSES)]
    added = [anyio.Event() for _ in range(PROCESSES)]

    async def work(process: int) -> None:
        async with Client(parameters(tmp_path)) as client:
            await client.list_tools()
            ready[process].set()
            for event in ready:
                await event.wait()
            for number in range(EACH):
                fact = {"text": f"Process {process} remembers item {number}"}
                result = await client.call_tool("add_memory", {"facts": [fact, {"text": f"Shared item {number}"}]})
                assert not result.is_error, result.content
            added[process].set()
            for event in added:
                await event.wait()
            listed: list[str] = []
            cursor = ""
            while True:
                page = await client.call_tool("list_memories", {"limit": 200, "max_tokens": 10**6, "cursor": cursor})
                assert page.structured_content is not None
                listed += [memory["memory"] for memory in page.structured_content["memories"]]
                cursor = page.structured_content.get("next_cursor", "")
                if not cursor:
                    break
            assert len(listed) == len(set(listed))
            seen.append(set(listed))

    async with anyio.create_task_group() as group:
        for process in range(PROCESSES):
            group.start_soon(work, process)
    assert len(seen) == PROCESSES
    shared = {f"Shared item {number}" for number in range(EACH)}
    assert all(listed == texts | shared for listed in seen)


@pytest.mark.promise("concurrency")
@pytest.mark.promise("order")
async def test_processes_that_supersede_the_same_memory_make_one_version_each(tmp_path: Path) -> None:
    async with Client(parameters(tmp_path)) as first, Client(parameters(tmp_path)) as second:
        added = await first.call_tool("add_memory", {"facts": [{"text": "The count is 0"}]})
        memory_id = (added.structured_content or {})["results"][0]["id"]

        async def count(client: Client, name: str) -> None:
            for number in range(10):
                fact = {"text": f"The count of {name} is {number}", "replaces": [memory_id]}
                result = await client.call_tool("add_memory", {"facts": [fact]})
                assert not result.is_error, result.content

        async with anyio.create_task_group() as group:
            group.start_soon(count, first, "one")
            group.start_soon(count, second, "two")
        history = await first.call_tool("list_memories", {"history_of": memory_id, "max_tokens": 10**6})
        versions = [memory["version"] for memory in (history.structured_content or {})["memories"]]
        assert versions == list(range(21, 0, -1))
        listed = await second.call_tool("list_memories", {})
        assert (listed.structured_content or {})["total"] == 1


@pytest.mark.promise("concurrency")
async def test_a_reader_sees_no_error_while_another_process_forgets(tmp_path: Path) -> None:
    async with Client(parameters(tmp_path)) as reader, Client(parameters(tmp_path)) as writer:
        facts = [{"text": f"Item {number}"} for number in range(20)]
        added = await writer.call_tool("add_memory", {"facts": facts})
        ids = [outcome["id"] for outcome in (added.structured_content or {})["results"]]
        done = anyio.Event()

        async def read() -> None:
            while not done.is_set():
                result = await reader.call_tool("search_memories", {"query": "item"})
                assert not result.is_error, result.content

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            for memory_id in ids:
                result = await writer.call_tool("forget", {"memory_ids": [memory_id]})
                assert not result.is_error, result.content
            done.set()
        listed = await reader.call_tool("list_memories", {})
        assert (listed.structured_content or {})["total"] == 0
