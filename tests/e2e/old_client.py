"""A client of mcp 1.27: it does everything a person can do, and prints what it saw. Its own interpreter runs it.

Arguments: the URL; the token comes on standard input.
"""

import asyncio
import json
import sys
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.context import RequestContext
from mcp.types import ElicitRequestParams, ElicitResult


def plain_http(
    headers: dict[str, str] | None = None, timeout: httpx.Timeout | None = None, auth: httpx.Auth | None = None
) -> httpx.AsyncClient:
    return httpx.AsyncClient(headers=headers, timeout=timeout, auth=auth, trust_env=False, follow_redirects=True)


def connection(url: str, token: str) -> AbstractAsyncContextManager[Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connect = sse_client if url.endswith("/sse") else streamablehttp_client
    return connect(url, headers=headers, httpx_client_factory=plain_http)


async def everything(session: ClientSession, asked: list[str]) -> dict[str, Any]:
    async def call(tool: str, **arguments: Any) -> dict[str, Any]:
        result = await session.call_tool(tool, arguments)
        assert not result.isError, result.content
        return dict(result.structuredContent or {})

    hands = await session.initialize()
    listed = await session.list_tools()
    added = await call("add_memory", facts=[{"text": "Prefers green tea"}, {"text": "Lives in Lisbon"}])
    tea, lisbon = (result["id"] for result in added["results"])
    found = await call("search_memories", query="what to drink?")
    corrected = await call("update_memory", memory_id=tea, content="Prefers black tea")
    forgotten = await call("forget", memory_ids=[lisbon])
    left = await call("list_memories")
    await call("forget", everything=True)
    return {
        "client": version("mcp"),
        "era": hands.protocolVersion,
        "tools": len(listed.tools),
        "found": found["results"][0]["memory"],
        "corrected": corrected["memory"],
        "forgotten": len(forgotten["forgotten"]),
        "left": [memory["memory"] for memory in left["memories"]],
        "asked": asked,
        "at the end": (await call("list_memories"))["total"],
    }


async def run(url: str, token: str) -> dict[str, Any]:
    asked: list[str] = []

    async def consent(context: RequestContext[Any, Any], params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"sure": True})

    async with (
        connection(url, token) as (reader, writer, *_),
        ClientSession(reader, writer, elicitation_callback=consent) as session,
    ):
        return await everything(session, asked)


def statuses(group: BaseException) -> list[int]:
    if isinstance(group, httpx.HTTPStatusError):
        return [group.response.status_code]
    return [status for one in getattr(group, "exceptions", ()) for status in statuses(one)]


try:
    print(json.dumps(asyncio.run(run(sys.argv[1], sys.stdin.read().strip()))))  # noqa: T201 - what the test reads
except* httpx.HTTPStatusError as refused:
    print(json.dumps({"refused": statuses(refused)}))  # noqa: T201 - the same
