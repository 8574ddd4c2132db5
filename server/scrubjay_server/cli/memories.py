"""The commands that read and write memories."""

import json
import sys
from typing import Any, TextIO

import click

from scrubjay.errors import ConfigurationError, InvalidInput
from scrubjay.inputs import entity_of, facts_of, listing_of, messages_of, question_of, scope_of
from scrubjay.journeys import confirming, forgetting, graphing, listing, restoring
from scrubjay.journeys.adding import Addition
from scrubjay.journeys.adding import add as add_memories
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.extracting import extract_everything
from scrubjay.journeys.maintaining import maintain
from scrubjay.journeys.searching import search as search_memories
from scrubjay.moments import last_instant
from scrubjay.recall.reply import memory_line, told
from scrubjay.results import GONE, Results, added_shape, graph_shape, receipt_shape, related_shape, tally_shape
from scrubjay.texts import one_line
from scrubjay.types import Scope, Shown, State
from scrubjay_server.cli.options import (
    as_of_option,
    category_option,
    entity_option,
    json_option,
    scope_option,
    scope_or_all_option,
    session_option,
    with_settings,
)
from scrubjay_server.cli.output import entity_line, progress, relation_line, show
from scrubjay_server.local import build_memory, local_caller, locally_served
from scrubjay_server.settings import Settings

_PATIENCE_S = 60.0
_NO_EXTRACTOR = "there is nobody to read with: set ANTHROPIC_API_KEY, or SCRUBJAY_EXTRACTOR to claude or openai"
_NOTHING_FITS = "Nothing was forgotten: nothing that fits is remembered."
_WHOSE = {
    Scope.USER: "about {}: all sessions too, and the lessons that assistants learned with them",
    Scope.SESSION: "of this session of {}",
    Scope.AGENT: "that the assistant has learned, from {} and from everybody else",
}


def _engine(settings: Settings) -> Engine:
    return build_memory(settings, origin="cli").engine


@click.command(short_help="Remember words, a conversation or facts.")
@click.argument("text", default="")
@click.option("--messages", "file", type=click.File(encoding="utf-8"), help="A conversation, as JSON or JSON Lines.")
@click.option("--infer/--no-infer", default=True, help="Read it for facts, and leave out small talk.")
@click.option("--fact", "facts", multiple=True, help="A fact to store; may be given several times.")
@click.option("--replaces", multiple=True, help="Id of a memory that the fact supersedes; with one --fact.")
@click.option("--category", default="", help="Of the facts, like preference or project.")
@click.option("--time", default="", help="When TEXT was said (ISO 8601); by default now.")
@click.option("--valid-from", default="", help="Since when the facts are true (ISO 8601).")
@scope_option
@session_option
@json_option
@with_settings
def add(
    settings: Settings,
    text: str,
    file: TextIO | None,
    infer: bool,
    facts: tuple[str, ...],
    replaces: tuple[str, ...],
    category: str,
    time: str,
    valid_from: str,
    scope: str,
    session_id: str,
    as_json: bool,
) -> None:
    """Remember TEXT as it was said ("-" reads standard input), a conversation, or facts.

    With an extractor (SCRUBJAY_EXTRACTOR; Claude if there is a key) words without facts are sent to it and read for
    facts; what is not read in time is PENDING. What reads like a command or a credential is SUSPECT and not sent.

    A conversation is a list of messages, or one message a line: {"role": "user", "content": "...", "name": "...",
    "time": "2026-11-20T09:00:00Z"}; all but content may be left out.
    """
    if file and facts:
        raise InvalidInput("--fact", "goes with TEXT; from --messages facts are drawn by whoever reads them")
    if replaces and len(facts) != 1:
        raise InvalidInput("--replaces", "goes with exactly one --fact")
    said = _standard_input() if text == "-" else text
    common = {"category": category, "replaces": list(replaces), "valid_from": valid_from, "evidence": said}
    drafts = [{"text": fact, **common} for fact in facts]
    addition = Addition(
        messages=[
            *(messages_of(_conversation(file)) if file else []),
            *(messages_of({"content": said, "time": time}) if said else []),
        ],
        facts=facts_of(drafts),
        scope=scope_of(scope) or Scope.USER,
        compared=True,
        infer=infer,
    )
    with build_memory(settings, origin="cli") as memory:
        shape = added_shape(add_memories(memory.engine, local_caller(settings, session_id=session_id), addition))
        _show_added(shape, as_json=as_json)
        maintain(memory.engine)


def _show_added(shape: Results, *, as_json: bool) -> None:
    lines = [f"{result['event']:7} {memory_line(result)[2:]}{_before(result)}" for result in shape.results]
    related = shape.get("related", [])
    lines += [*(["Related:"] if related else []), *map(memory_line, related)]
    lines += [shape["note"]] if "note" in shape else []
    show(dict(shape.items()), lines, as_json=as_json)


