"""Many owners in one folder, and many threads: whoever is one of thousands is served like one who is alone."""

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import lancedb
import pytest
from filelock import FileLock

from folders import manifests, opened, put, table_folder, tear
from records import ANA, BEN, NOON, UNITS, erase_all, record
from scrubjay import StoreError
from scrubjay.ports import Work
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.stores.lancedb_image import Images
from scrubjay.stores.lancedb_rows import owner_told
from scrubjay.stores.lancedb_upkeep import Upkeep
from scrubjay.stores.locks import OwnerLocks
from scrubjay.types import Filter, Kind, Owner, Scope, State

OWNERS = [Owner(tenant="local", scope=Scope.USER, name=f"user-{number}") for number in range(8)]
ODD_NAMES = ['it\'s "quoted" \\', '{"schema_version": 9, "owner": {}}', "../up", "我喜欢茶 👩‍💻", "x" * 200]


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[LanceDBStore]:
    """A store that keeps two tables open."""
    store = LanceDBStore(tmp_path, embedding="hand-written", dimension=4, most_open=2)
    yield store
    store.close()


def all_at_once(*work: Callable[[], None]) -> list[Exception]:
    """Run everything in a thread of its own, and return what went wrong."""
    problems: list[Exception] = []

    def run(each: Callable[[], None]) -> None:
        try:
            each()
        except (StoreError, AssertionError) as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


@pytest.mark.parametrize("name", ODD_NAMES)
def test_whose_a_table_is_stands_in_it_as_it_was_written(tmp_path: Path, name: str) -> None:
    owner = Owner(tenant="ten\"ant'", scope=Scope.AGENT, name=name)
    store = opened(tmp_path)
    put(store, record("m0"), owner=owner)
    told = manifests(tmp_path, owner)[0].read_bytes()
    assert owner_told(told) == owner
    assert owner_told(told[: told.index(b"schema_version") + 40]) is None
    assert owner_told(b"") is None
    assert store.owners() == [owner]
    assert store.owners(prefix=owner.prefix) == [owner]
    assert store.owners(prefix="another") == []
    store.close()


@pytest.mark.promise("isolation")
def test_a_table_under_another_owners_name_is_not_taken_for_theirs(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("a"))
    store.close()
    folder = tmp_path / "memories"
    folder.joinpath(f"{ANA.digest}.lance").rename(folder / f"{BEN.digest}.lance")
    again = opened(tmp_path)
    assert BEN not in again.owners()
    with pytest.raises(StoreError, match="belongs to another owner"):
        again.find(BEN, Filter())
    again.close()


