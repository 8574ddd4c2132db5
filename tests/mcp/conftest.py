from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.ports import Extractor
from scrubjay_tools.host import Host, Principal
from scrubjay_tools.surface import surface
from wire import Connect, Wire

ERAS = ["auto", "legacy"]  # 2026-07-28, and the handshake era


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(tmp_path: Path, embedder: FastembedEmbedder, era: str) -> Connect:
    """Connect as some user to a server over one data folder."""

    @asynccontextmanager
    async def connected(
        user: str = "ana", *, ttl: timedelta = timedelta(hours=24), extractor: Extractor | str = "auto", **client: Any
    ) -> AsyncIterator[Wire]:
        with Memory(tmp_path / "data", embedder=embedder, session_ttl=ttl, extractor=extractor) as memory:
            host = Host(
                engine=lambda: memory.engine,
                principal=lambda: Principal(tenant="local", user_id=user, agent_id="assistant"),
            )
            async with Client(surface(host, version="0"), mode=era, **client) as opened:
                yield Wire(opened)

    return connected
