"""What a `Filter` means, in Python: the yardstick that every store's own filter language is tested against."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from scrubjay.graph.subject import Statement, Subject, subject_of
from scrubjay.types import Filter, JsonObject, Kind, MemoryRecord, Position, Scope, State, Visibility


def metadata_terms(metadata: JsonObject) -> tuple[str, ...]:
    """Return one canonical text per key and value; two objects agree on a key exactly when they share its term."""
    return tuple(json.dumps([key, _canonical(value)], sort_keys=True) for key, value in metadata.items())


def _canonical(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON does not tell 1.0 from 1
    if isinstance(value, dict):
        return {key: _canonical(inner) for key, inner in value.items()}
    return [_canonical(inner) for inner in value] if isinstance(value, list) else value


def matching(records: Iterable[MemoryRecord], where: Filter) -> list[MemoryRecord]:
    """Return those of an owner's rows that satisfy every condition of the filter."""
    rows = list(records)
    claiming = [row for row in rows if row.kind is Kind.FACT and row.state is not State.SUSPECT]
    claimed = {source for row in claiming for source in row.source_ids} if where.unclaimed else set()
    subject = None if where.entity is None else _subject(rows, where, where.entity)
    return [
        row
        for row in rows
        if all(condition(row, where) for condition in _CONDITIONS)
        and not (row.kind is Kind.EPISODE and row.id in claimed)
        and (subject is None or _is_about(row, subject))
    ]


def stating(where: Filter) -> Filter:
    """Return the filter of the facts that say what its entity's names are and which rows are about it.

    What the caller does not see, or has expired, says nothing.
    """
    return Filter(visible=where.visible, kind=Kind.FACT, alive_at=where.alive_at or where.current_at)


def _subject(rows: list[MemoryRecord], where: Filter, entity: str) -> Subject:
    facts = [Statement.of(row) for row in matching(rows, stating(where))]
    return subject_of(entity, facts, at=where.as_of or where.current_at)


def _is_about(record: MemoryRecord, subject: Subject) -> bool:
    return record.key in subject.keys or (record.kind is Kind.EPISODE and record.id in subject.episode_ids)


def is_visible(record: MemoryRecord, visible: Visibility) -> bool:
    """Whether a caller with this visibility may recall the row."""
    if record.scope not in visible.scopes:
        return False
    return record.scope is not Scope.SESSION or record.session_id == visible.session_id


def order(record: MemoryRecord) -> tuple[Any, ...]:
    """The sort key of listings; used with `reverse=True`, newest first."""
    return (record.recorded_at, record.id, record.version)


def is_after(record: MemoryRecord, position: Position) -> bool:
    """Whether a row comes after `position` in a listing."""
    return order(record) < (position.recorded_at, position.id, position.version)


def _is_current(record: MemoryRecord, where: Filter) -> bool:
    return where.current_at is None or record.is_current(where.current_at)


def _has_ended(record: MemoryRecord, where: Filter) -> bool:
    return where.ended_at is None or record.has_ended(where.ended_at)


def _was_true(record: MemoryRecord, where: Filter) -> bool:
    then = where.as_of
    return then is None or (record.valid_from <= then and (record.valid_to is None or record.valid_to > then))


def _is_in_range(record: MemoryRecord, where: Filter) -> bool:
    when = record.occurred_at or record.valid_from
    return (where.since is None or when >= where.since) and (where.until is None or when <= where.until)


def _is_alive(record: MemoryRecord, where: Filter) -> bool:
    has_expired = where.expired_at is None or not record.is_alive(where.expired_at)
    return has_expired and (where.alive_at is None or record.is_alive(where.alive_at))


def _has_metadata(record: MemoryRecord, where: Filter) -> bool:
    return not where.metadata or set(metadata_terms(where.metadata)) <= set(metadata_terms(record.metadata))


def _rests_on(record: MemoryRecord, where: Filter) -> bool:
    if where.rests_on is None:
        return True
    return record.kind is Kind.FACT and not set(where.rests_on).isdisjoint(record.source_ids)


_CONDITIONS: tuple[Callable[[MemoryRecord, Filter], bool], ...] = (
    lambda record, where: where.visible is None or is_visible(record, where.visible),
    lambda record, where: where.ids is None or record.id in where.ids,
    lambda record, where: record.id not in where.without_ids,
    lambda record, where: where.digests is None or record.digest in where.digests,
    lambda record, where: where.kind is None or record.kind is where.kind,
    lambda record, where: where.states is None or record.state in where.states,
    lambda record, where: where.category in {None, record.category},
    lambda record, where: where.superseded_by is None or record.superseded_by in where.superseded_by,
    lambda record, where: where.session_id in {None, record.session_id},
    lambda record, where: where.written_by in {None, record.written_by},
    _has_metadata,
    _is_current,
    _has_ended,
    _was_true,
    _is_in_range,
    _is_alive,
    _rests_on,
)
