"""Points in time: every one is UTC, and a date alone means the whole UTC day."""

from datetime import UTC, date, datetime, timedelta

from scrubjay.errors import InvalidInput

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)
_LAST = datetime.max.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(given: str | datetime, *, field: str) -> datetime | None:
    """Return the start of what ISO 8601 text names, in UTC; None for "". A time without an offset is UTC.

    Raises InvalidInput for anything else.
    """
    if isinstance(given, str) and not given.strip():
        return None
    try:
        parsed = given if isinstance(given, datetime) else datetime.fromisoformat(given.strip())
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError, AttributeError, TypeError) as error:
        raise InvalidInput(
            field, f"{str(given)[:40]!r} is not a date; use ISO 8601, like 2026-11-20 or 2026-11-20T09:30:00Z"
        ) from error


def last_instant(given: str | datetime, *, field: str) -> datetime | None:
    """Return the last instant of what is named: of the day for a date alone, of the second for a time without parts."""
    start = moment(given, field=field)
    if start is None or isinstance(given, datetime):
        return start
    span = _DAY if _is_date(given.strip()) else _SECOND if "." not in given and "," not in given else _INSTANT
    return start + (span - _INSTANT) if start <= _LAST - span else _LAST


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def micros(when: datetime) -> int:
    """Return microseconds since 1970, UTC."""
    return (when - _EPOCH) // _INSTANT


def from_micros(value: int) -> datetime:
    """Return the moment so many microseconds after 1970 began, UTC."""
    return _EPOCH + timedelta(microseconds=value)


def shown(when: datetime | None) -> str:
    """Return `when` as ISO 8601 to the second with a Z ("2026-11-20T09:30:00Z"), "" for None."""
    return "" if when is None else f"{when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def shown_day(when: datetime | None) -> str:
    """Return the day of `when` ("2026-11-20"), "" for None."""
    return "" if when is None else when.astimezone(UTC).date().isoformat()
