"""Tables held in memory are never out of date, and hold nothing that was erased."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import lancedb
import pytest

from records import ANA, BEN, NOON, UNITS, erase, erase_all, record
from scrubjay.ports import MemoryStore
from scrubjay.stores.in_memory import InMemoryStore
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.stores.lancedb_image import Image, Images
from scrubjay.stores.lancedb_rows import rows_with_vectors, table_schema
from scrubjay.types import Filter, MemoryRecord

if TYPE_CHECKING:
    from lancedb.table import Table

HOUR_NS = 3600 * 10**9
COMMITS = 30
HIDDEN = "the key is under the third fern"


def opened(folder: Path) -> LanceDBStore:
    return LanceDBStore(folder, embedding="hand-written", dimension=4)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[LanceDBStore]:
    store = opened(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def reader(tmp_path: Path, writer: LanceDBStore) -> Iterator[LanceDBStore]:
    store = opened(tmp_path / "data")
    yield store
    store.close()


def manifests(tmp_path: Path) -> Path:
    return tmp_path / "data" / "memories" / f"{ANA.digest}.lance" / "_versions"


def stamp(folder: Path, changed_at: int) -> None:
    os.utime(folder, ns=(changed_at, changed_at))


def put(store: MemoryStore, *inserted: MemoryRecord, replaced: tuple[MemoryRecord, ...] = ()) -> None:
    vectors = UNITS[[int(row.id[1:]) % 4 for row in inserted]]
    with store.exclusive(ANA):
        store.write(ANA, inserted=inserted, vectors=vectors, replaced=replaced)


def seen(store: MemoryStore, now: int) -> dict[str, object]:
    """Return what every read that may look at an image gives, of all rows and of those that are true now."""
    ids = tuple(f"m{number}" for number in range(COMMITS))
    found: dict[str, object] = {}
    for name, where in (("all", Filter()), ("current", Filter(current_at=NOON + timedelta(days=now)))):
        dense = store.dense(ANA, UNITS[:1], where, limit=99)[0]
        found[f"dense {name}"] = sorted((m.candidate.key, m.candidate.text, round(m.score, 4)) for m in dense)
        lexical = store.lexical(ANA, "tea", where, limit=99)
        found[f"lexical {name}"] = sorted((m.candidate.key, m.candidate.text) for m in lexical)
        found[f"speakers {name}"] = store.speakers(ANA, where)
        found[f"found {name}"] = store.find(ANA, replace(where, ids=ids))
    return found


def commit(store: MemoryStore, number: int) -> None:
    """Change something: mostly a new row and an old one superseded; now and then an erasure, twice of everything."""
    memory_id = f"m{number}"
    if number % 12 == 11:
        erase_all(store, ANA)
    elif number % 6 == 4:
        erase(store, ANA, f"m{number - 1}")
    new = record(memory_id, f"tea number {number}", name=f"Speaker {number}")
    current = store.find(ANA, Filter(current_at=NOON + timedelta(days=number), ids=(f"m{number - 2}",)))
    closed = tuple(replace(row, valid_to=NOON + timedelta(days=number), superseded_by=memory_id) for row in current)
    put(store, new, replaced=closed)


@pytest.mark.parametrize("is_held", [True, False])
def test_what_one_store_commits_the_next_read_of_another_sees(
    tmp_path: Path, writer: LanceDBStore, reader: LanceDBStore, is_held: bool
) -> None:
    yardstick = InMemoryStore()
    for number in range(COMMITS):
        commit(yardstick, number)
        commit(writer, number)
        for store in (reader, writer):
            assert seen(store, number) == seen(yardstick, number), number
        if is_held:
            stamp(manifests(tmp_path), time.time_ns() - HOUR_NS - number)  # as if it had rested for an hour
            assert seen(reader, number) == seen(yardstick, number), number


def test_a_row_that_two_stores_change_in_turn_reads_the_same_in_both(
    tmp_path: Path, writer: LanceDBStore, reader: LanceDBStore
) -> None:
    put(writer, record("m0", turn=0))
    for number in range(COMMITS):
        first, second = (writer, reader) if number % 2 else (reader, writer)
        with first.exclusive(ANA):
            known = first.find(ANA, Filter(ids=("m0",)))[0]
            first.write(ANA, inserted=(), vectors=UNITS[:0], replaced=[replace(known, turn=known.turn + 1)])
        stamp(manifests(tmp_path), time.time_ns() - HOUR_NS + number)
        assert [row.turn for row in second.find(ANA, Filter(ids=("m0",)))] == [number + 1]


def test_a_read_sees_whatever_was_acknowledged_before_it_began(writer: LanceDBStore, reader: LanceDBStore) -> None:
    acknowledged: list[int] = []
    missed: list[tuple[int, int, int]] = []

    def write() -> None:
        for number in range(COMMITS):
            put(writer, record(f"m{number}", f"tea number {number}"))
            acknowledged.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    while thread.is_alive():
        before = len(acknowledged)
        dense = reader.dense(ANA, UNITS[:1], Filter(), limit=99)[0]
        lexical = reader.lexical(ANA, "tea", Filter(), limit=99)
        if min(len(dense), len(lexical)) < before:
            missed.append((before, len(dense), len(lexical)))
    thread.join()
    assert missed == []
    assert len(acknowledged) == COMMITS


def test_a_table_that_was_remade_under_the_same_name_is_read_anew(
    tmp_path: Path, writer: LanceDBStore, reader: LanceDBStore
) -> None:
    rested = time.time_ns() - HOUR_NS
    for number in range(8):
        put(writer, record("m1", f"tea number {number}", name=f"Speaker {number}"))
        stamp(manifests(tmp_path), rested)  # every one of them changed at the same time
        assert [m.candidate.text for m in reader.dense(ANA, UNITS[:1], Filter(), limit=9)[0]] == [
            f"tea number {number}"
        ]
        assert [m.candidate.text for m in reader.lexical(ANA, "tea", Filter(), limit=9)] == [f"tea number {number}"]
        assert [row.text for row in reader.find(ANA, Filter(ids=("m1",)))] == [f"tea number {number}"]
        assert reader.speakers(ANA, Filter()) == {f"Speaker {number}"}
        erase_all(writer, ANA)
        assert reader.dense(ANA, UNITS[:1], Filter(), limit=9) == [[]]
        assert reader.speakers(ANA, Filter()) == frozenset()


def test_a_table_whose_maker_was_killed_is_empty_until_somebody_makes_it(
    tmp_path: Path, writer: LanceDBStore, reader: LanceDBStore
) -> None:
    put(writer, record("m0", "tea"))
    stamp(manifests(tmp_path), time.time_ns() - HOUR_NS)
    assert len(reader.dense(ANA, UNITS[:1], Filter(), limit=9)[0]) == 1
    erase_all(writer, ANA)
    manifests(tmp_path).mkdir(parents=True)
    assert reader.dense(ANA, UNITS[:1], Filter(), limit=9) == [[]]
    assert reader.find(ANA, Filter(ids=("m0",))) == []
    put(writer, record("m1", "tea"))
    assert [m.candidate.id for m in reader.dense(ANA, UNITS[:1], Filter(), limit=9)[0]] == ["m1"]


def test_a_table_without_rows_is_searched_like_any_other(writer: LanceDBStore, reader: LanceDBStore) -> None:
    put(writer)
    everywhere = Filter(current_at=NOON, kind=record("m0").kind, ids=("m0",))
    assert reader.dense(ANA, UNITS[:2], everywhere, limit=9) == [[], []]
    assert reader.lexical(ANA, "tea", everywhere, limit=9) == []
    assert reader.find(ANA, everywhere) == []
    assert reader.speakers(ANA, everywhere) == frozenset()


def images_with(text: str) -> int:
    """Return how many images with this text anybody in this process still holds."""
    gc.collect()
    held = [each for each in gc.get_objects() if isinstance(each, Image)]
    return sum(text in each.rows["text"].to_pylist() for each in held)


def hold_it(store: LanceDBStore, tmp_path: Path) -> None:
    put(store, record("m0", HIDDEN), record("m1", "tea"))
    stamp(manifests(tmp_path), time.time_ns() - HOUR_NS)
    assert len(store.dense(ANA, UNITS[:1], Filter(), limit=9)[0]) == 2
    assert images_with(HIDDEN) == 1


@pytest.mark.promise("erasure")
def test_the_image_of_the_store_that_erases_a_text_no_longer_holds_it(tmp_path: Path, writer: LanceDBStore) -> None:
    hold_it(writer, tmp_path)
    erase(writer, ANA, "m0")
    assert images_with(HIDDEN) == 0
    assert [m.candidate.text for m in writer.dense(ANA, UNITS[:1], Filter(), limit=9)[0]] == ["tea"]


@pytest.mark.promise("erasure")
def test_the_image_of_an_owner_who_is_erased_is_let_go(tmp_path: Path, writer: LanceDBStore) -> None:
    hold_it(writer, tmp_path)
    erase_all(writer, ANA)
    assert images_with(HIDDEN) == 0
    hold_it(writer, tmp_path)
    erase(writer, ANA, "m0", "m1")
    assert images_with(HIDDEN) == 0


@pytest.mark.promise("erasure")
def test_the_image_of_another_store_lets_go_of_it_with_its_next_search(
    tmp_path: Path, writer: LanceDBStore, reader: LanceDBStore
) -> None:
    hold_it(reader, tmp_path)
    erase(writer, ANA, "m0")
    assert reader.speakers(ANA, Filter()) == frozenset()
    assert images_with(HIDDEN) == 0


def test_a_store_that_is_closed_holds_nothing(tmp_path: Path, writer: LanceDBStore) -> None:
    hold_it(writer, tmp_path)
    writer.close()
    assert images_with(HIDDEN) == 0


@pytest.fixture
def table(tmp_path: Path) -> "Table":
    return table_of(tmp_path)


def table_of(tmp_path: Path) -> "Table":
    database = lancedb.connect(str(tmp_path / "data" / "memories"), read_consistency_interval=timedelta(0))
    schema = table_schema(ANA, embedding="hand-written", dimension=4)
    return database.create_table(ANA.digest, schema=schema, mode="overwrite")


def add(table: "Table", number: int) -> None:
    table.add(rows_with_vectors([record(f"m{number}", f"tea number {number}")], [UNITS[0]], table.schema))


def rows(image: Image | None) -> int:
    assert image is not None
    return int(image.rows.num_rows)


def test_a_table_that_has_rested_is_read_once(tmp_path: Path, table: "Table") -> None:
    held = Images(most_rows=99)
    add(table, 0)
    stamp(manifests(tmp_path), time.time_ns() - HOUR_NS)
    image = held.of(table, manifests(tmp_path))
    assert image is not None
    assert held.of(table, manifests(tmp_path)) is image
    held.drop(table.name)
    assert held.of(table, manifests(tmp_path)) is not image


def test_commits_that_the_clock_cannot_tell_apart_are_all_seen(tmp_path: Path, table: "Table") -> None:
    held = Images(most_rows=99)
    now = time.time_ns() + HOUR_NS  # however long a commit takes here, the clock has not gone on
    for number in range(COMMITS):
        add(table, number)
        stamp(manifests(tmp_path), now)
        assert rows(held.of(table, manifests(tmp_path))) == number + 1


def test_commits_in_quick_succession_are_all_seen(tmp_path: Path, table: "Table") -> None:
    held = Images(most_rows=99)
    for number in range(COMMITS):
        add(table, number)
        assert rows(held.of(table, manifests(tmp_path))) == number + 1


def test_a_commit_just_after_a_long_rest_is_seen(tmp_path: Path, table: "Table") -> None:
    held = Images(most_rows=99)
    for number in range(COMMITS):
        add(table, number)
        stamp(manifests(tmp_path), time.time_ns() - HOUR_NS)
        assert rows(held.of(table, manifests(tmp_path))) == number + 1


def test_a_clock_that_goes_back_hides_nothing(tmp_path: Path, table: "Table") -> None:
    held = Images(most_rows=99)
    for number in range(COMMITS):
        add(table, number)
        stamp(manifests(tmp_path), time.time_ns() - number * HOUR_NS)
        assert rows(held.of(table, manifests(tmp_path))) == number + 1


def test_another_table_of_the_same_name_and_time_is_not_taken_for_the_first(tmp_path: Path) -> None:
    held = Images(most_rows=99)
    rested = time.time_ns() - HOUR_NS
    for number in range(1, 5):
        table = table_of(tmp_path)
        for row in range(number):
            add(table, row)
        stamp(manifests(tmp_path), rested)
        assert rows(held.of(table, manifests(tmp_path))) == number


def test_a_table_that_grows_too_large_is_no_longer_held(tmp_path: Path, table: "Table") -> None:
    held = Images(most_rows=2)
    for number in range(3):
        add(table, number)
        stamp(manifests(tmp_path), time.time_ns() - HOUR_NS)
        image = held.of(table, manifests(tmp_path))
        assert (image is None) == (number == 2)
        del image
        assert images_with("tea number 0") == (number < 2)


def test_two_owners_are_held_beside_each_other(tmp_path: Path, writer: LanceDBStore) -> None:
    put(writer, record("m0", "green tea"))
    with writer.exclusive(BEN):
        writer.write(BEN, inserted=[record("m1", "oat milk")], vectors=UNITS[:1], replaced=())
    for owner in (ANA, BEN):
        folder = tmp_path / "data" / "memories" / f"{owner.digest}.lance" / "_versions"
        stamp(folder, time.time_ns() - HOUR_NS)
        writer.speakers(owner, Filter())
    assert (images_with("green tea"), images_with("oat milk")) == (1, 1)
    erase(writer, ANA, "m0")
    assert (images_with("green tea"), images_with("oat milk")) == (0, 1)
