"""The pages that show what is known, and change nothing."""

from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Query
from starlette.responses import Response

from scrubjay.graph.projection import project
from scrubjay.journeys.exporting import everything_held
from scrubjay.journeys.listing import Listing, Page, current_facts, current_version, history, list_memories
from scrubjay.journeys.searching import Question, search
from scrubjay.journeys.sourcing import successors_of
from scrubjay.journeys.surveying import survey
from scrubjay.types import MAX_NAME_CHARS, MAX_QUERY_CHARS, Category, Kind, Scope, State
from scrubjay_server.dashboard import drawing, growth
from scrubjay_server.dashboard.look import HOME, page
from scrubjay_server.dashboard.showing import Shown, shown
from scrubjay_server.dashboard.visiting import Reading, Visit
from scrubjay_server.dashboard.words import CATEGORIES, WORDS_KEPT, program_named
from scrubjay_server.streaming import streamed

PER_CATEGORY = 8
PER_PAGE = 30
HITS = 20
_LEAST_SCORE = 0.005  # below it, on small memories, everything is about everything
_ID_CHARS = 64

Done = Annotated[str, Query(max_length=32)]
Words = Annotated[str, Query(max_length=MAX_QUERY_CHARS)]
Cursor = Annotated[str, Query(max_length=500)]
MemoryId = Annotated[str, Path(max_length=_ID_CHARS)]


def render(visit: Visit, template: str, *, here: str, status: int = 200, done: str = "", **values: Any) -> Response:
    """Return a page for somebody who is signed in; `here` is where in the navigation it stands."""
    waiting = _listed(visit, state=State.SUSPECT, limit=1).total
    return page(template, status, visit=visit, here=here, waiting=waiting, done=done, **values)


def overview(visit: Visit, done: str) -> Response:
    """Show everything that holds now, by category."""
    groups = [
        *(_group(visit, name, f"category={category}", category=category, kind=Kind.FACT)
          for category, name in CATEGORIES.items()),
        _group(visit, WORDS_KEPT, "words=1", kind=Kind.EPISODE),
    ]  # fmt: skip
    total = sum(group["total"] for group in groups)
    known = [group for group in groups if group["total"]]
    newest = max((each.learned_at for group in known for each in group["memories"]), default=None)
    return render(visit, "overview.html", here="known", done=done, groups=known, total=total, newest=newest, q="")


def find(visit: Reading, q: Words = "", done: Done = "") -> Response:
    """Show what a search finds, as a page."""
    return render(visit, "search.html", here="known", done=done, q=q, hits=_hits(visit, q))


def results(visit: Reading, q: Words = "") -> Response:
    """Show what a search finds, as the part of a page that changes while somebody types."""
    return page("results.html", visit=visit, q=q, hits=_hits(visit, q))


def listed(
    visit: Reading,
    category: Category | None = None,
    words: bool = False,
    entity: Annotated[str, Query(max_length=MAX_NAME_CHARS)] = "",
    cursor: Cursor = "",
    done: Done = "",
) -> Response:
    """Show the memories of one category, or about one person, thing or project, page by page."""
    kind = Kind.EPISODE if words else Kind.FACT if category else None
    found = _listed(visit, category=category, kind=kind, entity=entity or None, cursor=cursor)
    chosen = {"category": category or "", "words": "1" if words else "", "entity": entity}
    query = urlencode({name: value for name, value in chosen.items() if value})
    title = f"About {entity}" if entity else WORDS_KEPT if words else CATEGORIES[category] if category else "Everything"
    here = f"{HOME}/memories?{query}"
    values = _paged(visit, found)
    return render(visit, "listed.html", here="known", done=done, title=title, query=query, here_query=here, **values)


def memory(visit: Reading, memory_id: MemoryId, done: Done = "") -> Response:
    """Show one memory and how it came to say what it says."""
    return memory_page(visit, memory_id, done=done)


def memory_page(
    visit: Visit, memory_id: str, *, done: str = "", status: int = 200, draft: str | None = None, problem: str = ""
) -> Response:
    """Return the page of one memory; with a `draft`, a correction that could not be taken, and why.

    Raises MemoryNotFound.
    """
    versions = history(visit.engine, visit.caller, memory_id)
    now = current_version(visit.engine, visit.caller, memory_id)
    entries = shown(visit, versions)
    current = next(each for each in entries if (each.id, each.version) == now.key)
    return render(
        visit,
        "memory.html",
        here="known",
        status=status,
        done=done,
        memory=current,
        entries=entries,
        successor=now.superseded_by,
        draft=draft,
        problem=problem,
    )


def past(visit: Reading, cursor: Cursor = "") -> Response:
    """Show what does not hold any more, and what took its place."""
    found = _listed(visit, ended=True, cursor=cursor)
    records = [each.record for each in found.memories]
    successors = successors_of(visit.engine, visit.caller, records)
    later = dict(zip(successors, shown(visit, list(successors.values())), strict=True))
    values = _paged(visit, found)
    return render(visit, "past.html", here="past", later=later, **values)


def waiting(visit: Reading, cursor: Cursor = "", done: Done = "") -> Response:
    """Show what was kept aside as suspect, to be confirmed or forgotten."""
    found = _listed(visit, state=State.SUSPECT, cursor=cursor)
    return render(visit, "waiting.html", here="waiting", done=done, **_paged(visit, found))


def connections(visit: Reading) -> Response:
    """Show the people, things and projects as a picture and as a list."""
    facts = current_facts(visit.engine, visit.caller)
    graph = project(facts)
    picture = drawing.picture_of(graph, facts)
    return render(visit, "connections.html", here="connections", graph=graph, picture=picture, spoken=drawing.spoken)


def grown(visit: Reading) -> Response:
    """Show how memory grew, and what each client added."""
    found, now = survey(visit.engine, visit.caller), visit.engine.now()
    chart = growth.chart_of(found.lives, now=now)
    shares = [
        {**asdict(share), "client": program_named(share.client)} for share in growth.shares_of(found.lives, now=now)
    ]
    return render(visit, "growth.html", here="growth", chart=chart, shares=shares, survey=found)


def data(visit: Reading, done: Done = "") -> Response:
    """Show how much is held in all, with the ways to take it along and to have it forgotten."""
    found = survey(visit.engine, visit.caller)
    return render(visit, "data.html", here="data", done=done, survey=found, problem="")


def export(visit: Reading) -> Response:
    """Send everything that is held about the person, as JSON Lines, a little at a time."""
    response = streamed(everything_held(visit.engine, visit.caller))
    response.headers["Content-Disposition"] = 'attachment; filename="scrubjay-memories.jsonl"'
    return response


def _listed(visit: Visit, *, limit: int = PER_PAGE, **conditions: Any) -> Page:
    return list_memories(visit.engine, visit.caller, Listing(scope=Scope.USER, limit=limit, **conditions))


def _group(visit: Visit, name: str, query: str, **conditions: Any) -> dict[str, Any]:
    found = _listed(visit, limit=PER_CATEGORY, **conditions)
    return {"name": name, "query": query, **_paged(visit, found)}


def _paged(visit: Visit, found: Page) -> dict[str, Any]:
    memories = shown(visit, [each.record for each in found.memories])
    return {"memories": memories, "total": found.total, "next_cursor": found.next_cursor}


def _hits(visit: Visit, q: str) -> list[Shown]:
    if not q.strip():
        return []
    found = search(visit.engine, visit.caller, Question(query=q, limit=HITS, scope=Scope.USER, min_score=_LEAST_SCORE))
    return shown(visit, [hit.record for hit in found.hits])
