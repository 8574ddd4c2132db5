"""What the suites of durability.py share: sayings that can be told apart, an embedder that needs no model, tables."""

import hashlib
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scrubjay import Memory
from scrubjay.readings import ExtractedFact, Window
from scrubjay.types import Caller, Owner, Scope

USER = "ana"
OWNER = Owner(tenant="local", scope=Scope.USER, name=USER)
CALLER = Caller(user_id=USER)
NOTED = "Noted: "
MODELS = ("hashes", "other hashes")
LOG = "erasures"  # the folder that holds the ids of what was forgotten, for good reason
_CONSONANTS = "bcdfghjklmnpqrtvwxz"  # without a vowel no stemmer takes a word for an ending of another
_MARK = "zq"  # so that many words are looked for in one pass; nothing else in a data folder begins so
_PARTS = "tmev"  # of the text, the metadata, the entity, the evidence


def new_word(randomness: random.Random) -> str:
    """Return the beginning of words that nobody has said before."""
    return _MARK + "".join(randomness.choices(_CONSONANTS, k=10))


def words_of(word: str) -> list[str]:
    """Return every word by which a saying made of this one can be told apart."""
    return [f"{word}{part}x" for part in _PARTS]


def text_of(word: str) -> str:
    """Return what a fact says."""
    return f"Ana keeps the {word}tx lantern on the upper shelf of the cellar"


def fact_of(word: str, **more: Any) -> dict[str, Any]:
    """Return a fact with words of its own in every place where a fact has words."""
    return {
        "text": text_of(word),
        "metadata": {"place": f"{word}mx"},
        "entities": [f"{word}ex"],
        "relations": [{"subject": "Ana", "predicate": "keeps", "object": f"{word}ex"}],
        "evidence": f"You know, I keep the {word}vx lantern there",
        **more,
    }


def message_of(word: str, *, is_short: bool = False) -> dict[str, Any]:
    """Return something said; a short reply carries the words before it in what full-text search reads."""
    said = f"The {word}tx, indeed" if is_short else f"I have put the {word}tx lantern back into the cellar, next to it"
    return {"role": "user", "name": f"{word}ex", "content": said, "metadata": {"place": f"{word}mx"}}


@dataclass(frozen=True)
class HashEmbedder:
    """Vectors by the hash of a text: the same text has the same one, two texts have nothing in common."""

    model: str = "hashes"
    dimension: int = 384

    @property
    def signature(self) -> str:
        return f"{self.model} {self.dimension}"

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        seed = hashlib.sha256(f"{self.model} {text}".encode()).digest()
        vector = np.random.default_rng(list(seed)).standard_normal(self.dimension, dtype=np.float32)
        unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
        return unit


class Noting:
    """An extractor that makes one fact of each message."""

    name = "noting"

    def extract(self, window: Window, *, timeout_s: float) -> list[ExtractedFact]:  # noqa: ARG002 - nothing is waited for
        return [
            ExtractedFact(source=number, evidence=said.content, text=f"{NOTED}{said.content}")
            for number, said in enumerate(window.messages)
        ]

    def close(self) -> None:
        """Nothing is open."""


def opened(folder: Path, *, extracting: bool = False, model: str = "hashes") -> Memory:
    """Return the memory of a folder; nothing happens in it but what is asked for, and the upkeep of its store."""
    extractor = Noting() if extracting else "none"
    return Memory(folder, embedder=HashEmbedder(model), extractor=extractor, maintenance=False, add_wait_s=30)


@contextmanager
def temporary() -> Iterator[Path]:
    """Give a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="scrubjay-durability-") as folder:
        yield Path(folder)


@dataclass
class Row:
    """One line of a table: what was counted, and whether every promise was kept."""

    name: str
    trials: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    torn: int = 0
    unreadable: int = 0
    traces_left: int = 0
    more: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def count(self, column: str, what: str, many: int = 1) -> None:
        """Count something that broke a promise, in one of the columns, and say what."""
        setattr(self, column, getattr(self, column) + many)
        self.broken.append(f"{column.replace('_', ' ')}: {what}")

    def add(self, other: "Row") -> None:
        """Count another line's trials here, too."""
        for name in ("trials", "acknowledged", "lost", "duplicated", "torn", "unreadable", "traces_left"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, value in other.more.items():
            self.more[name] = self.more.get(name, 0) + value
        self.broken += other.broken

    def shown(self) -> dict[str, Any]:
        """Return the columns."""
        return {
            "kind": self.name,
            "trials": self.trials,
            "acknowledged": self.acknowledged,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "torn": self.torn,
            "unreadable": self.unreadable,
            "traces left": self.traces_left,
            **self.more,
        }


def total(rows: Sequence[Row]) -> Row:
    """Return the sum of lines."""
    summed = Row("total")
    for row in rows:
        summed.add(row)
    return summed


@dataclass(frozen=True)
class Told:
    """What a suite found: tables of lines by title, each promise that was broken, and what was not tried, and why."""

    tables: dict[str, list[dict[str, Any]]]
    broken: list[str]
    not_tried: list[str] = field(default_factory=list)
