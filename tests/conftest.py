import itertools
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clock import Clock
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.journeys.engine import Engine
from scrubjay.ports import MemoryStore
from scrubjay.stores.in_memory import InMemoryStore
from scrubjay.stores.lancedb import LanceDBStore

# Whoever runs the tests may have a key; no test may use it, and neither may the processes that tests start.
for _name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "OPENAI_"))]:
    del os.environ[_name]
_home = tempfile.TemporaryDirectory(prefix="scrubjay-tests-")
os.environ["HOME"] = _home.name


@pytest.fixture(scope="session")
def embedder() -> FastembedEmbedder:
    return FastembedEmbedder()


@pytest.fixture(params=["in_memory", "lancedb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryStore]:
    opened: MemoryStore = (
        InMemoryStore()
        if request.param == "in_memory"
        else LanceDBStore(tmp_path / "data", embedding="hand-written (4 dimensions)", dimension=4)
    )
    yield opened
    opened.close()


@pytest.fixture
def memory(tmp_path: Path, embedder: FastembedEmbedder) -> Iterator[Memory]:
    with Memory(tmp_path / "data", embedder=embedder) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 20, 9, 0, tzinfo=UTC))


@pytest.fixture
def engine(embedder: FastembedEmbedder, clock: Clock) -> Engine:
    """An engine whose clock and ids are in the test's hand."""
    numbers = itertools.count()
    return Engine(
        store=InMemoryStore(),
        embedder=embedder,
        count_tokens=lambda text: len(text.split()),
        now=clock.now,
        new_token=lambda: f"{next(numbers):010}".translate(str.maketrans("0123456789", "abcdefghij")),
        session_ttl=timedelta(hours=24),
        tenant="local",
    )
