from datetime import UTC, datetime

import pytest

from scrubjay.dates import date_of, day_named_in

FRIDAY = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-05-01", "2026-05-01"),
        ("2026-05", "2026-05-01"),
        ("2026", "2026-01-01"),
        ("8 May 2026", "2026-05-08"),
        ("May 8th, 2026", "2026-05-08"),
        ("yesterday", "2026-11-19"),
        ("the day before yesterday", "2026-11-18"),
        ("last monday", "2026-11-16"),
        ("Last Friday", "2026-11-13"),
        ("next Friday", "2026-11-27"),
        ("tomorrow", "2026-11-21"),
        ("two weeks ago", "2026-11-06"),
        ("3 months ago", "2026-08-20"),
        ("in a year", "2027-11-20"),
        ("last night", "2026-11-19"),
    ],
)
def test_dates_in_every_form_count_from_when_they_were_said(written: str, meant: str) -> None:
    assert date_of(written, said_at=FRIDAY) == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "written", ["", "soon", "13-13-13", "0000", "2026-13", "2026-02-30", "last month", "null", "N/A"]
)
def test_what_is_no_date_is_none(written: str) -> None:
    assert date_of(written, said_at=FRIDAY) is None


def test_a_month_without_that_day_gives_its_last_one() -> None:
    assert date_of("a month ago", said_at=datetime(2026, 3, 31, tzinfo=UTC)) == datetime(2026, 2, 28, tzinfo=UTC)


def test_a_day_is_found_in_a_sentence_unless_there_are_two() -> None:
    assert day_named_in("We met last Friday in Porto", said_at=FRIDAY) == datetime(2026, 11, 13, tzinfo=UTC)
    assert day_named_in("I came yesterday and leave tomorrow", said_at=FRIDAY) is None
    assert day_named_in("We met in Porto", said_at=FRIDAY) is None
