"""What the engine needs from the outside: a store, an embedder, an extractor. Implementations do not inherit these."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from scrubjay.erasures import Erasure, Forgotten, Proof
from scrubjay.matches import Match
from scrubjay.progress import Progress, untold
from scrubjay.readings import ExtractedFact, Window
from scrubjay.types import Filter, MemoryRecord, Owner, Position

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """Of shape (n, dimension), float32, unit norm; one vector is of shape (dimension,)."""


class Work(Enum):
    """What may wait to be done for an owner: words to read, rows to erase, an erasure to finish."""

    PENDING = "pending"
    EXPIRED = "expired"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStats:
    """How much there is of an owner: rows (one per version of a memory), memories, and those still to be read.

    `states`: of the table, kept for whoever reads an older one now. `size`: bytes of all its files.
    `maintained_at`: when it was tended to last, None for never. `embedding`: the model of its vectors, "" when the
    store does not keep it.
    """

    rows: int
    memories: int
    pending: int
    states: int = 1
    size: int = 0
    maintained_at: datetime | None = None
    embedding: str = ""


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
        same key and keeps its vector; where there is no such row it is left out. With nothing to write, what others
        have committed is durable when it returns.
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

    def rows(self, owner: Owner) -> "tuple[str, Iterator[tuple[list[MemoryRecord], Vectors]]]":
        """Return the model of the vectors ("" if unknown), and all rows with theirs, some hundreds at a time.

        All of it is as it is at one moment.
        """
        ...

    def erase(
        self,
        owner: Owner,
        erasure: Erasure,
        *,
        at: datetime,
        rewritten: Sequence[MemoryRecord] = (),
        told: Progress = untold,
    ) -> Proof:
        """Remove rows with every byte, and put `rewritten` in the place of the stored rows with their keys, at once.

        What is unknown is skipped. It is noted before anything is touched: after a kill either nothing else or all of
        it has happened as far as anybody reads, and `unfinished` says so until another `erase` has removed every byte.
        """
        ...

    def unfinished(self, owner: Owner) -> Erasure | None:
        """Return an erasure that was begun and is not done, if there is one; to be called under `exclusive`."""
        ...

    def forgotten(self, digest: str) -> Forgotten:
        """Return everything that was ever erased of the owner with this digest, who need not have anything now."""
        ...

    def digests_forgotten(self) -> list[str]:
        """Return the digests of the owners of whom anything was ever erased."""
        ...

    def note_forgotten(self, digest: str, forgotten: Forgotten, *, at: datetime) -> None:
        """Add what was erased elsewhere to what `forgotten` returns; it erases nothing."""
        ...

    def owners(self, *, prefix: str = "") -> list[Owner]:
        """Return every owner that has rows and whose digest begins with `prefix`, of all tenants."""
        ...

    def owners_with(self, work: Work, *, now: datetime) -> list[Owner]:
        """Return every owner that may have such work waiting, of all tenants; cheap enough to ask now and then."""
        ...

    def maintain(self, owner: Owner) -> bool:
        """Bring files and indexes into shape; whether there was anything to do. A store may do so by itself as well."""
        ...

    def reembed(self, owner: Owner, embed: "Callable[[Sequence[str]], Vectors]", told: Progress = untold) -> bool:
        """Give all rows vectors of the store's model, made by `embed`; whether they had another one's.

        Reads and writes go on meanwhile. What was made is kept when it is interrupted.
        """
        ...

    def stats(self, owner: Owner) -> TableStats:
        """Return how much there is of an owner."""
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
