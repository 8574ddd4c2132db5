"""A real Chromium, and the real application on a real socket over the memory of a person who does not exist."""

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from browsing import CHROMIUM, PATIENCE_MS, Seen, Site, ticking
from demo_person import USER, remember_mara
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder
from scrubjay.rights import USUAL_RIGHTS
from scrubjay_server.dashboard.sessions import Codes
from scrubjay_server.http.access import Identities
from scrubjay_server.http.app import build_app
from scrubjay_server.settings import Settings
from scrubjay_server.tokens import Tokens


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; `make test-browser` installs it where it can")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def remembered(tmp_path_factory: pytest.TempPathFactory, embedder: FastembedEmbedder) -> Path:
    """The data folder with everything about Mara in it; not to be written to."""
    folder = tmp_path_factory.mktemp("mara") / "data"
    with Memory(folder, embedder=embedder, maintenance=False) as memory:
        remember_mara(memory.engine)
    return folder


@pytest.fixture
def memory(remembered: Path, tmp_path: Path, embedder: FastembedEmbedder) -> Iterator[Memory]:
    """Mara's memory, to be changed."""
    shutil.copytree(remembered, tmp_path / "data")
    with Memory(tmp_path / "data", embedder=embedder, maintenance=False) as opened:
        yield opened


@pytest.fixture
def site(memory: Memory, tmp_path: Path) -> Iterator[Site]:
    settings = Settings(data_dir=tmp_path / "data", user_id=USER, tokens_file=tmp_path / "tokens.json")
    tokens, codes = Tokens(settings.tokens_path), Codes()
    engine = replace(memory.engine, now=ticking())
    app = build_app(settings, lambda: engine, identities=Identities(settings, tokens), codes=codes)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield Site(f"http://127.0.0.1:{listening.getsockname()[1]}", codes, tokens, tmp_path / "data")
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1100, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, site: Site, seen: Seen) -> Iterator[Page]:
    """A page that Mara has opened with her code; whatever happens on it, nothing is complained about."""
    opened = seen.watch(context.new_page())
    opened.goto(site.way_in())
    yield opened
    assert seen.complaints == []
    assert seen.asked <= {site.url}


@pytest.fixture
def token(site: Site) -> str:
    """A token of Mara's: from now on nobody comes in without one."""
    return site.tokens.create(tenant="local", user_id=USER, scopes=USUAL_RIGHTS)[0]
