"""The official clients of today and of the year before do everything a person can do, over both transports."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import ProtectedResourceMetadata
from mcp.types import ElicitRequestParams, ElicitResult

from e2e.servers import BOTH_KINDS, PATIENCE_S, Site, bearer, hello, site, token_for, tokens
from wire import Wire

pytestmark = pytest.mark.anyio
OLD_PYTHON = Path(sys.prefix, "mcp-1.27", "bin", "python")
QUESTION = "Forget everything Scrubjay remembers about you, sessions included? This cannot be undone."
ENTRANCES = ["/mcp", "/sse"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Site]:
    token_for(folder, "somebody")
    with site(folder) as running:
        yield running
        assert running.stop() == 0
        assert not [line for line in running.said if "Traceback" in line]


@asynccontextmanager
async def connected(
    server: Site, entrance: str, token: str, *, statuses: list[int] | None = None, **client: Any
) -> AsyncIterator[Wire]:
    async def seen(response: httpx2.Response) -> None:
        if statuses is not None:
            statuses.append(response.status_code)

    def plain_http(
        headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None, auth: httpx2.Auth | None = None
    ) -> httpx2.AsyncClient:
        patience, hooks = timeout or httpx2.Timeout(PATIENCE_S), {"response": [seen]}
        return httpx2.AsyncClient(headers=headers, timeout=patience, auth=auth, trust_env=False, event_hooks=hooks)

    url, headers = server.url + entrance, bearer(token)
    if entrance == "/sse":
        async with Client(sse_client(url, headers=headers, httpx_client_factory=plain_http), **client) as opened:
            yield Wire(opened)
        return
    async with (
        plain_http(headers) as http,
        Client(streamable_http_client(url, http_client=http), **client) as opened,
    ):
        yield Wire(opened)


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize(("mode", "era"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_client_of_today_does_everything(
    server: Site, folder: Path, entrance: str, mode: str, era: str
) -> None:
    asked: list[str] = []

    async def consent(context: Any, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"sure": True})

    token = token_for(folder, f"{mode} at {entrance}")
    async with connected(server, entrance, token, mode=mode, elicitation_callback=consent) as wire:
        assert wire.client.protocol_version == era
        assert len((await wire.client.list_tools()).tools) == 5
        added = await wire.ok("add_memory", facts=[{"text": "Prefers green tea"}, {"text": "Lives in Lisbon"}])
        tea, lisbon = (result["id"] for result in added["results"])
        found = await wire.ok("search_memories", query="what to drink?")
        assert found["results"][0]["memory"] == "Prefers green tea"
        corrected = await wire.ok("update_memory", memory_id=tea, content="Prefers black tea")
        assert corrected["memory"] == "Prefers black tea"
        assert (await wire.ok("forget", memory_ids=[lisbon]))["forgotten"] == [lisbon]
        left = await wire.ok("list_memories")
        assert [memory["memory"] for memory in left["memories"]] == ["Prefers black tea"]
        assert not asked
        await wire.ok("forget", everything=True)
        assert asked == [QUESTION]
        assert (await wire.ok("list_memories"))["total"] == 0


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_person_who_says_no_keeps_everything(server: Site, folder: Path, entrance: str, mode: str) -> None:
    async def refusal(context: Any, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action="decline")

    token = token_for(folder, f"no in {mode} at {entrance}")
    async with connected(server, entrance, token, mode=mode, elicitation_callback=refusal) as wire:
        await wire.ok("add_memory", content="I have a cat")
        await wire.ok("forget", everything=True, confirm="forget everything")
        assert (await wire.ok("list_memories"))["total"] == 1


def old_client(url: str, token: str) -> dict[str, Any]:
    done = subprocess.run(
        [OLD_PYTHON, "-I", Path(__file__).with_name("old_client.py"), url],
        input=token,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_the_client_of_the_year_before_does_everything(server: Site, folder: Path, entrance: str) -> None:
    seen = old_client(server.url + entrance, token_for(folder, f"older at {entrance}"))
    assert seen.pop("client").startswith("1.27.")
    assert seen == {
        "era": "2025-11-25",
        "tools": 5,
        "found": "Prefers green tea",
        "corrected": "Prefers black tea",
        "forgotten": 1,
        "left": ["Prefers black tea"],
        "asked": [QUESTION],
        "at the end": 0,
    }


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_the_client_of_the_year_before_is_refused_without_a_token(server: Site, entrance: str) -> None:
    assert old_client(server.url + entrance, "") == {"refused": [401]}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("entrance", ENTRANCES)
async def test_the_client_of_today_is_refused_without_a_token(server: Site, entrance: str, mode: str) -> None:
    statuses: list[int] = []
    with pytest.raises((ExceptionGroup, MCPError, httpx2.HTTPStatusError)):
        async with connected(server, entrance, "", mode=mode, statuses=statuses):
            pytest.fail("somebody came in")
    assert set(statuses) == {401}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_refusal_leads_to_metadata_about_what_the_client_used(server: Site, entrance: str) -> None:
    with server.http() as http:
        refused = http.request("POST" if entrance == "/mcp" else "GET", entrance, json=hello(), headers=BOTH_KINDS)
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        scheme, _, how = refused.headers["www-authenticate"].partition(" ")
        assert scheme == "Bearer"
        told = dict(part.split("=", 1) for part in how.split(", "))
        assert "error" not in told  # RFC 6750, 3.1: nothing but the way in for who has sent nothing
        address = told["resource_metadata"].strip('"')
        assert address == f"{server.url}/.well-known/oauth-protected-resource{entrance}"  # RFC 9728, 3.1
        answer = http.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        metadata = ProtectedResourceMetadata.model_validate(answer.json())
        assert str(metadata.resource) == server.url + entrance  # RFC 9728, 3.3
        assert metadata.bearer_methods_supported == ["header"]
        assert "memory:read" in (metadata.scopes_supported or [])


def test_a_token_that_is_not_good_is_called_so(server: Site) -> None:
    with server.http("sj_" + "0" * 12 + "_" + "a" * 43) as http:
        refused = http.post("/mcp", json=hello(), headers=BOTH_KINDS)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_there_is_no_authorization_server_and_who_asks_for_one_is_told(server: Site) -> None:
    with server.http() as http:
        for name in ("oauth-authorization-server", "openid-configuration"):
            assert http.get(f"/.well-known/{name}").status_code == 404


def test_the_tokens_of_these_tests_are_not_in_the_file(folder: Path) -> None:
    made = token_for(folder, "last")
    assert made.split("_", 2)[2] not in folder.joinpath("tokens.json").read_text(encoding="utf-8")
    assert tokens(folder).holder_of(made)
