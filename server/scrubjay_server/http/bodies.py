"""What the REST API takes and gives: the fields of the tools, in which null means the default."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from scrubjay.types import MAX_BATCH
from scrubjay_tools.arguments import (
    FIRST_WRONG,
    CategoryName,
    EntityName,
    FactArgument,
    Limit,
    MessageArgument,
    Metadata,
    MetadataFilter,
    ScopeName,
    ScopeOrAll,
    StateName,
)
from scrubjay_tools.boundary import Strict
from scrubjay_tools.replies import MemoryReply, ReceiptReply

SessionId = Annotated[str, Field(description="A conversation's id; needed for session scope.")]
_ABOUT = ("title", "description", "default")


class Body(Strict):
    """A body whose fields have the types of JSON as they are: no number in quotes, no 1 for true."""

    model_config = ConfigDict(strict=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema, in which every field with a default may be null."""
        told = handler.resolve_ref_schema(handler(schema))
        needed = told.get("required", [])
        told["properties"] = {
            name: field if name in needed or "anyOf" in field else _or_null(field)
            for name, field in told["properties"].items()
        }
        return told


def _or_null(field: dict[str, Any]) -> dict[str, Any]:
    outside = {name: part for name, part in field.items() if name in _ABOUT}
    kind = {name: part for name, part in field.items() if name not in _ABOUT}
    return {**outside, "anyOf": [kind, {"type": "null"}]}


class NewMessage(Body, MessageArgument):
    """Something that was said."""


class NewFact(Body, FactArgument):
    """One self-contained sentence worth remembering."""


class NewMemories(Body):
    """What to remember: what was said, facts, or both; facts then rest on what was said."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"content": "I moved from React to Vue last Monday."},
                {"facts": [{"text": "Ana's project uses Vue", "category": "project", "valid_from": "2026-11-16"}]},
            ]
        }
    )

    content: Annotated[str, Field(description="What was said, in plain text.")] = ""
    messages: Annotated[
        list[NewMessage], FIRST_WRONG, Field(max_length=MAX_BATCH, description="A conversation, in order.")
    ] = []
    facts: Annotated[list[NewFact], FIRST_WRONG, Field(max_length=MAX_BATCH, description="One fact each.")] = []
    scope: ScopeName = "user"
    session_id: SessionId = ""
    metadata: Metadata = {}
    infer: Annotated[bool, Field(description="False stores the words only and asks for no facts.")] = True


class Search(Body):
    """What to look for, and among what."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "What does Ana's project use?", "limit": 5}]})

    query: Annotated[str, Field(min_length=1, description="A question or a few words, names included.")]
    limit: Limit = 10
    max_tokens: Annotated[
        int | None, Field(ge=1, description="The reply's budget in tokens; null or left out: none.")
    ] = None
    scope: ScopeOrAll = "all"
    session_id: SessionId = ""
    category: CategoryName = ""
    metadata: MetadataFilter = {}
    since: Annotated[str, Field(description="Only what happened or was said from then on, ISO 8601.")] = ""
    until: Annotated[str, Field(description="Only up to then, ISO 8601; a date includes its whole day.")] = ""
    as_of: Annotated[str, Field(description="What was true then instead of now, ISO 8601.")] = ""
    min_score: Annotated[float, Field(ge=0, le=1, description="Leave out hits below this score.")] = 0.0
    entity: EntityName = ""


class NewWording(Body):
    """A correction."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "My name is Anna, with two n."}]})

    content: Annotated[str, Field(min_length=1, description="What it should say, as one self-contained sentence.")]


class Whose(BaseModel):
    """Whose memory is meant."""

    user_id: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        Field(description="A person of your tenant; anybody but yourself takes the scope `admin`. Default: you."),
    ] = None


class InSession(Whose):
    """Whose memory is meant, in which conversation."""

    session_id: SessionId = ""


class Listed(InSession):
    """What to list."""

    scope: ScopeOrAll = "all"
    category: CategoryName = ""
    state: Annotated[StateName, Field(description="suspect shows what waits to be confirmed.")] = ""
    limit: Limit = 50
    cursor: Annotated[str, Field(description="next_cursor of the page before.")] = ""
    as_of: Annotated[str, Field(description="What was true then instead of now, ISO 8601.")] = ""
    include_superseded: Annotated[bool, Field(description="Also what is no longer true.")] = False
    entity: EntityName = ""


class MemoryWithHistory(MemoryReply):
    """A memory as it holds now, and every version of it."""

    history: Annotated[
        list[MemoryReply], Field(description="All versions, newest first, then memories that it superseded.")
    ]


class Forgotten(BaseModel):
    """What was forgotten, and the proof of it, which holds no text."""

    forgotten: list[str]
    receipt: ReceiptReply
