"""A backup holds everything, and a restore brings back what is missing and nothing that was forgotten."""

import json
import subprocess
import threading
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from clock import Clock
from engines import engine_over
from folders import opened, put
from records import ANA, BEN, NOON, UNITS, erase, record
from scripts import command
from scrubjay import InvalidInput, Memory, StoreError
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.erasures import Erasure
from scrubjay.journeys.archiving import Restored, backup, restore
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.forgetting import forget
from scrubjay.ports import MemoryStore, Work
from scrubjay.stores.in_memory import InMemoryStore
from scrubjay.types import Filter, Kind, Owner, Relation, Scope, State

DAY = timedelta(days=1)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "backup.zip"


@pytest.fixture
def engine(engine: Engine, store: MemoryStore) -> Engine:
    """An engine over each store; its rows have four dimensions, of which the embedder is not asked."""
    return replace(engine, store=store)


def emptied(engine: Engine, tmp_path: Path) -> Engine:
    """Return an engine over another folder, as on another machine."""
    if isinstance(engine.store, InMemoryStore):
        return replace(engine, store=InMemoryStore())
    return replace(engine, store=opened(tmp_path / "other"))


def same_model(engine: Engine, archive: Path) -> None:
    """Let the backup say that its vectors are of the engine's model: they are written by hand here."""
    with zipfile.ZipFile(archive) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    contents = json.loads(entries["scrubjay.json"])
    for told in contents["owners"]:
        told["embedding"] = engine.embedder.signature
    entries["scrubjay.json"] = json.dumps(contents).encode()
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in entries.items():
            new.writestr(name, content)


@pytest.mark.promise("backups")
def test_everything_comes_back_as_it_was(engine: Engine, archive: Path, tmp_path: Path) -> None:
    whole = record(
        "whole",
        'quoted "text" 👩‍💻 \u2028 line\nsecond',
        session_id="s",
        entities=("Ana",),
        relations=(Relation(subject="Ana", predicate="knows", object="Ben"),),
        source_ids=("e",),
        evidence=("words",),
        occurred_at=NOON - DAY,
        valid_to=NOON + DAY,
        expires_at=NOON + 900 * DAY,
        state=State.PENDING,
        kind=Kind.EPISODE,
        metadata={"a": [1, None, {"b": 0.5}]},
    )
    put(engine.store, whole, record("second", version=2), *(record(f"m{n}") for n in range(2_300)))
    put(engine.store, record("of-ben"), owner=BEN)
    done = backup(engine, archive)
    assert (done.owners, done.rows) == (2, 2_303)
    same_model(engine, archive)
    other = emptied(engine, tmp_path)
    steps: list[tuple[int, int]] = []
    assert restore(other, archive, lambda d, of: steps.append((d, of))) == Restored(written=2_303, known=0, left_out=0)
    assert steps[-1] == (2_303, 2_303)
    for owner in (ANA, BEN):
        assert other.store.find(owner, Filter()) == engine.store.find(owner, Filter())
    assert other.store.owners_with(Work.PENDING, now=NOON) == [ANA]
    assert other.store.owners_with(Work.EXPIRED, now=NOON + 900 * DAY) == [ANA]
    nearest = other.store.dense(ANA, UNITS[:1], Filter(ids=("whole",)), limit=1)[0][0]
    assert (nearest.candidate.id, round(nearest.score, 5)) == ("whole", 1.0)
    assert restore(other, archive) == Restored(written=0, known=2_303, left_out=0)
    other.store.close()


@pytest.mark.promise("backups")
def test_what_was_forgotten_since_is_not_brought_back(engine: Engine, archive: Path, tmp_path: Path) -> None:
    prefix = ANA.prefix
    said, fact, other = f"{prefix}aaaaaaaaaa", f"{prefix}bbbbbbbbbb", f"{prefix}cccccccccc"
    put(
        engine.store,
        record(said, "I saw a kingfisher", kind=Kind.EPISODE),
        record(fact, "Ana saw a kingfisher", source_ids=(said,), evidence=("saw a kingfisher",)),
        record(other, "Ana was outside", source_ids=(said, "more"), evidence=("saw a kingfisher", "outside")),
    )
    backup(engine, archive)
    same_model(engine, archive)
    assert forget(engine, None, [fact]).forgotten == (fact,)
    assert restore(engine, archive) == Restored(written=0, known=1, left_out=2)
    lost = emptied(engine, tmp_path)
    lost.store.note_forgotten(
        ANA.digest, engine.store.forgotten(ANA.digest), at=NOON
    )  # the log was left, the table was not
    assert restore(lost, archive) == Restored(written=1, known=0, left_out=2)
    for left in (engine, lost):
        rows = left.store.find(ANA, Filter())
        assert [(row.id, row.source_ids, row.evidence) for row in rows] == [(other, ("more",), ("outside",))]
    lost.store.close()


