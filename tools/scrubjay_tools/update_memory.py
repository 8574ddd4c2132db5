"""The tool update_memory."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from scrubjay.journeys.updating import update
from scrubjay.recall.reply import memory_line
from scrubjay_tools.host import Host, caller_of, engine_of
from scrubjay_tools.replies import UpdateReply, reply, shortened


def update_memory(
    ctx: Context[Host],
    memory_id: Annotated[str, Field(description="The memory's id, from search_memories or list_memories.")],
    content: Annotated[str, Field(description="What it should say, as one self-contained sentence.")],
) -> Annotated[CallToolResult, UpdateReply]:
    """Correct a memory that was wrong from the start ("My name is Anna, with two n").

    The old wording stays in the
    history. If it was true and has changed since, use add_memory with a fact that `replaces` it instead.
    """
    correction = update(engine_of(ctx), caller_of(ctx), memory_id, content)
    record = correction.record
    shape = shortened(
        {"id": record.id, "memory": record.text, "previous": correction.previous, "version": record.version}
    )
    lines = [f"Now {memory_line(shape)[2:]}", f"Before: {memory_line({**shape, 'memory': shape['previous']})[2:]}"]
    return reply(shape, lines)
