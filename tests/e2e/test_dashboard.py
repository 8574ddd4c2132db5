"""`scrubjay dashboard`, as a process."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from e2e.processes import COMMAND, environment
from scrubjay import Memory
from scrubjay_server.tokens import Tokens, scopes_of


@contextmanager
def dashboard(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Give the address that it prints."""
    with subprocess.Popen(
        [*COMMAND, "dashboard", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(folder),
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+/dashboard\?code=\S+", process.stdout.readline())
            assert found
            yield found.group(), process
        finally:
            process.kill()


def test_the_command_opens_the_page_once_for_whoever_started_it(tmp_path: Path) -> None:
    with Memory(tmp_path) as memory:
        memory.add(facts=[{"text": "Ana keeps bees"}], user_id="ana")
    Tokens(tmp_path / "tokens.json").create(tenant="local", user_id="ben", scopes=scopes_of("memory:read"))
    with dashboard(tmp_path) as (address, _), httpx.Client(follow_redirects=True, timeout=60) as client:
        page = client.get(address)
        assert str(page.url) == address.split("?")[0]
        assert "Ana keeps bees" in page.text
        assert httpx.get(address).status_code == 401


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(tmp_path: Path, number: signal.Signals) -> None:
    with dashboard(tmp_path) as (address, process):
        assert httpx.get(address, follow_redirects=False).status_code == 303
        process.send_signal(number)
        assert process.wait(timeout=30) == 0


@pytest.mark.promise("isolation")
def test_nothing_but_the_page_is_offered_to_other_accounts_of_the_machine(tmp_path: Path) -> None:
    with dashboard(tmp_path) as (address, _):
        site = address.split("/dashboard")[0]
        assert httpx.get(f"{site}/dashboard").status_code == 401
        for path in ("/mcp", "/sse", "/api/v1/memories", "/metrics", "/docs", "/openapi.json"):
            assert httpx.get(f"{site}{path}").status_code == 404, path
        assert httpx.post(f"{site}/mcp", json={}).status_code == 404
        assert httpx.get(f"{site}/dashboard", headers={"Host": "evil.example"}).status_code == 421
        assert httpx.post(f"{site}/dashboard/sign-in", content=b"x" * (5 << 20)).status_code == 413


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with dashboard(tmp_path) as (address, _):
        port = re.search(r":(\d+)/", address)
        assert port
        done = subprocess.run(
            [*COMMAND, "dashboard", "--no-browser", "--port", port[1]],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "Error: cannot listen on '127.0.0.1'" in done.stderr
    assert "Traceback" not in done.stderr
