"""How memory grew, as columns of a chart, and who added how much. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scrubjay.journeys.surveying import Life
from scrubjay_server.dashboard.words import MONTHS

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 20, 40
_MOST_COLUMNS = 36
_DAY = timedelta(days=1)
_GAP = 0.28
_STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1_000, 2_000, 2_500, 5_000, 10_000, 20_000, 50_000, 100_000)
_MOST_MARKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A span of time: how many memories came in it, and how many held at its end; and its place in the chart."""

    name: str
    short: str
    came: int
    known: int
    x: float
    width: float
    height: float
    y: float
    line_x: float
    line_y: float
    is_named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Columns, oldest first, what one of them is ("day", "week", "month" or "year"), and marks of the scale."""

    columns: tuple[Column, ...]
    span: str
    marks: tuple[tuple[int, float], ...]

    @property
    def line(self) -> str:
        """The points of the line of what was known."""
        return " ".join(f"{column.line_x},{column.line_y}" for column in self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A client, or an importer, and how many memories it added, how many of them still hold, and the share of all."""

    client: str
    added: int
    holding: int
    percent: float


def chart_of(lives: Sequence[Life], *, now: datetime) -> Chart:
    """Return the chart of these lives, up to now; without any it has no columns."""
    if not lives:
        return Chart(columns=(), span="day", marks=())
    span, ends = _spans(min(life.since for life in lives), now)
    starts = [datetime.min.replace(tzinfo=UTC), *ends[:-1]]
    came = [sum(start <= life.since < end for life in lives) for start, end in zip(starts, ends, strict=True)]
    known = [sum(_holds(life, min(end, now)) for life in lives) for end in ends]
    highest = max(*came, *known, 1)
    step = next((step for step in _STEPS if highest / step <= _MOST_MARKS), highest)
    top = -(-highest // step) * step
    marks = tuple((value, _y(value, top)) for value in range(0, top + 1, step))
    every = -(-len(ends) // 8)
    columns = [
        _column(number, len(ends), names=_names(span, end), counts=(came[number], known[number]), top=top, every=every)
        for number, end in enumerate(ends)
    ]
    return Chart(columns=tuple(columns), span=span, marks=marks)


def shares_of(lives: Iterable[Life], *, now: datetime) -> list[Share]:
    """Return what each client added, the one with the most first; whoever read its words for facts is not told."""
    everyone = list(lives)
    added = Counter(client_of(life.origin) for life in everyone)
    holding = Counter(client_of(life.origin) for life in everyone if _holds(life, now))
    return [
        Share(client=client, added=count, holding=holding[client], percent=round(100 * count / len(everyone), 1))
        for client, count in sorted(added.items(), key=lambda item: (-item[1], item[0]))
    ]


def client_of(origin: str) -> str:
    """Return the client in an origin, without the extractor that read its words; "" when nobody said."""
    return origin.split(" via ", maxsplit=1)[0]


def _holds(life: Life, at: datetime) -> bool:
    return life.since <= at and (life.until is None or life.until > at)


def _spans(first: datetime, now: datetime) -> tuple[str, list[datetime]]:
    """Return what a column is, and where each of them ends; the last is the one with now in it."""
    for span in ("day", "week", "month"):
        ends = _ends(span, first, now)
        if len(ends) <= _MOST_COLUMNS:
            return span, ends
    return "year", _ends("year", first, now)[-_MOST_COLUMNS:]


def _ends(span: str, first: datetime, now: datetime) -> list[datetime]:
    ends = [_end(span, first)]
    while ends[-1] <= now and len(ends) <= 20 * _MOST_COLUMNS:
        ends.append(_end(span, ends[-1]))
    return ends


def _end(span: str, when: datetime) -> datetime:
    """Return the end of the day, week, month or year that a moment is in."""
    day = when.replace(hour=0, minute=0, second=0, microsecond=0)
    if span == "day":
        return day + _DAY
    if span == "week":
        return day + (7 - day.weekday()) * _DAY
    if span == "month":
        return (day.replace(day=1) + 32 * _DAY).replace(day=1)
    return day.replace(year=day.year + 1, month=1, day=1)


def _names(span: str, end: datetime) -> tuple[str, str]:
    """Return what a column is called, and what it is called where there is little room."""
    last = end - _DAY
    month = MONTHS[last.month - 1]
    if span == "day":
        return f"{last.day} {month} {last.year}", f"{last.day} {month[:3]}"
    if span == "week":
        first = end - 7 * _DAY
        named = MONTHS[first.month - 1]
        return f"week of {first.day} {named} {first.year}", f"{first.day} {named[:3]}"
    if span == "month":
        return f"{month} {last.year}", f"{month[:3]} {last.year % 100:02}"
    return str(last.year), str(last.year)


def _y(value: float, top: int) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top, 1)


def _column(
    number: int, count: int, *, names: tuple[str, str], counts: tuple[int, int], top: int, every: int
) -> Column:
    room = (WIDTH - LEFT - RIGHT) / count
    width = min(room * (1 - _GAP), 48.0)
    middle = LEFT + (number + 0.5) * room
    came, known = counts
    return Column(
        name=names[0],
        short=names[1],
        came=came,
        known=known,
        x=round(middle - width / 2, 1),
        width=round(width, 1),
        y=_y(came, top),
        height=round(HEIGHT - BOTTOM - _y(came, top), 1),
        line_x=round(middle, 1),
        line_y=_y(known, top),
        is_named=(count - 1 - number) % every == 0,
    )
