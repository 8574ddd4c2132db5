"""The tool list_memories."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from scrubjay.errors import InvalidInput
from scrubjay.inputs import listing_of
from scrubjay.journeys import listing
from scrubjay.journeys.engine import Engine
from scrubjay.recall.budget import first_page
from scrubjay.recall.reply import memory_line, told
from scrubjay.types import Caller, Shown
from scrubjay_tools.arguments import (
    CategoryName,
    EntityName,
    Limit,
    MaxTokens,
    MetadataFilter,
    ScopeOrAll,
    SessionId,
    StateName,
)
from scrubjay_tools.host import Host, caller_of, engine_of
from scrubjay_tools.replies import ListReply, reply


def list_memories(
    ctx: Context[Host],
    scope: ScopeOrAll = "all",
    session_id: SessionId = "",
    category: CategoryName = "",
    metadata: MetadataFilter = {},  # noqa: B006 - the SDK reads it as the schema's default and never changes it
    state: Annotated[StateName, Field(description="suspect shows what waits to be confirmed.")] = "",
    limit: Limit = 50,
    max_tokens: MaxTokens = 800,
    cursor: Annotated[str, Field(description="next_cursor of the page before.")] = "",
    as_of: Annotated[str, Field(description="What was true then instead of now, ISO 8601.")] = "",
    history_of: Annotated[str, Field(description="A memory's id: shows all its versions instead.")] = "",
    include_superseded: Annotated[bool, Field(description="Also what is no longer true.")] = False,
    entity: EntityName = "",
) -> Annotated[CallToolResult, ListReply]:
    """Show what is remembered, newest first, page by page.

    Use it when the person asks what you know about them, or to find the id of something to correct or forget. To
    answer a question use search_memories instead.

    history_of shows how one memory changed over time, newest version first.
    """
    engine, caller = engine_of(ctx), caller_of(ctx, session_id)
    if history_of:
        return _history(engine, caller, history_of, max_tokens=max_tokens, alone=not (cursor or as_of or entity))
    wanted = listing_of(
        scope=scope,
        category=category,
        metadata=metadata,
        state=state,
        limit=limit,
        max_tokens=max_tokens,
        cursor=cursor,
        as_of=as_of,
        include_superseded=include_superseded,
        entity=entity,
    )
    page = listing.list_memories(engine, caller, wanted)
    memories = [told(shown) for shown in page.memories]
    shape = {"memories": memories, "total": page.total}
    lines = [memory_line(memory) for memory in memories] or ["Nothing is remembered here."]
    if page.next_cursor:
        shape["next_cursor"] = page.next_cursor
        lines.append(f"… {page.total} in all; go on with cursor={page.next_cursor}")
    return reply(shape, lines)


def _history(engine: Engine, caller: Caller, memory_id: str, *, max_tokens: int, alone: bool) -> CallToolResult:
    if not alone:
        raise InvalidInput("history_of", "shows all versions of one memory; leave cursor, as_of and entity out")
    versions = [Shown(record=record) for record in listing.history(engine, caller, memory_id)]
    frame = {"memories": [], "total": len(versions)}
    page = [
        told(shown)
        for shown in first_page(versions, frame=frame, max_tokens=max_tokens, count_tokens=engine.count_tokens)
    ]
    more = [f"… and {len(versions) - len(page)} older; raise max_tokens"] if len(versions) > len(page) else []
    return reply({"memories": page, "total": len(versions)}, [*map(memory_line, page), *more])
