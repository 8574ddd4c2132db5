"""Tables are tended to in the background, and whoever reads or writes meanwhile sees nothing of it."""

import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import lancedb
import pytest

from folders import commit_unnoted, files, ids, manifests, opened, put, table_folder, tear
from records import ANA, BEN, UNITS, erase, record
from scripts import command
from scrubjay import StoreError
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.stores.lancedb_tending import join
from scrubjay.types import Filter

_PATIENCE_S = 30.0


def comes_true(condition: Callable[[], bool]) -> bool:
    """Wait for what a thread in the background does."""
    waiting = threading.Event()
    for _ in range(int(_PATIENCE_S / 0.02)):
        if condition():
            return True
        waiting.wait(0.02)
    return False


def data_files(folder: Path) -> list[Path]:
    return list(table_folder(folder).glob("data/*"))


def is_at_rest(folder: Path) -> bool:
    return len(manifests(folder)) == len(data_files(folder)) == 1


def has_all(store: LanceDBStore, number: int) -> bool:
    names = {f"m{n}" for n in range(number)}
    searched = {match.candidate.id for match in store.lexical(ANA, "tea", Filter(), limit=1_000)}
    near = {match.candidate.id for match in store.dense(ANA, UNITS[:1], Filter(), limit=1_000)[0]}
    return set(ids(store)) == searched == near == names


