"""What callers hand in, as plain JSON values, made into the engine's own values; every problem is named."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from scrubjay.errors import InvalidInput
from scrubjay.journeys.listing import Listing
from scrubjay.journeys.searching import Question
from scrubjay.moments import last_instant, moment
from scrubjay.texts import entity_key, fitting
from scrubjay.types import (
    MAX_METADATA_CHARS,
    MAX_METADATA_DEPTH,
    MAX_NAME_CHARS,
    Category,
    FactDraft,
    JsonObject,
    Message,
    Relation,
    Scope,
    State,
)

E = TypeVar("E", bound=StrEnum)

_MESSAGE_FIELDS = ("role", "content", "name", "time", "metadata")
_FACT_FIELDS = (
    "text", "category", "entities", "relations", "evidence", "occurred_at", "valid_from", "expires_at", "importance",
    "replaces", "metadata",
)  # fmt: skip
_KNOWN_ROLES = ("user", "assistant", "system", "tool")
_ROLES = {
    "": "user",
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "developer": "system",
    "function": "tool",
}
_RELATION_FIELDS = ("subject", "predicate", "object")
ALL_SCOPES = "all"


def messages_of(given: str | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[Message]:
    """Return messages from a text, one message or a list of them; raises InvalidInput."""
    if isinstance(given, str):
        return [Message(content=given)]
    listed = [given] if isinstance(given, Mapping) else given
    if not isinstance(listed, list | tuple):
        raise InvalidInput("messages", f"is {type(given).__name__}; give a text, a message or a list of messages")
    return [message_of(item, field=f"messages[{number}]") for number, item in enumerate(listed)]


def question_of(
    query: str,
    *,
    limit: int = 10,
    max_tokens: int | None = None,
    scope: str = ALL_SCOPES,
    category: str = "",
    metadata: Mapping[str, Any] | None = None,
    since: str | datetime = "",
    until: str | datetime = "",
    as_of: str | datetime = "",
    min_score: float = 0.0,
    entity: str = "",
) -> Question:
    """Return what to search for, from plain values; raises InvalidInput that names the wrong one."""
    return Question(
        query=query,
        limit=limit,
        max_tokens=max_tokens,
        scope=scope_of(scope),
        category=category_of(category),
        metadata=metadata_of(metadata or {}),
        since=moment(since, field="since"),
        until=last_instant(until, field="until"),
        as_of=last_instant(as_of, field="as_of"),
        min_score=min_score,
        entity=entity_of(entity),
    )


def listing_of(
    *,
    scope: str = ALL_SCOPES,
    category: str = "",
    metadata: Mapping[str, Any] | None = None,
    state: str = "",
    limit: int = 50,
    max_tokens: int | None = None,
    cursor: str = "",
    as_of: str | datetime = "",
    include_superseded: bool = False,
    entity: str = "",
) -> Listing:
    """Return what to list, from plain values; raises InvalidInput that names the wrong one."""
    return Listing(
        scope=scope_of(scope),
        category=category_of(category),
        metadata=metadata_of(metadata or {}),
        state=_choice(State, state, field="state"),
        limit=limit,
        max_tokens=max_tokens,
        cursor=cursor,
        as_of=last_instant(as_of, field="as_of"),
        include_superseded=include_superseded,
        entity=entity_of(entity),
    )


def message_of(given: Mapping[str, Any], *, field: str) -> Message:
    """Return a message from a mapping with role, content and, if known, name, time (ISO 8601) and metadata."""
    values = _known(given, _MESSAGE_FIELDS, field=field)
    return _within(
        field,
        lambda: Message(
            content=_text(values, "content"),
            role=_role(_text(values, "role")),
            name=_text(values, "name"),
            time=moment(_text(values, "time"), field="time"),
            metadata=metadata_of(values.get("metadata") or {}),
        ),
    )


def _role(given: str) -> str:
    """Return a role in the words of the APIs, from the case and the names that other libraries have for it."""
    plain = given.strip().lower()
    role = _ROLES.get(plain, plain)
    if role not in _KNOWN_ROLES:
        raise InvalidInput("role", f"{given[:40]!r} is none of {', '.join(_KNOWN_ROLES)}")
    return role


def facts_of(given: object) -> list[FactDraft]:
    """Return fact drafts from mappings; raises InvalidInput that names the fact and the field."""
    if not isinstance(given, list | tuple):
        raise InvalidInput("facts", f"is {type(given).__name__}, not a list of facts")
    return [
        item if isinstance(item, FactDraft) else fact_of(item, field=f"facts[{number}]")
        for number, item in enumerate(given)
    ]


def fact_of(given: Mapping[str, Any], *, field: str) -> FactDraft:
    """Return a fact draft from a mapping; only `text` is needed."""
    values = _known(given, _FACT_FIELDS, field=field)
    return _within(
        field,
        lambda: FactDraft(
            text=_text(values, "text"),
            category=category_of(_text(values, "category")),
            entities=_texts(values, "entities"),
            relations=_relations(values.get("relations") or ()),
            evidence=_text(values, "evidence"),
            occurred_at=moment(_text(values, "occurred_at"), field="occurred_at"),
            valid_from=moment(_text(values, "valid_from"), field="valid_from"),
            expires_at=last_instant(_text(values, "expires_at"), field="expires_at"),
            importance=_number(values, "importance", default=0.5),
            replaces=_texts(values, "replaces"),
            metadata=metadata_of(values.get("metadata") or {}),
        ),
    )


def category_of(text: str) -> Category | None:
    """Return the category of that name in any case, None for ""; raises InvalidInput."""
    return _choice(Category, text, field="category")


def scope_of(text: str) -> Scope | None:
    """Return the scope of that name, None for "" and "all"; raises InvalidInput."""
    return None if text == ALL_SCOPES else _choice(Scope, text, field="scope")


def entity_of(text: str) -> str | None:
    """Return the name of an entity, None for blank text; raises InvalidInput."""
    name = fitting(text or "", field="entity", longest=MAX_NAME_CHARS)
    return name if entity_key(name) else None


def metadata_of(given: Mapping[str, Any]) -> JsonObject:
    """Return the caller's metadata, checked to be a JSON object of reasonable size; raises InvalidInput."""
    if not isinstance(given, Mapping):
        raise InvalidInput("metadata", "is not a JSON object")
    try:
        written = json.dumps(given, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("metadata", f"cannot be written as JSON ({error})") from error
    fitting(written, field="metadata", longest=MAX_METADATA_CHARS)
    if _is_deeper(given, MAX_METADATA_DEPTH):
        raise InvalidInput("metadata", f"is nested deeper than {MAX_METADATA_DEPTH} levels")
    parsed: dict[str, Any] = json.loads(written)
    return parsed


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, Mapping | list | tuple):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _choice(kind: type[E], text: str, *, field: str) -> E | None:
    if not text:
        return None
    try:
        return kind(text.strip().lower())
    except (ValueError, AttributeError) as error:
        raise InvalidInput(field, f"{str(text)[:40]!r} is none of {', '.join(kind)}") from error


