"""The commands add, search, list, history and forget."""

import sys

import click

from scrubjay.errors import InvalidInput
from scrubjay.inputs import ALL_SCOPES, facts_of, listing_of, messages_of, question_of, scope_of
from scrubjay.journeys import forgetting, listing
from scrubjay.journeys.adding import Addition
from scrubjay.journeys.adding import add as add_memories
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.searching import Question
from scrubjay.journeys.searching import search as search_memories
from scrubjay.moments import shown
from scrubjay.recall.reply import memory_line, told
from scrubjay.results import added_shape, related_shape
from scrubjay.types import Scope, Shown
from scrubjay_server.cli.output import json_option, show
from scrubjay_server.local import build_memory, local_caller
from scrubjay_server.settings import Settings

_SCOPES = click.Choice([scope.value for scope in Scope])
_SCOPES_OR_ALL = click.Choice([ALL_SCOPES, *(scope.value for scope in Scope)])
scope_option = click.option("--scope", type=_SCOPES, default="user", show_default=True)
scope_or_all_option = click.option("--scope", type=_SCOPES_OR_ALL, default=ALL_SCOPES, show_default=True)
session_option = click.option("--session-id", default="", help="The conversation.")
as_of_option = click.option("--as-of", default="", help="What was true then (ISO 8601).")


def _engine(settings: Settings) -> Engine:
    return build_memory(settings, origin="cli").engine


@click.command()
@click.argument("text", default="")
@click.option("--fact", "facts", multiple=True, help="A fact to store; may be given several times.")
@click.option("--replaces", multiple=True, help="Id of a memory that the fact supersedes; with one --fact.")
@click.option("--category", default="", help="Of the facts.")
@scope_option
@session_option
@json_option
@click.pass_obj
def add(
    settings: Settings,
    text: str,
    facts: tuple[str, ...],
    replaces: tuple[str, ...],
    category: str,
    scope: str,
    session_id: str,
    as_json: bool,
) -> None:
    """Remember TEXT as it was said ("-" reads standard input), or facts, or both."""
    if replaces and len(facts) != 1:
        raise InvalidInput("--replaces", "goes with exactly one --fact")
    said = sys.stdin.read() if text == "-" else text
    drafts = [{"text": fact, "category": category, "replaces": list(replaces)} for fact in facts]
    if said:
        drafts = [{**draft, "evidence": said} for draft in drafts]
    addition = Addition(
        messages=messages_of(said) if said else [],
        facts=facts_of(drafts),
        scope=scope_of(scope) or Scope.USER,
        compared=True,
    )
    shape = added_shape(add_memories(_engine(settings), local_caller(settings, session_id=session_id), addition))
    lines = [f"{result['event']:6} {memory_line(result)[2:]}" for result in shape.results]
    related = shape.get("related", [])
    show(dict(shape.items()), [*lines, *(["Related:"] if related else []), *map(memory_line, related)], as_json=as_json)


@click.command()
@click.argument("query")
@click.option("--limit", type=int, default=10, show_default=True)
@click.option("--max-tokens", type=int, help="The budget of the reply; by default none.")
@scope_or_all_option
@session_option
@click.option("--category", default="")
@click.option("--since", default="", help="From then on (ISO 8601).")
@click.option("--until", default="", help="Up to then (ISO 8601).")
@as_of_option
@click.option("--min-score", type=float, default=0.0)
@json_option
@click.pass_obj
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
    )
    found = search_memories(_engine(settings), local_caller(settings, session_id=session_id), question)
    results = [told(hit) for hit in found.hits]
    lines = [f"{shape['score']:.3f} {memory_line(shape)[2:]}" for shape in results] or [
        "Nothing is remembered about this."
    ]
    show({"results": results, "tokens": found.tokens, "left_out": found.left_out}, lines, as_json=as_json)


@click.command("list")
@scope_or_all_option
@session_option
@click.option("--category", default="")
@click.option("--state", default="")
@click.option("--limit", type=int, default=50, show_default=True)
@click.option("--cursor", default="", help="next_cursor of the page before.")
@as_of_option
@click.option("--include-superseded", is_flag=True, help="Also what is no longer true.")
@json_option
@click.pass_obj
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
    )
    page = listing.list_memories(_engine(settings), local_caller(settings, session_id=session_id), wanted)
    memories = [told(shown_memory) for shown_memory in page.memories]
    lines = [memory_line(shape) for shape in memories] or ["Nothing is remembered here."]
    if page.next_cursor:
        lines.append(f"… {page.total} in all; go on with --cursor {page.next_cursor}")
    shape = {"memories": memories, "total": page.total, "next_cursor": page.next_cursor}
    show(shape, lines, as_json=as_json)


@click.command()
@click.argument("memory_id")
@json_option
@click.pass_obj
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
@click.pass_obj
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
    caller = local_caller(settings, session_id=session_id)
    if everything:
        if not yes:
            click.confirm(f"Forget everything in the {scope} scope of {settings.user_id}?", abort=True, err=True)
        receipt = forgetting.forget_everything(_engine(settings), caller, scope_of(scope) or Scope.USER)
    elif memory_ids:
        receipt = forgetting.forget(_engine(settings), caller, memory_ids)
    elif query:
        found = search_memories(
            _engine(settings), caller, Question(query=query, scope=None if session_id else scope_of(scope))
        )
        candidates = [related_shape(hit) for hit in found.hits]
        lines = ["Nothing was forgotten. Candidates:", *map(memory_line, candidates)]
        show({"forgotten": [], "candidates": candidates}, lines, as_json=as_json)
        return
    else:
        raise InvalidInput("MEMORY_IDS", "is empty; give ids, --query to see candidates, or --everything")
    shape = {
        "forgotten": list(receipt.forgotten),
        "receipt": {"erased": receipt.erased, "rewritten": receipt.rewritten, "at": shown(receipt.at)},
    }
    show(shape, [f"Forgot {len(receipt.forgotten)}; {receipt.erased} memories went in all."], as_json=as_json)


COMMANDS = (add, search, list_, history, forget)
