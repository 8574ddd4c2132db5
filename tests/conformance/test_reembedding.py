"""Vectors of another model: rows keep all else, and nothing is embedded twice or outlives its memory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engines import ByLength
from folders import change, files, holding, ids, opened, put, table_folder
from records import ANA, UNITS, erase, erase_all, record
from scrubjay.errors import EmbeddingError, EmbeddingMismatch, StoreError
from scrubjay.stores.lancedb import LanceDBStore
from scrubjay.types import Filter

ROWS = tuple(record(f"m{n:03}", f"{'tea ' * (n % 5 + 1)}{n}") for n in range(200))


class Failing(ByLength):
    """An embedder that fails after so many texts."""

    def __init__(self, dimension: int, *, after: int) -> None:
        super().__init__(dimension)
        self.after = after

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        if len(self.given) + len(texts) > self.after:
            raise EmbeddingError("the model has gone")
        return super().embed_documents(texts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = opened(tmp_path)
    put(store, *ROWS, record("m000", "the second version", version=2))
    store.close()
    return tmp_path


def of(folder: Path, dimension: int) -> LanceDBStore:
    return opened(folder, embedding=ByLength(dimension).signature, dimension=dimension)


def stage(folder: Path) -> list[Path]:
    return list(folder.glob(f"reembedding/{ANA.digest}/*"))


def assert_embedded(store: LanceDBStore, dimension: int) -> None:
    """Every row has the vector that the model makes of its text, and search finds by it."""
    model = ByLength(dimension)
    kept = [(row, vector) for rows, vectors in store.rows(ANA)[1] for row, vector in zip(rows, vectors, strict=True)]
    assert kept
    for row, vector in kept:
        assert vector.tolist() == model.embed_query(row.text).tolist(), row.id
    best = store.dense(ANA, np.eye(dimension, dtype=np.float32)[:1], Filter(), limit=len(kept))[0]
    expected = {row.key for row, vector in kept if vector[0] == 1}
    assert {match.candidate.key for match in best if match.score > 0.9} == expected


@pytest.mark.parametrize("dimension", [2, 4, 7])
def test_rows_keep_everything_but_their_vectors(folder: Path, dimension: int) -> None:
    old = opened(folder)
    before = old.find(ANA, Filter())
    new, model = of(folder, dimension), ByLength(dimension)
    with pytest.raises(EmbeddingMismatch):
        new.dense(ANA, np.eye(dimension, dtype=np.float32), Filter(), limit=1)
    told: list[tuple[int, int]] = []
    assert new.reembed(ANA, model.embed_documents, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 201)
    assert told[-1] == (201, 201)
    assert sorted(model.given) == sorted(row.text for row in before)
    assert new.find(ANA, Filter()) == before
    assert_embedded(new, dimension)
    assert len(new.lexical(ANA, "tea", Filter(), limit=999)) == 200
    with pytest.raises(EmbeddingMismatch):
        put(old, record("of-the-old-model"))
    assert not new.reembed(ANA, model.embed_documents)
    assert stage(folder) == []
    old.close()
    new.close()
    again = of(folder, dimension)
    assert again.count(ANA, Filter()) == 201
    again.close()


def test_a_table_with_vectors_of_another_model_takes_more_rows(folder: Path) -> None:
    new, model = of(folder, 4), ByLength(4)
    assert new.reembed(ANA, model.embed_documents)
    new.close()
    again = of(folder, 4)
    put(again, record("later"))
    assert again.count(ANA, Filter()) == 202
    again.close()


def test_what_was_made_before_an_interruption_is_not_made_again(folder: Path) -> None:
    failing, model = Failing(3, after=130), ByLength(3)
    store = of(folder, 3)
    with pytest.raises(EmbeddingError, match="the model has gone"):
        store.reembed(ANA, failing.embed_documents)
    store.close()
    old = opened(folder)
    assert len(old.dense(ANA, UNITS[:1], Filter(), limit=999)[0]) == 201
    old.close()
    again = of(folder, 3)
    assert again.reembed(ANA, model.embed_documents)
    assert len(failing.given) == 128
    assert sorted(failing.given + model.given) == sorted([*(row.text for row in ROWS), "the second version"])
    assert_embedded(again, 3)
    again.close()


@pytest.mark.promise("erasure")
def test_what_changes_meanwhile_is_right_afterwards(folder: Path) -> None:
    old, new = opened(folder), of(folder, 3)
    steps = iter(range(100))

    class Interrupting(ByLength):
        def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
            step = next(steps)
            if step == 1:
                put(old, record("added", "came meanwhile"), record("m001", "a new wording", version=2))
                change(old, record("m002", ROWS[2].text, superseded_by="m001"))
            if step == 2:
                erase(old, ANA, "m003", texts[0].split()[-1], "m150")
                assert stage(folder) == []
            return super().embed_documents(texts)

    assert new.reembed(ANA, Interrupting(3).embed_documents)
    rows = {row.key: row for row in new.find(ANA, Filter())}
    assert {("added", 1), ("m001", 1), ("m001", 2)} <= rows.keys()
    assert rows["m002", 1].superseded_by == "m001"
    assert {key[0] for key in rows}.isdisjoint({"m003", "m150"})
    assert_embedded(new, 3)
    assert stage(folder) == []
    old.close()
    new.close()


@pytest.mark.promise("erasure")
@pytest.mark.parametrize("everything", [True, False])
def test_no_vector_of_the_forgotten_is_left_of_an_interrupted_try(folder: Path, everything: bool) -> None:
    store = of(folder, 3)
    with pytest.raises(EmbeddingError):
        store.reembed(ANA, Failing(3, after=130).embed_documents)
    assert len(stage(folder)) == 2
    assert holding(folder / "reembedding", "tea") == []
    old = opened(folder)
    erase_all(old, ANA) if everything else erase(old, ANA, "m000")
    assert stage(folder) == []
    assert store.reembed(ANA, ByLength(3).embed_documents) == (not everything)
    assert store.count(ANA, Filter()) == (0 if everything else 199)
    old.close()
    store.close()


@pytest.mark.promise("erasure")
def test_a_row_that_is_forgotten_while_its_vector_is_made_leaves_none(folder: Path) -> None:
    old, new = opened(folder), of(folder, 3)

    class Forgetting(Failing):
        def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
            made = super().embed_documents(texts)
            if len(self.given) == 64:
                erase(old, ANA, "m005")
            return made

    with pytest.raises(EmbeddingError):
        new.reembed(ANA, Forgetting(3, after=64).embed_documents)
    kept = [name for path in stage(folder) for name in np.load(path)["ids"].tolist()]
    assert len(kept) > 1
    assert "m005" not in kept
    old.close()
    new.close()


def test_a_third_model_in_between_takes_nothing_over(folder: Path) -> None:
    second = of(folder, 3)
    with pytest.raises(EmbeddingError):
        second.reembed(ANA, Failing(3, after=130).embed_documents)
    third, model = of(folder, 5), ByLength(5)
    assert third.reembed(ANA, model.embed_documents)
    assert len(model.given) == 201
    assert_embedded(third, 5)
    assert stage(folder) == []
    model = ByLength(3)
    assert second.reembed(ANA, model.embed_documents)
    assert len(model.given) == 201
    assert_embedded(second, 3)
    second.close()
    third.close()


@pytest.mark.parametrize("damage", [b"", b"garbage", b"PK\3\4" + bytes(100)])
def test_damaged_vectors_of_an_interrupted_try_are_made_again(folder: Path, damage: bytes) -> None:
    store = of(folder, 3)
    with pytest.raises(EmbeddingError):
        store.reembed(ANA, Failing(3, after=130).embed_documents)
    min(stage(folder)).write_bytes(damage)
    flipped = bytearray(max(stage(folder)).read_bytes())
    flipped[len(flipped) // 2] ^= 1
    max(stage(folder)).write_bytes(flipped)
    model = ByLength(3)
    assert store.reembed(ANA, model.embed_documents)
    assert len(model.given) == 201
    assert_embedded(store, 3)
    store.close()


@pytest.mark.promise("durability")
def test_a_try_that_fails_leaves_the_table_as_it_was(folder: Path) -> None:
    before = files(table_folder(folder))
    store = of(folder, 3)
    with pytest.raises(StoreError), store.exclusive(ANA):
        store.reembed(ANA, lambda texts: np.ones((len(texts), 3), dtype=np.float32)[:, :2])
    after = files(table_folder(folder))
    assert {path: after.get(path) for path in before} == before
    old = opened(folder)
    assert len(ids(old)) == 201
    assert len(old.dense(ANA, UNITS[:1], Filter(), limit=999)[0]) == 201
    old.close()
    store.close()


def test_an_owner_without_memories_needs_no_new_vectors(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert not store.reembed(ANA, ByLength(4).embed_documents)
    store.close()
