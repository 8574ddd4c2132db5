"""Scrubjay, told dialogues and searched through its public library; folders are kept and told once."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dialogues import Dialogue, Question

from scrubjay import Memory

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One result: the turn it is (or rests on), the turn's session, and the score."""

    turn: str
    session: str
    score: float = 0.0


Ranker = Callable[[Dialogue, Question, int], list[Hit]]
"""Returns the first so many hits for a question about a dialogue, best first."""


class Stores:
    """One folder of memories, a user for each dialogue; opened once for each set of signals that are turned off.

    What has been told is noted in `told.json`, under a digest of the words and the model, so that a folder can be used
    again. It knows nothing of changes of the engine: after one that stores something else, delete the folder.
    """

    def __init__(self, folder: Path, *, model: str = "", without: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.model = model
        self._without = frozenset(without)
        self._open: dict[frozenset[str], Memory] = {}
        self._user_by_dialogue: dict[Dialogue, str] = {}

    def memory(self, *without: str) -> Memory:
        """Return the memory that ranks without some signals."""
        signals = self._without | set(without)
        if signals not in self._open:
            embedder = {"embedder": {"provider": "fastembed", "config": {"model": self.model}}} if self.model else {}
            self._open[signals] = Memory.from_config(
                {
                    "vector_store": {"provider": "lancedb", "config": {"path": str(self.folder / "scrubjay")}},
                    "llm": {"provider": "none"},
                    "ranking": dict.fromkeys(signals, 0),
                    **embedder,
                }
            )
        return self._open[signals]

    def user(self, dialogue: Dialogue) -> str:
        """Return the user who was told a dialogue; tells it first if need be."""
        if dialogue not in self._user_by_dialogue:
            name = named(dialogue, model=self.model)
            if name not in noted(self.folder):
                self.memory().delete_all(user_id=name)  # what an interrupted run has left
                self._tell(dialogue, name)
                note(self.folder, name)
            self._user_by_dialogue[dialogue] = name
        return self._user_by_dialogue[dialogue]

    def ranker(self, *without: str, **options: Any) -> Ranker:
        """Return Scrubjay's search as a ranker, without some signals and with options of `search`."""

        def rank(dialogue: Dialogue, question: Question, limit: int) -> list[Hit]:
            asked_on = {"as_of": question.day} if question.day else {}
            user = self.user(dialogue)
            found = self.memory(*without).search(question.text, user_id=user, limit=limit, **{**asked_on, **options})
            return [
                Hit(turn=hit["metadata"].get("turn", ""), session=hit["run_id"], score=hit["score"]) for hit in found
            ]

        return rank

    def close(self) -> None:
        for memory in self._open.values():
            memory.close()

    def _tell(self, dialogue: Dialogue, user: str) -> None:
        memory = self.memory()
        for session, messages in progress(dialogue.sessions.items(), f"telling {dialogue.name}"):
            facts = dialogue.facts.get(session, ())
            memory.add(messages, facts=facts, user_id=user, run_id=session, scope="user", infer=False)


def named(dialogue: Dialogue, *, model: str) -> str:
    """Return a name that is another as soon as the words or the model are others."""
    told = json.dumps([dialogue.sessions, dialogue.facts, model], sort_keys=True)
    return f"{dialogue.name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def noted(folder: Path) -> list[str]:
    """Return the names of what is completely there."""
    notes = folder / "told.json"
    return list(json.loads(notes.read_text(encoding="utf-8"))) if notes.is_file() else []


def note(folder: Path, name: str) -> None:
    """Note that something is completely there."""
    folder.joinpath("told.json").write_text(json.dumps([*noted(folder), name]), encoding="utf-8")


def progress(items: Iterable[T], label: str) -> Iterator[T]:
    """Yield the items, and show on a terminal how many are done."""
    listed = list(items)
    for number, item in enumerate(listed):
        if sys.stderr.isatty():
            print(f"\r{label}: {number} of {len(listed)}".ljust(78), end="", file=sys.stderr, flush=True)
        yield item
    if sys.stderr.isatty():
        print("\r" + " " * 78 + "\r", end="", file=sys.stderr, flush=True)
