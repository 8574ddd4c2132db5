"""What reading real conversations for facts costs: the gate, the windows, the tokens, the money, and our own time.

    python benchmarks/extraction.py LOCOMO.json[.gz] [--all] [--json]

Reads a file of LoCoMo's form (see main_job.py) and tells it, session by session, through the library, with a stand-in
for the model that draws one fact from each message; everything else is as with a model. No model is called, so:

- tokens are counted with the bundled WordPiece tokenizer. Claude's own count differs; the API's usage is what counts;
- the length of answers is an assumption: so many facts per message (--facts), each as long as those in the examples of
  tests/golden, and so many tokens of thinking per call (--thinking).

Prices are those of Claude Haiku 5.5 in November 2026, in dollars per million tokens.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from dialogues import sessions, turn_ids, written
from main_job import share

from scrubjay import Memory
from scrubjay.embedding.bert import count_tokens
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.extraction.prompt import SYSTEM, user_turn
from scrubjay.extraction.schema import SCHEMA
from scrubjay.readings import ExtractedFact, Window
from scrubjay.remembering.gate import is_small_talk
from scrubjay.remembering.suspicion import suspicion

DOLLARS = {"input": 0.10, "cached": 0.01, "cache write, 1 h": 0.20, "output": 0.50}
GOLDEN = Path(__file__).parents[1] / "tests" / "golden"


class Recorder:
    """Stands in for a model: notes what it is given, and takes each message for a fact."""

    name = "recorder"

    def __init__(self) -> None:
        self.turns: list[str] = []
        self.known: list[int] = []
        self.messages = 0
        self.spent_s = 0.0

    def extract(self, window: Window, *, timeout_s: float) -> list[ExtractedFact]:  # noqa: ARG002 - the port's
        started = time.perf_counter()
        self.turns.append(user_turn(window, new_mark=lambda: "0123456789abcdef"))
        self.known.append(len(window.known))
        self.messages += len(window.messages)
        facts = [
            ExtractedFact(source=number, evidence=message.content, text=f"{message.name} said: {message.content}")
            for number, message in enumerate(window.messages)
        ]
        self.spent_s += time.perf_counter() - started
        return facts

    def close(self) -> None:
        pass


def gate(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Count what is left out and what is kept aside, over every turn of the file, and the answers lost by it."""
    turns = [
        (number, turn["dia_id"], turn["text"])
        for number, conversation in enumerate(told)
        for name, session in conversation["conversation"].items()
        if re.fullmatch(r"session_\d+", name)
        for turn in session
    ]
    evidence = {
        (number, turn)
        for number, conversation in enumerate(told)
        for question in conversation["qa"]
        for turn in turn_ids(question.get("evidence", []))
    }
    small = {(number, turn) for number, turn, text in turns if is_small_talk(text)}
    aside = {(number, turn) for number, turn, text in turns if suspicion(text)}
    return {
        "turns": len(turns),
        "small talk": len(small),
        "evidence turns": len(evidence),
        "evidence lost as small talk": len(evidence & small),
        "kept aside as suspect": len(aside),
        "evidence kept aside": len(evidence & aside),
    }


def read(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell conversations through the library, and count what a model would be given."""
    recorder, embedder = Recorder(), FastembedEmbedder()
    started = time.perf_counter()
    for conversation in told:
        with (
            tempfile.TemporaryDirectory(prefix="scrubjay-benchmark-") as folder,
            Memory(folder, embedder=embedder, extractor=recorder, add_wait_s=600) as memory,
        ):
            for name, messages in sessions(conversation).items():
                memory.add(messages, user_id="benchmark", run_id=name, scope="user")
    took_s = time.perf_counter() - started - recorder.spent_s
    tokens = sorted(count_tokens(turn) for turn in recorder.turns)
    return {
        "messages": recorder.messages,
        "windows": len(tokens),
        "messages per window": round(recorder.messages / len(tokens), 1),
        "known memories shown, mean": round(statistics.mean(recorder.known), 1),
        "tokens per window, mean": round(statistics.mean(tokens)),
        "tokens per window, p95": tokens[int(0.95 * (len(tokens) - 1))],
        "our own time per message / embedding it": round(took_s / recorder.messages / embedding_s(embedder, told), 1),
    }


def embedding_s(embedder: FastembedEmbedder, told: list[dict[str, Any]]) -> float:
    texts = [message["content"] for messages in sessions(told[0]).values() for message in messages]
    started = time.perf_counter()
    for text in texts:
        embedder.embed_documents([text])
    return (time.perf_counter() - started) / len(texts)


def tokens_per_fact() -> float:
    files = [json.loads(path.read_text(encoding="utf-8"))["items"] for path in sorted(GOLDEN.glob("*.json"))]
    sentinels = {"source": 0, "about": "user", "relation": "new", "targets": [], "occurred": "", "valid_from": "",
                 "valid_to": "", "entities": [], "relations": []}  # fmt: skip
    return statistics.mean(count_tokens(json.dumps({**sentinels, **item})) for items in files for item in items)


def cost(window: dict[str, Any], *, facts: float, thinking: int) -> dict[str, Any]:
    """Estimate what reading 1,000 messages costs when the prompt is cached, and when it is not."""
    calls = 1000 / window["messages per window"]
    answer = facts * window["messages per window"] * tokens_per_fact() + thinking
    fixed = count_tokens(SYSTEM) + count_tokens(json.dumps(SCHEMA))
    turn = window["tokens per window, mean"]
    cached = calls * (fixed * DOLLARS["cached"] + turn * DOLLARS["input"] + answer * DOLLARS["output"])
    cached += fixed * DOLLARS["cache write, 1 h"]
    bare = calls * ((fixed + turn) * DOLLARS["input"] + answer * DOLLARS["output"])
    return {
        "calls per 1,000 messages": round(calls),
        "system prompt, tokens": count_tokens(SYSTEM),
        "schema, tokens": count_tokens(json.dumps(SCHEMA)),
        "answer, tokens (assumed)": round(answer),
        "dollars per 1,000 messages, prompt cached": round(cached / 1e6, 4),
        "dollars per 1,000 messages, not cached": round(bare / 1e6, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--all", action="store_true", help="read every conversation of the file, not only the first")
    parser.add_argument("--facts", type=float, default=0.7, help="facts per message (assumed)")
    parser.add_argument("--thinking", type=int, default=200, help="tokens of thinking per call (assumed)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.data.is_file():
        raise SystemExit(f"{options.data} is not there; give a file of LoCoMo's form")
    told = written(options.data)
    window = read(told if options.all else told[:1])
    figures = {
        "gate": gate(told),
        "windows": window,
        "cost": cost(window, facts=options.facts, thinking=options.thinking),
    }
    figures["gate"]["share left out"] = share([figures["gate"]["small talk"] / figures["gate"]["turns"]])
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for part, lines in figures.items():
        print(part)
        for name, value in lines.items():
            print(f"  {name:44} {value}")


if __name__ == "__main__":
    main()
