"""Processes that work on a data folder, for tests that kill them, trace them or take the disk from them."""

import os
import subprocess
import sys
import threading
from pathlib import Path

from engines import engine_over
from folders import opened, put
from records import ANA, record
from scrubjay.journeys import forgetting
from scrubjay.types import Caller, Filter, Scope


def command(verb: str, folder: Path, *arguments: object) -> list[str]:
    return [sys.executable, __file__, verb, str(folder), *map(str, arguments)]


def run(line: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, whatever it is, and return what it wrote."""
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)


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


if __name__ == "__main__":
    {"write": write, "forget": forget, "maintain": maintain, "look": look}[sys.argv[1]](
        Path(sys.argv[2]), *sys.argv[3:]
    )
