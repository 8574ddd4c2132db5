"""What ten thousand single adds leave behind: how fast searches are and how large the folder, beside a fresh table."""

import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from durable import OWNER, USER, Row, Told, fact_of, new_word, opened, temporary, text_of

from scrubjay import Memory
from scrubjay.disk import bytes_of, files_below
from scrubjay.types import Filter

_SEARCHES = 200
_SAMPLED_EVERY = 250
_AT_ONCE = 500
_SIZED_FROM = 1_000
_REST_S = 6.0
_LONGEST_REST_S = 120.0
_MOST_SLOWER, _MOST_LARGER = 1.3, 3.0


def run(adds: int, seed: int, *, searches: int = _SEARCHES) -> Told:
    """Return how searches and sizes compare after so many single adds."""
    randomness = random.Random(seed)
    row = Row("single adds", trials=adds)
    words = [new_word(randomness) for _ in range(adds)]
    with temporary() as folder, opened(folder / "grown") as grown, opened(folder / "fresh") as fresh:
        fresh_size = _prepared(fresh, folder, words)
        sizes, took_ms = _added(grown, folder / "grown", words)
        speeds = [_compared("right after", grown, fresh, words, searches, randomness)]
        row.acknowledged = len(words)
        _rest(folder / "grown")
        speeds.append(_compared("at rest", grown, fresh, words, searches, randomness))
        space = _space(sizes, _size(folder / "grown"), adds, fresh_size)
        _check(grown, words, row)
        row.more |= {"add p50 ms": _p50(took_ms), "add p95 ms": round(float(np.percentile(took_ms, 95)), 1)}
    broken = [
        f"searches {one['when']} take {one['ratio']} times as long" for one in speeds if one["ratio"] > _MOST_SLOWER
    ]
    broken += [
        f"the folder {one['when']} is {one['ratio']} times as large" for one in space if one["ratio"] > _MOST_LARGER
    ]
    tables = {"added one by one": [row.shown()], "searches, beside a fresh table": speeds, "bytes": space}
    return Told(tables, [*row.broken, *broken])


def _prepared(fresh: Memory, folder: Path, words: list[str]) -> Callable[[int], float]:
    """Write the same memories into a fresh table, before anything is measured; return how large one of so many rows is.

    That is on the line through one that is small and the whole one.
    """
    with opened(folder / "source") as source:
        for begin in range(0, len(words), _AT_ONCE):
            source.add(facts=[fact_of(word) for word in words[begin : begin + _AT_ONCE]], user_id=USER)
        _copied(source, fresh)
        few = max(1, len(words) // 10)
        with opened(folder / "few") as memory:
            _copied(source, memory, rows=few)
    _rest(folder)
    small, large = _size(folder / "few"), _size(folder / "fresh")
    return lambda rows: small + (large - small) * (rows - few) / max(1, len(words) - few)


def _added(memory: Memory, folder: Path, words: list[str]) -> tuple[list[tuple[int, int]], list[float]]:
    """Add facts one by one; return the folder's size now and then, and how long each took."""
    sizes, took_ms = [], []
    for number, word in enumerate(words, start=1):
        began = time.perf_counter()
        memory.add(facts=[fact_of(word)], user_id=USER)
        took_ms.append(1_000 * (time.perf_counter() - began))
        if number % _SAMPLED_EVERY == 0:
            sizes.append((number, _size(folder)))
    return [*sizes, (len(words), _size(folder))], took_ms


def _copied(source: Memory, target: Memory, *, rows: int | None = None) -> None:
    """Write the rows of one folder, or the first so many, into another in one go, and bring it into shape."""
    parts = list(source.engine.store.rows(OWNER)[1])
    records = [record for listed, _ in parts for record in listed][:rows]
    vectors = np.concatenate([vectors for _, vectors in parts])[:rows]
    target.engine.store.write(OWNER, inserted=records, vectors=vectors, replaced=())
    for _ in range(3):  # the old version is kept once, for whoever reads it
        target.engine.store.maintain(OWNER)
        time.sleep(1.1)


def _size(folder: Path) -> int:
    return bytes_of(files_below(folder))


def _compared(
    when: str, grown: Memory, fresh: Memory, words: list[str], searches: int, randomness: random.Random
) -> dict[str, Any]:
    """Search in both tables in turn, and return both medians."""
    times: dict[str, list[float]] = {"grown": [], "fresh": []}
    for number in range(searches):
        query = text_of(randomness.choice(words))
        both = [("grown", grown), ("fresh", fresh)]
        for name, memory in both if number % 2 else reversed(both):
            began = time.perf_counter()
            memory.search(query, user_id=USER)
            times[name].append(1_000 * (time.perf_counter() - began))
    ratio = statistics.median(times["grown"]) / statistics.median(times["fresh"])
    figures = {"p50 ms": _p50(times["grown"]), "fresh p50 ms": _p50(times["fresh"]), "ratio": round(ratio, 2)}
    return {"when": when, "searches": searches, **figures}


def _rest(folder: Path) -> None:
    """Wait a few seconds, and until the folder has not changed for as long."""
    give_up_at = time.monotonic() + _LONGEST_REST_S
    before = -1
    while (now := _size(folder)) != before and time.monotonic() < give_up_at:
        before = now
        time.sleep(_REST_S)


def _space(
    sizes: list[tuple[int, int]], at_rest: int, adds: int, fresh_size: Callable[[int], float]
) -> list[dict[str, Any]]:
    """Return the folder's size when it was largest for its rows, right after, and at rest."""
    sampled = [sample for sample in sizes if sample[0] >= _SIZED_FROM] or sizes[-1:]
    worst = max(sampled, key=lambda sample: sample[1] / fresh_size(sample[0]))
    told = [("at its largest", worst), ("right after", sizes[-1]), ("at rest", (adds, at_rest))]
    return [
        {
            "when": when,
            "rows": rows,
            "bytes": size,
            "fresh": int(fresh_size(rows)),
            "ratio": _ratio(size, fresh_size(rows)),
        }
        for when, (rows, size) in told
    ]


def _ratio(size: int, fresh: float) -> float:
    return round(size / fresh, 2)


def _p50(times_ms: list[float]) -> float:
    return round(statistics.median(times_ms), 2)


def _check(memory: Memory, words: list[str], row: Row) -> None:
    """Count what was acknowledged and is not there exactly once."""
    there = Counter(record.text for record in memory.engine.store.find(OWNER, Filter()))
    for word in words:
        if there[text_of(word)] != 1:
            row.count("duplicated" if there[text_of(word)] else "lost", text_of(word))