def _before(result: dict[str, Any]) -> str:
    return f" (before: {one_line(result['previous'], longest=80)})" if result.get("previous") else ""


def _conversation(file: TextIO) -> Any:
    """Return the messages in a file: a JSON list, an object with one as `messages`, or an object a line."""
    try:
        written = file.read()
    except UnicodeDecodeError as error:
        raise InvalidInput("--messages", "is not UTF-8 text") from error
    if not written.strip():
        raise InvalidInput("--messages", "is an empty file; give a JSON list of messages, or one message a line")
    try:
        whole = json.loads(written)
    except (ValueError, RecursionError):
        return [_message_in(line, number) for number, line in enumerate(written.splitlines(), start=1) if line.strip()]
    listed = whole.get("messages", whole) if isinstance(whole, dict) else whole
    if not listed:
        raise InvalidInput("--messages", "holds no messages")
    return listed


def _message_in(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            "--messages", f"is no JSON list, and its line {number} is no JSON object; give one message a line"
        ) from error


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("standard input", "is not UTF-8 text") from error


@click.command()
@click.argument("query")
@click.option("--limit", type=int, default=10, show_default=True, help="How many at most.")
@click.option("--max-tokens", type=int, help="The budget of the reply; by default none.")
@scope_or_all_option
@session_option
@category_option
@click.option("--since", default="", help="From then on (ISO 8601).")
@click.option("--until", default="", help="Up to then (ISO 8601).")
@as_of_option
@click.option("--min-score", type=float, default=0.0, help="Only hits with this score or more, from 0 to 1.")
@entity_option
@json_option
@with_settings
def search(
    settings: Settings,
    query: str,
    limit: int,
    max_tokens: int | None,
    scope: str,
    session_id: str,
    category: str,
    since: str,
    until: str,
    as_of: str,
    min_score: float,
    entity: str,
    as_json: bool,
) -> None:
    """Find the memories that answer QUERY."""
    question = question_of(
        query,
        limit=limit,
        max_tokens=max_tokens,
        scope=scope,
        category=category,
        since=since,
        until=until,
        as_of=as_of,
        min_score=min_score,
        entity=entity,
    )
    found = search_memories(_engine(settings), local_caller(settings, session_id=session_id), question)
    results = [told(hit) for hit in found.hits]
    lines = [f"{shape['score']:.3f} {memory_line(shape)[2:]}" for shape in results]
    if found.left_out:
        lines.append(f"… {found.left_out} more did not fit --max-tokens")
    lines = lines or ["Nothing is remembered about this."]
    show({"results": results, "tokens": found.tokens, "left_out": found.left_out}, lines, as_json=as_json)


@click.command("list")
@scope_or_all_option
@session_option
@category_option
@click.option("--state", default="", help="Only those that are ready, pending (still to be read) or suspect.")
@click.option("--limit", type=int, default=50, show_default=True, help="How many at most.")
@click.option("--cursor", default="", help="next_cursor of the page before.")
@as_of_option
@click.option("--include-superseded", is_flag=True, help="Also what is no longer true.")
@entity_option
@json_option
@with_settings
def list_(
    settings: Settings,
    scope: str,
    session_id: str,
    category: str,
    state: str,
    limit: int,
    cursor: str,
    as_of: str,
    include_superseded: bool,
    entity: str,
    as_json: bool,
) -> None:
    """List what is remembered, newest first."""
    wanted = listing_of(
        scope=scope,
        category=category,
        state=state,
        limit=limit,
        cursor=cursor,
        as_of=as_of,
        include_superseded=include_superseded,
        entity=entity,
    )
    page = listing.list_memories(_engine(settings), local_caller(settings, session_id=session_id), wanted)
    memories = [told(shown_memory) for shown_memory in page.memories]
    lines = [memory_line(shape) for shape in memories] or ["Nothing is remembered here."]
    if page.next_cursor:
        lines.append(f"… {page.total} in all; go on with --cursor {page.next_cursor}")
    shape = {"memories": memories, "total": page.total, "next_cursor": page.next_cursor}
    show(shape, lines, as_json=as_json)


@click.command(short_help="Show how people, places and things are connected.")
@entity_option
@as_of_option
@json_option
@with_settings
def graph(settings: Settings, entity: str, as_of: str, as_json: bool) -> None:
    """Show how people, places and things are connected in what is remembered."""
    when = last_instant(as_of, field="as_of")
    found = graphing.graph(_engine(settings), local_caller(settings), entity=entity_of(entity), as_of=when)
    shape = graph_shape(found)
    lines = [*map(entity_line, shape["entities"]), *map(relation_line, shape["relations"])]
    show(shape, lines or ["Nothing is connected here."], as_json=as_json)


