"""What the tools answer: structured content of these shapes, and the same as short readable lines."""

from collections.abc import Iterable, Mapping
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from scrubjay.texts import RECALL_HEADING, one_line

LONG_CHARS = 500


class MemoryReply(BaseModel):
    """A memory; fields with nothing to say are left out."""

    id: str
    memory: str
    score: float | None = None
    kind: str = ""
    scope: str = ""
    category: str = ""
    role: str = ""
    name: str = ""
    recorded_at: str = ""
    occurred_at: str = ""
    valid_from: str = ""
    valid_to: str = ""
    superseded_by: str = ""
    entities: list[str] = []
    evidence: list[str] = []
    metadata: dict[str, Any] = {}
    version: int = 1
    state: str = ""
    truncated: bool = False


class SearchReply(BaseModel):
    """Hits, best first."""

    results: list[MemoryReply]
    tokens: int
    left_out: int


class ListReply(BaseModel):
    """One page of memories, newest first."""

    memories: list[MemoryReply]
    total: int
    next_cursor: str = ""


class OutcomeReply(BaseModel):
    """What became of one message or fact."""

    id: str
    memory: str
    event: str
    previous: str = ""


class RelatedReply(BaseModel):
    """A memory close to another."""

    id: str
    memory: str
    score: float


class AddReply(BaseModel):
    """What was stored, and what is close to it."""

    results: list[OutcomeReply]
    related: list[RelatedReply] = []
    note: str = ""


class UpdateReply(BaseModel):
    """A corrected memory."""

    id: str
    memory: str
    previous: str
    version: int


class ReceiptReply(BaseModel):
    """Proof of a forgetting; it holds no text."""

    erased: int
    rewritten: int
    at: str
    verified: dict[str, int]
    files_removed: int


class ForgetReply(BaseModel):
    """What was forgotten, or what could be."""

    forgotten: list[str] = []
    candidates: list[RelatedReply] = []
    receipt: ReceiptReply | None = None


def reply(shape: Mapping[str, Any], lines: Iterable[str]) -> CallToolResult:
    """Return structured content and its readable text."""
    text = "\n".join([f"{RECALL_HEADING}.", *lines])
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=dict(shape))


def shortened(shape: Mapping[str, Any], *, longest: int = LONG_CHARS) -> dict[str, Any]:
    """Return a shape whose texts are short: who sent or can read the whole does not need it back."""
    return {
        name: one_line(value, longest=longest) if name in {"memory", "previous"} and len(value) > longest else value
        for name, value in shape.items()
    }
