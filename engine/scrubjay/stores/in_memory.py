"""A store that lives in this process only: for tests, examples and throw-away memories."""

import math
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scrubjay.stores.matching import is_after, matches, order
from scrubjay.types import Filter, Match, MemoryRecord, Owner, Position

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+"
)  # Chinese and Japanese write no spaces
_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75  # k1 and b of Okapi BM25


class InMemoryStore:
    """Rows in a dictionary, BM25 over plain words; the same contract as the stores that keep files."""

    def __init__(self) -> None:
        self._rows: dict[Owner, dict[tuple[str, int], tuple[MemoryRecord, NDArray[np.float32]]]] = defaultdict(dict)
        self._locks: dict[Owner, threading.RLock] = defaultdict(threading.RLock)

    @contextmanager
    def exclusive(self, owner: Owner) -> Iterator[None]:
        """Hold the owner's lock across the threads of this process."""
        with self._locks[owner]:
            yield

    def write(
        self,
        owner: Owner,
        *,
        inserted: Sequence[MemoryRecord],
        vectors: "NDArray[np.float32]",
        replaced: Sequence[MemoryRecord],
    ) -> None:
        """Add and change rows at once."""
        rows = self._rows[owner]
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

    def source_ids(self, owner: Owner, where: Filter) -> frozenset[str]:
        """Return the ids of all episodes that the matching facts rest on."""
        return frozenset(source for record, _ in self._matching(owner, where) for source in record.source_ids)

    def dense(self, owner: Owner, vector: "NDArray[np.float32]", where: Filter, *, limit: int) -> list[Match]:
        """Return the rows nearest by cosine, best first."""
        scored = [_match(record, float(row @ vector)) for record, row in self._matching(owner, where)]
        return sorted(scored, key=lambda match: -match.score)[:limit]

    def lexical(self, owner: Owner, text: str, where: Filter, *, limit: int) -> list[Match]:
        """Return the rows that share words with `text`, by BM25, best first."""
        counts = {key: Counter(_words(record.lexical)) for key, (record, _) in self._rows.get(owner, {}).items()}
        mean_length = sum(count.total() for count in counts.values()) / max(1, len(counts))
        frequency = Counter(word for count in counts.values() for word in count)
        query = set(_words(text))

        def score(record: MemoryRecord) -> float:
            count = counts[record.key]
            damping = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * count.total() / max(1.0, mean_length))
            return sum(
                math.log(1 + (len(counts) - frequency[word] + 0.5) / (frequency[word] + 0.5))
                * (count[word] * (_SATURATION + 1) / (count[word] + damping))
                for word in query & count.keys()
            )

        scored = [_match(record, score(record)) for record, _ in self._matching(owner, where)]
        return sorted((match for match in scored if match.score > 0), key=lambda match: -match.score)[:limit]

    def erase(self, owner: Owner, ids: Sequence[str]) -> None:
        """Remove every version of these memories."""
        self._rows[owner] = {key: row for key, row in self._rows[owner].items() if key[0] not in ids}

    def erase_owner(self, owner: Owner) -> None:
        """Remove everything the owner has."""
        self._rows.pop(owner, None)

    def owners_with_prefix(self, prefix: str) -> list[Owner]:
        """Return the owners whose digest begins with `prefix`."""
        return [owner for owner in list(self._rows) if owner.digest.startswith(prefix)]

    def close(self) -> None:
        """Forget all of it."""
        self._rows.clear()

    def _matching(self, owner: Owner, where: Filter) -> list[tuple[MemoryRecord, "NDArray[np.float32]"]]:
        return [row for row in self._rows.get(owner, {}).values() if matches(row[0], where)]


def _match(record: MemoryRecord, score: float) -> Match:
    return Match(id=record.id, version=record.version, score=score)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
