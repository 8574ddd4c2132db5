"""A store that lives in this process only: for tests, examples and throw-away memories."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from scrubjay.erasures import Erasure, Forgotten, Proof
from scrubjay.errors import StoreError
from scrubjay.matches import Candidate, Match
from scrubjay.moments import micros
from scrubjay.ports import TableStats, Work
from scrubjay.progress import Progress, untold
from scrubjay.recall.query import words
from scrubjay.stores.matching import is_after, matching, order
from scrubjay.types import PENDING, Filter, MemoryRecord, Owner, Position

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scrubjay.ports import Vectors

_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75  # k1 and b of Okapi BM25


class InMemoryStore:
    """Rows in a dictionary, BM25 over whole words; the same contract as the stores that keep files."""

    def __init__(self) -> None:
        self._rows: dict[Owner, dict[tuple[str, int], tuple[MemoryRecord, NDArray[np.float32]]]] = {}
        self._forgotten: dict[str, Forgotten] = {}
        self._locks: dict[tuple[str, Owner], threading.RLock] = {}
        self._guard = threading.Lock()

    def exclusive(self, owner: Owner) -> AbstractContextManager[object]:
        """Hold the owner's lock across the threads of this process."""
        return self._lock("write", owner)

    @contextmanager
    def extracting(self, owner: Owner, *, wait_s: float) -> Iterator[bool]:
        """Hold the owner's second lock across the threads of this process, if it is free in time."""
        lock = self._lock("extraction", owner)
        is_held = lock.acquire(timeout=wait_s)
        try:
            yield is_held
        finally:
            if is_held:
                lock.release()

    def _lock(self, purpose: str, owner: Owner) -> threading.RLock:
        with self._guard:
            return self._locks.setdefault((purpose, owner), threading.RLock())

    def write(
        self,
        owner: Owner,
        *,
        inserted: Sequence[MemoryRecord],
        vectors: "NDArray[np.float32]",
        replaced: Sequence[MemoryRecord],
    ) -> None:
        """Add and change rows at once."""
        rows = self._rows.get(owner, {})
        taken = [record.key for record in inserted if record.key in rows]
        if taken:
            raise StoreError(f"version {taken[0][1]} of {taken[0][0]} exists already; nothing was changed")
        changed = {record.key: (record, rows[record.key][1]) for record in replaced if record.key in rows}
        added = {record.key: (record, vector) for record, vector in zip(inserted, vectors, strict=True)}
        self._rows[owner] = rows | changed | added

    def find(
        self, owner: Owner, where: Filter, *, limit: int | None = None, after: Position | None = None
    ) -> list[MemoryRecord]:
        """Return matching rows, newest first."""
        found = [record for record, _ in self._matching(owner, where)]
        found.sort(key=order, reverse=True)
        return [record for record in found if after is None or is_after(record, after)][:limit]

    def count(self, owner: Owner, where: Filter) -> int:
        """Return how many rows match."""
        return len(self._matching(owner, where))

    def dense(self, owner: Owner, vectors: "NDArray[np.float32]", where: Filter, *, limit: int) -> list[list[Match]]:
        """Return for each vector the rows nearest by cosine, best first."""
        rows = self._matching(owner, where)
        return [
            sorted((_match(record, row, float(row @ vector)) for record, row in rows), key=lambda match: -match.score)[
                :limit
            ]
            for vector in vectors
        ]

    def speakers(self, owner: Owner, where: Filter) -> frozenset[str]:
        """Return the names under which matching rows were said."""
        return frozenset(record.name for record, _ in self._matching(owner, where)) - {""}

    def lexical(self, owner: Owner, text: str, where: Filter, *, limit: int) -> list[Match]:
        """Return the rows that share words with `text`, by BM25, best first."""
        rows = list(self._rows.get(owner, {}).values())
        counts = {record.key: Counter(words(record.lexical)) for record, _ in rows}
        mean_length = sum(count.total() for count in counts.values()) / max(1, len(counts))
        frequency = Counter(word for count in counts.values() for word in count)
        query = set(words(text))

        def score(record: MemoryRecord) -> float:
            count = counts[record.key]
            damping = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * count.total() / max(1.0, mean_length))
            return sum(
                math.log(1 + (len(counts) - frequency[word] + 0.5) / (frequency[word] + 0.5))
                * (count[word] * (_SATURATION + 1) / (count[word] + damping))
                for word in query & count.keys()
            )

        vectors = {record.key: vector for record, vector in rows}
        found = matching((record for record, _ in rows), where)
        scored = [_match(record, vectors[record.key], score(record)) for record in found]
        return sorted((match for match in scored if match.score > 0), key=lambda match: -match.score)[:limit]

    def rows(self, owner: Owner) -> "tuple[str, Iterator[tuple[list[MemoryRecord], NDArray[np.float32]]]]":
        """Return all rows with their vectors, in one part."""
        import numpy as np

        rows = list(self._rows.get(owner, {}).values())
        vectors = np.array([vector for _, vector in rows], dtype=np.float32)
        return "", iter([([record for record, _ in rows], vectors)] if rows else [])

    def erase(
        self,
        owner: Owner,
        erasure: Erasure,
        *,
        at: datetime,
        rewritten: Sequence[MemoryRecord] = (),
        told: Progress = untold,
    ) -> Proof:
        """Remove rows, and put others in place."""
        with self.exclusive(owner):
            rows = self._rows.get(owner, {})
            left = {} if erasure.everything else {key: row for key, row in rows.items() if not _takes(erasure, key)}
            changed = {record.key: (record, left[record.key][1]) for record in rewritten if record.key in left}
            self._rows[owner] = left | changed
            gone = {memory_id for memory_id, _ in rows} & {
                *erasure.ids,
                *(key[0] for key in rows if erasure.everything),
            }
            versions = dict.fromkeys(set(erasure.versions) & rows.keys(), at)
            self.note_forgotten(owner.digest, Forgotten(ids=frozenset(gone), versions=versions), at=at)
        told(1, 1)
        return Proof()

    def unfinished(self, owner: Owner) -> Erasure | None:  # noqa: ARG002 - nothing outlives the process
        """Return None: an erasure is done at once."""
        return None

    def forgotten(self, digest: str) -> Forgotten:
        """Return everything that was erased of an owner."""
        return self._forgotten.get(digest, Forgotten())

    def digests_forgotten(self) -> list[str]:
        """Return the digests of the owners of whom anything was erased."""
        return sorted(self._forgotten)

    def note_forgotten(self, digest: str, forgotten: Forgotten, *, at: datetime) -> None:  # noqa: ARG002
        """Add what was erased elsewhere."""
        self._forgotten[digest] = self.forgotten(digest) | forgotten

    def owners(self, *, prefix: str = "") -> list[Owner]:
        """Return every owner that has rows and whose digest begins with `prefix`."""
        return [owner for owner, rows in list(self._rows.items()) if rows and owner.digest.startswith(prefix)]

    def owners_with(self, work: Work, *, now: datetime) -> list[Owner]:
        """Return the owners that have such work waiting."""
        where = {Work.PENDING: PENDING, Work.EXPIRED: Filter(expired_at=now), Work.UNFINISHED: Filter(ids=())}[work]
        return [owner for owner in self.owners() if self.count(owner, where)]

    def maintain(self, owner: Owner) -> bool:  # noqa: ARG002 - there are no files
        """Do nothing: there is nothing to bring into shape."""
        return False

    def reembed(self, owner: Owner, embed: "Callable[[Sequence[str]], Vectors]", told: Progress = untold) -> bool:  # noqa: ARG002
        """Do nothing: all vectors are of this process's model."""
        return False

    def stats(self, owner: Owner) -> TableStats:
        """Return how much there is of an owner."""
        rows = self._rows.get(owner, {})
        return TableStats(
            rows=len(rows), memories=len({memory_id for memory_id, _ in rows}), pending=self.count(owner, PENDING)
        )

    def close(self) -> None:
        """Forget all of it."""
        self._rows.clear()

    def _matching(self, owner: Owner, where: Filter) -> list[tuple[MemoryRecord, "NDArray[np.float32]"]]:
        rows = self._rows.get(owner, {})  # never changed in place, so this is a snapshot
        return [rows[record.key] for record in matching((record for record, _ in rows.values()), where)]


def _takes(erasure: Erasure, key: tuple[str, int]) -> bool:
    return key[0] in erasure.ids or key in erasure.versions


def _match(record: MemoryRecord, vector: "NDArray[np.float32]", score: float) -> Match:
    candidate = Candidate(
        id=record.id,
        version=record.version,
        kind=record.kind,
        text=record.text,
        vector=vector,
        said_at=micros(record.occurred_at or record.valid_from),
        recorded_at=micros(record.recorded_at),
        role=record.role,
        name=record.name,
        session_id=record.session_id,
        turn=record.turn,
        importance=record.importance,
        source_ids=record.source_ids,
        entities=record.entities,
        relations=record.relations,
    )
    return Match(candidate=candidate, score=score)
