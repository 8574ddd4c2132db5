"""Processes that work on a data folder, for tests that kill them, trace them or take the disk from them."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from engines import engine_over
from folders import change, opened, put, units
from records import ANA, BEN, NOON, UNITS, erase, record
from scrubjay import StoreError
from scrubjay.journeys import archiving, forgetting
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import Caller, Filter, Scope


def command(verb: str, folder: Path, *arguments: object) -> list[str]:
    return [sys.executable, __file__, verb, str(folder), *map(str, arguments)]


def run(line: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, whatever it is, and return what it wrote."""
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)


def killed_at(call: str, line: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command under strace, which kills it at the n-th call of a function of the system: "fsync:3"."""
    name, _, number = call.partition(":")
    injected = f"inject={name}:signal=KILL:when={number}"
    return run(["strace", "-f", "-qq", "-e", f"trace={name}", "-e", injected, "-o", os.devnull, *line])


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def write(folder: Path, number: str, words: str = "") -> None:
    """Add so many memories one by one, and tell of each that is acknowledged."""
    store = opened(folder)
    for n in range(int(number)):
        put(store, record(f"m{n}", f"{words} {n}"))
        tell(f"m{n}")
    store.close()


def forget(folder: Path, *ids: str) -> None:
    """Forget memories with what leans on them, everything when none is named."""
    store = opened(folder)
    engine = engine_over(store)
    if ids:
        forgetting.forget(engine, None, ids)
    else:
        forgetting.forget_everything(engine, Caller(user_id=ANA.name), Scope.USER)
    tell("done")
    store.close()


def restore(folder: Path, archive: str) -> None:
    """Put back what is missing, and tell how many rows are done."""
    store = opened(folder)
    archiving.restore(engine_over(store), Path(archive), lambda done, _: tell(str(done)))
    tell("done")
    store.close()


def maintain(folder: Path) -> None:
    """Tend to the table."""
    store = opened(folder)
    store.maintain(ANA)
    tell("done")
    store.close()


def look(folder: Path, word: str) -> None:
    """Read and search again and again until told to stop, and tell how much there was at the end."""
    store = opened(folder, most_held=5)
    stopped = threading.Thread(target=sys.stdin.readline, daemon=True)
    stopped.start()
    tell("looking")
    while stopped.is_alive():
        seen = store.count(ANA, Filter())
        found = len(store.lexical(ANA, word, Filter(), limit=1_000))
        if found < seen:
            tell(f"{found} of {seen}")
    tell(str(store.count(ANA, Filter())))
    store.close()


def attempt(folder: Path, bytes_per_file: str = "") -> None:
    """Try every kind of write, with files that may grow no larger, and tell what is said and what is there then.

    At the end files may grow again, and one more row is written.
    """
    if bytes_per_file:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(bytes_per_file), resource.RLIM_INFINITY))
    store, other = opened(folder), opened(folder, embedding="another")
    told("put", store, lambda: put(store, record("new", "a kingfisher", expires_at=NOON)))
    told("change", store, lambda: change(store, record("a", superseded_by="b")))
    told("first", store, lambda: put(store, record("bens"), owner=BEN))
    told("maintain", store, lambda: store.maintain(ANA))
    told("erase", store, lambda: erase(store, ANA, "b"))
    told("reembed", store, lambda: other.reembed(ANA, lambda texts: units(len(texts))))
    if bytes_per_file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    reembedded = bool(other.stats(ANA).rows) and is_of(other)
    told("later", store, lambda: put(other if reembedded else store, record("later", "a kingfisher")))
    store.close()
    other.close()


def is_of(store: LanceDBStore) -> bool:
    try:
        store.dense(ANA, UNITS[:1], Filter(), limit=1)
    except StoreError:
        return False
    return True


def told(name: str, store: LanceDBStore, do: Callable[[], object]) -> None:
    problem = ""
    try:
        do()
    except StoreError as error:
        problem = str(error)
    there = {row.id: row.superseded_by for row in store.find(ANA, Filter())}
    found = [match.candidate.id for match in store.lexical(ANA, "kingfisher", Filter(), limit=9)]
    tell(json.dumps({"name": name, "problem": problem, "there": there, "found": sorted(found)}))


if __name__ == "__main__":
    verbs = (write, forget, restore, maintain, look, attempt)
    {verb.__name__: verb for verb in verbs}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
