"""Disks that fail: torn and damaged files, no room, no right to write; and folders of a Scrubjay still to come."""

import hashlib
import json
import logging
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import lancedb
import pyarrow as pa
from damages import DAMAGES, Damage, truncated, zeroed
from durable import OWNER, USER, Row, Told, fact_of, message_of, new_word, opened, temporary, text_of
from probing import FOREIGN, REFUSED, RIGHT, SILENT, NotTried, probed, why_not_mountable

_PROBE = Path(__file__).with_name("probing.py")
_PATIENCE_S = 120
_ROWS = 40
_THOROUGH_FROM = 50  # with fewer trials only the first call and file of each kind are tried
_FIRST_CALLS = ("list", "history", "search", "add", "forget")
_NOT_TRIED = "not tried"


def run(trials: int, seed: int) -> Told:
    """Return what a caller sees of each fault, and how often damaged files were refused or went unnoticed."""
    randomness = random.Random(seed)
    few = trials < _THOROUGH_FROM
    calls, files = (_FIRST_CALLS[:1], 2) if few else (_FIRST_CALLS, None)
    rows = [*_torn(randomness, calls), _index(randomness, files), _newer(randomness)]
    rows += [
        _if_possible("disk full", lambda: _without_room("disk full", "full", alone=True)),
        _if_possible("read-only folder", _readonly),
        _without_room("files may not grow", "limited", alone=False),
    ]
    damaged = list(_damaged(trials, randomness).values())
    tables = {"faults": [row.shown() for row in rows], "a file damaged at random": [row.shown() for row in damaged]}
    every = [*rows, *damaged]
    not_tried = [f"{row.name}: {row.more.get('seen', 'no trial')}" for row in every if not row.trials]
    return Told(tables, [f"{row.name}: {text}" for row in every for text in row.broken[:5]], not_tried)


def _if_possible(name: str, trial: Callable[[], Row]) -> Row:
    """Return what a fault did that needs a file system of its own, or why there is none."""
    why = why_not_mountable()
    if not why:
        try:
            return trial()
        except NotTried as error:
            why = str(error)
    return Row(name, more={"seen": f"{_NOT_TRIED}: {_short(why)}"})


