"""The README is a promise: every block in it that can run here, runs."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from scrubjay_server.settings import Settings

ROOT = Path(__file__).parents[2]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
MAKE_TARGETS = {"make demo", "make test"}  # run by the test of the demo, and by whoever runs this
SERVERS = {"scrubjay serve --transport http"}
# Another program; data that is not ours to ship, and minutes; a model's service.
ELSEWHERE = ("claude ", "scrubjay dashboard", ".venv/bin/python benchmarks/", "scrubjay extract --pending")


def blocks(language: str) -> list[str]:
    found = [code for name, code in BLOCKS if name == language]
    assert found
    return found


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCRUBJAY_")}
    scripts = Path(sys.executable).parent
    return {
        **kept,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "SCRUBJAY_DATA_DIR": str(home / "data"),
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "share"),
    }


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {language for language, _ in BLOCKS} == {"bash", "console", "json", "python", "markdown"}


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0])
def test_each_python_block_runs(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {
        "I keep bees",
        "Ana prefers async code",
        "I use a MacBook Pro M3\nThe project uses React",
    }


def test_each_command_runs(tmp_path: Path) -> None:
    commands = [line for code in blocks("bash") for line in code.splitlines()]
    ours = [line for line in commands if line not in MAKE_TARGETS]
    assert set(commands) >= MAKE_TARGETS
    assert len(ours) >= 5
    for command in ours:
        if command in SERVERS:
            assert_serves(command, tmp_path)
            continue
        done = subprocess.run(
            shlex.split(command),
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert "Traceback" not in done.stderr


def assert_serves(command: str, home: Path) -> None:
    """Start a server of the README on a free port, ask whether it lives, and end it."""
    with subprocess.Popen(
        shlex.split(command),
        cwd=home,
        env={**environment(home), "SCRUBJAY_PORT": "0"},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        told = server.stderr.readline()
        address = re.search(r"http://\S+", told)
        try:
            assert address, told
            assert httpx2.get(f"{address[0]}/healthz").json() == {"status": "alive"}
        finally:
            server.terminate()
        assert server.wait(timeout=30) == 0


def test_commands_that_do_not_run_here_are_the_few_that_cannot() -> None:
    assert all(line.startswith(ELSEWHERE) for code in blocks("console") for line in code.splitlines())


@pytest.mark.parametrize(
    "code", [*blocks("json"), ROOT.joinpath("claude_config.example.json").read_text(encoding="utf-8")]
)
def test_each_configuration_is_json_that_starts_the_server(code: str) -> None:
    servers = json.loads(code)
    started = (servers.get("mcpServers") or servers["servers"])["scrubjay"]
    assert started["command"].endswith("/.venv/bin/scrubjay")
    assert started["args"] == ["serve"]


def test_each_link_leads_to_a_file() -> None:
    linked = re.findall(r"\]\(([^)#]+)\)", README)
    assert linked
    assert [target for target in linked if not ROOT.joinpath(target).exists()] == []


def test_each_setting_of_the_table_exists_and_the_other_way_round() -> None:
    told = set(re.findall(r"^\| `SCRUBJAY_(\w+)`", README, flags=re.MULTILINE))
    assert told == {name.upper() for name in Settings.model_fields}