@pytest.mark.promise("backups")
def test_what_is_there_stays_as_it_is(engine: Engine, archive: Path) -> None:
    old = record("m", "Uses React")
    put(engine.store, old)
    backup(engine, archive)
    same_model(engine, archive)
    closed = replace(old, valid_to=NOON + DAY)
    new = replace(old, version=2, text="Uses Vue", valid_from=NOON + DAY)
    with engine.store.exclusive(ANA):
        engine.store.write(ANA, inserted=[new], vectors=UNITS[:1], replaced=[closed])
    assert restore(engine, archive) == Restored(written=0, known=1, left_out=0)
    assert engine.store.find(ANA, Filter()) == [new, closed]


@pytest.mark.promise("backups")
def test_a_later_version_comes_back_and_closes_the_one_before(engine: Engine, archive: Path, tmp_path: Path) -> None:
    old = record("m", "Uses React")
    closed = replace(old, valid_to=NOON + DAY)
    new = replace(old, version=2, text="Uses Vue", valid_from=NOON + DAY)
    put(engine.store, closed, new)
    backup(engine, archive)
    same_model(engine, archive)
    behind = emptied(engine, tmp_path)
    put(behind.store, old)
    assert restore(behind, archive) == Restored(written=1, known=1, left_out=0)
    assert behind.store.find(ANA, Filter()) == [new, closed]
    behind.store.close()


@pytest.mark.promise("backups")
@pytest.mark.promise("expiry")
def test_what_has_expired_stays_away(engine: Engine, archive: Path, tmp_path: Path, clock: Clock) -> None:
    put(engine.store, record("short", expires_at=clock.now() + DAY), record("long"))
    backup(engine, archive)
    same_model(engine, archive)
    other = emptied(replace(engine, now=lambda: clock.now() + 2 * DAY), tmp_path)
    assert restore(other, archive) == Restored(written=1, known=0, left_out=1)
    other.store.close()


