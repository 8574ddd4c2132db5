"""The REST API: the same engine calls, results and rights as the tools, over plain HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Security
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBearer
from starlette.convertors import Convertor, register_url_convertor

from scrubjay.errors import MemoryNotFound
from scrubjay.inputs import listing_of, question_of
from scrubjay.journeys import forgetting, listing
from scrubjay.journeys.adding import add
from scrubjay.journeys.engine import Engine
from scrubjay.journeys.exporting import everything_held
from scrubjay.journeys.searching import search
from scrubjay.journeys.updating import update
from scrubjay.recall.reply import compact, told
from scrubjay.results import receipt_shape
from scrubjay.rights import Right
from scrubjay.types import Caller, MemoryRecord, Scope, Shown
from scrubjay_server.http.access import principal_of
from scrubjay_server.http.bodies import (
    Forgotten,
    InSession,
    Listed,
    MemoryWithHistory,
    NewMemories,
    NewWording,
    Search,
    Whose,
)
from scrubjay_server.http.guards import Turns
from scrubjay_server.http.plain import PlainRoute
from scrubjay_server.http.problems import ALWAYS, Problem, described
from scrubjay_server.streaming import JSON_LINES, streamed
from scrubjay_tools.add_memory import added_reply, addition_of
from scrubjay_tools.host import Principal, caller
from scrubjay_tools.replies import AddReply, ListReply, SearchReply, UpdateReply

_ORIGIN = "rest"
_WITH_BODY = (400, 408, 413, 415)
_BEARER = HTTPBearer(auto_error=False, description="A token that `scrubjay token create` has made.")

MemoryId = Annotated[str, Path(min_length=1, description="A memory's id, as search and list tell it.")]
UserId = Annotated[
    str, Path(min_length=1, description="A person of your tenant; anybody but yourself takes the scope `admin`.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request's way to the engine. `engine` waits until it is loaded: call it in a worker thread."""

    engine: Callable[[], Engine]
    principal: Principal

    def caller(self, user_id: str | None = None, *, session_id: str = "") -> Caller:
        """Return who asks, on behalf of `user_id` if that is somebody else of the tenant.

        What is then written is that person's own, so that "everything they wrote" stays whole. Raises NotAllowed.
        """
        asking = caller(self.principal, session_id=session_id, origin=_ORIGIN)
        if user_id is None or user_id == self.principal.user_id:
            return asking
        asking.require(Right.ADMIN)
        person = caller(replace(self.principal, user_id=user_id), session_id=session_id, origin=_ORIGIN)
        person.owner_of(Scope.USER)  # an id that can own nothing is refused
        return person


async def _visit(request: Request) -> Visit:
    return Visit(engine=request.app.state.engine, principal=principal_of(request))


Visiting = Annotated[Visit, Depends(_visit)]


class Anything(Convertor[str]):
    """A part of a path that may be any text, with slashes and line breaks."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """Return it as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return it as it is."""
        return value


register_url_convertor("anything", Anything())
router = APIRouter(
    prefix="/api/v1",
    route_class=PlainRoute,
    dependencies=[Security(_BEARER)],
    responses=described(*ALWAYS),
)


@router.post(
    "/memories",
    operation_id="add_memories",
    summary="Remember something",
    response_model=AddReply,
    response_model_exclude_unset=True,
    responses=described(*_WITH_BODY, 404),
    tags=["memories"],
)
def add_memories(visit: Visiting, new: NewMemories, whose: Annotated[Whose, Query()]) -> dict[str, Any]:
    """Store what was said, facts, or both, all or nothing; what is known already changes nothing.

    `event` says what became of each message or fact: `ADD`, `UPDATE`, `NONE` (known already), `PENDING` (kept, will be
    read for facts later) or `SUSPECT` (kept aside until the person confirms it).
    """
    who = visit.caller(whose.user_id, session_id=new.session_id)
    addition = addition_of(
        content=new.content,
        messages=new.messages,
        facts=new.facts,
        scope=new.scope,
        metadata=new.metadata,
        infer=new.infer,
    )
    return added_reply(add(visit.engine(), who, addition))


@router.get(
    "/memories",
    operation_id="list_memories",
    summary="List memories",
    response_model=ListReply,
    response_model_exclude_unset=True,
    responses=described(400),
    tags=["memories"],
)
def list_memories(visit: Visiting, wanted: Annotated[Listed, Query()]) -> dict[str, Any]:
    """Return one page, newest first; `next_cursor`, where there is one, is the `cursor` of the next."""
    who = visit.caller(wanted.user_id, session_id=wanted.session_id)
    page = listing.list_memories(
        visit.engine(), who, listing_of(**wanted.model_dump(exclude={"user_id", "session_id"}))
    )
    shape = {"memories": [told(shown) for shown in page.memories], "total": page.total}
    return {**shape, "next_cursor": page.next_cursor} if page.next_cursor else shape


@router.post(
    "/memories/search",
    operation_id="search_memories",
    summary="Search memories",
    response_model=SearchReply,
    response_model_exclude_unset=True,
    responses=described(*_WITH_BODY),
    tags=["memories"],
)
def search_memories(visit: Visiting, wanted: Search, whose: Annotated[Whose, Query()]) -> dict[str, Any]:
    """Return the best hits first. A score is how likely the hit answers, from 0 to 1; above 0.3 is good."""
    who = visit.caller(whose.user_id, session_id=wanted.session_id)
    engine = visit.engine()
    found = search(engine, who, question_of(**wanted.model_dump(exclude={"session_id"})))
    results = [told(hit) for hit in found.hits]
    tokens = found.tokens or engine.count_tokens(compact({"results": results}))
    return {"results": results, "tokens": tokens, "left_out": found.left_out}


@router.api_route("/memories/", methods=["GET", "PUT", "DELETE"], include_in_schema=False)
def read_nothing() -> None:
    """Tell that an empty id is nobody's; the router would send its client on to the list."""
    raise MemoryNotFound("")


