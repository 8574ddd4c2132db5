"""Fifty threads on one memory: they add, correct, forget, search and list for 32 users, all at once."""

import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from crowd import MEMORIES_EACH, QUERIES, fill, name_of, opened
from durable import Told, new_word, temporary
from gauges import Gauges, gauge, quantiles, timed_ms

from scrubjay import Memory, MemoryNotFound
from scrubjay.embedding.fastembed import FastembedEmbedder

USERS = 32
WEIGHTS = {"search": 12, "list": 3, "add": 3, "correct": 1, "forget": 1}
_MOST_GROWN_MB = 25.0
_SAMPLED_EVERY_S = 5.0
_LONGEST_S = 120.0


@dataclass
class Diary:
    """What one thread was told: its memories by user and id with their words, what it forgot, times, and errors."""

    kept: dict[tuple[str, str], str] = field(default_factory=dict)
    forgotten: list[tuple[str, str]] = field(default_factory=list)
    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)


class Doing:
    """What a thread does; it corrects and forgets what it has added itself."""

    def __init__(self, memory: Memory, randomness: random.Random) -> None:
        self.diary = Diary()
        self._memory = memory
        self._randomness = randomness

    def go_on(self, until: float) -> None:
        """Do one thing after the other until it is time."""
        while time.monotonic() < until:
            (chosen,) = self._randomness.choices(list(WEIGHTS), list(WEIGHTS.values()))
            try:
                self.diary.times_ms[chosen].append(timed_ms(getattr(self, chosen)))
            except Exception as error:  # noqa: BLE001 - every error at a user counts
                self.diary.errors.append(f"{chosen}: {type(error).__name__}: {error}"[:300])

    def search(self) -> None:
        found = self._memory.search(self._randomness.choice(QUERIES), user_id=self._user())
        assert len(found)

    def list(self) -> None:
        assert len(self._memory.get_all(user_id=self._user(), limit=50))

    def add(self) -> None:
        user, text = self._user(), self._text()
        added = self._memory.add(facts=[{"text": text}], user_id=user)
        self.diary.kept[user, added[0]["id"]] = text

    def correct(self) -> None:
        if not self.diary.kept:
            return self.add()
        key = self._randomness.choice(list(self.diary.kept))
        text = self._text()
        self._memory.update(key[1], text)
        self.diary.kept[key] = text
        return None

    def forget(self) -> None:
        if not self.diary.kept:
            return self.add()
        key = self._randomness.choice(list(self.diary.kept))
        self._memory.delete(key[1])
        self.diary.forgotten.append(key)
        del self.diary.kept[key]
        return None

    def _user(self) -> str:
        return name_of(self._randomness.randrange(USERS))

    def _text(self) -> str:
        return f"Keeps the {new_word(self._randomness)} lantern on the upper shelf"


def run(threads: int, seed: int, *, minutes: float) -> Told:
    """Return how long calls of so many threads took, what went wrong, and what the process held meanwhile."""
    model = FastembedEmbedder()
    with temporary() as folder, opened(folder / "data", model) as memory:
        for number in range(USERS):
            fill(memory, number, seed)
        before = gauge()
        doing = [Doing(memory, random.Random(f"{seed} {number}")) for number in range(threads)]
        gauges, stuck = _all_at_once(doing, minutes)
        diaries = [each.diary for each in doing]
        wrong = [] if stuck else _wrong(memory, diaries)
    lines = _lines(diaries, 60 * minutes)
    errors = [error for diary in diaries for error in diary.errors]
    counts = {"errors": len(errors), "wrong in the end": len(wrong), "stuck": stuck}
    tables = {
        f"{threads} threads, {USERS} users": lines,
        "what was counted": [counts],
        "over time": [{"second": 0, **before.shown()}, *gauges.shown()],
    }
    told = [f"{number} times {error}" for error, number in Counter(errors).most_common(20)]
    return Told(
        tables, [*told, *wrong, *gauges.grown(most_mb=_MOST_GROWN_MB), *(["threads are stuck"] if stuck else [])]
    )


def _all_at_once(doing: list[Doing], minutes: float) -> tuple[Gauges, int]:
    """Let all of them go on; return the gauges, and how many did not come to an end."""
    until = time.monotonic() + 60 * minutes
    running = [threading.Thread(target=each.go_on, args=(until,), daemon=True) for each in doing]
    gauges = Gauges()
    for thread in running:
        thread.start()
    with gauges.noting(every_s=_SAMPLED_EVERY_S):
        time.sleep(max(0.0, until - time.monotonic()))
    for thread in running:
        thread.join(timeout=max(0.1, until + _LONGEST_S - time.monotonic()))
    return gauges, sum(thread.is_alive() for thread in running)


def _lines(diaries: list[Diary], seconds: float) -> list[dict[str, Any]]:
    times = {name: [ms for diary in diaries for ms in diary.times_ms[name]] for name in WEIGHTS}
    times["all"] = [ms for each in times.values() for ms in each]
    return [
        {"call": name, "calls": len(each), "a second": round(len(each) / seconds, 1), **quantiles(each, also=(99, 100))}
        for name, each in times.items()
        if each
    ]


def _wrong(memory: Memory, diaries: list[Diary]) -> list[str]:
    """Return what was acknowledged and is not there once, and what was forgotten and is."""
    there = {
        name_of(number): {each["id"]: each["memory"] for each in memory.get_all(user_id=name_of(number), limit=1_000)}
        for number in range(USERS)
    }
    wrong = []
    for diary in diaries:
        for (user, memory_id), text in diary.kept.items():
            if there[user].get(memory_id) != text:
                wrong.append(f"{memory_id} says {there[user].get(memory_id)!r} and not {text!r}")
        for user, memory_id in diary.forgotten:
            if memory_id in there[user] or _is_known(memory, memory_id):
                wrong.append(f"{memory_id} was forgotten and is there")
    kept = Counter(user for diary in diaries for user, _ in diary.kept)
    for user, known in there.items():
        if len(known) != kept[user] + MEMORIES_EACH:
            wrong.append(f"{user} has {len(known)} memories instead of {kept[user] + MEMORIES_EACH}")
    return wrong


def _is_known(memory: Memory, memory_id: str) -> bool:
    try:
        return bool(memory.history(memory_id))
    except MemoryNotFound:
        return False
