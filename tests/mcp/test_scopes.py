"""The three scopes, and whose memory is whose."""

from datetime import timedelta
from pathlib import Path

import pytest
from mcp import MCPError
from mcp.types import Implementation

from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import Filter, Owner, Scope
from wire import Connect

pytestmark = pytest.mark.anyio


@pytest.mark.promise("sessions")
async def test_session_memories_need_a_session_and_show_in_no_other(connect: Connect) -> None:
    async with connect() as wire:
        told = await wire.error("add_memory", content="Use metric units today", scope="session")
        assert "choose one id for this conversation" in told
        await wire.ok("add_memory", content="Use metric units today", scope="session", session_id="one")
        await wire.ok("add_memory", content="Use imperial units today", scope="session", session_id="two")

        async def seen(**arguments: str) -> list[str]:
            searched = await wire.ok("search_memories", query="which units?", **arguments)
            listed = await wire.ok("list_memories", **arguments)
            assert {m["memory"] for m in searched["results"]} == {m["memory"] for m in listed["memories"]}
            return [m["memory"] for m in listed["memories"]]

        assert await seen() == []
        assert await seen(session_id="one") == ["Use metric units today"]
        assert await seen(scope="session", session_id="two") == ["Use imperial units today"]
        assert await seen(scope="user", session_id="one") == []
        assert await seen(session_id="three") == []
        assert await seen(session_id="o%e") == []


@pytest.mark.promise("sessions")
async def test_session_memories_expire(connect: Connect) -> None:
    async with connect(ttl=timedelta(microseconds=1)) as wire:
        await wire.ok("add_memory", content="Only for now", scope="session", session_id="one")
        await wire.ok("add_memory", content="For ever", session_id="one")
        listed = await wire.ok("list_memories", session_id="one", include_superseded=True)
        assert [m["memory"] for m in listed["memories"]] == ["For ever"]


async def test_a_session_can_be_forgotten_alone(connect: Connect) -> None:
    async with connect() as wire:
        for session in ("one", "two"):
            await wire.ok("add_memory", content=f"In {session}", scope="session", session_id=session)
        await wire.ok("add_memory", content="Lasting")
        done = await wire.ok("forget", everything=True, scope="session", session_id="one", confirm="forget everything")
        assert done["receipt"]["erased"] == 1
        assert (await wire.ok("list_memories", session_id="one"))["total"] == 1
        assert (await wire.ok("list_memories", session_id="two"))["total"] == 2


async def test_agent_memories_belong_to_no_person_and_serve_everyone(connect: Connect) -> None:
    async with connect("ana") as wire:
        added = await wire.ok("add_memory", facts=[{"text": "Retry the build once before reporting"}], scope="agent")
        agent_id = added["results"][0]["id"]
    async with connect("ben") as wire:
        found = await wire.ok("search_memories", query="build failure")
        assert [(m["id"], m["scope"]) for m in found["results"]] == [(agent_id, "agent")]
        await wire.ok("add_memory", facts=[{"text": "Prefer small commits"}], scope="agent")
        everything = await wire.ok("forget", everything=True, confirm="forget everything")
        assert everything["receipt"]["erased"] == 1
    async with connect("ana") as wire:
        listed = await wire.ok("list_memories", scope="agent")
        assert [m["memory"] for m in listed["memories"]] == ["Retry the build once before reporting"]


async def test_each_memory_knows_which_client_wrote_it_and_for_whom(connect: Connect, tmp_path: Path) -> None:
    async with connect(client_info=Implementation(name="my-client", version="1")) as wire:
        await wire.ok("add_memory", content="I like tea")
    store = LanceDBStore(tmp_path / "data", embedding="not asked for", dimension=384)
    record = store.find(Owner(tenant="local", scope=Scope.USER, name="ana"), Filter())[0]
    assert (record.origin, record.written_by, record.agent_id) == ("my-client", "ana", "assistant")


@pytest.mark.promise("isolation")
async def test_another_users_memory_reads_as_absent(connect: Connect) -> None:
    async with connect("ana") as wire:
        added = await wire.ok("add_memory", facts=[{"text": f"Ana's canary {n}"} for n in range(3)])
        foreign = added["results"][0]["id"]
        page = await wire.ok("list_memories", limit=1)
    async with connect("ben") as wire:
        assert (await wire.ok("list_memories", cursor=page["next_cursor"]))["memories"] == []
        await wire.ok("add_memory", facts=[{"text": "Ben's own"}])
        for unknown in (foreign, "a" * 16, "nonsense", "' OR true --"):
            expected = f"no memory has the id {unknown!r}; list or search the memories to see their ids"
            assert await wire.error("update_memory", memory_id=unknown, content="x") == f"update_memory: {expected}"
            assert await wire.error("list_memories", history_of=unknown) == f"list_memories: {expected}"
            assert (
                await wire.error("add_memory", facts=[{"text": "x", "replaces": [unknown]}])
                == f"add_memory: {expected}"
            )
            forgotten = await wire.ok("forget", memory_ids=[unknown])
            assert forgotten["forgotten"] == []
        for unknown in (foreign, "a" * 16):
            with pytest.raises(MCPError, match="no memory has the id"):
                await wire.client.read_resource(f"memory://memories/{unknown}")
        for arguments in (
            {"query": "canary"},
            {"query": "canary", "session_id": "x"},
            {"query": "x", "as_of": "2030-01-01"},
        ):
            found = await wire.ok("search_memories", **arguments)
            assert all("canary" not in m["memory"] for m in found["results"])
        assert "canary" not in (await wire.client.read_resource("memory://profile")).contents[0].text  # type: ignore[union-attr]
        await wire.ok("forget", everything=True, confirm="forget everything")
    async with connect("ana") as wire:
        assert (await wire.ok("list_memories"))["total"] == 3
