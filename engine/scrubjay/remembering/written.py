"""A row as a JSON object and back, nothing lost: how backups keep it."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from scrubjay.types import Kind, MemoryRecord, Relation, Scope, State

_MOMENTS = ("recorded_at", "occurred_at", "valid_from", "valid_to", "expires_at")
_LISTS = ("entities", "source_ids", "evidence")
_COLUMNS = frozenset(column.name for column in fields(MemoryRecord))


def written(record: MemoryRecord) -> dict[str, Any]:
    """Return the row as plain JSON values; moments are ISO 8601 to the microsecond."""
    shape = asdict(record)
    return shape | {name: shape[name].astimezone(UTC).isoformat() for name in _MOMENTS if shape[name] is not None}


def record_in(shape: Any) -> MemoryRecord:
    """Return the row in a JSON object that `written` made; raises ValueError for anything else."""
    if not isinstance(shape, Mapping) or shape.keys() != _COLUMNS:
        raise ValueError("the columns are not those of a memory")
    values = dict(shape)
    values |= {name: datetime.fromisoformat(shape[name]) for name in _MOMENTS if shape[name] is not None}
    values |= {name: tuple(shape[name]) for name in _LISTS}
    values["relations"] = tuple(Relation(**relation) for relation in shape["relations"])
    values |= {"scope": Scope(shape["scope"]), "kind": Kind(shape["kind"]), "state": State(shape["state"])}
    return MemoryRecord(**values)
