"""Erasing is one step, outlives a kill at any point, and leaves no byte of what went."""

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engines import GONE, LEANING, LEFT, WORD, by_id, engine_over, memory_id
from folders import commit_unnoted, holding, ids, manifests, opened, put, table_folder, tear
from records import ANA, BEN, NOON, UNITS, erase, record
from scripts import command, killed_at
from scrubjay import StoreError
from scrubjay.erasures import Erasure, Forgotten
from scrubjay.journeys.adding import Addition, add
from scrubjay.journeys.forgetting import forget, forget_everything
from scrubjay.journeys.maintaining import maintain
from scrubjay.ports import MemoryStore, Work
from scrubjay.remembering.cascade import bereft
from scrubjay.stores.erasure_log import ErasureLog
from scrubjay.stores.markers import Markers
from scrubjay.types import Caller, Event, FactDraft, Filter, Scope

DAY = timedelta(days=1)
SAID = memory_id("said")
HAS_STRACE = shutil.which("strace") is not None


@pytest.mark.promise("erasure")
def test_what_leans_on_the_forgotten_goes_or_is_rewritten_in_the_same_step(store: MemoryStore) -> None:
    put(store, *LEANING)
    receipt = forget(engine_over(store), None, [SAID])
    assert (receipt.forgotten, receipt.erased, receipt.rewritten) == ((SAID,), 2, 3)
    assert by_id(store.find(ANA, Filter())) == by_id(LEFT)
    assert store.lexical(ANA, WORD, Filter(), limit=9) == []
    assert store.forgotten(ANA.digest).ids == GONE
    assert store.unfinished(ANA) is None


@pytest.mark.promise("erasure")
def test_an_erasure_with_rows_to_rewrite_is_one_step_for_whoever_reads(store: MemoryStore) -> None:
    put(store, *LEANING)
    store.erase(ANA, Erasure(ids=tuple(GONE)), at=NOON, rewritten=LEFT)
    assert by_id(store.find(ANA, Filter())) == by_id(LEFT)
    vectors = {
        row.id: tuple(vector) for rows, made in store.rows(ANA)[1] for row, vector in zip(rows, made, strict=True)
    }
    assert vectors == {row.id: tuple(UNITS[n % 4]) for n, row in enumerate(LEANING) if row.id not in GONE}


def test_rows_to_rewrite_that_go_or_are_unknown_are_left_out(store: MemoryStore) -> None:
    put(store, record("a"), record("b"))
    store.erase(ANA, Erasure(ids=("a",)), at=NOON, rewritten=[record("a", "again"), record("unknown")])
    assert [row.id for row in store.find(ANA, Filter())] == ["b"]


# Where a forget is killed: at the n-th of its calls of the system's function. On the way are the marker, the line of
# the log, the new version, its index, the syncing of it, the old files, and the last line.
KILLS = ["fsync:2", "fsync:3", "linkat:1", "fsync:12", "unlink:2"]
KILLS_OF_EVERYTHING = ["rename:2", "fsync:6", "unlinkat:5"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "data"
    store = opened(folder)
    put(store, *LEANING)
    put(store, record("bens"), owner=BEN)
    store.close()
    return folder


@pytest.mark.promise("erasure")
@pytest.mark.skipif(not HAS_STRACE, reason="strace kills a process at a call of the system's")
@pytest.mark.parametrize("call", KILLS)
def test_a_forget_that_was_killed_is_either_not_begun_or_finished(prepared: Path, tmp_path: Path, call: str) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "data"))
    killed = killed_at(call, command("forget", folder, SAID))
    assert "done" not in killed.stdout, killed
    store = opened(folder)
    seen = by_id(store.find(ANA, Filter()))
    assert seen in (by_id(LEANING), by_id(LEFT))
    begun = store.unfinished(ANA) is not None
    assert begun == (call != "fsync:2")
    assert store.owners_with(Work.UNFINISHED, now=NOON) in ([ANA], [])
    assert maintain(engine_over(store)) == int(begun)
    if begun:
        assert by_id(store.find(ANA, Filter())) == by_id(LEFT)
        assert_gone_without_trace(folder, store)
    forget(engine_over(store), None, [SAID])
    assert by_id(store.find(ANA, Filter())) == by_id(LEFT)
    assert_gone_without_trace(folder, store)
    assert ids(store, BEN) == ["bens"]
    store.close()


