"""The main job on real conversations: every turn told over stdio, the server restarted, the questions searched.

    python benchmarks/main_job.py LOCOMO.json[.gz] [--conversation ID | --all] [--by turn|session] [--json]

Reads a file of LoCoMo's form (a list of conversations with `conversation` and `qa`; the data set is in the repository
snap-research/locomo, under CC BY-NC 4.0). With --all every conversation is measured, and the questions of all count
alike. Each turn becomes one message with
its speaker's name and its session's time; a question of category 1 to 4 counts as a hit when one of its evidence turns
is among the first ten results. Prints hit@10 and recall@10, and the median times of a call as the client sees them, in
milliseconds and as a ratio to one query embedding measured in the same run.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from dialogues import ANSWERABLE, sessions, turn_ids, written
from mcp import Client, StdioServerParameters

from scrubjay.embedding.fastembed import FastembedEmbedder

SHOWN = 10


def questions(conversation: dict[str, Any]) -> list[tuple[int, str, set[str]]]:
    """Return category, question and evidence turns of every question that has an answer."""
    asked = []
    for question in conversation["qa"]:
        evidence = set(turn_ids(question.get("evidence", [])))
        if question["category"] in ANSWERABLE and evidence:
            asked.append((question["category"], question["question"], evidence))
    return asked


def server(folder: str) -> StdioServerParameters:
    environment = {**os.environ, "SCRUBJAY_DATA_DIR": folder, "SCRUBJAY_USER_ID": "benchmark", "SCRUBJAY_STORE": ""}
    return StdioServerParameters(command=sys.executable, args=["-m", "scrubjay_server", "serve"], env=environment)


async def timed(client: Client, tool: str, times_ms: list[float], **arguments: Any) -> dict[str, Any]:
    started = time.perf_counter()
    result = await client.call_tool(tool, arguments)
    times_ms.append(1000 * (time.perf_counter() - started))
    if result.is_error:
        raise SystemExit(str(result.content))
    return dict(result.structured_content or {})


async def run(conversation: dict[str, Any], *, by: str, progress: Callable[[str], None]) -> dict[str, Any]:
    add_ms: list[float] = []
    search_ms: list[float] = []
    scores: dict[int, list[tuple[bool, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="scrubjay-benchmark-") as folder:
        async with Client(server(folder)) as client:
            await timed(client, "search_memories", [], query="warm up")
            for name, messages in sessions(conversation).items():
                for batch in [messages] if by == "session" else [[message] for message in messages]:
                    await timed(client, "add_memory", add_ms, messages=batch, session_id=name, infer=False)
                progress(f"told {name}")
        async with Client(server(folder)) as client:
            await timed(client, "search_memories", [], query="warm up")
            asked = questions(conversation)
            for number, (category, question, evidence) in enumerate(asked):
                found = await timed(
                    client, "search_memories", search_ms, query=question, limit=SHOWN, max_tokens=100_000
                )
                turns = {hit["metadata"]["turn"] for hit in found["results"]}
                scores[category].append((bool(turns & evidence), len(turns & evidence) / len(evidence)))
                if number % 20 == 0:
                    progress(f"asked {number} of {len(asked)}")
    every = [score for category in scores for score in scores[category]]
    embedding_ms = query_embedding_ms([question for _, question, _ in asked])
    return {
        "conversation": conversation["sample_id"],
        "turns": sum(len(messages) for messages in sessions(conversation).values()),
        "questions": len(every),
        "hit@10": share(hit for hit, _ in every),
        "recall@10": share(recall for _, recall in every),
        "hit@10 by category": {ANSWERABLE[c]: share(hit for hit, _ in scores[c]) for c in sorted(scores)},
        "add p50 ms": round(statistics.median(add_ms), 1),
        "search p50 ms": round(statistics.median(search_ms), 1),
        "query embedding p50 ms": round(embedding_ms, 1),
        "search / query embedding": round(statistics.median(search_ms) / embedding_ms, 1),
    }


def share(values: Any) -> float:
    return round(statistics.mean(values), 3)


def query_embedding_ms(texts: list[str]) -> float:
    embedder = FastembedEmbedder()
    embedder.embed_query("warm up")
    times = []
    for text in texts:
        started = time.perf_counter()
        embedder.embed_query(text)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--conversation", help="its sample_id; the first one by default")
    parser.add_argument("--all", action="store_true", help="measure every conversation of the file")
    parser.add_argument("--by", choices=["turn", "session"], default="turn", help="what one call tells")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.is_file():
        raise SystemExit(f"{options.data} is not there; give a file of LoCoMo's form")
    found = [c for c in written(options.data) if options.conversation in {None, c["sample_id"]}]
    if not found:
        raise SystemExit(f"{options.data} has no conversation {options.conversation!r}")

    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text:<40}", end="", file=sys.stderr)

    async def measure() -> list[dict[str, Any]]:
        return [await run(each, by=options.by, progress=progress) for each in (found if options.all else found[:1])]

    measured = anyio.run(measure)
    progress("")
    if len(measured) > 1:
        measured.append(overall(measured))
    if options.json:
        print(json.dumps(measured, indent=2))
        return
    for figures in measured:
        for name, value in figures.items():
            told = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            print(f"{name:26} {told}")
        print()


def overall(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of several conversations as one, each question counting alike."""
    asked = sum(figures["questions"] for figures in measured)
    means = {
        name: round(sum(figures[name] * figures["questions"] for figures in measured) / asked, 3)
        for name in ("hit@10", "recall@10")
    }
    return {"conversation": f"all {len(measured)}", "questions": asked, **means}


if __name__ == "__main__":
    main()
