from collections.abc import Iterator

import pytest

from borders.served import Served, served
from scrubjay.embedding.fastembed import FastembedEmbedder


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, embedder: FastembedEmbedder) -> Iterator[Served]:
    """A server over a data folder in which everybody has memories of every kind; nobody's are erased by a test."""
    with served(tmp_path_factory.mktemp("house"), embedder) as opened:
        yield opened
