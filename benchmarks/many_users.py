"""Two thousand users in one folder, beside a user alone in another: the same calls in turn, cold and warm."""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crowd import MEMORIES_EACH, QUERIES, SENTENCES, Prepared, fill, name_of, opened
from durable import Told, temporary
from gauges import Gauges, gauge, quantiles, timed_ms
from stores import progress

from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.ports import Work

_MOST_SLOWER = 1.5
_MOST_GROWN_MB = 25.0
_SAMPLES = 200
_COLD_ALONE = 20
_FORGOTTEN = 10
_SAMPLED_EVERY_S = 5.0
_WEIGHTS = {"search": 6, "add": 2, "list": 2}

Call = Callable[[Memory, str], object]


class Calls:
    """What is measured, each time with other words."""

    def __init__(self, randomness: random.Random) -> None:
        self._randomness = randomness
        self._number = 0

    def search(self, memory: Memory, user: str) -> object:
        return memory.search(self._randomness.choice(QUERIES), user_id=user)

    def add(self, memory: Memory, user: str) -> object:
        self._number += 1
        return memory.add(facts=[{"text": f"Keeps lantern {self._number} on the upper shelf"}], user_id=user)

    def list(self, memory: Memory, user: str) -> object:
        return memory.get_all(user_id=user, limit=50)


def run(users: int, seed: int, *, minutes: float, kept: Path | None = None) -> Told:
    """Return how calls for any of so many users compare with those for one who is alone."""
    randomness = random.Random(seed)
    model = FastembedEmbedder()
    tables: dict[str, list[dict[str, Any]]] = {}
    with nullcontext(kept) if kept else temporary() as folder:
        tables["filling"] = _filled(folder, users, seed, model)
        with _both(folder, model) as (alone, many):
            calls = Calls(randomness)
            lines = [_cold(folder, alone, many, users, calls, model)]
            lines += [_warm(name, alone, many, users, calls, randomness) for name in _WEIGHTS]
            tables["any of them, beside a user alone"] = lines
            gauges, errors = _gone_on(many, users, calls, randomness, minutes)
            tables["over time, any of them"] = gauges.shown()
            tables["what walks over all"] = _walks(folder, many, randomness, model)
    broken = [f"{line['call']} takes {line['ratio']} times as long" for line in lines if line["ratio"] > _MOST_SLOWER]
    return Told(tables, [*broken, *errors, *gauges.grown(most_mb=_MOST_GROWN_MB)])


def _filled(folder: Path, users: int, seed: int, model: FastembedEmbedder) -> list[dict[str, Any]]:
    """Fill both folders, unless they are filled; return how long it took, in parts."""
    done = folder / f"filled-{users}-{seed}"
    if done.exists():
        return []
    lines = []
    began = time.perf_counter()
    prepared = Prepared(model)
    for name, number in (("alone", 1), ("many", users)):
        with opened(folder / name, prepared, maintenance=False) as memory:
            for at in progress(range(number), f"filling {name}"):
                fill(memory, at, seed)
                if (at + 1) % (users // 4) == 0:
                    seconds = round(time.perf_counter() - began)
                    lines.append({"users": at + 1, "seconds": seconds, **gauge().shown()})
    done.touch()
    return lines


@contextmanager
def _both(folder: Path, model: FastembedEmbedder) -> Iterator[tuple[Memory, Memory]]:
    with opened(folder / "alone", model) as alone, opened(folder / "many", model) as many:
        yield alone, many


def _cold(
    folder: Path, alone: Memory, many: Memory, users: int, calls: Calls, model: FastembedEmbedder
) -> dict[str, Any]:
    """Search for the first time in a process: for every user, and for the one who is alone in memories opened anew."""
    calls.search(alone, name_of(0))  # the model is loaded
    times_alone = []
    for _ in range(_COLD_ALONE):
        with opened(folder / "alone", model, maintenance=False) as fresh:
            times_alone.append(timed_ms(lambda fresh=fresh: calls.search(fresh, name_of(0))))
    names = [name_of(number) for number in range(users)]
    times = [timed_ms(lambda user=user: calls.search(many, user)) for user in progress(names, "first searches")]
    return _compared("search, cold", times_alone, times)


def _warm(
    name: str, alone: Memory, many: Memory, users: int, calls: Calls, randomness: random.Random
) -> dict[str, Any]:
    """Call for the one who is alone and for one of the many, in turn."""
    call: Call = getattr(calls, name)
    times: dict[str, list[float]] = {"alone": [], "many": []}
    for number in progress(range(_SAMPLES), f"{name}, in turn"):
        both = [("alone", alone, name_of(0)), ("many", many, name_of(randomness.randrange(users)))]
        for which, memory, user in both if number % 2 else reversed(both):
            times[which].append(timed_ms(lambda memory=memory, user=user: call(memory, user)))
    return _compared(name, times["alone"], times["many"])


def _compared(name: str, alone: list[float], many: list[float]) -> dict[str, Any]:
    first = {f"alone {key}": value for key, value in quantiles(alone).items()}
    ratio = round(statistics.median(many) / statistics.median(alone), 2)
    return {"call": name, "calls": len(many), **first, **quantiles(many), "ratio": ratio}


def _gone_on(
    memory: Memory, users: int, calls: Calls, randomness: random.Random, minutes: float
) -> tuple[Gauges, list[str]]:
    """Go on with all kinds of calls for any of the users; return the gauges, and the errors."""
    gauges, errors = Gauges(), list[str]()
    gauges.note()
    until = time.monotonic() + 60 * minutes
    with gauges.noting(every_s=_SAMPLED_EVERY_S):
        while time.monotonic() < until:
            (name,) = randomness.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
            try:
                getattr(calls, name)(memory, name_of(randomness.randrange(users)))
            except Exception as error:  # noqa: BLE001 - every error at a user counts
                errors.append(f"{name}: {type(error).__name__}: {error}"[:300])
    return gauges, errors


def _walks(folder: Path, memory: Memory, randomness: random.Random, model: FastembedEmbedder) -> list[dict[str, Any]]:
    """Time what may have to look at every owner."""
    store, now = memory.engine.store, datetime.now(UTC)

    def opened_and_closed() -> None:
        opened(folder / "many", model, maintenance=False).close()

    one = memory.get_all(user_id=name_of(0), limit=1)[0]["id"]
    walks: dict[str, Callable[[], object]] = {
        "Memory(folder)": opened_and_closed,
        "owners()": store.owners,
        "get(id)": lambda: memory.get(one),
        **{f"owners_with({work.value})": lambda work=work: store.owners_with(work, now=now) for work in Work},
    }
    lines = [
        {"call": name, "calls": 10, **quantiles([timed_ms(walk) for _ in range(10)])} for name, walk in walks.items()
    ]
    gone = [f"gone-{number}" for number in range(_FORGOTTEN)]
    for user in gone:
        memory.add(facts=[{"text": text} for text in randomness.sample(SENTENCES, MEMORIES_EACH)], user_id=user)
    times = [timed_ms(lambda user=user: memory.delete_all(user_id=user)) for user in gone]
    assert not any(len(memory.get_all(user_id=user)) for user in gone)
    return [*lines, {"call": "delete_all(user)", "calls": len(gone), **quantiles(times)}]
