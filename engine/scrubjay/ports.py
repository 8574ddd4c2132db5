"""What the engine needs from the outside: a store, an embedder, an extractor. Implementations do not inherit these."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from scrubjay.readings import ExtractedFact, Window
from scrubjay.types import Filter, Match, MemoryRecord, Owner, Position

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """Of shape (n, dimension), float32, unit norm; one vector is of shape (dimension,)."""


class MemoryStore(Protocol):
    """Where rows live, one owner's apart from every other's. Every method raises StoreError when the store fails.

    Thread-safe. What a call acknowledged is on the disk and seen by the next read of any process.
    """

    def exclusive(self, owner: Owner) -> AbstractContextManager[object]:
        """Hold the owner's lock, across threads and processes, around read-modify-write.

        Reentrant within a thread; released by the system when its holder dies. Raises StoreBusy after a minute.
        """
        ...

    def extracting(self, owner: Owner, *, wait_s: float) -> AbstractContextManager[bool]:
        """Hold the owner's second lock, across threads and processes, while pending episodes are read for facts.

        Gives whether it is held: somebody else may have it, and not let go of it within this time. It keeps nobody
        from writing, and is released by the system when its holder dies.
        """
        ...

    def write(
        self, owner: Owner, *, inserted: Sequence[MemoryRecord], vectors: "Vectors", replaced: Sequence[MemoryRecord]
    ) -> None:
        """Commit new versions and changed ones at once, durably or not at all; to be called under `exclusive`.

        `vectors` has one row for each of `inserted`. A row of `replaced` takes the place of the stored one with the
        same key and keeps its vector; where there is no such row it is left out.
        """
        ...

    def find(
        self, owner: Owner, where: Filter, *, limit: int | None = None, after: Position | None = None
    ) -> list[MemoryRecord]:
        """Return matching rows, newest first by (recorded_at, id, version); an unknown owner has none."""
        ...

    def count(self, owner: Owner, where: Filter) -> int:
        """Return how many rows match."""
        ...

    def dense(self, owner: Owner, vectors: "Vectors", where: Filter, *, limit: int) -> list[list[Match]]:
        """Return, for each of the vectors of shape (n, dimension), the rows nearest by cosine, best first."""
        ...

    def speakers(self, owner: Owner, where: Filter) -> frozenset[str]:
        """Return the names under which matching rows were said, without ""."""
        ...

    def lexical(self, owner: Owner, text: str, where: Filter, *, limit: int) -> list[Match]:
        """Return the rows that share words with `text`, by BM25, best first; `text` is no query language."""
        ...

    def erase(self, owner: Owner, ids: Sequence[str], *, versions: Sequence[tuple[str, int]] = ()) -> None:
        """Remove every version of these memories, and these single versions, with every byte; unknown ones are skipped.

        An erasure that was interrupted is finished by the next one of the same owner, whatever it is asked to erase.
        """
        ...

    def erase_owner(self, owner: Owner) -> None:
        """Remove everything the owner has; an unknown owner has nothing."""
        ...

    def owners(self, *, prefix: str = "") -> list[Owner]:
        """Return every owner that has rows and whose digest begins with `prefix`, of all tenants."""
        ...

    def owners_with_pending(self) -> list[Owner]:
        """Return every owner that may have pending episodes, of all tenants; cheap enough to ask now and then."""
        ...

    def close(self) -> None:
        """Let go of files and connections; the store is of no use afterwards."""
        ...


class Embedder(Protocol):
    """Turns text into vectors. Thread-safe; the same text gives the same vector whatever else is in the call."""

    @property
    def signature(self) -> str:
        """Model, dimension and prefix rule in words; two embedders with the same signature may share a table."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> "Vectors":
        """Return (n, dimension) float32, unit norm. A text longer than the model's window gives its windows' mean.

        Raises EmbeddingError, ModelUnavailable.
        """
        ...

    def embed_query(self, text: str) -> "Vectors":
        """Return (dimension,) float32, unit norm, with the model's query prefix; raises like `embed_documents`."""
        ...


class Extractor(Protocol):
    """Turns what was said into facts, reconciled with what is known. Thread-safe."""

    @property
    def name(self) -> str:
        """What `origin` records, like "claude-haiku-5-5"."""
        ...

    def extract(self, window: Window, *, timeout_s: float) -> list[ExtractedFact]:
        """Return the facts in the window's messages, in one call of a model; every try included within `timeout_s`.

        Raises ExtractionError (these messages cannot be read), AnswerTooLong, ExtractorUnavailable.
        """
        ...

    def close(self) -> None:
        """End every call under way with ExtractorUnavailable, and every later one."""
        ...
