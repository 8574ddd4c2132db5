"""What was acknowledged is on the disk, and not only in the system's memory."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from folders import change, commit_unnoted, ids, opened, put, table_folder
from page_cache import is_told, unsynced
from records import ANA, BEN, NOON, erase, erase_all, record
from scripts import command, killed_at, run
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import Filter, State

_NOT_DURABLE_ON_PURPOSE = {"notes.json", "latest_version_hint.json"}  # older ones say less, and nothing wrong


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if not is_told(tmp_path):
        pytest.skip(
            "only Linux since 6.5 tells which pages of a file are not on the disk, and not of every file system"
        )
    return tmp_path


def left(folder: Path) -> list[str]:
    return [path.name for path in unsynced(folder) if path.name not in _NOT_DURABLE_ON_PURPOSE]


@pytest.mark.promise("durability")
def test_the_page_cache_tells_of_a_write_that_nobody_synced(folder: Path) -> None:
    store = opened(folder)
    put(store, record("a"))
    new = commit_unnoted(folder, record("b"))
    assert {path.name for path in new if "latest" not in path.name} <= set(left(folder))
    store.close()


def _reembed(store: LanceDBStore, folder: Path) -> None:
    other = opened(folder, embedding="another (2 dimensions)", dimension=2)
    assert other.reembed(ANA, lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    other.close()


WRITES: list[Callable[[LanceDBStore, Path], object]] = [
    lambda store, _: put(store, record("new", expires_at=NOON)),
    lambda store, _: put(store, record("words", state=State.PENDING, kind="episode")),
    lambda store, _: change(store, record("a", superseded_by="b")),
    lambda store, _: put(store, record("first"), owner=BEN),
    lambda store, _: erase(store, ANA, "b"),
    lambda store, _: erase(store, ANA, "unknown"),
    lambda store, _: erase_all(store, ANA),
    lambda store, _: store.maintain(ANA),
    lambda store, _: store.note_forgotten(ANA.digest, store.forgotten(ANA.digest), at=NOON),
    _reembed,
]


@pytest.mark.promise("durability")
@pytest.mark.parametrize("write", WRITES)
def test_nothing_acknowledged_is_in_the_systems_memory_only(
    folder: Path, write: Callable[[LanceDBStore, Path], object]
) -> None:
    store = opened(folder)
    put(store, record("a"), record("b"), record("c", expires_at=NOON + timedelta(days=1)))
    change(store, replace(record("a"), superseded_by="c"))
    assert left(folder) == []
    write(store, folder)
    assert left(folder) == []
    store.close()
    assert left(folder) == []


@pytest.mark.promise("durability")
def test_what_a_killed_writer_committed_is_synced_by_the_next_writer(folder: Path) -> None:
    store = opened(folder)
    put(store, record("a"))
    commit_unnoted(folder, record("by-the-killed"))
    assert left(folder) != []
    put(store, record("b"))
    assert left(folder) == []
    store.close()
    again = opened(folder)
    assert ids(again) == ["a", "b", "by-the-killed"]
    again.close()
    assert table_folder(folder).joinpath("_scrubjay", "notes.json").exists()


@pytest.mark.promise("durability")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace shows what is synced")
def test_every_folder_on_the_way_to_the_first_memory_is_synced_too(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    run(["strace", "-f", "-y", "-qq", "-e", "trace=fsync", "-o", str(tmp_path / "trace"), *command("write", folder, 1)])
    synced = set(re.findall(r"fsync\(\d+<([^>]+)>", (tmp_path / "trace").read_text()))
    table = table_folder(folder)
    way = [tmp_path, folder, folder / "memories", table, table / "data", table / "_versions", *table.glob("_indices/*")]
    assert {str(path) for path in way} <= synced
    store = opened(folder)
    assert ids(store) == ["m0"]
    store.close()


@pytest.mark.promise("durability")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace kills a process at a call of the system's")
@pytest.mark.parametrize("call", ["renameat:2", "linkat:1", "fsync:40"])
def test_what_a_killed_writer_told_of_is_there_and_the_next_writes_work(tmp_path: Path, call: str) -> None:
    told = killed_at(call, command("write", tmp_path, 12)).stdout.split()
    assert len(told) < 12
    store = opened(tmp_path)
    kept = set(ids(store))
    assert set(told) <= kept <= {*told, f"m{len(told)}"}
    put(store, *(record(f"m{n}", "tea") for n in range(12) if f"m{n}" not in kept))
    store.close()
    again = opened(tmp_path)
    assert len(ids(again)) == 12
    assert len(again.lexical(ANA, "0 1 2 3 4 5 6 7 8 9 10 11 tea", Filter(), limit=99)) == 12
    again.maintain(ANA)
    assert list(table_folder(tmp_path).rglob("*#*")) == list(table_folder(tmp_path).rglob(".tmp*")) == []
    again.close()


@pytest.mark.promise("durability")
@pytest.mark.promise("concurrency")
def test_writers_killed_at_any_moment_lose_nothing_they_told_of(tmp_path: Path) -> None:
    for enough in (1, 18):
        with subprocess.Popen(command("write", tmp_path / f"{enough}", 40), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            told = {process.stdout.readline().decode().strip() for _ in range(enough)}
            process.kill()
            told |= set(process.stdout.read().decode().split())
        again = opened(tmp_path / f"{enough}")
        kept = set(ids(again))
        assert told <= kept
        assert len(kept) <= len(told) + 1
        put(again, record("after"))
        assert set(ids(again)) == kept | {"after"}
        again.close()
