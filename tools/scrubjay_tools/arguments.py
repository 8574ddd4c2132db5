"""What a model may send, field by field; the descriptions are written for it."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, FailFast, Field

from scrubjay.types import MAX_BATCH
from scrubjay_tools.boundary import Strict

FIRST_WRONG = FailFast()
"""For lists: only the first item that is wrong is told, as there is room for millions of them in a request."""


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


CategoryName = Annotated[
    Literal[
        "", "identity", "preference", "goal", "constraint", "project", "skill", "relationship", "event", "instruction",
        "knowledge", "other",
    ],
    BeforeValidator(_lower),
]  # fmt: skip
ScopeName = Annotated[Literal["user", "session", "agent"], BeforeValidator(_lower)]
ScopeOrAll = Annotated[Literal["all", "user", "session", "agent"], BeforeValidator(_lower)]
StateName = Annotated[Literal["", "ready", "pending", "suspect"], BeforeValidator(_lower)]
SessionId = Annotated[
    str, Field(description="This conversation's id, chosen by you once. Needed for session scope, else optional.")
]
Metadata = Annotated[dict[str, Any], Field(description="Your own labels, a JSON object.")]
MetadataFilter = Annotated[dict[str, Any], Field(description="Only memories whose metadata has these values.")]
EntityName = Annotated[str, Field(description="Only what is about this person, place or thing, by name.")]
Limit = Annotated[int, Field(ge=1, le=MAX_BATCH)]
MaxTokens = Annotated[int, Field(ge=1, description="The reply's budget in tokens.")]


class MessageArgument(Strict):
    """Something that was said."""

    role: Annotated[Literal["user", "assistant", "system", "tool"], BeforeValidator(_lower)] = "user"
    content: str
    name: Annotated[str, Field(description="Who said it.")] = ""
    time: Annotated[str, Field(description="When, ISO 8601.")] = ""
    metadata: Metadata = {}


class RelationArgument(Strict):
    """How two entities are connected."""

    subject: str
    predicate: Annotated[str, Field(description="In English, like works_at; also_known_as for another name.")]
    object: str


class FactArgument(Strict):
    """One self-contained sentence worth remembering."""

    text: Annotated[
        str,
        Field(
            description="One atomic fact, understandable on its own: third person with the name if known, absolute "
            "dates instead of 'yesterday', names and numbers kept, in the person's own language."
        ),
    ]
    category: CategoryName = ""
    entities: Annotated[
        list[str], FIRST_WRONG, Field(description="People, places, products, projects named in it.")
    ] = []
    relations: Annotated[list[RelationArgument], FIRST_WRONG] = []
    evidence: Annotated[
        str, Field(description="The exact words it rests on. Needed when content or messages are given.")
    ] = ""
    occurred_at: Annotated[str, Field(description="When the event happened, ISO 8601.")] = ""
    valid_from: Annotated[
        str, Field(description="Since when it is true, ISO 8601; default: when it was said, else now.")
    ] = ""
    expires_at: Annotated[str, Field(description="Until when to keep it, ISO 8601.")] = ""
    importance: Annotated[float, Field(ge=0, le=1)] = 0.5
    replaces: Annotated[
        list[str], FIRST_WRONG, Field(description="Ids of memories that are no longer true because of this one.")
    ] = []
    metadata: Metadata = {}
