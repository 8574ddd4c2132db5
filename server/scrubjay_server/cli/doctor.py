"""The command doctor, which checks that everything is there and that the main job really works."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scrubjay.errors import ConfigurationError, ScrubjayError, StoreError
from scrubjay_server.cli.options import json_option, with_settings
from scrubjay_server.cli.output import show
from scrubjay_server.settings import Settings

if TYPE_CHECKING:
    from mcp import Client

_LEAST_FREE_BYTES = 200 * 1024 * 1024
_ROUND_TRIP_PATIENCE_S = 60
_CANARY = "The doctor keeps a blue notebook in the third drawer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, whether it is well, and what was found or what to do."""

    name: str
    well: bool
    found: str
    seconds: float


@click.command(short_help="Check that all is well; say how to mend what is not.")
@json_option
@with_settings
def doctor(settings: Settings, as_json: bool) -> None:
    """Check the data folder, the model and the main job, and say how to mend what is wrong."""
    checks = [
        _check("data folder", lambda: _folder(settings)),
        _check("memories", lambda: _memories(settings)),
        _check("embedding model", lambda: _model(settings)),
        _check("extractor", lambda: _extractor(settings)),
        _check("add, search, forget over stdio, in a temporary folder", lambda: _round_trip(settings)),
    ]
    lines = [
        f"{'ok  ' if check.well else 'FAIL'} {check.name}: {check.found} ({check.seconds:.1f} s)" for check in checks
    ]
    show({"checks": [asdict(check) for check in checks]}, lines, as_json=as_json)
    sys.exit(0 if all(check.well for check in checks) else 1)


def _check(name: str, examine: Callable[[], str]) -> Check:
    started = time.monotonic()
    try:
        well, found = True, examine()
    except (ScrubjayError, OSError) as error:
        well, found = False, str(error)
    return Check(name=name, well=well, found=found, seconds=round(time.monotonic() - started, 2))


def _folder(settings: Settings) -> str:
    from scrubjay.memory import default_folder

    folder = settings.folder or default_folder()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir():
        raise StoreError(f"{existing} is a file; set SCRUBJAY_DATA_DIR to a folder")
    if not os.access(existing, os.W_OK):
        raise StoreError(f"{existing} cannot be written; change its rights or set SCRUBJAY_DATA_DIR to another folder")
    free = shutil.disk_usage(existing).free
    if free < _LEAST_FREE_BYTES:
        raise StoreError(f"the disk of {existing} has only {free // 1024**2} MiB left; free some, or move the folder")
    if folder.exists() and folder.stat().st_mode & 0o077 and os.name == "posix":
        raise StoreError(f"other accounts can look into {folder}; run `chmod 700 {folder}`")
    return f"{folder}, {free // 1024**3} GiB free"


def _memories(settings: Settings) -> str:
    from scrubjay.journeys.listing import Listing, list_memories
    from scrubjay.journeys.searching import Question, search
    from scrubjay.memory import default_folder
    from scrubjay.types import State
    from scrubjay_server.local import build_memory, local_caller

    if not (settings.folder or default_folder()).exists():
        return "none yet"
    with build_memory(settings, origin="doctor") as memory:
        total = list_memories(memory.engine, local_caller(settings), Listing(limit=1)).total
        search(memory.engine, local_caller(settings), Question(query="anything", limit=1))
        waiting = list_memories(memory.engine, local_caller(settings), Listing(limit=1, state=State.PENDING)).total
    to_read = f", {waiting} still to be read for facts (`scrubjay extract --pending`)" if waiting else ""
    return f"{total} of user {settings.user_id!r}{to_read}"


def _model(settings: Settings) -> str:
    from scrubjay.embedding.fastembed import FastembedEmbedder

    embedder = FastembedEmbedder(settings.embedding_model)
    embedder.embed_query("warm up")
    return embedder.signature


def _extractor(settings: Settings) -> str:
    """Say who reads what was said for facts; whether the key is good, only a paid call would tell."""
    from scrubjay.config import ChosenExtractor

    chosen = ChosenExtractor(settings.extractor, model=settings.model)()
    if chosen is None:
        how = "ANTHROPIC_API_KEY" if settings.extractor == "auto" else "SCRUBJAY_EXTRACTOR=auto"
        return f"none: the calling assistant draws the facts (set {how} to change it)"
    if settings.extractor == "claude" and ChosenExtractor("auto")() is None:
        raise ConfigurationError("there is no key for Claude; set ANTHROPIC_API_KEY, or SCRUBJAY_EXTRACTOR=none")
    return f"{chosen.name}, not tried: only a paid call would tell whether its key is good"


def _round_trip(settings: Settings) -> str:
    import anyio

    with tempfile.TemporaryDirectory(prefix="scrubjay-doctor-") as home:
        try:
            anyio.run(_main_job, settings, home)
        except ExceptionGroup as group:  # the client runs in a task group, which wraps what went wrong
            raise _first(group) from None
        left = [path for path in Path(home).rglob("*") if path.is_file() and _CANARY.encode() in path.read_bytes()]
    if left:
        raise StoreError(f"a forgotten text was still in {len(left)} files; please report this")
    return "works, and what was forgotten left no trace"


async def _main_job(settings: Settings, home: str) -> None:
    import anyio
    from mcp import Client, StdioServerParameters

    environment = {
        **os.environ,
        "SCRUBJAY_DATA_DIR": home,
        "SCRUBJAY_STORE": "",
        "SCRUBJAY_USER_ID": "doctor",
        "SCRUBJAY_EMBEDDING_MODEL": settings.embedding_model,
        "SCRUBJAY_EXTRACTOR": "none",
    }
    server = StdioServerParameters(command=sys.executable, args=["-m", "scrubjay_server", "serve"], env=environment)
    with anyio.move_on_after(_ROUND_TRIP_PATIENCE_S) as patience:
        async with Client(server) as client:
            added = await _call(client, "add_memory", {"facts": [{"text": _CANARY}]})
            found = await _call(client, "search_memories", {"query": "Where is the blue notebook?"})
            if [hit["memory"] for hit in found["results"]] != [_CANARY]:
                raise StoreError("what was added was not found again; please report this")
            await _call(client, "forget", {"memory_ids": [added["results"][0]["id"]]})
            gone = await _call(client, "search_memories", {"query": "Where is the blue notebook?"})
            if gone["results"]:
                raise StoreError("what was forgotten was found again; please report this")
    if patience.cancelled_caught:
        raise StoreError(f"the server did not answer within {_ROUND_TRIP_PATIENCE_S} s; its log may tell why")


async def _call(client: "Client", tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise StoreError("; ".join(part.text for part in result.content if part.type == "text"))
    return dict(result.structured_content or {})


def _first(problem: Exception) -> Exception:
    while isinstance(problem, ExceptionGroup):
        problem = problem.exceptions[0]
    return problem
