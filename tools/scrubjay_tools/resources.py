"""The resources: the profile, one memory with its versions, the graph."""

import json
from dataclasses import asdict
from functools import partial

from mcp.server.mcpserver import Context, MCPServer

from scrubjay.graph.projection import project
from scrubjay.journeys.listing import Listing, history, list_memories
from scrubjay.moments import shown_day
from scrubjay.recall.reply import told
from scrubjay.texts import one_line
from scrubjay.types import MAX_BATCH, MemoryRecord, Scope
from scrubjay_tools.boundary import resource_errors
from scrubjay_tools.host import Host, caller, caller_of, engine_of
from scrubjay_tools.replies import HEADING

_LINE_CHARS = 400


def register(server: MCPServer[Host], host: Host) -> None:
    """Add the three resources. Those without a variable get the host here: the SDK hands them no context."""
    server.resource(
        "memory://profile", name="profile", title="What I know about you", mime_type="text/markdown",
        description="What is remembered about the person, by category, as Markdown.",
    )(_named("profile", partial(profile, host)))  # fmt: skip
    server.resource(
        "memory://graph", name="graph", title="People, things and how they connect", mime_type="application/json",
        description="Entities and relations in what is remembered, as JSON.",
    )(_named("graph", partial(graph, host)))  # fmt: skip
    server.resource(
        "memory://memories/{id}", name="memory", title="One memory", mime_type="application/json",
        description="All versions of one memory, newest first, as JSON.",
    )(memory)  # fmt: skip


def profile(host: Host) -> str:
    """Return what is known about the person as Markdown, by category, newest first."""
    by_category: dict[str, list[MemoryRecord]] = {}
    for record in _current(host):
        by_category.setdefault(str(record.category) or "said", []).append(record)
    lines = ["# What I know about you", "", f"*{HEADING}.*"]
    for category in sorted(by_category):
        lines += ["", f"## {category.capitalize()}", ""]
        lines += [
            f"- {one_line(record.text, longest=_LINE_CHARS)} *(since {shown_day(record.valid_from)}, id {record.id})*"
            for record in by_category[category]
        ]
    return "\n".join(lines if by_category else [*lines, "", "Nothing yet."]) + "\n"


def graph(host: Host) -> str:
    """Return entities and relations as JSON."""
    projected = project(_current(host))
    edges = [{**asdict(edge.relation), "memory_id": edge.memory_id} for edge in projected.edges]
    entities = [{"name": entity.name, "memory_ids": list(entity.memory_ids)} for entity in projected.entities]
    return json.dumps({"entities": entities, "relations": edges}, ensure_ascii=False)


def memory(id: str, ctx: Context[Host]) -> str:  # noqa: A002 - the URI template names the variable
    """Return all versions of one memory as JSON."""
    with resource_errors():
        versions = [told(record) for record in history(engine_of(ctx), caller_of(ctx), id)]
    return json.dumps({"versions": versions}, ensure_ascii=False)


def _current(host: Host) -> list[MemoryRecord]:
    with resource_errors():
        listing = Listing(scope=Scope.USER, limit=MAX_BATCH)
        return list(list_memories(host.engine(), caller(host.principal()), listing).memories)


def _named(name: str, function: "partial[str]") -> "partial[str]":
    function.__name__ = name  # type: ignore[attr-defined]  # the SDK reads it, and a partial has none
    return function
