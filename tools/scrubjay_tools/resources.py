"""The resources: the profile, one memory with its versions, the graph."""

import json
from functools import partial

from mcp.server.mcpserver import Context, MCPServer

from scrubjay.journeys import graphing
from scrubjay.journeys.listing import Listing, current_facts, history, list_memories
from scrubjay.moments import shown_day
from scrubjay.recall.reply import told
from scrubjay.results import graph_shape
from scrubjay.texts import RECALL_HEADING, one_line
from scrubjay.types import Kind, MemoryRecord, Scope, Shown
from scrubjay_tools.boundary import resource_errors
from scrubjay_tools.host import Host, caller, caller_of, engine_of

_LINE_CHARS = 400
_NAME_CHARS = 60
_SAID_SHOWN = 50


def register(server: MCPServer[Host], host: Host) -> None:
    """Add the three resources. Those without a variable get the host here: the SDK hands them no context."""
    server.resource(
        "memory://profile", name="profile", title="What I know about you", mime_type="text/markdown",
        description="What is remembered about the person, by category, as Markdown.",
    )(_named("profile", partial(profile, host)))  # fmt: skip
    server.resource(
        "memory://graph", name="graph", title="People, things and how they connect", mime_type="application/json",
        description="Entities, their other names, and their relations with since when each holds, as JSON.",
    )(_named("graph", partial(graph, host)))  # fmt: skip
    server.resource(
        "memory://memories/{id}", name="memory", title="One memory", mime_type="application/json",
        description="All versions of one memory, newest first, as JSON.",
    )(memory)  # fmt: skip


def profile(host: Host) -> str:
    """Return what is known about the person as Markdown: facts by category, then what was only said."""
    facts, said, said_in_all = _known(host)
    by_category: dict[str, list[MemoryRecord]] = {}
    for record in facts:
        by_category.setdefault(str(record.category), []).append(record)
    lines = ["# What I know about you", "", f"*{RECALL_HEADING}.*"]
    for category in sorted(by_category):
        lines += ["", f"## {category.capitalize()}", "", *map(_profile_line, by_category[category])]
    if said:
        lines += ["", "## Said", "", *map(_profile_line, said)]
        lines += [f"- … and {said_in_all - len(said)} more"] if said_in_all > len(said) else []
    return "\n".join(lines if facts or said else [*lines, "", "Nothing yet."]) + "\n"


def _profile_line(record: MemoryRecord) -> str:
    speaker = f"{one_line(record.name, longest=_NAME_CHARS)}: " if record.name else ""
    text = one_line(record.text, longest=_LINE_CHARS)
    return f"- {speaker}{text} *(since {shown_day(record.valid_from)}, id {record.id})*"


def _known(host: Host) -> tuple[list[MemoryRecord], list[MemoryRecord], int]:
    """Return all facts, the latest words that no fact rests on, and how many such words there are."""
    with resource_errors():
        engine, who = host.engine(), caller(host.principal())
        said = list_memories(engine, who, Listing(scope=Scope.USER, kind=Kind.EPISODE, limit=_SAID_SHOWN))
        return current_facts(engine, who), [shown.record for shown in said.memories], said.total


def graph(host: Host) -> str:
    """Return entities and relations as JSON."""
    with resource_errors():
        shape = graph_shape(graphing.graph(host.engine(), caller(host.principal())))
    return json.dumps(shape, ensure_ascii=False)


def memory(id: str, ctx: Context[Host]) -> str:  # noqa: A002 - the URI template names the variable
    """Return all versions of one memory as JSON."""
    with resource_errors():
        versions = [told(Shown(record=record)) for record in history(engine_of(ctx), caller_of(ctx), id)]
    return json.dumps({"versions": versions}, ensure_ascii=False)


def _named(name: str, function: "partial[str]") -> "partial[str]":
    function.__name__ = name  # type: ignore[attr-defined]  # the SDK reads it, and a partial has none
    return function