@contextmanager
def filled(randomness: random.Random) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a folder with a history, and what its memories say by id."""
    with temporary() as place:
        folder = place / "data"
        with opened(folder) as memory:
            facts = [fact_of(new_word(randomness)) for _ in range(_ROWS)]
            told = memory.add(facts=facts, user_id=USER)["results"]
            told += memory.add([message_of(new_word(randomness)) for _ in range(5)], user_id=USER, infer=False)[
                "results"
            ]
            memory.delete(told[0]["id"])
            memory.update(told[1]["id"], text_of(new_word(randomness)))
            memory.engine.store.maintain(OWNER)
            for one in told[2:6]:
                memory.add(facts=[fact_of(new_word(randomness), replaces=[one["id"]])], user_id=USER)
            listed = memory.get_all(user_id=USER, limit=1_000)["results"]
        yield folder, {one["id"]: one["memory"] for one in listed}


def _damage(path: Path, how: Damage, randomness: random.Random) -> None:
    path.write_bytes(how(path.read_bytes(), randomness))


def _torn(randomness: random.Random, calls: Sequence[str]) -> Iterator[Row]:
    """The newest version torn by a power cut, before and after it was acknowledged, whichever call comes first."""
    for is_acknowledged in (False, True):
        for place, pattern in (("manifest", "_versions/*.manifest"), ("data file", "data/*.lance")):
            for damage in (zeroed, truncated):
                when = "acknowledged" if is_acknowledged else "not acknowledged"
                row = Row(f"newest {place} {damage.__name__}, {when}")
                for first in calls:
                    with filled(randomness) as (folder, expected):
                        row.trials += 1
                        row.acknowledged += len(expected)
                        path = _newest(folder, pattern, is_acknowledged=is_acknowledged, randomness=randomness)
                        _damage(path, damage, randomness)
                        (_refused if is_acknowledged else _recovered)(folder, expected, row, first=first)
                yield row


def _table(folder: Path) -> Any:
    return lancedb.connect(str(folder / "memories"), read_consistency_interval=timedelta(0)).open_table(OWNER.digest)


def _newest(folder: Path, pattern: str, *, is_acknowledged: bool, randomness: random.Random) -> Path:
    """Commit one more version, through Scrubjay or (as who is killed before the sync) past it; return its file."""
    below = folder / "memories" / f"{OWNER.digest}.lance"
    before = set(below.glob(pattern))
    if is_acknowledged:
        with opened(folder) as memory:
            memory.add(facts=[fact_of(new_word(randomness))], user_id=USER)
    else:
        table = _table(folder)
        rows = table.to_arrow().slice(0, 1)
        number = rows.schema.get_field_index("id")
        table.add(rows.set_column(number, rows.schema.field(number), pa.array([OWNER.prefix + "a" * 10])))
    new = set(below.glob(pattern)) - before
    return min(new) if "_versions" in pattern else new.pop()


def _recovered(folder: Path, expected: dict[str, str], row: Row, *, first: str) -> None:
    """What was acknowledged must be there, with a line in the log that tells what was laid aside."""
    with _logged() as lines:
        _count(probed(folder, expected, first=first), row, must=RIGHT)
    if not any("laid aside" in line for line in lines):
        row.count("unreadable", "no line in the log tells of it")
    row.more["seen"] = _short(lines[0]) if lines else "nothing"


def _refused(folder: Path, expected: dict[str, str], row: Row, *, first: str = "list") -> None:
    """Every call must say the same, and nothing may change."""
    before = state(folder)
    outcomes = probed(folder, expected, first=first)
    outcomes = {name: told for name, told in outcomes.items() if name not in {"open", "close"}}
    _count(outcomes, row, must=REFUSED)
    row.more["seen"] = _short(next(iter(outcomes.values())))
    others = [f"the calls say different things: {told}" for told in sorted(set(outcomes.values()))]
    row.broken += [told for told in others if len(others) > 1 and told not in row.broken]
    changed = {path for path, _ in before.items() ^ state(folder).items()}
    if changed:
        row.count("torn", f"files changed although it was refused: {sorted(changed)[:3]}", len(changed))


def _count(outcomes: dict[str, str], row: Row, *, must: str) -> None:
    """Count every outcome that is not as it must be."""
    for name, told in outcomes.items():
        kind = told.partition(":")[0]
        if kind != must:
            row.count("unreadable" if kind in {FOREIGN, REFUSED} else "lost", f"{name}: {told}")


def state(folder: Path) -> dict[str, str]:
    """Return the digest of every file, apart from locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Gather what is logged meanwhile."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("scrubjay")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def _index(randomness: random.Random, files: int | None) -> Row:
    """Each file of the full-text index zeroed in turn: it must be built anew."""
    row = Row("index file zeroed")
    with filled(randomness) as (folder, expected):
        names = [path.relative_to(folder) for path in sorted(folder.rglob("_indices/*/*.lance"))][:files]
        for name in names:
            row.trials += 1
            row.acknowledged += len(expected)
            copy = folder.parent / f"copy-{row.trials}"
            shutil.copytree(folder, copy)
            _damage(copy / name, zeroed, randomness)
            with _logged() as lines:
                _count(probed(copy, expected), row, must=RIGHT)
            row.more["seen"] = _short(lines[0]) if lines else "nothing"
            if not any("built anew" in line for line in lines):
                row.count("unreadable", f"{name.name}: no line in the log tells of it")
    return row


def _newer(randomness: random.Random) -> Row:
    """A table of a schema version that is still to come."""
    row = Row("of a newer Scrubjay", trials=1)
    with filled(randomness) as (folder, expected):
        row.acknowledged = len(expected)
        rows = _table(folder).to_arrow()
        described = json.loads(rows.schema.metadata[b"scrubjay"]) | {"schema_version": 99}
        rows = rows.replace_schema_metadata({b"scrubjay": json.dumps(described).encode()})
        lancedb.connect(str(folder / "memories")).create_table(OWNER.digest, data=rows, mode="overwrite")
        _refused(folder, expected, row)
    return row


