"""A process that does one kind of work until it is killed, and says what it is about to do and what is acknowledged.

    python benchmarks/workers.py

It says `ready` when everything is imported, reads its job as a line of JSON, and writes a line before each operation
(`intent`) and one after the call has returned (`done`), each in one write: what is in the pipe survives the kill.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from durable import MODELS, OWNER, USER, HashEmbedder, fact_of, new_word, opened, text_of
from sayings import FACT, MESSAGE, Saying, given, written

from scrubjay import Memory
from scrubjay.journeys import maintaining

Operation = tuple[dict[str, Any], Callable[[], dict[str, Any]]]
"""What is said before, and what is done; the call returns what is said after."""
_EXPIRES_AFTER_S = 0.4
_BATCH = 20
_DRAWN_EVERY = 4  # of so many adds one is a message with a fact


@dataclass(frozen=True)
class Job:
    """What a worker is told: where, what kind of work, what it may change, and the seed of its words."""

    folder: Path
    kind: str
    seed: int
    ids: list[str]
    sessions: dict[str, str]
    model: str
    backup: str = ""


def adding(memory: Memory, sayings: list[Saying], **more: Any) -> Operation:
    messages, facts = given(sayings)
    facts = [fact | more for fact in facts]
    intent = {"do": "add", "said": written(sayings), **more}
    return intent, lambda: {"ids": _ids(memory.add(messages, facts=facts, user_id=USER))}


def _ids(added: Any) -> list[str]:
    return [outcome["id"] for outcome in added["results"]]


def adds(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add one fact at a time, and now and then a message and a fact drawn from it."""
    for number in range(10**9):
        yield adding(memory, _drawn(randomness) if number % _DRAWN_EVERY == 1 else facts(1, randomness))


def facts(many: int, randomness: random.Random) -> list[Saying]:
    return [Saying(new_word(randomness)) for _ in range(many)]


def _drawn(randomness: random.Random) -> list[Saying]:
    """A message, and a fact that quotes it."""
    message = new_word(randomness)
    return [Saying(message, MESSAGE), Saying(new_word(randomness), FACT, source=message)]


def batches(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add twenty at once."""
    while True:
        yield adding(memory, facts(_BATCH, randomness))


def supersedes(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Make the next version of one memory after the other, by facts that replace them."""
    for number in range(10**9):
        memory_id, word = job.ids[number % len(job.ids)], new_word(randomness)
        fact = fact_of(word, replaces=[memory_id])
        intent = {"do": "change", "how": "supersede", "id": memory_id, "word": word}
        yield intent, lambda fact=fact: {"ids": _ids(memory.add(facts=[fact], user_id=USER))}


def updates(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Correct one memory after the other."""
    for number in range(10**9):
        memory_id, word = job.ids[number % len(job.ids)], new_word(randomness)
        intent = {"do": "change", "how": "update", "id": memory_id, "word": word}
        yield intent, lambda i=memory_id, w=word: {"ids": [memory.update(i, text_of(w))["id"]]}


def forgets(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Forget one memory after the other; when all that were named are gone, what is added for it."""
    yield from forgets_once(memory, job, randomness)
    while True:
        intent, add = adding(memory, facts(_BATCH, randomness))
        added: list[str] = []
        yield intent, lambda add=add, added=added: _kept(add(), added)
        yield from (forgetting(memory, memory_id) for memory_id in added)


def forgetting(memory: Memory, memory_id: str) -> Operation:
    return {"do": "forget", "ids": [memory_id]}, lambda: {"ids": memory.delete(memory_id)["forgotten"]}


def _kept(told: dict[str, Any], ids: list[str]) -> dict[str, Any]:
    ids += told["ids"]
    return told


def forgets_once(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Forget what is named, and end."""
    yield from (forgetting(memory, memory_id) for memory_id in job.ids)


def forgets_of_session(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Forget one message after the other of a long conversation; when there are no more, what is added for it."""
    yield from (forgetting(memory, memory_id) for memory_id in job.sessions)
    yield from forgets(memory, replace(job, ids=[]), randomness)


def maintenance(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add a little and tend to the table, in turn."""
    while True:
        yield from (adding(memory, facts(1, randomness)) for _ in range(3))
        yield {"do": "maintain"}, lambda: {"changed": memory.engine.store.maintain(OWNER)}


def expiry(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add what expires in a moment, and forget what has expired."""

    def tend() -> dict[str, Any]:
        time.sleep(_EXPIRES_AFTER_S)
        return {"owners": maintaining.maintain(memory.engine)}

    while True:
        ends = (datetime.now(UTC) + timedelta(seconds=_EXPIRES_AFTER_S)).isoformat()
        yield adding(memory, facts(3, randomness), expires_at=ends)
        yield {"do": "maintain"}, tend


def extraction(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Say something that is read for facts."""
    while True:
        sayings = [Saying(new_word(randomness), MESSAGE) for _ in range(3)]
        messages, _ = given(sayings)
        intent = {"do": "say", "said": written(sayings)}
        yield intent, lambda said=messages: {"ids": _ids(memory.add(said, user_id=USER))}


def reembedding(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Give all rows vectors of another model, to and fro."""
    model = job.model
    while True:
        model = MODELS[1 - MODELS.index(model)]
        other = opened(job.folder, model=model)
        embed = HashEmbedder(model).embed_documents
        yield (
            {"do": "reembed", "model": model},
            lambda other=other, embed=embed: {"changed": other.engine.store.reembed(OWNER, embed)},
        )


def finishing(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Finish what somebody who was killed has left."""
    yield {"do": "maintain"}, lambda: {"owners": maintaining.maintain(memory.engine)}


def backups(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add a little and back everything up."""
    from scrubjay.journeys import archiving

    for number in range(10**9):
        yield adding(memory, facts(1, randomness))
        path = Path(f"{job.backup}-{number}")
        yield {"do": "backup", "path": str(path)}, lambda path=path: asdict(archiving.backup(memory.engine, path))


def restores(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Restore a backup into empty folders."""
    from scrubjay.journeys import archiving

    for number in range(10**9):
        folder = Path(f"{job.backup}-into-{number}")
        other = opened(folder)
        yield (
            {"do": "restore", "folder": str(folder)},
            lambda other=other: asdict(archiving.restore(other.engine, Path(job.backup))),
        )


WORK: dict[str, Callable[[Memory, Job, random.Random], Iterator[Operation]]] = {
    "add": adds,
    "add a batch": batches,
    "supersede": supersedes,
    "update": updates,
    "forget": forgets,
    "forget in a session": forgets_of_session,
    "maintain": maintenance,
    "expire": expiry,
    "extract": extraction,
    "reembed": reembedding,
    "backup": backups,
    "restore": restores,
}
ONCE: dict[str, Callable[[Memory, Job, random.Random], Iterator[Operation]]] = {
    "forget once": forgets_once,
    "finish": finishing,
}


def say(**told: Any) -> None:
    os.write(1, (json.dumps(told) + "\n").encode())


def main() -> None:
    say(ready=True)
    told = json.loads(sys.stdin.readline())
    job = Job(**{**told, "folder": Path(told["folder"])})
    memory = opened(job.folder, extracting=job.kind == "extract", model=job.model)
    for intent, act in (WORK | ONCE)[job.kind](memory, job, random.Random(job.seed)):
        say(intent=intent)
        began = time.perf_counter()
        say(done=act(), seconds=time.perf_counter() - began)
    say(out_of_work=True)


if __name__ == "__main__":
    main()