@click.command()
@click.argument("memory_id")
@json_option
@with_settings
def history(settings: Settings, memory_id: str, as_json: bool) -> None:
    """Show all versions of a memory, newest first."""
    versions = [
        told(Shown(record=record)) for record in listing.history(_engine(settings), local_caller(settings), memory_id)
    ]
    lines = [f"v{shape['version']} {memory_line(shape)[2:]}" for shape in versions]
    show({"memories": versions, "total": len(versions)}, lines, as_json=as_json)


@click.command()
@click.argument("memory_ids", nargs=-1)
@click.option("--query", default="", help="Show candidates and forget nothing.")
@click.option("--everything", is_flag=True, help="All memories of the scope.")
@scope_option
@session_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@with_settings
def forget(
    settings: Settings,
    memory_ids: tuple[str, ...],
    query: str,
    everything: bool,
    scope: str,
    session_id: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase memories for good, by their ids or all of a scope."""
    caller, chosen = local_caller(settings, session_id=session_id), Scope(scope)
    if everything and (memory_ids or query):
        raise InvalidInput("--everything", "goes without ids and --query: it would forget more than they name")
    if everything:
        if not yes:
            click.confirm(f"Forget everything {_WHOSE[chosen].format(settings.user_id)}?", abort=True, err=True)
        with progress("Forgetting") as told_progress:
            receipt = forgetting.forget_everything(_engine(settings), caller, chosen, told_progress)
    elif memory_ids:
        with progress("Forgetting") as told_progress:
            receipt = forgetting.forget(_engine(settings), caller, memory_ids, told_progress)
    elif query:
        found = [related_shape(hit) for hit in forgetting.candidates(_engine(settings), caller, query, chosen)]
        lines = [
            "Nothing was forgotten yet. Candidates, to erase with `scrubjay forget ID…`:",
            *map(memory_line, found),
        ]
        show({"forgotten": [], "candidates": found}, lines if found else [_NOTHING_FITS], as_json=as_json)
        return
    else:
        raise InvalidInput("MEMORY_IDS", "is empty; give ids, --query to see candidates, or --everything")
    shape = {"forgotten": list(receipt.forgotten), "receipt": receipt_shape(receipt)}
    lines = [
        f"Forgot {len(receipt.forgotten)}; {receipt.erased} in all, with what rested on them and what they rest on.",
        GONE,
    ]
    show(
        shape,
        lines if receipt.forgotten else ["Nothing was forgotten: there was nothing by these ids."],
        as_json=as_json,
    )


@click.command(short_help="Let a memory count that was kept aside as suspect.")
@click.argument("memory_id")
@json_option
@with_settings
def confirm(settings: Settings, memory_id: str, as_json: bool) -> None:
    """Let a memory count that was kept aside as suspect (see `list --state suspect`)."""
    engine, caller = _engine(settings), local_caller(settings)
    was_suspect = any(row.state is State.SUSPECT for row in listing.history(engine, caller, memory_id))
    shape = told(Shown(record=confirming.confirm(engine, caller, memory_id)))
    said = "Confirmed:" if was_suspect else "It was not suspect, and stays as it is:"
    show(shape, [said, memory_line(shape)], as_json=as_json)


@click.command("restore-version", short_help="Bring an earlier wording of a memory back.")
@click.argument("memory_id")
@click.argument("version", type=int)
@json_option
@with_settings
def restore_version(settings: Settings, memory_id: str, version: int, as_json: bool) -> None:
    """Let what VERSION of a memory said hold again from now on (see `history MEMORY_ID`)."""
    restored = restoring.restore_version(_engine(settings), local_caller(settings), memory_id, version)
    shape = told(Shown(record=restored))
    show(shape, [f"It holds, as version {restored.version}:", memory_line(shape)], as_json=as_json)


@click.command(short_help="Read what was said, and not read yet, for facts.")
@click.option("--pending", is_flag=True, default=True, help="What was kept and not read yet; this is the default.")
@json_option
@with_settings
def extract(settings: Settings, pending: bool, as_json: bool) -> None:  # noqa: ARG001 - there is nothing else
    """Read what was said, and not read yet, for facts; whatever failed before is tried again."""
    with build_memory(settings, origin="cli") as memory:
        if memory.engine.extractor is None:
            raise ConfigurationError(_NO_EXTRACTOR)
        mine = locally_served(settings)
        tally = extract_everything(memory.engine, whose=mine, most_attempts=None, wait_s=_PATIENCE_S)
    lines = [f"Messages read: {tally.read}; facts stored or changed: {tally.facts}; messages pending: {tally.pending}."]
    show(tally_shape(tally), [*lines, *([tally.problem] if tally.problem else [])], as_json=as_json)
    sys.exit(1 if tally.pending else 0)


COMMANDS = (add, search, list_, graph, history, restore_version, forget, confirm, extract)