@pytest.mark.promise("erasure")
@pytest.mark.skipif(not HAS_STRACE, reason="strace kills a process at a call of the system's")
@pytest.mark.parametrize("call", KILLS_OF_EVERYTHING)
def test_forgetting_everything_is_finished_when_it_was_killed(prepared: Path, tmp_path: Path, call: str) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "data"))
    killed = killed_at(call, command("forget", folder))
    assert "done" not in killed.stdout, killed
    store = opened(folder)
    assert store.find(ANA, Filter()) == [] or by_id(store.find(ANA, Filter())) == by_id(LEANING)
    assert store.unfinished(ANA) is not None
    maintain(engine_over(store))
    assert store.find(ANA, Filter()) == []
    assert_gone_without_trace(folder, store)
    assert not table_folder(folder).exists()
    assert ids(store, BEN) == ["bens"]
    put(store, record("anew"))
    assert ids(store) == ["anew"]
    store.close()


def assert_gone_without_trace(folder: Path, store: MemoryStore) -> None:
    assert store.unfinished(ANA) is None
    assert store.owners_with(Work.UNFINISHED, now=NOON) == []
    assert store.forgotten(ANA.digest).ids >= GONE
    assert holding(folder, WORD) == []
    assert list(folder.glob("erasing/*")) == []
    assert list(folder.glob("memories/*.discarded*")) == []


def the_log(folder: Path) -> ErasureLog:
    return ErasureLog(folder / "erasures", unfinished=Markers(folder / "erasing"))


def log_file(folder: Path) -> Path:
    return folder / "erasures" / f"{ANA.digest}.jsonl"


@pytest.mark.promise("erasure")
def test_the_log_holds_ids_and_times_and_nothing_else(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, *LEANING)
    forget(engine_over(store), None, [SAID])
    erase(store, ANA, versions=((memory_id("older"), 1),))
    lines = [json.loads(line) for line in log_file(tmp_path).read_text().splitlines()]
    assert [set(line) - {"at"} for line in lines] == [
        {"event", "ids"},
        {"event", "files_removed"},
        {"event", "versions"},
        {"event", "files_removed"},
    ]
    assert set(lines[0]["ids"]) == GONE
    assert lines[2]["versions"] == [[memory_id("older"), 1]]
    assert all(line["at"] == NOON.isoformat() for line in lines)
    assert not any(word in log_file(tmp_path).read_text() for word in (WORD, "river", "fact", "ana"))
    store.close()


@pytest.mark.promise("erasure")
@pytest.mark.parametrize("torn", [b'{"event": "be', b"\0" * 40, b"\xff\xfe", b"[]", b"3\n", b'{"at": 1}\n'])
def test_a_torn_last_line_was_not_begun_and_hides_no_other(tmp_path: Path, torn: bytes) -> None:
    store = opened(tmp_path)
    put(store, record("a"), record("b"), record("c"))
    erase(store, ANA, "a")
    with log_file(tmp_path).open("ab") as file:
        file.write(torn)
    tmp_path.joinpath("erasing", ANA.digest).touch()
    assert store.unfinished(ANA) is None
    erase(store, ANA, "b")
    assert store.forgotten(ANA.digest) == Forgotten(ids=frozenset({"a", "b"}))
    assert ids(store) == ["c"]
    store.close()


def test_a_marker_without_a_line_costs_a_look(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("a"))
    tmp_path.joinpath("erasing", ANA.digest).touch()
    tmp_path.joinpath("erasing", BEN.digest).touch()
    assert store.owners_with(Work.UNFINISHED, now=NOON) == [ANA]
    assert maintain(engine_over(store)) == 1
    assert store.owners_with(Work.UNFINISHED, now=NOON) == []
    assert ids(store) == ["a"]
    store.close()


@pytest.mark.promise("erasure")
def test_what_was_forgotten_elsewhere_is_no_end_of_what_was_begun_here(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("a"), record("b"))
    the_log(tmp_path).begin(ANA.digest, Erasure(ids=("a",)), at=NOON)
    store.note_forgotten(ANA.digest, Forgotten(ids=frozenset({"x"})), at=NOON)
    assert store.unfinished(ANA) == Erasure(ids=("a",))
    assert maintain(engine_over(store)) == 1
    assert ids(store) == ["b"]
    assert store.forgotten(ANA.digest).ids == {"a", "x"}
    store.close()


@pytest.mark.promise("erasure")
def test_what_was_forgotten_elsewhere_is_known_here(store: MemoryStore) -> None:
    elsewhere = Forgotten(ids=frozenset({"x"}), versions={("y", 2): NOON}, all_until=NOON)
    for _ in range(2):
        store.note_forgotten(ANA.digest, elsewhere, at=NOON + DAY)
        assert store.forgotten(ANA.digest) == elsewhere
    store.note_forgotten(ANA.digest, Forgotten(all_until=NOON - DAY), at=NOON + DAY)
    assert store.forgotten(ANA.digest) == elsewhere


