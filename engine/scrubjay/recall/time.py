"""The days that a query names; what was said about then goes first."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from scrubjay.dates import day_named_in
from scrubjay.moments import micros

_MONTHS = "January February March April May June July August September October November December".split()
_WORDS = ("March", "May", "August")  # in small letters they are no months
_ANY_CASE = "|".join(month for month in _MONTHS if month not in _WORDS)
_MONTH = rf"(?P<month>March|May(?! (?:I|we|you|he|she|it|they|my|the)\b)|August|(?i:{_ANY_CASE}))"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_WRITTEN = re.compile(
    rf"\b(?:{_DAY}\s+(?:of\s+)?)?{_MONTH}\b(?:\s+(?P<day_after>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d))?(?:,?\s+{_YEAR}\b)?"
)
_ISO = re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)(?:-(?P<day>\d\d))?\b")
_YEAR_ALONE = re.compile(rf"\b{_YEAR}\b(?!-\d)")
_LATELY = re.compile(
    r"\b(?P<which>last|past|previous|this)\s+(?:(?P<count>\d+|couple of|few|two|three|four|five|six)\s+)?"
    r"(?P<unit>day|week|weekend|month|year)s?\b"
)
_COUNTS = {"couple of": 2, "few": 3, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_UNIT_DAYS = {"day": 1, "week": 7, "weekend": 7, "month": 31, "year": 366}
_MOST_UNITS = 99
_TOLD_LATER = timedelta(days=7)  # what happened is told on the day or within a week
_SLACK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTime:
    """When a query is about: spans of microseconds since 1970, and months of any year."""

    spans: tuple[tuple[int, int], ...] = ()
    months: frozenset[int] = field(default=frozenset())

    def __bool__(self) -> bool:
        return bool(self.spans or self.months)

    def fits(self, said_at: int) -> bool:
        """Whether something said at this moment (microseconds since 1970, UTC) may be about then."""
        if any(begin <= said_at <= end for begin, end in self.spans):
            return True
        if not self.months:
            return False
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=said_at)).month in self.months


def named_time(text: str, *, now: datetime, told: bool = True) -> NamedTime:
    """Return when an English query is about; "last week" and the like count back from `now`.

    Today and what is still going on is named only if the query is about what was `told` or happened: "what shall I cook
    tonight?" asks for nothing that was said today. What lies beyond the ends of the calendar is not named.
    """
    spans = [*_written(text)]
    with suppress(OverflowError):
        spans.extend(_relative(text, now, told=told))
    months = {_MONTHS.index(found["month"].capitalize()) + 1 for found in _WRITTEN.finditer(text) if not found["year"]}
    return NamedTime(
        spans=tuple((micros(begin), micros(end)) for begin, end in spans),
        months=frozenset(months if not _YEAR_ALONE.search(text) else ()),
    )


def _written(text: str) -> Iterator[tuple[datetime, datetime]]:
    years = [int(found["year"]) for found in _YEAR_ALONE.finditer(text)]
    months = False
    for found in _WRITTEN.finditer(text):
        months = True
        day = int(found["day"] or found["day_after"] or 0)
        for year in [int(found["year"])] if found["year"] else years:
            yield from _span(year, _MONTHS.index(found["month"].capitalize()) + 1, day)
    for found in _ISO.finditer(text):
        yield from _span(int(found["year"]), int(found["month"]), int(found["day"] or 0))
    if not months:
        for year in years:
            yield datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


def _span(year: int, month: int, day: int) -> Iterator[tuple[datetime, datetime]]:
    try:
        begin = datetime(year, month, day or 1, tzinfo=UTC)
    except ValueError:
        return
    end = begin + timedelta(days=1) if day else (begin + timedelta(days=31)).replace(day=1)
    yield begin - _SLACK if day else begin, end + _TOLD_LATER


def _relative(text: str, now: datetime, *, told: bool) -> Iterator[tuple[datetime, datetime]]:
    day = day_named_in(text, said_at=now)
    if day is not None and (told or day.date() < now.date()):
        slack = max(_SLACK, (now - day) / 7)  # who says "three weeks ago" counts weeks, not days
        yield day - slack, day + slack + _SLACK
    for found in _LATELY.finditer(text.casefold()):
        if found["which"] == "this" and not told:
            continue
        written = found["count"] or "1"
        count = _COUNTS.get(written) or int(written[:3])  # Python refuses to read thousands of digits
        yield now - timedelta(days=min(count, _MOST_UNITS) * _UNIT_DAYS[found["unit"]]) - _SLACK, now
