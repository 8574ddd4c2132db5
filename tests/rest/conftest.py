"""The real application over one LanceDB folder; each test has tenants of its own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from people import ADMIN, Person, Served, Tenant, on_a_socket
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay_server.http.access import Identities
from scrubjay_server.http.app import build_app
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, embedder: FastembedEmbedder) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("rest")
    settings = Settings(data_dir=folder, rate_per_minute=10**9)
    tokens = Tokens(settings.tokens_path)
    with Memory(folder, embedder=embedder, extractor="none", session_ttl=timedelta(hours=24)) as memory:
        app = build_app(settings, lambda: memory.engine, identities=Identities(settings, tokens))
        with on_a_socket(app) as url:
            yield Served(app, url, tokens)


@pytest.fixture
def tenant(served: Served) -> Iterator[Tenant]:
    made = Tenant(served)
    yield made
    made.close()


@pytest.fixture
def other_tenant(served: Served) -> Iterator[Tenant]:
    made = Tenant(served)
    yield made
    made.close()


@pytest.fixture
def ana(tenant: Tenant) -> Person:
    return tenant.person("ana")


@pytest.fixture
def admin(tenant: Tenant) -> Person:
    return tenant.person("boss", ADMIN)
