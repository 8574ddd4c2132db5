"""What a process holds: memory, threads and open files, now and over time; and how long calls took."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """What a process holds at one moment: resident memory in MB, threads, open files."""

    memory_mb: float
    threads: int
    files: int

    def shown(self) -> dict[str, Any]:
        """Return the columns."""
        return {"memory MB": round(self.memory_mb), "threads": self.threads, "open files": self.files}


def gauge(process: int | None = None) -> Gauge:
    """Return what a process (by default this one) holds now."""
    proc = Path("/proc", str(process or os.getpid()))
    pages = int(proc.joinpath("statm").read_text(encoding="ascii").split()[1])
    return Gauge(
        memory_mb=pages * _PAGE / 2**20,
        threads=len(list(proc.joinpath("task").iterdir())),
        files=len(list(proc.joinpath("fd").iterdir())),
    )


class Gauges:
    """Gauges with the second at which they were read."""

    def __init__(self, process: int | None = None) -> None:
        self._process = process
        self._began = time.monotonic()
        self.read: list[tuple[float, Gauge]] = []

    def note(self) -> None:
        """Read them now."""
        self.read.append((time.monotonic() - self._began, gauge(self._process)))

    @contextmanager
    def noting(self, *, every_s: float) -> Iterator[None]:
        """Read them every so often, and once more at the end."""
        done = threading.Event()

        def run() -> None:
            while not done.wait(every_s):
                self.note()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.note()

    def shown(self, *, rows: int = 12) -> list[dict[str, Any]]:
        """Return some of them, evenly, with the first and the last."""
        chosen = sorted({round(at) for at in np.linspace(0, len(self.read) - 1, rows)}) if self.read else []
        return [{"second": round(self.read[at][0]), **self.read[at][1].shown()} for at in chosen]

    def grown(self, *, most_mb: float) -> list[str]:
        """Return what grew in the second half: memory by more than this from its third quarter to its last, or any
        thread or file."""
        half = [each for _, each in self.read[len(self.read) // 2 :]]
        if len(half) < 2:
            return []
        early, late = half[: len(half) // 2], half[len(half) // 2 :]
        told = []
        more_mb = _mean(late, lambda each: each.memory_mb) - _mean(early, lambda each: each.memory_mb)
        if more_mb > most_mb:
            told.append(f"memory grew by {more_mb:.0f} MB from the third quarter to the last")
        for what, of in _COUNTED.items():
            if min(map(of, late)) > max(map(of, early)):
                told.append(f"{what} grew from {max(map(of, early))} to {min(map(of, late))}")
        return told


_COUNTED: dict[str, Callable[[Gauge], int]] = {
    "threads": lambda each: each.threads,
    "open files": lambda each: each.files,
}


def _mean(gauges: Sequence[Gauge], of: Callable[[Gauge], float]) -> float:
    return sum(map(of, gauges)) / len(gauges)


def timed_ms(action: Callable[[], object]) -> float:
    """Return how many milliseconds an action took."""
    began = time.perf_counter()
    action()
    return 1_000 * (time.perf_counter() - began)


def quantiles(times_ms: Sequence[float], *, also: Sequence[int] = ()) -> dict[str, float]:
    """Return p50, p95 and more of them, as columns."""
    return {f"p{p} ms": round(float(np.percentile(times_ms, p)), 2) for p in (50, 95, *also)}