@pytest.mark.promise("erasure")
def test_everything_that_was_erased_is_known_by_id(store: MemoryStore) -> None:
    put(store, record("a"), record("b"), record("b", version=2), record("c"))
    erase(store, ANA, "a", versions=(("b", 1),))
    store.erase(ANA, Erasure(ids=("b", "c"), everything=True), at=NOON)
    assert store.forgotten(ANA.digest) == Forgotten(ids=frozenset("abc"), versions={("b", 1): NOON})


@pytest.mark.promise("erasure")
@pytest.mark.promise("concurrency")
def test_two_processes_forget_at_once(prepared: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "data"))
    names = ("answer", "later")
    started = [subprocess.Popen(command("forget", folder, memory_id(n)), stdout=subprocess.PIPE) for n in names]
    told = [process.communicate(timeout=60)[0] for process in started]
    assert told == [b"done\n"] * 2
    store = opened(folder)
    assert ids(store) == sorted(map(memory_id, ("said", "only", "also")))
    assert store.unfinished(ANA) is None
    assert store.forgotten(ANA.digest).ids == {memory_id(name) for name in ("answer", "later", "older")}
    store.close()


@pytest.mark.promise("erasure")
@pytest.mark.parametrize("part", ["_versions/*.manifest", "data/*", "*/*"])
def test_everything_can_be_forgotten_of_a_table_that_cannot_be_read(tmp_path: Path, part: str) -> None:
    store = opened(tmp_path)
    put(store, *LEANING)
    for path in table_folder(tmp_path).glob(part):
        if path.is_file():
            tear(path)
    store.close()
    again = opened(tmp_path)
    with pytest.raises(StoreError):
        again.find(ANA, Filter())
    forget_everything(engine_over(again), Caller(user_id=ANA.name), Scope.USER)
    assert not table_folder(tmp_path).exists()
    assert again.forgotten(ANA.digest).all_until == NOON
    put(again, record("anew"))
    assert ids(again) == ["anew"]
    again.close()


@pytest.mark.promise("erasure")
def test_what_was_laid_aside_is_erased_too(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, record("a"), record("b"))
    store.close()
    commit_unnoted(tmp_path, record("c", WORD))
    tear(manifests(tmp_path)[0], lambda content: content[:-3])
    again = opened(tmp_path)
    assert ids(again) == ["a", "b"]
    assert holding(tmp_path, WORD) != []
    erase(again, ANA, "a")
    assert holding(tmp_path, WORD) == []
    assert list(table_folder(tmp_path).glob("_scrubjay/torn/*")) == []
    again.close()


@pytest.mark.promise("durability")
@pytest.mark.parametrize("everything", [True, False])
def test_what_is_said_again_after_a_killed_forget_stays(tmp_path: Path, everything: bool) -> None:
    """Nobody was told that it is forgotten; but who says it again is told that it is kept."""
    store = opened(tmp_path, embedding="by length (4 dimensions)")
    engine = engine_over(store)
    ana = Caller(user_id=ANA.name)
    tea = Addition(facts=[FactDraft(text="Ana likes tea")])
    old = add(engine, ana, tea).outcomes[0].record
    the_log(tmp_path).begin(ANA.digest, Erasure(ids=(old.id,), everything=everything), at=NOON)
    again = add(replace(engine, new_token=lambda: "b" * 10), ana, tea).outcomes[0]
    assert again.event is Event.ADD
    maintain(engine)
    assert ids(store) == [again.record.id] != [old.id]
    assert store.unfinished(ANA) is None
    store.close()


@pytest.mark.promise("erasure")
def test_many_are_erased_in_one_rewrite(tmp_path: Path) -> None:
    store = opened(tmp_path)
    rows = [record(memory_id(number_name(n)), f"{WORD} {n}", session_id="s", kind="episode") for n in range(5_000)]
    put(store, *rows)
    before = manifests(tmp_path)
    named = [row.id for row in rows[:2_000]]
    receipt = forget(engine_over(store), Caller(user_id=ANA.name), named)
    assert receipt.erased == 2_000
    assert store.count(ANA, Filter()) == 3_000
    assert len(manifests(tmp_path)) == 2  # the rows, and their index
    assert int(before[0].stem) - int(manifests(tmp_path)[0].stem) == 2
    assert len(list(table_folder(tmp_path).glob("data/*"))) == 1
    assert len(log_file(tmp_path).read_text().splitlines()) == 2
    store.close()


def number_name(number: int) -> str:
    return f"{number:05}".translate(str.maketrans("0123456789", "bcdefghijk"))


def test_single_versions_of_many_memories_are_erased_without_comparing_each_with_all() -> None:
    looked_at = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal looked_at
            looked_at += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    rows = [record(Counted(f"m{n}"), version=version) for n in range(300) for version in (1, 2)]
    bereft(rows, Erasure(versions=tuple((row.id, 2) for row in rows if row.version == 2)))
    assert looked_at < 20 * len(rows)
