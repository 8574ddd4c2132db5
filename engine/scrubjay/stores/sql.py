"""A `Filter` as an SQL condition, with our own quoting: LanceDB binds no parameters."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from scrubjay.erasures import Erasure
from scrubjay.graph.subject import Subject
from scrubjay.stores.matching import metadata_terms
from scrubjay.types import Filter, Position, Scope, Visibility


def quoted(text: str) -> str:
    """Return `text` as an SQL literal: quotes doubled, and nothing else has a meaning (backslash included)."""
    return "'" + text.replace("'", "''") + "'"


def condition(
    where: Filter, *, after: Position | None = None, claimed: Iterable[str] = (), subject: Subject | None = None
) -> str:
    """Return the condition that holds for exactly the rows that match, "" when that is every row.

    `claimed`: the episodes that facts rest on, looked up by the store when the filter asks for the others. `subject`:
    the rows about the filter's entity, looked up as well.
    """
    parts = [*_conditions(where)]
    if after is not None:
        parts.append(_is_after(after))
    if ids := list(claimed):
        parts.append(f"kind <> 'episode' OR NOT ({_is_one_of('id', ids)})")
    if subject is not None:
        parts.append(_is_about(subject))
    return " AND ".join(f"({part})" for part in parts)


def erased_condition(erasure: Erasure) -> str:
    """Return the condition that holds for the rows that an erasure takes."""
    parts = [_is_one_of("id", erasure.ids), *_by_version(erasure.versions)]
    return "true" if erasure.everything else " OR ".join(f"({part})" for part in parts)


def _conditions(where: Filter) -> Iterator[str]:
    yield from _identity(where)
    yield from _time(where)
    if where.visible is not None:
        yield _is_visible(where.visible)
    yield from (f"array_has(metadata_terms, {quoted(term)})" for term in metadata_terms(where.metadata))
    if where.rests_on is not None:
        yield "kind = 'fact'"
        listed = ", ".join(quoted(i) for i in where.rests_on)
        yield f"array_has_any(source_ids, [{listed}])" if listed else "false"


def _identity(where: Filter) -> Iterator[str]:
    if where.ids is not None:
        yield _is_one_of("id", where.ids)
    if where.without_ids:
        yield f"NOT ({_is_one_of('id', where.without_ids)})"
    if where.digests is not None:
        yield _is_one_of("digest", where.digests)
    if where.states is not None:
        yield _is_one_of("state", sorted(where.states))
    if where.kind is not None:
        yield f"kind = {quoted(where.kind)}"
    if where.superseded_by is not None:
        yield _is_one_of("superseded_by", where.superseded_by)
    for column in ("category", "session_id", "written_by"):
        value = getattr(where, column)
        if value is not None:
            yield f"{column} = {quoted(value)}"


def _time(where: Filter) -> Iterator[str]:
    if where.current_at is not None:
        now = _instant(where.current_at)
        yield f"valid_to IS NULL OR (valid_to > {now} AND valid_to > valid_from)"
        yield f"expires_at IS NULL OR expires_at > {now}"
    if where.ended_at is not None:
        yield f"valid_to <= {_instant(where.ended_at)} OR valid_to <= valid_from"
    if where.as_of is not None:
        then = _instant(where.as_of)
        yield f"valid_from <= {then} AND (valid_to IS NULL OR valid_to > {then})"
    if where.alive_at is not None:
        yield f"expires_at IS NULL OR expires_at > {_instant(where.alive_at)}"
    if where.expired_at is not None:
        yield f"expires_at <= {_instant(where.expired_at)}"
    if where.since is not None:
        yield f"coalesce(occurred_at, valid_from) >= {_instant(where.since)}"
    if where.until is not None:
        yield f"coalesce(occurred_at, valid_from) <= {_instant(where.until)}"


def _is_visible(visible: Visibility) -> str:
    others = visible.scopes - {Scope.SESSION}
    parts = [_is_one_of("scope", sorted(others))] if others else []
    if Scope.SESSION in visible.scopes:
        parts.append(f"scope = 'session' AND session_id = {quoted(visible.session_id)}")
    return " OR ".join(f"({part})" for part in parts) or "false"


def _is_about(subject: Subject) -> str:
    facts = _by_version(subject.keys)
    episodes = f"kind = 'episode' AND {_is_one_of('id', sorted(subject.episode_ids))}"
    return " OR ".join(f"({part})" for part in [*facts, episodes])


def _by_version(keys: Iterable[tuple[str, int]]) -> list[str]:
    """Return one condition for each version number, that its rows are among these ids."""
    ids_by_version: dict[int, list[str]] = {}
    for memory_id, version in sorted(keys):
        ids_by_version.setdefault(version, []).append(memory_id)
    return [f"version = {int(version)} AND {_is_one_of('id', ids)}" for version, ids in ids_by_version.items()]


def _is_after(position: Position) -> str:
    at, identity = _instant(position.recorded_at), quoted(position.id)
    same_row = f"id < {identity} OR (id = {identity} AND version < {int(position.version)})"
    return f"recorded_at < {at} OR (recorded_at = {at} AND ({same_row}))"


def _is_one_of(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(quoted(value) for value in values)
    return f"{column} IN ({listed})" if listed else "false"


def _instant(when: datetime) -> str:
    return f"timestamp '{when.astimezone(UTC).isoformat()}'"
