"""What a power cut may leave: versions that were not acknowledged may be torn, and nothing else goes."""

import logging
from dataclasses import replace
from pathlib import Path

import lancedb
import pytest

from folders import (
    TEARS,
    Tear,
    change,
    commit_unnoted,
    emptied,
    files,
    halved,
    ids,
    manifests,
    opened,
    put,
    table_folder,
    tear,
    zeroed,
)
from records import ANA, BEN, NOON, UNITS, erase, record
from scrubjay import StoreError
from scrubjay.ports import Work
from scrubjay.types import Filter

STORED = (record("a", "tea with milk"), record("b", "kingfisher"), record("c", superseded_by="b"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three rows, one of them changed, so that there are data files, an index and a deletion file."""
    store = opened(tmp_path)
    put(store, STORED[0], STORED[1], replace(STORED[2], superseded_by=""))
    change(store, STORED[2])
    store.close()
    return tmp_path


def data_files(paths: set[Path]) -> list[Path]:
    return [path for path in paths if path.parent.name == "data"]


def assert_as_acknowledged(folder: Path) -> None:
    """All that was acknowledged is there and searchable, and the next writes work and last."""
    store = opened(folder)
    assert store.find(ANA, Filter()) == sorted(STORED, key=lambda row: row.id, reverse=True)
    assert [match.candidate.id for match in store.lexical(ANA, "kingfisher", Filter(), limit=9)] == ["b"]
    assert len(store.dense(ANA, UNITS[:1], Filter(), limit=9)[0]) == 3
    put(store, record("after"))
    change(store, replace(STORED[0], superseded_by="b"))
    store.close()
    again = opened(folder)
    assert ids(again) == ["a", "after", "b", "c"]
    assert again.find(ANA, Filter(superseded_by=("b",), ids=("a",))) != []
    again.close()


@pytest.mark.promise("durability")
@pytest.mark.parametrize("how", TEARS)
@pytest.mark.parametrize("part", ["manifest", "data"])
def test_a_torn_version_that_was_not_acknowledged_is_laid_aside(
    folder: Path, part: str, how: Tear, caplog: pytest.LogCaptureFixture
) -> None:
    new = commit_unnoted(folder, record("unacknowledged"))
    torn = manifests(folder)[0] if part == "manifest" else data_files(new)[0]
    tear(torn, how)
    newest = manifests(folder)[0]
    before = files(folder)
    store = opened(folder)
    with caplog.at_level(logging.WARNING):
        assert ids(store) == ["a", "b", "c"]
    store.close()
    told = [entry.getMessage() for entry in caplog.records]
    assert len(told) == 1
    assert "had not been acknowledged" in told[0]
    aside = table_folder(folder) / "_scrubjay" / "torn"
    after = {path: content for path, content in files(folder).items() if path.parent != aside}
    assert after == {path: content for path, content in before.items() if path not in {torn, newest}}
    assert (aside / f"_versions-{newest.name}").read_bytes() == before[newest]
    assert_as_acknowledged(folder)


@pytest.mark.promise("durability")
def test_several_torn_versions_are_laid_aside_with_whole_ones_built_on_them(folder: Path) -> None:
    first = commit_unnoted(folder, record("x1"))
    commit_unnoted(folder, record("x2"))
    commit_unnoted(folder, record("x3"))
    tear(data_files(first)[0], halved)
    tear(manifests(folder)[1])
    assert_as_acknowledged(folder)
    assert len(list(table_folder(folder).glob("_scrubjay/torn/*.manifest"))) == 3


@pytest.mark.promise("durability")
def test_a_whole_version_below_a_torn_one_stays_though_nobody_acknowledged_it(folder: Path) -> None:
    commit_unnoted(folder, record("whole"))
    commit_unnoted(folder, record("torn"))
    tear(manifests(folder)[0])
    store = opened(folder)
    assert ids(store) == ["a", "b", "c", "whole"]
    store.close()


@pytest.mark.promise("durability")
@pytest.mark.parametrize("how", [emptied, halved, zeroed])
def test_a_torn_deletion_that_was_not_acknowledged_is_laid_aside(folder: Path, how: Tear) -> None:
    before = set(files(folder))
    lancedb.connect(str(folder / "memories")).open_table(ANA.digest).delete("id = 'a'")
    for path in set(files(folder)) - before:
        if path.parent.name == "_deletions":
            tear(path, how)
    assert_as_acknowledged(folder)


@pytest.mark.promise("durability")
@pytest.mark.parametrize("how", [emptied, halved, zeroed])
def test_torn_files_of_a_version_that_never_was_harm_no_later_one(folder: Path, how: Tear) -> None:
    """The power was cut after the files of a version were written, and before its manifest was."""
    before = files(folder)
    lancedb.connect(str(folder / "memories")).open_table(ANA.digest).delete("id = 'a'")
    new = set(files(folder)) - before.keys()
    for path in new:
        tear(path, how) if path.parent.name in {"_deletions", "data"} else path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    assert_as_acknowledged(folder)
    assert_as_acknowledged_once_more(folder)


def assert_as_acknowledged_once_more(folder: Path) -> None:
    store = opened(folder)
    assert ids(store) == ["a", "after", "b", "c"]
    assert store.maintain(ANA)
    store.close()
    again = opened(folder)
    assert ids(again) == ["a", "after", "b", "c"]
    again.close()


@pytest.mark.promise("durability")
@pytest.mark.parametrize("how", TEARS)
@pytest.mark.parametrize("part", ["_versions/*.manifest", "data/*.lance", "_deletions/*"])
def test_what_was_acknowledged_and_is_damaged_is_not_touched(folder: Path, part: str, how: Tear) -> None:
    newest = manifests(folder)[0].read_bytes()
    parts = [path for path in table_folder(folder).glob(part) if part.startswith("_") or path.stem.encode() in newest]
    tear(min(parts), how)
    before = files(folder)
    store = opened(folder)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"damaged .*nothing was changed.*scrubjay restore"):
            ids(store)
        with pytest.raises(StoreError, match="scrubjay restore"):
            put(store, record("d"))
        with pytest.raises(StoreError, match="scrubjay restore"):
            erase(store, ANA, "a")
        with pytest.raises(StoreError, match="scrubjay restore"):
            store.maintain(ANA)
    store.close()
    assert files(folder) == before


@pytest.mark.promise("durability")
def test_damage_to_what_was_acknowledged_is_told_when_what_was_not_is_damaged_too(folder: Path) -> None:
    tear(manifests(folder)[0])
    commit = manifests(folder)[0].with_name(f"{int(manifests(folder)[0].stem) - 1}.manifest")
    commit.write_bytes(b"")
    before = files(folder)
    store = opened(folder)
    with pytest.raises(StoreError, match="nothing was changed"):
        ids(store)
    store.close()
    assert files(folder) == before


@pytest.mark.promise("durability")
@pytest.mark.parametrize("how", TEARS)
def test_a_torn_index_is_built_anew_once(folder: Path, how: Tear, caplog: pytest.LogCaptureFixture) -> None:
    store = opened(folder)
    assert store.maintain(ANA)
    store.close()
    for path in table_folder(folder).glob("_indices/*/*.lance"):
        tear(path, how)
    with caplog.at_level(logging.WARNING):
        assert_as_acknowledged(folder)
    assert [entry.getMessage().partition(": ")[2] for entry in caplog.records] == [
        "the full-text index was not written whole; it is built anew"
    ]


@pytest.mark.promise("durability")
@pytest.mark.parametrize(
    "notes", [None, b"", b"\0" * 43, b"[]", b"{}", b'{"synced": "x", "tended": 0, "tended_at": ""}']
)
def test_notes_that_are_gone_or_garbage_cost_nothing(folder: Path, notes: bytes | None) -> None:
    path = table_folder(folder) / "_scrubjay" / "notes.json"
    path.unlink() if notes is None else path.write_bytes(notes)
    store = opened(folder)
    assert store.stats(ANA).rows == 3
    store.close()
    assert_as_acknowledged(folder)


@pytest.mark.promise("durability")
@pytest.mark.parametrize("hint", [None, b"", b"\0" * 13, b'{"version":1}', b'{"version":999}'])
def test_a_hint_that_is_wrong_costs_nothing(folder: Path, hint: bytes | None) -> None:
    path = table_folder(folder) / "_versions" / "latest_version_hint.json"
    path.unlink() if hint is None else path.write_bytes(hint)
    assert_as_acknowledged(folder)


@pytest.mark.promise("durability")
def test_a_torn_file_that_belongs_to_nothing_changes_nothing(folder: Path) -> None:
    stray = table_folder(folder) / "data" / "stray.lance"
    stray.write_bytes(b"\0" * 100)
    assert_as_acknowledged(folder)
    store = opened(folder)
    store.maintain(ANA)
    store.close()
    assert not stray.exists()


@pytest.mark.promise("durability")
def test_whoever_looks_for_owners_first_mends_what_is_torn(folder: Path) -> None:
    """A server's workers ask for all owners with work, whose names stand in the tables alone."""
    commit_unnoted(folder, record("unacknowledged"))
    tear(manifests(folder)[0])
    folder.joinpath("pending", ANA.digest).touch()
    store = opened(folder)
    assert store.owners() == [ANA]
    assert store.owners_with(Work.PENDING, now=NOON) == [ANA]
    assert store.owners(prefix=ANA.prefix) == [ANA]
    store.close()


@pytest.mark.promise("isolation")
def test_one_owners_damage_is_nobody_elses(folder: Path) -> None:
    store = opened(folder)
    put(store, record("of-ben"), owner=BEN)
    for manifest in manifests(folder):
        tear(manifest)
    assert ids(store, BEN) == ["of-ben"]
    put(store, record("more"), owner=BEN)
    erase(store, BEN, "of-ben")
    assert store.owners(prefix=BEN.prefix) == [BEN]
    for work in ("pending", "expiring", "erasing"):
        folder.joinpath(work, ANA.digest).write_text("0" if work == "expiring" else "")
        folder.joinpath(work, BEN.digest).write_text("0" if work == "expiring" else "")
    assert store.owners_with(Work.PENDING, now=NOON) == [BEN]
    assert store.owners_with(Work.EXPIRED, now=NOON) == [BEN]
    with pytest.raises(StoreError, match="scrubjay restore"):
        store.owners()  # who forgets all that a person wrote is not told that it is done
    store.close()
