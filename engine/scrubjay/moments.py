"""Points in time: every one is UTC, and a date alone means the whole UTC day."""

import re
from datetime import UTC, date, datetime, time, timedelta

from scrubjay.errors import InvalidInput

_DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


def moment(text: str, *, field: str) -> datetime | None:
    """Return the start of what ISO 8601 `text` names, in UTC; None for "". A time without an offset is UTC.

    Raises InvalidInput for anything else.
    """
    if not text.strip():
        return None
    try:
        parsed = datetime.fromisoformat(text.strip())
        if parsed.tzinfo is None:
            return parsed.replace(tzinfo=UTC)
        return parsed.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            field, f"{text[:40]!r} is not a date; use ISO 8601, like 2026-11-20 or 2026-11-20T09:30:00Z"
        ) from error


def last_instant(text: str, *, field: str) -> datetime | None:
    """Return the last instant of what `text` names: the end of the day for a date alone, else the moment itself."""
    start = moment(text, field=field)
    if start is None or not _DATE_ONLY.fullmatch(text.strip()):
        return start
    if start.date() == date.max:
        return datetime.combine(date.max, time.max, tzinfo=UTC)
    return start + _DAY - _INSTANT


def shown(when: datetime | None) -> str:
    """Return `when` as ISO 8601 to the second with a Z ("2026-11-20T09:30:00Z"), "" for None."""
    return "" if when is None else f"{when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def shown_day(when: datetime | None) -> str:
    """Return the day of `when` ("2026-11-20"), "" for None."""
    return "" if when is None else when.astimezone(UTC).date().isoformat()