def test_many_single_adds_come_to_rest_as_one_file_and_one_version(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for n in range(40):
        put(store, record(f"m{n}", f"tea {n}"))
        assert has_all(store, n + 1)
    assert comes_true(lambda: is_at_rest(tmp_path))
    assert has_all(store, 40)
    assert not store.maintain(ANA)
    kept = files(tmp_path)
    assert not store.maintain(ANA)
    assert files(tmp_path) == kept
    stats = store.stats(ANA)
    assert (stats.rows, stats.memories, stats.states) == (40, 40, 1)
    assert stats.maintained_at is not None
    assert stats.size < 200_000
    store.close()


def test_maintenance_is_done_when_it_is_done(tmp_path: Path) -> None:
    """It may be asked for twice, since whoever reads an old version is let finish, but not for ever."""
    store = opened(tmp_path)
    put(store, record("m0", "tea"))
    assert not opened(tmp_path).maintain(BEN)
    assert comes_true(lambda: not store.maintain(ANA))
    assert is_at_rest(tmp_path)
    assert has_all(store, 1)
    store.close()


def test_closing_does_what_is_urgent(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.exclusive(ANA):  # so that the thread has to wait
        for n in range(20):
            put(store, record(f"m{n}", "tea"))
        assert store.stats(ANA).maintained_at is None
    store.close()
    again = opened(tmp_path)
    assert again.stats(ANA).maintained_at is not None
    assert has_all(again, 20)
    again.close()


@pytest.mark.promise("concurrency")
def test_two_stores_on_one_folder_do_not_undo_each_other(tmp_path: Path) -> None:
    one, two = opened(tmp_path), opened(tmp_path)
    for n in range(0, 50, 2):
        put(one, record(f"m{n}", "tea"))
        put(two, record(f"m{n + 1}", "tea"))
        assert has_all(one, n + 2)
    assert comes_true(lambda: not one.maintain(ANA) and not two.maintain(ANA))
    assert is_at_rest(tmp_path)
    assert has_all(one, 50)
    assert has_all(two, 50)
    one.close()
    put(two, record("m50", "tea"))
    assert has_all(two, 51)
    two.close()


@pytest.mark.promise("concurrency")
def test_readers_in_other_threads_and_processes_see_no_error_meanwhile(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("m0", "tea"))
    done = threading.Event()
    problems: list[Exception] = []
    looks = 0

    def look() -> None:
        nonlocal looks
        reader = opened(tmp_path, most_held=5)
        seen = 0
        while not done.is_set():
            try:
                found = len(reader.find(ANA, Filter()))
                assert found >= seen, "a memory has gone"
                assert len(reader.lexical(ANA, "tea", Filter(), limit=1_000)) >= found
                assert len(reader.dense(ANA, UNITS[:1], Filter(), limit=1_000)[0]) >= found
                seen, looks = found, looks + 1
            except (StoreError, AssertionError) as error:
                problems.append(error)
                break
        reader.close()

    thread = threading.Thread(target=look)
    thread.start()
    with subprocess.Popen(command("look", tmp_path, "tea"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"looking\n"
        for n in range(1, 30):
            put(store, record(f"m{n}", "tea"))
            if n % 5 == 0:
                store.maintain(ANA)
        told, _ = process.communicate(b"\n", timeout=60)
    done.set()
    thread.join()
    assert problems == []
    assert looks > 1
    assert told == b"30\n"
    store.close()


def test_what_killed_writers_left_goes_and_nothing_else(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("m0", "tea"))
    put(store, record("m1", "tea"))
    folder = table_folder(tmp_path)
    whole = next(iter(data_files(tmp_path))).read_bytes()
    left = [
        folder / "data" / ".tmpAbCdEf",
        folder / "_versions" / "18446744073709551000.manifest#1",
        folder / "_indices" / ".tmpX",
        folder / "data" / "0000000000000000000000001234567890abcdef12345678.lance",
    ]
    for path in left:
        path.write_bytes(whole)
    others = [tmp_path / ".tmpMine", tmp_path / "memories" / "a#1", tmp_path / "pending" / "x#y"]
    for path in others:
        path.write_bytes(b"")
    put(store, record("bens"), owner=BEN)
    bens = table_folder(tmp_path, BEN) / "data" / ".tmpBens"
    bens.write_bytes(b"")
    assert store.maintain(ANA)
    assert [path for path in left if path.exists()] == []
    assert all(path.exists() for path in [*others, bens])
    assert has_all(store, 2)
    store.close()


@pytest.mark.promise("concurrency")
def test_nothing_is_removed_while_somebody_else_writes(tmp_path: Path) -> None:
    store, other = opened(tmp_path), opened(tmp_path)
    put(store, record("m0", "tea"))
    half = table_folder(tmp_path) / "data" / ".tmpHalf"
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(other.maintain(ANA)))
    with store.exclusive(ANA):
        half.write_bytes(b"half")
        thread.start()
        thread.join(0.2)
        assert half.exists()
    thread.join()
    assert results == [True]
    assert not half.exists()
    store.close()
    other.close()


def test_old_versions_whose_files_are_gone_are_no_trouble(tmp_path: Path) -> None:
    """A rewrite that was killed while it removed what was before."""
    store = opened(tmp_path)
    put(store, record("old", "milk"))
    old = set(data_files(tmp_path))
    with store.exclusive(ANA):
        table = lancedb.connect(str(tmp_path / "memories")).open_table(ANA.digest)
        table.delete("true")
    put(store, record("m0", "tea"))
    for path in old:
        path.unlink()
    assert comes_true(lambda: not store.maintain(ANA))
    assert has_all(store, 1)
    assert is_at_rest(tmp_path)
    store.close()


@pytest.mark.promise("durability")
def test_maintenance_of_a_damaged_table_ends_no_thread(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("a"))
    store.close()
    again = opened(tmp_path)
    for path in manifests(tmp_path):
        tear(path)
    with pytest.raises(StoreError, match="scrubjay restore"):
        again.maintain(ANA)
    shutil.rmtree(table_folder(tmp_path))
    assert not again.maintain(ANA)
    for n in range(20):
        put(again, record(f"m{n}", "tea"))
    assert comes_true(lambda: again.stats(ANA).maintained_at is not None)
    assert has_all(again, 20)
    again.close()


def test_ids_get_an_index_beyond_what_is_held_in_memory(tmp_path: Path) -> None:
    def indexed() -> list[list[str]]:
        table = lancedb.connect(str(tmp_path / "memories")).open_table(ANA.digest)
        return sorted(list(known.columns) for known in table.list_indices())

    store = opened(tmp_path, most_held=10)
    put(store, *(record(f"m{n}", "tea") for n in range(10)))
    store.maintain(ANA)
    assert indexed() == [["lexical"]]
    put(store, record("m10", "tea"))
    store.maintain(ANA)
    assert indexed() == [["id"], ["lexical"]]
    assert has_all(store, 11)
    assert [row.id for row in store.find(ANA, Filter(ids=("m3", "m10")))] == ["m3", "m10"]
    put(store, record("m11", "tea"))
    assert [row.id for row in store.find(ANA, Filter(ids=("m11",)))] == ["m11"]
    assert comes_true(lambda: not store.maintain(ANA))
    assert has_all(store, 12)
    assert len(indexed()) == 2
    store.close()


def test_what_was_committed_past_us_is_tended_to(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("m0", "tea"))
    assert comes_true(lambda: not store.maintain(ANA))
    commit_unnoted(tmp_path, record("m1", "tea"))
    assert store.maintain(ANA)
    assert has_all(store, 2)
    store.close()


@pytest.mark.promise("durability")
@pytest.mark.parametrize("most_held", [5, 99])
def test_joining_removes_nothing_that_is_on_the_disk(tmp_path: Path, most_held: int) -> None:
    store = opened(tmp_path, most_held=10_000)
    put(store, *(record(f"m{n}") for n in range(20)))
    erase(store, ANA, "m0")  # all is one file again, and noted as tended to
    put(store, record("last"))
    with store.exclusive(ANA):  # so that nobody else tends to it
        table = lancedb.connect(str(tmp_path / "memories")).open_table(ANA.digest)
        before = set(manifests(tmp_path))
        assert join(table, most_held=most_held)
        assert before <= set(manifests(tmp_path))
        assert len(table.list_indices()) == (2 if most_held == 5 else 1)
    store.close()


@pytest.mark.promise("durability")
def test_a_table_at_rest_is_opened_by_whoever_comes_next(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for cycle in range(6):
        put(store, record(f"m{2 * cycle}", "tea"))
        put(store, record(f"m{2 * cycle + 1}", "tea"))
        if cycle % 2:
            erase(store, ANA, "unknown")
        while not is_at_rest(tmp_path):
            store.maintain(ANA)
        other = opened(tmp_path)
        assert has_all(other, 2 * cycle + 2)
        other.close()
    store.close()
