"""Engines over a store with vectors written by hand, and rows that lean on each other."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np

from records import ANA, NOON, record
from scrubjay.journeys.engine import Engine
from scrubjay.ports import MemoryStore
from scrubjay.remembering.rows import lexical_text
from scrubjay.types import Kind, MemoryRecord

WORD = "kingfisher"


class ByLength:
    """An embedder that looks at nothing but how long a text is; it remembers what it was given."""

    def __init__(self, dimension: int = 4) -> None:
        self.dimension = dimension
        self.signature = f"by length ({dimension} dimensions)"
        self.given: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        self.given += texts
        units = np.eye(self.dimension, dtype=np.float32)
        return units[[len(text) % self.dimension for text in texts]]

    def embed_query(self, text: str) -> np.ndarray:
        vector: np.ndarray = self.embed_documents([text])[0]
        return vector


def engine_over(store: MemoryStore, now: Callable[[], datetime] = lambda: NOON) -> Engine:
    return Engine(
        store=store,
        embedder=ByLength(),
        count_tokens=lambda text: len(text.split()),
        now=now,
        new_token=lambda: "a" * 10,
        session_ttl=timedelta(hours=24),
        tenant="local",
    )


def memory_id(name: str) -> str:
    return f"{ANA.prefix}{name:a<10}"


def said(name: str, text: str, *, previous: str = "") -> MemoryRecord:
    return record(
        memory_id(name),
        text,
        kind=Kind.EPISODE,
        session_id="s",
        lexical=lexical_text(text, when=NOON, previous=previous),
    )


def fact(name: str, *sources: str, evidence: tuple[str, ...] = (), superseded_by: str = "") -> MemoryRecord:
    source_ids = tuple(memory_id(source) for source in sources)
    return record(
        memory_id(name), f"fact {name}", source_ids=source_ids, evidence=evidence, superseded_by=superseded_by
    )


LEANING = (
    said("said", f"I saw a {WORD}"),
    said("answer", "Lovely", previous=f"I saw a {WORD}"),
    said("later", "I walked along the river"),
    fact("only", "said", evidence=(f"a {WORD}",)),
    fact("also", "said", "later", evidence=(f"saw a {WORD}", "along the river")),
    fact("older", "later", superseded_by=memory_id("only")),
)
"""Forgetting "said" takes "only" along, and its words out of "answer", "also" and "older"."""

GONE = {memory_id("said"), memory_id("only")}
LEFT = (
    said("answer", "Lovely"),
    said("later", "I walked along the river"),
    fact("also", "later", evidence=("along the river",)),
    fact("older", "later"),
)


def by_id(rows: Sequence[MemoryRecord]) -> list[MemoryRecord]:
    return sorted(rows, key=lambda row: row.key)