@router.get(
    "/memories/{id}",
    operation_id="read_memory",
    summary="Read one memory with its history",
    response_model=MemoryWithHistory,
    response_model_exclude_unset=True,
    responses=described(400, 404),
    tags=["memories"],
)
def read_memory(visit: Visiting, id: MemoryId, whose: Annotated[InSession, Query()]) -> dict[str, Any]:  # noqa: A002
    """Return a memory as it holds now, else as it was last, and all its versions."""
    engine = visit.engine()
    versions = listing.history(engine, visit.caller(whose.user_id, session_id=whose.session_id), id)
    now = listing.version_that_holds([record for record in versions if record.id == id], engine.now())
    return {**_told(now), "history": [_told(record) for record in versions]}


def _told(record: MemoryRecord) -> dict[str, Any]:
    return told(Shown(record=record))


@router.put(
    "/memories/{id}",
    operation_id="update_memory",
    summary="Correct a memory",
    response_model=UpdateReply,
    responses=described(*_WITH_BODY, 404),
    tags=["memories"],
)
def update_memory(
    visit: Visiting,
    id: MemoryId,  # noqa: A002
    wording: NewWording,
    whose: Annotated[Whose, Query()],
) -> dict[str, Any]:
    """Change what a memory says because it was wrong from the start; the old wording stays in its history."""
    correction = update(visit.engine(), visit.caller(whose.user_id), id, wording.content)
    record = correction.record
    return {"id": record.id, "memory": record.text, "previous": correction.previous, "version": record.version}


@router.delete(
    "/memories/{id}",
    operation_id="forget_memory",
    summary="Forget one memory",
    response_model=Forgotten,
    responses=described(400, 404),
    tags=["memories"],
)
def forget_memory(visit: Visiting, id: MemoryId, whose: Annotated[Whose, Query()]) -> dict[str, Any]:  # noqa: A002
    """Erase every version of a memory and the words it rests on, for good."""
    receipt = forgetting.forget(visit.engine(), visit.caller(whose.user_id), [id])
    if not receipt.forgotten:
        raise MemoryNotFound(id)
    return _forgotten(receipt)


@router.delete(
    "/users/{user_id:anything}/memories",
    operation_id="forget_everything",
    summary="Forget everything about a person",
    response_model=Forgotten,
    responses=described(400),
    tags=["users"],
)
def forget_everything(visit: Visiting, user_id: UserId) -> dict[str, Any]:
    """Erase all that is remembered about a person, their sessions and what they taught the agent, for good."""
    return _forgotten(forgetting.forget_everything(visit.engine(), visit.caller(user_id), Scope.USER))


def _forgotten(receipt: forgetting.Receipt) -> dict[str, Any]:
    return {"forgotten": list(receipt.forgotten), "receipt": receipt_shape(receipt)}


_LINES = {
    "description": "One JSON object a line: one version of one memory.",
    "content": {JSON_LINES: {"schema": {"type": "string"}, "example": '{"id": "mnopqrabcdefghij", "memory": "…"}\n'}},
}


@router.get(
    "/users/{user_id:anything}/memories",
    operation_id="export_everything",
    summary="Everything held about a person",
    response_class=StreamingResponse,
    responses={200: _LINES, **described(400)},
    tags=["users"],
)
def export_everything(visit: Visiting, user_id: UserId) -> StreamingResponse:
    """Stream every version of every memory about a person, and what they taught the agent, as JSON Lines."""
    return streamed(everything_held(visit.engine(), visit.caller(user_id)))


def offer_api(app: FastAPI, *, engine: Callable[[], Engine], turns: Turns) -> None:
    """Add the routes to an application, and what their errors look like to its OpenAPI document."""
    app.state.engine, app.state.turns = engine, turns
    app.include_router(router)
    without_problems = app.openapi

    def document() -> dict[str, Any]:
        told_so_far = without_problems()
        told_so_far["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return told_so_far

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend the document