def _apart(kind: str, *, alone: bool) -> list[dict[str, Any]]:
    """Return the outcomes of a process, `alone` one that has file systems of its own; raises NotTried."""
    command = ["unshare", "-rm"] if alone else []
    with temporary() as folder:
        done = subprocess.run(
            [*command, sys.executable, str(_PROBE), kind, str(folder)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        return [{"process": f"{FOREIGN}: {done.stderr.strip()[-300:]}"}]
    told = json.loads(done.stdout)
    if isinstance(told, str):
        raise NotTried(told)
    return list(told)


def _without_room(name: str, kind: str, *, alone: bool) -> Row:
    """No room: one clear error, everything from before there, and all well when there is room again."""
    row = Row(name)
    refusals = set()
    for told in _apart(kind, alone=alone):
        row.trials += 1
        row.acknowledged += told.pop("memories", 0)
        for call in ("add", "forget"):
            outcome = told.pop(call, RIGHT)
            if outcome.startswith(REFUSED):
                refusals.add(outcome)
            elif outcome != RIGHT:
                row.count("unreadable", f"{call}: {outcome}")
        _count(told, row, must=RIGHT)
    for refusal in refusals:
        if "disk is full" not in refusal:
            row.count("unreadable", refusal)
    if not refusals:
        row.broken.append("nothing was refused: there was room")
    row.more["seen"] = _short(next((told for told in refusals if "disk is full" in told), "nothing"))
    return row


def _readonly() -> Row:
    """A folder that cannot be written: reading works, writing gives one clear error."""
    row = Row("read-only folder")
    for told in _apart("readonly", alone=True):
        row.trials += 1
        row.acknowledged += told.pop("memories", 0)
        writes = {name: told.pop(name, "") for name in ("add", "forget")}
        _count(told, row, must=RIGHT)
        _count(writes, row, must=REFUSED)
        row.more["seen"] = _short(writes["add"])
        if "cannot be written" not in writes["add"] and "cannot write" not in writes["add"]:
            row.count("unreadable", writes["add"])
    return row


def _short(text: str) -> str:
    return " ".join(text.split())[:150]


def _damaged(trials: int, randomness: random.Random) -> dict[str, Row]:
    """Damage one file of a copy at a time, every kind of file in turn, and let another process look."""
    rows: dict[str, Row] = {}
    with filled(randomness) as (folder, expected), Prober() as prober:
        by_kind = _files_by_kind(folder)
        for number in range(trials):
            kind = sorted(by_kind)[number % len(by_kind)]
            how = randomness.choice(list(DAMAGES))
            name = randomness.choice(by_kind[kind])
            row = rows.setdefault(kind, Row(kind, more={RIGHT: 0, REFUSED: 0, SILENT: 0}))
            copy = folder.parent / "copy"
            shutil.copytree(folder, copy)
            _damage(copy / name, DAMAGES[how], randomness)
            row.trials += 1
            row.acknowledged += len(expected)
            _classify(prober.look(copy, expected), f"{how}, {name}", row)
            shutil.rmtree(copy)
    return rows


def _files_by_kind(folder: Path) -> dict[str, list[Path]]:
    """Return the files by what they are: by their folder and ending."""
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()):
        place = path.parts[2] if path.parts[0] == "memories" else path.parts[0]
        if path.suffix != ".lock":
            by_kind.setdefault(f"{place} *{path.suffix}", []).append(path)
    return by_kind


def _classify(outcomes: dict[str, str], what: str, row: Row) -> None:
    """Count a trial by its worst outcome: a foreign error breaks the promise, an unnoticed change is told."""
    kinds = {told.partition(":")[0] for told in outcomes.values()}
    worst = next(kind for kind in (FOREIGN, SILENT, REFUSED, RIGHT) if kind in kinds)
    if worst == FOREIGN:
        told = next(f"{name}: {told}" for name, told in outcomes.items() if told.startswith(FOREIGN))
        row.count("unreadable", f"{what}: {told}")
        return
    row.more[worst] += 1
    if worst == SILENT and os.environ.get("SCRUBJAY_DURABILITY_VERBOSE"):
        print(what, {name: told for name, told in outcomes.items() if told != RIGHT}, file=sys.stderr)


class Prober:
    """The process that looks; begun anew when the last one died or hung."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def look(self, folder: Path, expected: dict[str, str]) -> dict[str, str]:
        """Return the outcomes; of a process that died, that."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(_PROBE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"folder": str(folder), "expected": expected}) + "\n")
        self._process.stdin.flush()
        line = _line_within(self._process, _PATIENCE_S)
        if line:
            return dict(json.loads(line))
        self._process.kill()
        status = self._process.wait()
        self._end()
        return {"process": f"{FOREIGN}: it died or hung (status {status})"}

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process = None


def _line_within(process: "subprocess.Popen[str]", seconds: float) -> str:
    """Return the next line of a process, "" when none comes in time."""
    import select

    there, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if there and process.stdout is not None else ""
