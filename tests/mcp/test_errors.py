"""Bad input: a clear line that says what to do, and nothing stored."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import INVALID_PARAMS

from scrubjay.journeys.engine import Engine
from scrubjay_tools.host import Host, Principal
from scrubjay_tools.surface import surface
from wire import Connect, Wire

pytestmark = pytest.mark.anyio

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("add_memory", {}, "add_memory: content is empty, and so are messages and facts; give one of them"),
    ("add_memory", {"content": "   "}, "is empty; give the words to work with"),
    ("add_memory", {"content": "\u200b\x00"}, "is empty; give the words to work with"),
    ("add_memory", {"text": "x"}, "add_memory: there is no argument 'text'; it takes content, messages, facts, scope"),
    ("add_memory", {"content": "x", "user_id": "ben"}, "there is no argument 'user_id'"),
    (
        "add_memory",
        {"messages": [{"content": "x", "user": "ben"}]},
        "there is no argument 'messages[0].user'; it takes role",
    ),
    (
        "add_memory",
        {"facts": [{"text": "x", "confidence": 1}]},
        "there is no argument 'facts[0].confidence'; it takes text",
    ),
    ("add_memory", {"messages": [{"role": "user"}]}, "messages[0].content is missing"),
    (
        "add_memory",
        {"facts": [{"text": "x", "relations": [{"subject": "a", "predicate": "b", "to": "c"}]}]},
        "relations[0].to'",
    ),
    ("add_memory", {"content": "x", "scope": "world"}, "scope must be 'user', 'session' or 'agent'"),
    ("add_memory", {"content": ["x"]}, "content must be a text"),
    ("add_memory", {"content": "x" * 200_001}, "has 200,001 characters, the most is 200,000"),
    (
        "add_memory",
        {"facts": [{"text": "x", "importance": 1.5}]},
        "facts[0].importance must be less than or equal to 1",
    ),
    ("add_memory", {"content": "x", "session_id": "s" * 300}, "session_id has 300 characters, the most is 256"),
    ("search_memories", {}, "search_memories: query is missing"),
    ("search_memories", {"query": ""}, "search_memories: query is empty"),
    ("search_memories", {"query": "x", "limit": 0}, "limit must be greater than or equal to 1"),
    ("search_memories", {"query": "x", "limit": "many"}, "limit must be a valid integer"),
    ("search_memories", {"query": "x", "min_score": 2}, "min_score must be less than or equal to 1"),
    ("search_memories", {"query": "x", "since": "last week"}, "since 'last week' is not a date; use ISO 8601"),
    ("search_memories", {"query": "x", "scope": "session"}, "session_id is needed for scope 'session'"),
    ("search_memories", {"query": "x", "category": "hobby"}, "category must be"),
    ("search_memories", {"query": "x", "metadata": "red"}, "metadata must be a JSON object"),
    ("list_memories", {"cursor": "garbage"}, "cursor is not one that list_memories returned"),
    ("list_memories", {"cursor": "WzksMSwiYSIsMV0"}, "cursor is not one that list_memories returned"),
    ("list_memories", {"state": "lost"}, "state must be"),
    ("update_memory", {"memory_id": "x"}, "update_memory: content is missing"),
    ("update_memory", {"memory_id": "x", "content": "y"}, "no memory has the id 'x'"),
    ("forget", {}, "memory_ids is empty; give ids, or a query to see candidates, or everything=true"),
    ("forget", {"everything": True}, "confirm must be 'forget everything'; ask the person first"),
    ("forget", {"everything": True, "confirm": "yes"}, "confirm must be 'forget everything'"),
    ("forget", {"memory_ids": "a"}, "memory_ids must be a valid list"),
]


@pytest.mark.parametrize(("tool", "arguments", "problem"), CASES)
async def test_a_wrong_call_is_told_in_one_line(
    connect: Connect, tool: str, arguments: dict[str, Any], problem: str
) -> None:
    async with connect() as wire:
        assert problem in await wire.error(tool, **arguments)


async def test_null_means_the_default_everywhere(connect: Connect) -> None:
    async with connect() as wire:
        await wire.ok(
            "add_memory",
            content=None,
            messages=[{"content": "I have a cat", "name": None, "time": None, "metadata": None, "role": None}],
            facts=None,
            scope=None,
            session_id=None,
            infer=None,
        )
        found = await wire.ok("search_memories", query="cat", limit=None, since=None, metadata=None, scope=None)
        assert len(found["results"]) == 1


async def test_json_sent_as_text_stays_text_where_text_is_meant(connect: Connect) -> None:
    async with connect() as wire:
        for text in ('{"a": 1}', "[1, 2]", "5", "null", "true"):
            added = await wire.ok("add_memory", content=text)
            assert added["results"][0]["memory"] == text
        found = await wire.ok("search_memories", query='{"a": 1}', limit="1")
        assert found["results"][0]["memory"] == '{"a": 1}'


async def test_a_damaged_table_is_told_with_what_to_do(connect: Connect, tmp_path: Path) -> None:
    async with connect() as wire:
        await wire.ok("add_memory", content="x y z")
        for manifest in tmp_path.joinpath("data", "memories").rglob("*.manifest"):
            manifest.write_bytes(b"")
        told = await wire.error("list_memories")
        assert told.startswith("list_memories: could not read the memories: ")
        assert told.endswith(
            "`scrubjay restore` brings back from a backup what a damaged file has lost; "
            "`scrubjay doctor` checks the data folder"
        )


async def test_a_crash_inside_is_told_in_general_words_and_logged(era: str, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Engine:
        raise KeyError("an inner detail")

    host = Host(engine=broken, principal=lambda: Principal(tenant="local", user_id="ana", agent_id="assistant"))
    async with Client(surface(host, version="0"), mode=era) as client:
        told = await Wire(client).error("search_memories", query="x")
    assert told == "search_memories failed inside; the server's log has the details"
    assert "an inner detail" in caplog.text


async def test_a_prompt_that_there_is_not_is_the_clients_mistake(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect() as wire:
        with pytest.raises(MCPError) as refused:
            await wire.client.get_prompt("no_such_prompt")
        assert refused.value.error.code == INVALID_PARAMS
        assert "there is no prompt 'no_such_prompt'; there are what_do_you_know_about_me" in refused.value.error.message
    assert "Traceback" not in caplog.text
