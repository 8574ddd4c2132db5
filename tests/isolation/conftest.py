from collections.abc import Iterator
from pathlib import Path

import pytest

from isolation.served import Served, served
from scrubjay.embedding.fastembed import FastembedEmbedder


@pytest.fixture
def house(tmp_path: Path, embedder: FastembedEmbedder) -> Iterator[Served]:
    """A server over a data folder in which everybody has memories of every kind."""
    with served(tmp_path / "data", embedder) as opened:
        yield opened
