"""The main job with real processes: told in one conversation, known in the next. `make demo` runs it.

A real MCP client starts the real server over stdio in a temporary folder; this program plays the assistant and supplies
the facts. It prints a transcript with the time and the tokens of each step, leaves nothing behind, and exits with
status 1 if a step is not as told.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from scrubjay.embedding.bert import count_tokens

NOW = datetime.now(UTC)
TWO_WEEKS_AGO, LAST_WEEK = NOW - timedelta(days=14), NOW - timedelta(days=7)
LAPTOP = "MacBook"


class NotAsTold(Exception):
    """A step of the transcript did not come out as it should."""


class Assistant:
    """Calls tools and prints what happened."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        started = time.perf_counter()
        result = await self._client.call_tool(tool, arguments)
        took_ms = 1000 * (time.perf_counter() - started)
        shape = dict(result.structured_content or {})
        tokens = count_tokens(json.dumps(shape, ensure_ascii=False))
        print(f"    {tool} {took_ms:5.0f} ms {tokens:4d} tokens")
        if result.is_error:
            raise NotAsTold(str(result.content))
        return shape

    async def tell(self, words: str, facts: list[dict[str, Any]], *, at: datetime = NOW) -> dict[str, Any]:
        print(f"  person: {words}")
        message = {"role": "user", "content": words, "time": at.isoformat()}
        added = await self.call("add_memory", messages=[message], facts=facts)
        for outcome in added["results"]:
            before = f"   (before: {outcome['previous']})" if "previous" in outcome else ""
            print(f"      {outcome['event']:6} {outcome['memory']}{before}")
        for near in added.get("related", []):
            print(f"      related {near['score']:.2f} {near['memory']}")
        return added

    async def ask(self, query: str, **arguments: Any) -> list[str]:
        print(f"  assistant searches: {query}" + "".join(f"  [{name} {value}]" for name, value in arguments.items()))
        found = await self.call("search_memories", query=query, limit=3, **arguments)
        for hit in found["results"]:
            print(f"      {hit['score']:.2f} {hit['memory']}")
        return [hit["memory"] for hit in found["results"]]


@asynccontextmanager
async def conversation(title: str, folder: str) -> AsyncIterator[Assistant]:
    print(f"\n{title}")
    started = time.perf_counter()
    environment = {**os.environ, "SCRUBJAY_DATA_DIR": folder, "SCRUBJAY_USER_ID": "demo", "SCRUBJAY_STORE": ""}
    server = StdioServerParameters(command=sys.executable, args=["-m", "scrubjay_server", "serve"], env=environment)
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        print(f"    a new server process offers {len(tools)} tools after {time.perf_counter() - started:.1f} s")
        yield Assistant(client)
    print("    the server has stopped")


def check(claim: str, *, holds: bool) -> None:
    if not holds:
        raise NotAsTold(claim)
    print(f"    ✓ {claim}")


async def first_conversation(folder: str) -> None:
    async with conversation("Conversation 1", folder) as assistant:
        words = "I'm building a FastAPI app with PostgreSQL. I prefer async code and I hate ORM magic."
        added = await assistant.tell(
            words,
            [
                {"text": "Is building a web app with FastAPI", "category": "project", "evidence": "a FastAPI app"},
                {"text": "Uses PostgreSQL as the database", "category": "project", "evidence": "with PostgreSQL"},
                {"text": "Prefers async code", "category": "preference", "evidence": "I prefer async code"},
                {"text": "Hates ORM magic", "category": "preference", "evidence": "I hate ORM magic"},
            ],
        )
        check("what was said and four facts are stored", holds=[r["event"] for r in added["results"]] == ["ADD"] * 5)
        await assistant.tell(
            "The front end is React, styled with Tailwind.",
            [
                {
                    "text": "The project's front end is React, styled with Tailwind",
                    "category": "project",
                    "entities": ["React", "Tailwind"],
                    "evidence": "The front end is React, styled with Tailwind",
                }
            ],
            at=TWO_WEEKS_AGO,
        )
        await assistant.tell(
            "I use a MacBook Pro M3.", [{"text": "Uses a MacBook Pro M3", "evidence": "I use a MacBook Pro M3"}]
        )
        again = await assistant.call("add_memory", facts=[{"text": "Prefers async code."}])
        check("saying it again stores nothing", holds=again["results"][0]["event"] == "NONE")


async def second_conversation(folder: str) -> None:
    async with conversation("Conversation 2, a new process", folder) as assistant:
        known = await assistant.ask("database query patterns")
        check("it knows the database", holds=any("PostgreSQL" in memory for memory in known))
        check("and the taste in code", holds=any("ORM" in memory or "async" in memory for memory in known))
        check("it knows the laptop", holds=LAPTOP in (await assistant.ask("what case should I buy?"))[0])

        moved = "moved the project to Bootstrap"
        added = await assistant.tell(
            f"We've {moved}.",
            [
                {
                    "text": "The project has moved to Bootstrap",
                    "category": "project",
                    "evidence": moved,
                }
            ],
        )
        old = next(near for near in added["related"] if "Tailwind" in near["memory"])
        fact = {"text": "The project has moved to Bootstrap", "category": "project", "replaces": [old["id"]]}
        replaced = await assistant.call("add_memory", facts=[fact])
        new_id = replaced["results"][0]["id"]
        check("the old fact is superseded", holds=replaced["results"][0]["event"] == "UPDATE")
        question = "how is the front end of the project styled?"
        now = await assistant.ask(question)
        check("today it is Bootstrap", holds="Bootstrap" in now[0])
        check("and no longer Tailwind", holds=not any("Tailwind" in memory for memory in now))
        then = await assistant.ask(question, as_of=LAST_WEEK.date().isoformat())
        check("last week it was Tailwind", holds=any("Tailwind" in m for m in then))
        check("and not yet Bootstrap", holds=not any("Bootstrap" in m for m in then))
        history = await assistant.call("list_memories", history_of=new_id)
        texts = [version["memory"] for version in history["memories"]]
        check(f"its history: {' <- '.join(texts)}", holds=len(texts) == 2 and "Tailwind" in texts[1])

        print("  person: Please forget my laptop.")
        candidates = await assistant.call("forget", query="laptop")
        laptop = [c["id"] for c in candidates["candidates"] if LAPTOP in c["memory"]]
        check("its word is on the disk before", holds=bytes_left(folder, LAPTOP))
        forgotten = await assistant.call("forget", memory_ids=laptop)
        check(f"forgotten: {forgotten['receipt']}", holds=forgotten["forgotten"] == laptop)
        check("no file holds the word any more", holds=not bytes_left(folder, LAPTOP))
        listed = await assistant.call("list_memories")
        print("  assistant lists what it knows:")
        for memory in listed["memories"]:
            print(f"      {memory['memory']}")
        check("five facts are left", holds=listed["total"] == 5)


def bytes_left(folder: str, word: str) -> bool:
    return any(word.encode() in path.read_bytes() for path in Path(folder).rglob("*") if path.is_file())


async def run() -> None:
    with tempfile.TemporaryDirectory(prefix="scrubjay-demo-") as folder:
        started = time.perf_counter()
        await first_conversation(folder)
        await second_conversation(folder)
        print(f"\nAll as told, in {time.perf_counter() - started:.1f} s, without a key and without a network.")


def main() -> None:
    status = 0
    try:
        anyio.run(run)
    except* NotAsTold as problems:
        print(f"    ✗ not as told: {first(problems)}", file=sys.stderr)
        status = 1
    sys.exit(status)


def first(problem: BaseException) -> BaseException:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem


if __name__ == "__main__":
    main()
