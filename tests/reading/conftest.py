from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopback import ChatCompletions, Messages, Model, running
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.extraction.claude import ClaudeExtractor
from scrubjay.extraction.openai import OpenAIExtractor
from scrubjay.ports import Extractor

SDKS: dict[str, tuple[Any, Callable[[str], Extractor]]] = {
    "anthropic": (Messages, lambda url: ClaudeExtractor(api_key="key", base_url=url)),
    "openai": (ChatCompletions, lambda url: OpenAIExtractor(api_key="key", base_url=url)),
}


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def model(sdk: str) -> Iterator[Model]:
    with running(SDKS[sdk][0]()) as opened:
        yield opened


@pytest.fixture
def extractor(sdk: str, model: Model) -> Extractor:
    return SDKS[sdk][1](model.url)


@pytest.fixture
def timeout_s() -> float:
    return 30


@pytest.fixture
def memory(tmp_path: Path, embedder: FastembedEmbedder, extractor: Extractor, timeout_s: float) -> Iterator[Memory]:
    with Memory(
        tmp_path / "data", embedder=embedder, extractor=extractor, extract_timeout_s=timeout_s, add_wait_s=60
    ) as opened:
        yield opened
