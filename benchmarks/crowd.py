"""Many users' memories: a bounded set of sentences, each embedded once, of which every user has some."""

import random
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.ports import Embedder

MEMORIES_EACH = 20
_WHO = ("Ana", "My sister", "The team", "Our neighbour")
_DOES = ("likes", "moved to", "works with", "is allergic to", "plans a trip because of")
_WHAT = (
    "green tea", "Lisbon", "Postgres", "peanuts", "the mountains", "night trains", "async Python", "a red bicycle",
    "the small garden", "old maps",
)  # fmt: skip
SENTENCES = [" ".join(words) for words in product(_WHO, _DOES, _WHAT)]
QUERIES = [f"{ask} {what}?" for ask in ("who likes", "what do you know about") for what in _WHAT]


class Prepared:
    """The bundled model, with the vectors of the sentences ready: for filling a folder, not for measuring."""

    def __init__(self, model: FastembedEmbedder) -> None:
        self._model = model
        self._known = dict(zip(SENTENCES, model.embed_documents(SENTENCES), strict=True))
        self.signature, self.dimension = model.signature, model.dimension

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._known[text] for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return self._model.embed_query(text)


def name_of(number: int) -> str:
    """Return a user's name."""
    return f"user-{number}"


def opened(folder: Path, embedder: Embedder, *, maintenance: bool = True) -> Memory:
    """Return the memory of a folder; nobody reads what is said for facts."""
    return Memory(folder, embedder=embedder, extractor="none", maintenance=maintenance)


def fill(memory: Memory, number: int, seed: int) -> None:
    """Give a user their memories."""
    chance = random.Random(f"{seed} {number}")
    facts: list[dict[str, Any]] = [{"text": text} for text in chance.sample(SENTENCES, MEMORIES_EACH)]
    memory.add(facts=facts, user_id=name_of(number))
