"""Dates as people and models write them, made into moments; relative ones count from when they were said."""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scrubjay.errors import InvalidInput
from scrubjay.moments import moment

_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
            "nine": 9, "ten": 10, "a couple of": 2}  # fmt: skip
_COUNT = (
    r"(?<![\w.,-])(?<!half )(?<!and )(?<!or )(?P<count>\d{1,3}|"
    + "|".join(sorted(_NUMBERS, key=len, reverse=True))
    + r")\s+(?P<unit>day|week|month|year)s?"
)
_IN_COUNT = re.compile(rf"in {_COUNT}")
_WEEKDAY = rf"(?P<weekday>{'|'.join(_DAYS)})"
_FIRST_YEAR, _LAST_YEAR = 1000, 2999
_YEAR_ALONE, _MONTH_ALONE = re.compile(r"\d{4}"), re.compile(r"(\d{4})-(\d{1,2})")
_WRITTEN_OUT = ("%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y", "%B %Y", "%b %Y")

Resolve = Callable[["re.Match[str]", datetime], datetime]


def date_of(text: str, *, said_at: datetime) -> datetime | None:
    """Return the start of what a date names: ISO 8601, a year or month alone, written out, or relative to `said_at`.

    None for "" and for anything that is no date.
    """
    plain = " ".join(text.replace(",", " ").split())
    if _YEAR_ALONE.fullmatch(plain) and _FIRST_YEAR <= int(plain) <= _LAST_YEAR:
        return _started(int(plain), 1)
    if found := _MONTH_ALONE.fullmatch(plain):
        return _started(int(found[1]), int(found[2]))
    if found := _IN_COUNT.fullmatch(plain.casefold()):  # in a sentence it may say how long something took
        return _day(_shifted(said_at, _counted(found), found["unit"]))
    try:
        return moment(text, field="date")
    except InvalidInput:
        return _written_out(plain) or day_named_in(plain, said_at=said_at)


def day_named_in(text: str, *, said_at: datetime) -> datetime | None:
    """Return the day that the first relative expression in an English text means ("last Friday", "two weeks ago").

    A day is its start, 00:00 UTC. None when there is no such expression, or several that mean different days; "last
    month" names no day.
    """
    folded = text.casefold()
    try:
        days = {
            _day(resolve(found, said_at)) for pattern, resolve in _EXPRESSIONS for found in pattern.finditer(folded)
        }
    except OverflowError:  # at the ends of the calendar
        return None
    return days.pop() if len(days) == 1 else None


def _day(when: datetime) -> datetime:
    return when.replace(hour=0, minute=0, second=0, microsecond=0)


def _started(year: int, month: int) -> datetime | None:
    return datetime(year, month, 1, tzinfo=UTC) if 1 <= month <= 12 and year >= 1 else None  # noqa: PLR2004


def _written_out(text: str) -> datetime | None:
    for form in _WRITTEN_OUT:
        try:
            return datetime.strptime(re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _shifted(when: datetime, count: int, unit: str) -> datetime:
    """Return the day so many units away; the last day of the month where there is no such day."""
    try:
        if unit in {"day", "week"}:
            return when + timedelta(days=count * (7 if unit == "week" else 1))
        months = when.year * 12 + when.month - 1 + count * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        return when.replace(year=year, month=month + 1, day=min(when.day, calendar.monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError):
        return when


def _counted(found: "re.Match[str]") -> int:
    written = found["count"]
    return int(written) if written.isdigit() else _NUMBERS[written]


def _by(days: int) -> Resolve:
    return lambda _, said_at: said_at + timedelta(days=days)


def _last_weekday(found: "re.Match[str]", said_at: datetime) -> datetime:
    back = (said_at.weekday() - _DAYS.index(found["weekday"])) % 7 or 7
    return said_at - timedelta(days=back)


def _next_weekday(found: "re.Match[str]", said_at: datetime) -> datetime:
    ahead = (_DAYS.index(found["weekday"]) - said_at.weekday()) % 7 or 7
    return said_at + timedelta(days=ahead)


_EXPRESSIONS: tuple[tuple["re.Pattern[str]", Resolve], ...] = tuple(
    (re.compile(rf"\b{pattern}\b"), resolve)
    for pattern, resolve in (
        (r"(?:today|tonight|this (?:morning|afternoon|evening))(?!'s)", _by(0)),
        (r"(?<!before )yesterday(?!'s)|last night", _by(-1)),
        (r"(?<!after )(?<!from )tomorrow(?!'s)", _by(1)),
        (r"(?:the )?day before yesterday", _by(-2)),
        (r"(?:the )?day after tomorrow", _by(2)),
        (rf"{_COUNT} ago", lambda found, said_at: _shifted(said_at, -_counted(found), found["unit"])),
        (rf"(?<!the )(?<!before )(?<!every )(?:last|this past) {_WEEKDAY}(?! of)", _last_weekday),
        (rf"(?<!the )(?<!after )(?<!every )(?:next|this coming) {_WEEKDAY}(?! of)", _next_weekday),
    )
)
