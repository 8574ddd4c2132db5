"""SIGKILL at any moment, to a process that does one kind of work; then what it said is compared with what is there."""

import json
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from durable import MODELS, OWNER, USER, HashEmbedder, Row, Told, new_word, opened, temporary, total
from ledger import BEGUN, NOT_BEGUN, Ledger, check_vectors, compare, grouped, settle, tidied
from sayings import MESSAGE, SHORT, Saying, given
from workers import WORK

from scrubjay import Memory
from scrubjay.journeys import archiving
from scrubjay.types import Filter

_WORKER = Path(__file__).with_name("workers.py")
_TRIALS_PER_FOLDER = 40
_FACTS, _SESSION = 60, 120
_OPERATIONS = 5  # a kill falls somewhere into so many
_FIRST_S, _SHORTEST_S = 0.25, 0.05
_PATIENCE_S = 60.0
_NOTHING = {"inside": 0, BEGUN: 0, NOT_BEGUN: 0}


class Worker:
    """A worker's process, started ahead: it says that it is ready, is told its job, and is killed.

    It has a folder for temporary files to itself: LanceDB makes some outside the data folder, which a kill leaves.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="scrubjay-durability-worker-")
        self._process = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": self._temporary.name},
        )

    def begin(self, job: dict[str, Any]) -> None:
        """Tell it its job, and return when it is about to do the first thing."""
        self._readline()
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(job) + "\n").encode())
        self._process.stdin.flush()

    def killed_after(self, seconds: float) -> tuple[list[dict[str, Any]], str]:
        """Kill it so long after its first intention; return what it had said, and the errors it printed."""
        first = self._readline()
        time.sleep(seconds)
        os.kill(self._process.pid, signal.SIGKILL)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        rest, errors = self._process.stdout.read(), self._process.stderr.read()
        said = [json.loads(line) for line in (first + rest).splitlines() if line.endswith(b"}")]
        return said, errors.decode(errors="replace")

    def finished(self) -> None:
        """Return when it has done its job and ended; raises RuntimeError when it could not."""
        said, errors = self._process.communicate(timeout=_PATIENCE_S)
        if b"out_of_work" not in said:
            raise RuntimeError(errors.decode(errors="replace").strip().splitlines()[-1])

    def left_outside(self) -> list[Path]:
        """Return what it wrote outside the data folder and a kill has left there."""
        return [path for path in Path(self._temporary.name).rglob("*") if path.is_file()]

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._process.wait()
        self._temporary.cleanup()

    def _readline(self) -> bytes:
        assert self._process.stdout is not None
        there, _, _ = select.select([self._process.stdout], [], [], _PATIENCE_S)
        line = self._process.stdout.readline() if there else b""
        if not line:
            raise RuntimeError("a worker said nothing")
        return line


@dataclass
class Field:
    """One folder and what must be in it, over several trials."""

    folder: Path
    ledger: Ledger = field(default_factory=Ledger)


@contextmanager
def prepared(randomness: random.Random) -> Iterator[Field]:
    """Give a folder with facts and a long conversation."""
    with temporary() as place:
        made = Field(place / "data")
        with opened(made.folder) as memory:
            told = [Saying(new_word(randomness)) for _ in range(_FACTS)]
            added = memory.add(facts=given(told)[1], user_id=USER)["results"]
            kinds = [SHORT if number % 3 == 2 else MESSAGE for number in range(_SESSION)]
            spoken = [Saying(new_word(randomness), kind) for kind in kinds]
            messages, _ = given(spoken)
            said = memory.add(messages, user_id=USER, run_id="long", scope="user", infer=False)["results"]
        made.ledger.add([outcome["id"] for outcome in [*said, *added]], [*spoken, *told])
        yield made


def run(trials: int, seed: int, *, only: str = "") -> Told:
    """Return a line for each kind of work."""
    randomness = random.Random(seed)
    chosen = [only] if only else list(WORK)
    rows = {kind: Row(kind, more=dict(_NOTHING)) for kind in chosen}
    took_s: dict[str, list[float]] = defaultdict(list)
    spare = Worker()
    try:
        for begin in range(0, trials, _TRIALS_PER_FOLDER):
            with prepared(randomness) as made:
                for number in range(begin, min(trials, begin + _TRIALS_PER_FOLDER)):
                    kind = chosen[number % len(chosen)]
                    worker, spare = spare, Worker()
                    rows[kind].add(_trial(worker, made, kind, randomness, took_s[kind]))
    finally:
        spare.close()
    listed = [row for row in rows.values() if row.trials]
    summed = total(listed)
    broken = [f"{row.name}: {text}" for row in listed for text in row.broken[:5]]
    not_tried = [f"{row.name}: there was no trial left for it" for row in rows.values() if not row.trials]
    return Told({"killed at any moment": [row.shown() for row in [*listed, summed]]}, broken, not_tried)


def _trial(worker: Worker, made: Field, kind: str, randomness: random.Random, took_s: list[float]) -> Row:
    facts = [i for i in made.ledger.versions if i not in made.ledger.episodes | made.ledger.expiring]
    changeable = [i for i in facts if i not in made.ledger.astray and (kind == "forget" or i not in made.ledger.along)]
    spoken = [i for i in made.ledger.versions if i in made.ledger.episodes]
    job = {
        "folder": str(made.folder),
        "kind": kind,
        "seed": randomness.getrandbits(63),
        "ids": randomness.sample(changeable, min(len(changeable), 30)),
        "sessions": dict.fromkeys(randomness.sample(spoken, min(len(spoken), 30)), ""),
        "model": MODELS[0],
        "backup": str(made.folder.parent / f"backup-{randomness.getrandbits(40)}"),
    }
    if kind == "restore":
        _back_up(made, Path(job["backup"]))
    longest_s = max(_SHORTEST_S, _OPERATIONS * statistics.median(took_s)) if took_s else _FIRST_S
    try:
        worker.begin(job)
        after_s = randomness.uniform(0, longest_s)
        said, errors = worker.killed_after(after_s)
        strays = {path.name: path.stat().st_size for path in worker.left_outside()}
    finally:
        worker.close()
    took_s += [line["seconds"] for line in said if "seconds" in line] or [after_s]  # it takes longer than that
    row = _checked(made, kind, said)
    for name, size in strays.items():
        row.count("traces_left", f"{name} with {size} bytes, outside the data folder")
    row.broken += [f"the worker printed: {errors.strip().splitlines()[-1]}"] if "Traceback" in errors else []
    return row


def _checked(made: Field, kind: str, said: list[dict[str, Any]]) -> Row:
    """Open the folder as the next process would, and look at everything."""
    before = set(made.ledger.versions)
    try:
        if kind == "reembed":
            _finish_reembedding(made)
        with opened(made.folder, extracting=kind == "extract") as memory:
            row = settle(memory, made.ledger, said)
            if kind == "reembed":
                check_vectors(memory, row)
            if kind in {"forget", "forget in a session", "expire", "maintain", "reembed"}:
                tidied(memory, made.ledger, made.folder, row)
        if kind == "backup":
            _check_backup(made, said, before, row)
        if kind == "restore":
            _check_restore(made, said, row)
    except Exception as error:  # noqa: BLE001 - whatever it is, the promise is that the folder can be read
        row = Row("", trials=1, more=dict(_NOTHING))
        row.count("unreadable", f"{type(error).__name__}: {error}"[:300])
    return row


def _finish_reembedding(made: Field) -> None:
    model = HashEmbedder(MODELS[0])
    with opened(made.folder) as memory:
        memory.engine.store.reembed(OWNER, model.embed_documents)


def _back_up(made: Field, path: Path) -> None:
    with opened(made.folder) as memory:
        archiving.backup(memory.engine, path)


def _check_backup(made: Field, said: list[dict[str, Any]], before: set[str], row: Row) -> None:
    """Restore the last backup that was acknowledged into an empty folder; nothing may be missing or too much."""
    within, path = set(before), None
    holds = set(within)
    intent: dict[str, Any] = {}
    for line in said:
        intent = line.get("intent", intent)
        if "done" in line and intent["do"] == "add":
            within |= set(line["done"]["ids"])
        elif "done" in line and intent["do"] == "backup":
            holds, path = set(within), Path(intent["path"])
    if path is not None:
        with opened(made.folder.parent / f"checked-{path.name}") as memory:
            archiving.restore(memory.engine, path)
            _compare_copy(memory, made.ledger.only(holds), row)


def _check_restore(made: Field, said: list[dict[str, Any]], row: Row) -> None:
    """Finish the last restore, which was interrupted; then nothing may be missing or there twice."""
    into = [line["intent"]["folder"] for line in said if "intent" in line]
    source = Path(into[-1].partition("-into-")[0])
    with opened(Path(into[-1])) as memory:
        archiving.restore(memory.engine, source)
        _compare_copy(memory, made.ledger.only(made.ledger.versions), row)


def _compare_copy(memory: Memory, ledger: Ledger, row: Row) -> None:
    """Count what is not in a copy exactly as it was in the folder when the copy was made."""
    compare(ledger, grouped(memory.engine.store.find(OWNER, Filter())), row)