def _relations(given: Any) -> tuple[Relation, ...]:
    if not isinstance(given, list | tuple):
        raise InvalidInput("relations", "is not a list of objects with subject, predicate and object")
    return tuple(_relation(item) for item in given)


def _relation(given: Mapping[str, Any]) -> Relation:
    values = _known(given, _RELATION_FIELDS, field="relations")
    return Relation(**{part: _text(values, part) for part in _RELATION_FIELDS})


def _known(given: Mapping[str, Any], fields: Sequence[str], *, field: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidInput(field, f"is not an object with the fields {', '.join(fields)}")
    for name in given:
        if name not in fields:
            raise InvalidInput(field, f"has no field {str(name)[:40]!r}; it takes {', '.join(fields)}")
    return given


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(name, f"is {type(value).__name__}, not text")
    return value


def _texts(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    listed = values.get(name) or ()
    if not isinstance(listed, list | tuple) or not all(isinstance(item, str) for item in listed):
        raise InvalidInput(name, "is not a list of texts")
    return tuple(listed)


def _number(values: Mapping[str, Any], name: str, *, default: float) -> float:
    value = values.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(name, f"is {type(value).__name__}, not a number")
    return float(value)


V = TypeVar("V")


def _within(field: str, build: Callable[[], V]) -> V:
    """Build a value; an error in one of its fields tells which item it was in."""
    try:
        return build()
    except InvalidInput as error:
        place = f"{field}.{error.field}" if field else error.field
        raise InvalidInput(place, str(error).removeprefix(f"{error.field} ")) from error