@pytest.mark.promise("backups")
def test_ids_forgotten_before_the_backup_are_known_on_another_machine(
    engine: Engine, archive: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.zip"
    gone, stays = f"{ANA.prefix}aaaaaaaaaa", f"{ANA.prefix}bbbbbbbbbb"
    put(engine.store, record(gone), record(stays))
    backup(engine, earlier)
    forget(engine, None, [gone])
    backup(engine, archive)
    other = emptied(engine, tmp_path)
    for path in (archive, earlier):
        same_model(engine, path)
        restore(other, path)
    assert [row.id for row in other.store.find(ANA, Filter())] == [stays]
    other.store.close()


@pytest.mark.promise("backups")
@pytest.mark.parametrize("damage", ["not a zip", "cut", "flipped", "another zip", "newer", "wrong columns", "missing"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    engine: Engine, archive: Path, tmp_path: Path, damage: str
) -> None:
    put(engine.store, *(record(f"m{n}") for n in range(50)))
    backup(engine, archive)
    content = archive.read_bytes()
    if damage == "not a zip":
        archive.write_bytes(b"tea")
    elif damage == "cut":
        archive.write_bytes(content[:-40])
    elif damage == "flipped":
        archive.write_bytes(content[:200] + bytes([content[200] ^ 255]) + content[201:])
    elif damage == "missing":
        archive.unlink()
    else:
        wrong = {"newer": '{"format": 99}', "wrong columns": '{"format": 1, "owners": [{}]}'}
        with zipfile.ZipFile(archive, "w") as other:
            other.writestr("scrubjay.json" if damage in wrong else "letter.txt", wrong.get(damage, "Dear Ana"))
    fresh = emptied(engine, tmp_path)
    with pytest.raises(StoreError, match=r"damaged, or is no backup|later version|there is no file"):
        restore(fresh, archive)
    assert fresh.store.owners() == []
    fresh.store.close()


@pytest.mark.promise("backups")
def test_a_backup_takes_no_other_files_place(engine: Engine, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ana")
    with pytest.raises(InvalidInput, match="is no backup; it was left as it is"):
        backup(engine, letter)
    assert letter.read_text() == "Dear Ana"
    with pytest.raises(InvalidInput, match="in a folder that is not there"):
        backup(engine, tmp_path / "nowhere" / "backup.zip")


@pytest.mark.promise("backups")
def test_a_backup_is_private_and_replaces_the_one_before(engine: Engine, archive: Path) -> None:
    backup(engine, archive)
    put(engine.store, record("m"))
    backup(engine, archive)
    assert archive.stat().st_mode & 0o077 == 0
    assert [path.name for path in archive.parent.glob("backup*")] == ["backup.zip"]
    with zipfile.ZipFile(archive) as whole:
        assert json.loads(whole.read("scrubjay.json"))["owners"][0]["owner"]["name"] == "ana"


@pytest.mark.promise("backups")
def test_vectors_of_another_model_are_made_anew(tmp_path: Path, memory: Memory, archive: Path) -> None:
    memory.add("I keep bees behind the house", user_id="ana")
    backup(memory.engine, archive)
    with zipfile.ZipFile(archive) as old:
        contents = json.loads(old.read("scrubjay.json"))
        entries = {name: old.read(name) for name in old.namelist()}
    contents["owners"][0]["embedding"] = "another model"
    vectors = next(name for name in entries if name.endswith(".f32"))
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in {
            **entries,
            vectors: bytes(4 * 384),
            "scrubjay.json": json.dumps(contents).encode(),
        }.items():
            new.writestr(name, content)
    with Memory(tmp_path / "other", embedder=memory.embedder) as other:
        assert restore(other.engine, archive).written == 1
        assert other.search("insects that make honey", user_id="ana")[0]["memory"] == "I keep bees behind the house"


@pytest.mark.promise("backups")
@pytest.mark.promise("concurrency")
def test_a_backup_is_made_while_others_write(tmp_path: Path, embedder: FastembedEmbedder, archive: Path) -> None:
    with Memory(tmp_path / "data", embedder=embedder) as writer, Memory(tmp_path / "data", embedder=embedder) as saver:
        told: list[str] = []

        def write() -> None:
            for number in range(30):
                added = writer.add(facts=[{"text": f"Bird number {number}"}], user_id="ana")
                told.append(added[0]["id"])

        thread = threading.Thread(target=write)
        thread.start()
        counts = []
        while thread.is_alive():
            before = len(told)
            counts.append((before, backup(saver.engine, archive).rows))
        thread.join()
        assert all(rows >= before for before, rows in counts)
        assert backup(saver.engine, archive).rows == 30
        owner = Owner(tenant="local", scope=Scope.USER, name="ana")
        assert saver.engine.store.count(owner, Filter()) == 30


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of some thousand rows, every second one closed by the next version."""
    folder = tmp_path_factory.mktemp("large")
    store = opened(folder / "data")
    closed = [record(f"m{n}", valid_to=NOON + DAY) for n in range(2_500)]
    put(store, *closed, *(replace(row, version=2, valid_from=NOON + DAY, valid_to=None) for row in closed))
    backup(engine_over(store), folder / "backup.zip")
    store.close()
    return folder


@pytest.mark.promise("backups")
@pytest.mark.promise("durability")
@pytest.mark.parametrize("thousands", [1, 2, 3])
def test_a_restore_that_was_killed_is_completed_by_the_next(large: Path, tmp_path: Path, thousands: int) -> None:
    with subprocess.Popen(
        command("restore", tmp_path / "data", large / "backup.zip"), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(thousands)]
        process.kill()
    assert told == [f"{number}000\n" for number in range(1, thousands + 1)]
    store, whole = opened(tmp_path / "data"), opened(large / "data")
    there = store.count(ANA, Filter())
    assert 1_000 * thousands <= there <= 5_000
    again = restore(engine_over(store), large / "backup.zip")
    assert again == Restored(written=5_000 - there, known=there, left_out=0)
    assert store.find(ANA, Filter()) == whole.find(ANA, Filter())
    assert store.unfinished(ANA) is None
    store.close()
    whole.close()


@pytest.mark.promise("backups")
def test_what_is_here_outlives_a_second_restore_of_where_it_was_forgotten(
    engine: Engine, archive: Path, tmp_path: Path
) -> None:
    kept, other = f"{ANA.prefix}aaaaaaaaaa", f"{ANA.prefix}bbbbbbbbbb"
    put(engine.store, record(kept), record(other))
    backup(engine, archive)
    same_model(engine, archive)
    here = emptied(engine, tmp_path)
    restore(here, archive)
    forget(engine, None, [kept])
    for source in (engine, here):
        backup(source, archive)
        same_model(engine, archive)
        restore(here, archive)
    there = replace(here, store=InMemoryStore())
    assert restore(there, archive) == Restored(written=2, known=0, left_out=0)
    here.store.close()


@pytest.mark.promise("backups")
def test_after_everything_of_a_damaged_table_was_forgotten_nothing_comes_back(
    tmp_path: Path, memory: Memory, archive: Path
) -> None:
    memory.add("I saw a kingfisher", user_id="ana")
    owner = Owner(tenant="local", scope=Scope.USER, name="ana")
    backup(memory.engine, archive)
    for path in tmp_path.joinpath("data", "memories").rglob("*.lance"):
        if path.is_file():
            path.write_bytes(b"")
    with Memory(tmp_path / "data", embedder=memory.embedder) as again:
        again.delete_all(user_id="ana")
        assert restore(again.engine, archive) == Restored(written=0, known=0, left_out=1)
        again.add("I saw a heron", user_id="ana")
        assert again.engine.store.count(owner, Filter()) == 1


@pytest.mark.promise("backups")
def test_what_is_forgotten_while_it_is_restored_stays_forgotten(engine: Engine, archive: Path, tmp_path: Path) -> None:
    put(engine.store, *(record(f"m{n:04}") for n in range(2_500)))
    other = emptied(engine, tmp_path)
    backup(engine, archive)
    same_model(engine, archive)
    told: list[int] = []

    def forget_all_once(done: int, of: int) -> None:
        if not told:
            everything = Erasure(ids=tuple(f"m{n:04}" for n in range(2_500)), everything=True)
            other.store.erase(ANA, everything, at=NOON)
        told.append(done)

    parts = json.loads(zipfile.ZipFile(archive).read("scrubjay.json"))["owners"][0]["parts"]
    done = restore(other, archive, forget_all_once)
    assert done == Restored(written=parts[0], known=0, left_out=2_500 - parts[0])
    assert other.store.find(ANA, Filter()) == []
    other.store.close()


def test_a_version_number_that_was_given_again_is_no_forgotten_one(
    engine: Engine, archive: Path, tmp_path: Path
) -> None:
    put(engine.store, record("m", "Uses React"), record("m", "Uses Vue", version=2))
    erase(engine.store, ANA, versions=(("m", 2),))
    put(engine.store, record("m", "Uses Svelte", version=2, recorded_at=NOON + DAY))
    backup(engine, archive)
    same_model(engine, archive)
    other = emptied(engine, tmp_path)
    assert restore(other, archive) == Restored(written=2, known=0, left_out=0)
    other.store.close()


def test_versions_that_grew_apart_keep_their_words_here(engine: Engine, archive: Path, tmp_path: Path) -> None:
    old = record("m", "Uses React")
    closed = replace(old, valid_to=NOON + DAY)
    here = emptied(engine, tmp_path)
    put(here.store, closed, replace(old, version=2, text="Uses Solid", valid_from=NOON + DAY))
    theirs = replace(old, version=2, text="Uses Vue", valid_from=NOON + DAY, valid_to=NOON + 2 * DAY)
    put(engine.store, closed, theirs, replace(old, version=3, text="Uses Svelte", valid_from=NOON + 2 * DAY))
    backup(engine, archive)
    same_model(engine, archive)
    assert restore(here, archive) == Restored(written=1, known=2, left_out=0)
    rows = here.store.find(ANA, Filter(ids=("m",)))
    assert sorted((row.version, row.text) for row in rows) == [(1, "Uses React"), (2, "Uses Solid"), (3, "Uses Svelte")]
    assert [row.version for row in rows if row.valid_to is None] == [3]
    here.store.close()


def test_the_history_of_what_has_expired_stays_away(
    engine: Engine, archive: Path, tmp_path: Path, clock: Clock
) -> None:
    put(engine.store, record("m", valid_to=NOON), record("m", version=2, expires_at=clock.now() + DAY))
    backup(engine, archive)
    same_model(engine, archive)
    later = emptied(replace(engine, now=lambda: clock.now() + 2 * DAY), tmp_path)
    assert restore(later, archive) == Restored(written=0, known=0, left_out=2)
    later.store.close()


@pytest.mark.promise("backups")
def test_who_has_nothing_left_is_forgotten_on_another_machine_too(
    engine: Engine, archive: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.zip"
    put(engine.store, record("gone"))
    backup(engine, earlier)
    engine.store.erase(ANA, Erasure(ids=("gone",), everything=True), at=NOON)
    backup(engine, archive)
    other = emptied(engine, tmp_path)
    for path in (archive, earlier):
        same_model(engine, path)
        restore(other, path)
    assert other.store.find(ANA, Filter()) == []
    other.store.close()
