"""The detector of traces must see what is there: raw, decoded, in a dictionary, and as a vector."""

import random
import sys
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import FTS

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from traces import DECODED, DICTIONARY, RAW, Wanted, dictionaries, traces
from transducers import Transducer

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789äжあ"


@pytest.fixture(scope="module")
def words() -> list[str]:
    randomness = random.Random(7)  # noqa: S311 - the same words each time
    short = {"".join(randomness.choices(ALPHABET[:36], k=randomness.randint(1, 4))) for _ in range(900)}
    long = {f"zq{''.join(randomness.choices(ALPHABET[:26], k=10))}x" for _ in range(900)}
    return sorted(short | long | {"größe", "жизнь", "a" * 39})


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("traces")
    vectors = np.random.default_rng(7).standard_normal((len(words), 16), dtype=np.float32)
    rows = {
        "text": words,
        "said": [[f"in a list {word}"] for word in words],
        "kept": pa.array([f"in a dictionary {word}" for word in words]).dictionary_encode(),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 16),
    }
    made = lancedb.connect(str(folder)).create_table("rows", data=pa.table(rows))
    exact = FTS(base_tokenizer="whitespace", stem=False, ascii_folding=False, remove_stop_words=False, lower_case=False)
    made.create_index("text", config=exact)
    return folder


def seen(folder: Path, word: str, **pieces: bytes) -> set[str]:
    return {trace.seen for trace in traces(folder, Wanted(frozenset({word}), pieces))}


def test_a_dictionary_holds_exactly_the_words_of_the_table(table: Path, words: list[str]) -> None:
    (dictionary,) = dictionaries(table)
    assert list(dictionary) == sorted(words, key=str.encode)
    assert len(dictionary) == len(words)
    assert all(word in dictionary for word in words)
    assert not any(f"{word}~" in dictionary or f"~{word}" in dictionary for word in words)
    assert not any(word[:-1] in dictionary for word in words if word[:-1] not in words)


def test_a_dictionary_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        Transducer(bytes(64))


def test_a_word_is_seen_wherever_it_is(table: Path, words: list[str]) -> None:
    word = next(word for word in words if word.startswith("zq"))
    assert {DECODED, DICTIONARY} <= seen(table, word)


def test_a_word_that_is_not_there_is_not_seen(table: Path) -> None:
    assert seen(table, "zqnobodyhaseversaidthisx") == set()


def test_a_vector_is_seen_raw_and_decoded(table: Path) -> None:
    rows = lancedb.connect(str(table)).open_table("rows").to_arrow()
    vector = np.array(rows["vector"][3].as_py(), dtype=np.float32).tobytes()
    found = traces(table, Wanted(frozenset(), {"vector": vector[16:48], "none": vector[16:48][::-1]}))
    assert {(trace.what, trace.seen) for trace in found} == {("vector", RAW), ("vector", DECODED)}


def test_what_a_plain_file_says_is_seen_and_folders_can_be_left_out(tmp_path: Path) -> None:
    tmp_path.joinpath("log").mkdir()
    tmp_path.joinpath("log", "a.jsonl").write_text("something zqhiddenx")
    assert [trace.path.name for trace in traces(tmp_path, Wanted(frozenset({"zqhiddenx"})))] == ["a.jsonl"]
    assert traces(tmp_path, Wanted(frozenset({"zqhiddenx"})), apart_from=["log"]) == []
