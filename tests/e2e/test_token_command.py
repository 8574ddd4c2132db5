"""The command token: what it shows once, what it keeps, and what it says when it cannot."""

import json
import os
import re
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from e2e.processes import COMMAND, environment
from e2e.servers import tokens
from scrubjay.rights import USUAL_RIGHTS, Right


def command(folder: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, "token", *arguments],
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def told(folder: Path, *arguments: str) -> dict[str, Any]:
    done = command(folder, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_token_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    made = told(tmp_path, "create", "--tenant", "acme", "--user", "ana", "--expires", "90d")
    assert re.fullmatch(r"sj_[0-9a-f]{12}_[\w-]{43}", made["token"])
    assert (made["tenant"], made["user_id"], made["revoked_at"]) == ("acme", "ana", "")
    assert made["scopes"] == ["memory:erase", "memory:read", "memory:write"]
    secret = made["token"].split("_", 2)[2]
    file = tmp_path / "tokens.json"
    assert secret not in file.read_text(encoding="utf-8")
    for arguments in (("list",), ("list", "--json")):
        shown = command(tmp_path, *arguments).stdout
        assert made["id"] in shown
        assert secret not in shown
        assert "hash" not in shown
    holder = tokens(tmp_path).holder_of(made["token"])
    assert holder is not None
    assert (holder.id, holder.scopes) == (made["id"], USUAL_RIGHTS)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_the_file_is_private_whatever_the_mask(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    done = subprocess.run(
        ["/bin/sh", "-c", 'umask 000; exec "$@"', "sh", *COMMAND, "token", "create", "--user", "ana"],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(folder.joinpath("tokens.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not [path for path in folder.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_the_token_comes_first_on_standard_output(tmp_path: Path) -> None:
    done = command(tmp_path, "create", "--user", "ana")
    assert tokens(tmp_path).holder_of(done.stdout.splitlines()[0])
    assert "shown once" in done.stdout


def test_a_revoked_token_is_worthless_and_stays_listed(tmp_path: Path) -> None:
    made = told(tmp_path, "create", "--user", "ana")
    revoked = told(tmp_path, "revoke", made["id"])
    assert revoked["revoked_at"]
    assert told(tmp_path, "revoke", made["id"])["revoked_at"] == revoked["revoked_at"]
    assert tokens(tmp_path).holder_of(made["token"]) is None
    assert [one["revoked_at"] for one in told(tmp_path, "list")["tokens"]] == [revoked["revoked_at"]]


@pytest.mark.promise("concurrency")
def test_tokens_made_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda number: told(tmp_path, "create", "--user", f"user {number}"), range(12)))
    assert {one["id"] for one in told(tmp_path, "list")["tokens"]} == {one["id"] for one in made}
    assert all(tokens(tmp_path).holder_of(one["token"]) for one in made)


WRONG = [
    (("create",), 2, "--user"),
    (("create", "--user", ""), 1, "user_id"),
    (("create", "--user", "x" * 300), 1, "user_id"),
    (("create", "--user", "ana", "--tenant", " "), 1, "tenant"),
    (("create", "--user", "ana", "--scope", "memory:all"), 1, "'memory:all' is none of"),
    (("create", "--user", "ana", "--scope", ","), 1, "scope is empty"),
    (("create", "--user", "ana", "--expires", "soon"), 1, "'soon' is no time span"),
    (("create", "--user", "ana", "--expires", "0d"), 1, "'0d' is no time span"),
    (("create", "--user", "ana", "--expires", "999999w"), 1, "--expires"),
    (("revoke", "nobody"), 1, "'nobody' is no token's id"),
]


@pytest.mark.parametrize(("arguments", "status", "why"), WRONG)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], status: int, why: str
) -> None:
    done = command(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert status == 2 or done.stderr.count("\n") == 1
    assert not tmp_path.joinpath("tokens.json").exists()


def test_scopes_are_those_that_are_named(tmp_path: Path) -> None:
    made = told(tmp_path, "create", "--user", "ana", "--scope", "memory:read, agent:write")
    holder = tokens(tmp_path).holder_of(made["token"])
    assert holder is not None
    assert holder.scopes == {Right.READ, Right.AGENT_WRITE}


@pytest.mark.parametrize("damage", ["", "{", '{"tokens": 7}'])
def test_a_damaged_file_is_told_and_never_written_over(tmp_path: Path, damage: str) -> None:
    tmp_path.joinpath("tokens.json").write_text(damage)
    for arguments in (("create", "--user", "ana"), ("list",), ("revoke", "0" * 12)):
        done = command(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert "put back a good copy, or remove it" in done.stderr
        assert done.stderr.count("\n") == 1
    assert tmp_path.joinpath("tokens.json").read_text() == damage


def test_the_file_may_lie_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "keys" / "ours.json"
    done = command(tmp_path / "data", "create", "--user", "ana", SCRUBJAY_TOKENS_FILE=str(elsewhere))
    assert done.returncode == 0
    assert elsewhere.exists()
    assert not tmp_path.joinpath("data").exists()