def test_owners_with_work_are_told_among_many(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for number, owner in enumerate(OWNERS):
        put(store, record("m0", kind=Kind.EPISODE, state=State.PENDING if number % 2 else State.READY), owner=owner)
    waiting = [owner for number, owner in enumerate(OWNERS) if number % 2]
    assert sorted(store.owners(), key=lambda owner: owner.name) == OWNERS
    assert sorted(store.owners_with(Work.PENDING, now=NOON), key=lambda owner: owner.name) == waiting
    erase_all(store, waiting[0])
    for manifest in manifests(tmp_path, waiting[1]):
        tear(manifest)
    assert sorted(store.owners_with(Work.PENDING, now=NOON), key=lambda owner: owner.name) == waiting[2:]
    store.close()


@pytest.mark.promise("concurrency")
def test_more_owners_than_tables_are_kept_open_read_and_write_at_once(narrow: LanceDBStore) -> None:
    for owner in OWNERS:
        put(narrow, record("m0", f"tea of {owner.name}"), owner=owner)

    def use(owner: Owner) -> None:
        for number in range(1, 8):
            put(narrow, record(f"m{number}", f"tea of {owner.name}"), owner=owner)
            for each in (owner, *OWNERS):
                texts = {match.candidate.text for match in narrow.lexical(each, "tea", Filter(), limit=99)}
                near = {match.candidate.text for match in narrow.dense(each, UNITS[:1], Filter(), limit=99)[0]}
                assert texts == near == {f"tea of {each.name}"}
            narrow.maintain(owner)
            assert narrow.count(owner, Filter()) == number + 1

    assert all_at_once(*(lambda owner=owner: use(owner) for owner in OWNERS)) == []


@pytest.mark.promise("concurrency")
def test_a_table_that_is_let_go_of_goes_on_being_read(narrow: LanceDBStore) -> None:
    put(narrow, *(record(f"m{number}") for number in range(1_500)))
    _, parts = narrow.rows(ANA)
    first, _ = next(parts)
    for owner in OWNERS:
        put(narrow, record("m0"), owner=owner)
        assert narrow.count(owner, Filter()) == 1
    assert len(first) + sum(len(records) for records, _ in parts) == 1_500


def test_images_that_weigh_too_much_together_are_let_go_of(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for owner in OWNERS:
        put(store, record("m0"), owner=owner)
    store.close()
    database = lancedb.connect(str(tmp_path / "memories"), read_consistency_interval=timedelta(0))
    tables = [(database.open_table(owner.digest), table_folder(tmp_path, owner) / "_versions") for owner in OWNERS]
    one = Images(most_rows=99).of(*tables[0])
    assert one is not None
    held = Images(most_rows=99, most_bytes=4 * one.size)
    for _ in range(20):  # what is let go of and read anew is not counted twice
        held.drop(OWNERS[-1].digest)
        images = [held.of(*table) for table in tables[4:]]
    assert [held.of(*table) for table in tables[4:]] == images
    again = [held.of(*table) for table in tables[:3]]
    assert [held.of(*table) for table in tables[:3]] == again
    assert held.of(*tables[7]) is images[3]
    assert held.of(*tables[4]) is not images[0]


def removed_files_kept_open() -> int:
    places = list(Path("/proc/self/fd").iterdir())
    return sum(place.is_symlink() and str(place.readlink()).endswith("(deleted)") for place in places)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which files are open")
def test_files_that_maintenance_removes_do_not_stay_open_for_ever(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, *(record(f"m{number}", f"tea number {number} with a word{number} more") for number in range(200)))
    before = removed_files_kept_open()
    for number in range(200, 290):
        put(store, record(f"m{number}", f"tea number {number} with a word{number} more"))
        store.maintain(ANA)
        assert store.lexical(ANA, "tea", Filter(), limit=5)
    assert removed_files_kept_open() - before < 150
    store.close()


def locks_there_are() -> int:
    gc.collect()
    return sum(isinstance(each, FileLock) for each in gc.get_objects())


def test_a_lock_that_nobody_holds_takes_no_room(tmp_path: Path) -> None:
    locks = OwnerLocks(tmp_path)
    before = locks_there_are()
    for number in range(100):
        with locks.held(f"owner-{number}"), locks.held(f"owner-{number}"):
            assert locks_there_are() == before + 1
    assert locks_there_are() == before


@pytest.mark.promise("concurrency")
def test_one_thread_at_a_time_holds_a_lock(tmp_path: Path) -> None:
    locks = OwnerLocks(tmp_path)
    inside: list[int] = []

    def take(number: int) -> None:
        for _ in range(30):
            with locks.held("ana"):
                inside.append(number)
                assert inside == [number]
                inside.remove(number)

    assert all_at_once(*(lambda number=number: take(number) for number in range(8))) == []


def test_what_makes_searches_slow_is_tended_to_before_what_is_at_rest() -> None:
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()
    order: list[Owner] = []

    def tend(owner: Owner) -> bool:
        order.append(owner)
        began.set()
        go_on.wait()
        if len(order) == len(OWNERS):
            done.set()
        return False

    upkeep = Upkeep(tend)
    upkeep.note(OWNERS[0], commits=16)
    began.wait()
    for owner in OWNERS[1:-1]:
        upkeep.note(owner, commits=1)
    done.wait(1.1)  # until those are at rest
    upkeep.note(OWNERS[-1], commits=16)
    go_on.set()
    assert done.wait(30)
    assert order == [OWNERS[0], OWNERS[-1], *OWNERS[1:-1]]
    upkeep.close()
