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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from durable import OWNER, USER, HashEmbedder, fact_of, message_of, new_word, opened, text_of

from scrubjay import Memory
from scrubjay.journeys import maintaining

Operation = tuple[dict[str, Any], Callable[[], dict[str, Any]]]
"""What is said before, and what is done; the call returns what is said after."""
_EXPIRES_AFTER_S = 0.05
_BATCH = 20
MODELS = ("hashes", "other hashes")


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


def adding(memory: Memory, words: list[str], **more: Any) -> Operation:
    facts = [fact_of(word, **more) for word in words]
    intent = {"do": "add", "texts": [fact["text"] for fact in facts], "words": words, **more}
    return intent, lambda: {"ids": _ids(memory.add(facts=facts, user_id=USER))}


def _ids(added: Any) -> list[str]:
    return [outcome["id"] for outcome in added["results"]]


def adds(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add one fact at a time, and now and then a message and a fact drawn from it."""
    while True:
        yield adding(memory, [new_word(randomness)])


def batches(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add twenty at once."""
    while True:
        yield adding(memory, [new_word(randomness) for _ in range(_BATCH)])


def supersedes(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Make the next version of one memory after the other, by facts that replace them."""
    for number in range(10**9):
        memory_id, word = job.ids[number % len(job.ids)], new_word(randomness)
        fact = fact_of(word, replaces=[memory_id])
        intent = {"do": "change", "id": memory_id, "text": fact["text"], "words": [word]}
        yield intent, lambda fact=fact: {"ids": _ids(memory.add(facts=[fact], user_id=USER))}


def updates(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Correct one memory after the other."""
    for number in range(10**9):
        memory_id, word = job.ids[number % len(job.ids)], new_word(randomness)
        intent = {"do": "change", "id": memory_id, "text": text_of(word), "words": [word]}
        yield intent, lambda i=memory_id, w=word: {"ids": [memory.update(i, text_of(w))["id"]]}


def forgets(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Forget one memory after the other."""
    for memory_id in job.ids:
        yield {"do": "forget", "ids": [memory_id]}, lambda i=memory_id: {"ids": memory.delete(i)["forgotten"]}


def forgets_of_session(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Forget one message after the other of a long conversation."""
    for memory_id in job.sessions:
        yield {"do": "forget", "ids": [memory_id]}, lambda i=memory_id: {"ids": memory.delete(i)["forgotten"]}


def maintenance(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add a little and tend to the table, in turn."""
    while True:
        yield from (adding(memory, [new_word(randomness)]) for _ in range(3))
        yield {"do": "maintain"}, lambda: {"changed": memory.engine.store.maintain(OWNER)}


def expiry(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Add what expires in a moment, and forget what has expired."""

    def tend() -> dict[str, Any]:
        time.sleep(_EXPIRES_AFTER_S)
        return {"owners": maintaining.maintain(memory.engine)}

    while True:
        ends = (datetime.now(UTC) + timedelta(seconds=_EXPIRES_AFTER_S)).isoformat()
        yield adding(memory, [new_word(randomness) for _ in range(3)], expires_at=ends)
        yield {"do": "maintain"}, tend


def extraction(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Say something that is read for facts."""
    while True:
        words = [new_word(randomness) for _ in range(3)]
        messages = [message_of(word) for word in words]
        texts = [message["content"] for message in messages]
        intent = {"do": "say", "texts": texts, "words": words}
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
        yield adding(memory, [new_word(randomness)])
        path = Path(f"{job.backup}-{number}")
        yield (
            {"do": "backup", "path": str(path)},
            lambda path=path: {"made": bool(archiving.backup(memory.engine, path) or path.exists())},
        )


def restores(memory: Memory, job: Job, randomness: random.Random) -> Iterator[Operation]:
    """Restore a backup into empty folders."""
    from scrubjay.journeys import archiving

    for number in range(10**9):
        folder = Path(f"{job.backup}-into-{number}")
        other = opened(folder)
        yield (
            {"do": "restore", "folder": str(folder)},
            lambda other=other: {"done": bool(archiving.restore(other.engine, Path(job.backup)) or True)},
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
    "finish": finishing,
    "backup": backups,
    "restore": restores,
}


def say(**told: Any) -> None:
    os.write(1, (json.dumps(told) + "\n").encode())


def main() -> None:
    say(ready=True)
    told = json.loads(sys.stdin.readline())
    job = Job(**{**told, "folder": Path(told["folder"])})
    memory = opened(job.folder, extracting=job.kind == "extract", model=job.model)
    for intent, act in WORK[job.kind](memory, job, random.Random(job.seed)):
        say(intent=intent)
        began = time.perf_counter()
        say(done=act(), seconds=time.perf_counter() - began)
    say(out_of_work=True)


if __name__ == "__main__":
    main()
