"""How a memory is told: the fields of the outer contract, empty ones left out."""

import json
from collections.abc import Mapping
from typing import Any

from scrubjay.moments import shown
from scrubjay.texts import one_line
from scrubjay.types import Shown, State

_LINE_CHARS = 300
_NAME_CHARS = 60
_USUAL = {"scope": "user", "category": "other", "role": "user", "version": 1, "state": "ready"}
"""What a memory that is told briefly does not say."""


def told(shown_memory: Shown) -> dict[str, Any]:
    """Return a memory as JSON values: moments as ISO 8601, and only the fields that say something.

    A brief one leaves out what is usual, when it was recorded, and one of two dates that are the same.
    """
    record, score = shown_memory.record, shown_memory.score
    shape: dict[str, Any] = {
        "id": record.id,
        "memory": record.text,
        "score": "" if score is None else round(score, 3),
        "kind": record.kind.value,
        "scope": record.scope.value,
        "category": str(record.category),
        "role": record.role,
        "name": record.name,
        "recorded_at": shown(record.recorded_at),
        "occurred_at": shown(record.occurred_at),
        "valid_from": shown(record.valid_from),
        "valid_to": shown(record.valid_to),
        "superseded_by": record.superseded_by,
        "entities": list(record.entities),
        "evidence": list(record.evidence),
        "metadata": dict(record.metadata),
        "version": record.version,
        "state": record.state.value,
        "truncated": shown_memory.truncated or "",
    }
    if shown_memory.brief:
        shape = {name: value for name, value in shape.items() if value != _USUAL.get(name)}
        shape["recorded_at"] = "" if shape["valid_from"] else shape["recorded_at"]
        shape["valid_from"] = "" if shape["valid_from"] == shape["occurred_at"] else shape["valid_from"]
    return {name: value for name, value in shape.items() if value not in ("", [], {})}


def memory_line(shape: Mapping[str, Any]) -> str:
    """Return one memory on one line: since when, who said it, what, and its id."""
    day = str(shape.get("occurred_at") or shape.get("valid_from") or shape.get("recorded_at") or "")[:10]
    until = f" until {shape['valid_to'][:10]}" if shape.get("valid_to") else ""
    speaker = f"{one_line(shape['name'], longest=_NAME_CHARS)}: " if shape.get("name") else ""
    text = one_line(str(shape["memory"]), longest=_LINE_CHARS)
    state = shape.get("state") or State.READY
    mark = f"{state}, " if state != State.READY else ""
    named = f"({mark}id {shape['id']})" if shape["id"] else ""
    return f"- [{day}{until}] {speaker}{text} {named}".rstrip() if day else f"- {text} {named}".rstrip()


def compact(shape: Mapping[str, Any]) -> str:
    """Return the JSON text whose tokens count against a budget."""
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":"))
