"""A disk that is full, read-only or bad: one clear error, nothing lost or half-written, and reads go on."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from folders import change, ids, opened, put
from records import ANA, NOON, UNITS, erase, erase_all, record
from scripts import command, run
from scrubjay import StoreError
from scrubjay.ports import Work
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import Filter, Kind, Relation, State

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from damages import DAMAGES

FULL = "the disk is full. What was stored before is unharmed; free some space and try again"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "data"
    store = opened(folder)
    put(store, record("a"), record("b"), record("c", "a kingfisher"))
    put(store, record("d"))
    store.close()
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


def attempts(line: list[str]) -> list[dict[str, Any]]:
    done = run(line)
    assert done.returncode == 0, done.stderr
    return [json.loads(told) for told in done.stdout.splitlines()]


@pytest.mark.promise("durability")
@pytest.mark.promise("all-or-nothing")
@pytest.mark.parametrize("most_bytes", [0, 150, 2_500, 8_000])
def test_on_a_full_disk_every_write_happens_or_says_why_not(folder: Path, most_bytes: int) -> None:
    """LanceDB itself commits a file whose last bytes found no room."""
    told = attempts(command("attempt", folder, most_bytes))
    there = {"a": "", "b": "", "c": "", "d": ""}
    done = {
        "put": lambda: there.update({"new": ""}),
        "change": lambda: there.update({"a": "b"}),
        "erase": lambda: there.pop("b"),
        "later": lambda: there.update({"later": ""}),
    }
    for step in told:
        if step["problem"]:
            assert step["problem"].endswith(FULL), step
        else:
            done.get(step["name"], lambda: None)()
        assert step["there"] == there, step
        assert step["found"] == sorted({"c", "new", "later"} & there.keys()), step
    assert told[0]["problem"] or most_bytes == 8_000
    assert told[-1]["problem"] == ""
    again = opened(folder)
    assert ids(again) == sorted(there)
    again.close()


@pytest.mark.promise("durability")
def test_what_was_taken_back_is_seen_by_nobody_later(folder: Path) -> None:
    """The number of a version that was taken back is given again, and nobody keeps the old one in mind."""
    reader = opened(folder)
    assert len(reader.dense(ANA, UNITS[:1], Filter(), limit=9)[0]) == 4
    attempts(command("attempt", folder, 2_500))
    assert ids(reader) == ["a", "b", "c", "d", "later"]
    assert {m.candidate.id for m in reader.lexical(ANA, "kingfisher", Filter(), limit=9)} == {"c", "later"}
    put(reader, record("mine", "kingfisher"))
    assert len(reader.dense(ANA, UNITS[:1], Filter(), limit=9)[0]) == 6
    reader.close()


def _can_remount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_read_only(folder), "true"], capture_output=True, check=False).returncode == 0


def _read_only(folder: Path) -> list[str]:
    mounted = f'mount --bind "{folder}" "{folder}" && mount -o remount,ro,bind "{folder}" && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", mounted, "sh"]


@pytest.mark.promise("durability")
def test_in_a_read_only_folder_reads_go_on_and_writes_say_what_to_do(folder: Path) -> None:
    if not _can_remount(folder):
        pytest.skip("this system lets nobody but root mount a folder read-only")
    for step in attempts([*_read_only(folder), *command("attempt", folder)]):
        assert "(Read-only file system); name a writable one in SCRUBJAY_DATA_DIR" in step["problem"]
        assert step["there"].keys() == set("abcd")
        assert step["found"] == ["c"]
    store = opened(folder)
    assert ids(store) == list("abcd")
    store.close()


@pytest.fixture(scope="module")
def full_of_everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a file of every kind."""
    folder = tmp_path_factory.mktemp("everything") / "data"
    store = opened(folder)
    fact = record("a", "tea with milk", expires_at=NOON + timedelta(days=1), metadata={"x": {"y": 1}})
    knows = Relation(subject="Ana", predicate="knows", object="Ben")
    put(store, fact, record("b", "kingfisher", kind=Kind.EPISODE, state=State.PENDING), record("c", relations=(knows,)))
    put(store, record("gone"))
    erase(store, ANA, "gone")
    put(store, *(record(f"m{n}") for n in range(70)))
    change(store, replace(record("m1"), superseded_by="m2"))
    store.close()
    another = opened(folder, embedding="another", dimension=2)
    with pytest.raises(StoreError, match="enough"):
        another.reembed(ANA, _one_part())
    another.close()
    return folder


def _one_part() -> Callable[[object], np.ndarray]:
    calls: list[object] = []

    def embed(texts: Any) -> np.ndarray:
        calls.append(texts)
        if len(calls) > 1:
            raise StoreError("enough")
        return np.ones((len(texts), 2), dtype=np.float32)

    return embed


def _everything_that_can_be_asked(store: LanceDBStore, folder: Path) -> Iterator[Callable[[], object]]:
    another = opened(folder, embedding="another", dimension=2)
    yield lambda: store.find(ANA, Filter())
    yield lambda: store.find(ANA, Filter(ids=("a", "b")))
    yield lambda: store.find(ANA, Filter(entity="Ana", unclaimed=True))
    yield lambda: store.dense(ANA, UNITS[:2], Filter(), limit=5)
    yield lambda: store.lexical(ANA, "tea kingfisher", Filter(), limit=5)
    yield lambda: store.speakers(ANA, Filter())
    yield lambda: list(store.rows(ANA)[1])
    yield lambda: store.stats(ANA)
    yield store.owners
    for work in Work:
        yield lambda work=work: store.owners_with(work, now=NOON + timedelta(days=9))
    yield lambda: store.unfinished(ANA)
    yield lambda: store.forgotten(ANA.digest)
    yield lambda: put(store, record("new"))
    yield lambda: change(store, record("a", superseded_by="b"))
    yield lambda: store.maintain(ANA)
    yield lambda: erase(store, ANA, "b")
    yield lambda: another.reembed(ANA, lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    yield lambda: erase_all(store, ANA)
    yield store.close
    yield another.close


@pytest.mark.promise("durability")
@pytest.mark.parametrize("seed", range(16))
def test_whatever_is_damaged_nothing_but_a_store_error_is_raised(
    full_of_everything: Path, tmp_path: Path, seed: int
) -> None:
    folder = Path(shutil.copytree(full_of_everything, tmp_path / "data"))
    chance = random.Random(seed)  # noqa: S311 - the same damage each time
    kinds: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            kinds.setdefault(f"{path.parent.name[:4]}{path.suffix}", []).append(path)
    path = chance.choice(kinds[sorted(kinds)[seed % len(kinds)]])
    path.write_bytes(chance.choice(list(DAMAGES.values()))(path.read_bytes(), chance))
    store = opened(folder, most_held=chance.choice([2, 20_000]))
    for ask in _everything_that_can_be_asked(store, folder):
        with suppress(StoreError):
            ask()
