from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scrubjay.moments import micros
from scrubjay.recall.time import named_time

FRIDAY = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

moments = st.datetimes(timezones=st.just(UTC))
writings = st.lists(
    st.sampled_from([
        "today", "yesterday", "tomorrow", "the day before yesterday", "last monday", "next friday", "last", "past",
        "this", "two", "few", "99", "999", "9" * 5_000, "0", "a couple of", "days", "weeks", "weekend", "months",
        "years", "ago", "31", "31st", "of", "February", "May", "may", "1900", "2099", "2026-02-31", "1999-12", "٣",
    ]) | st.text(max_size=6),
    max_size=8,
).map(" ".join)  # fmt: skip


def fits(text: str, day: str, *, now: datetime = FRIDAY) -> bool:
    return named_time(text, now=now).fits(micros(datetime.fromisoformat(day).replace(tzinfo=UTC)))


@pytest.mark.parametrize(
    "text",
    [
        "on 5 May 2026", "on 5th May, 2026", "the 5th of May 2026", "on May 5, 2026", "on May 5th 2026",
        "in 2026, on 5 May", "2026-05-05",
    ],
)  # fmt: skip
def test_a_day_is_that_day_and_the_week_in_which_it_is_told(text: str) -> None:
    assert fits(text, "2026-05-05T12:00")
    assert fits(text, "2026-05-12T12:00")
    assert not fits(text, "2026-05-03T12:00")
    assert not fits(text, "2026-05-14")
    assert not fits(text, "2025-05-05T12:00")


@pytest.mark.parametrize("text", ["in May 2026", "May, 2026", "2026-05"])
def test_a_month_with_its_year_is_that_month_and_the_week_after(text: str) -> None:
    assert fits(text, "2026-05-01")
    assert fits(text, "2026-05-31T23:59")
    assert fits(text, "2026-06-07")
    assert not fits(text, "2026-04-30T23:59")
    assert not fits(text, "2026-06-09")
    assert not fits(text, "2025-05-15")


@pytest.mark.parametrize("text", ["in December 2026", "2026-12", "31 December 2026"])
def test_the_end_of_a_year_goes_over_into_the_next(text: str) -> None:
    assert fits(text, "2026-12-31T12:00")
    assert fits(text, "2027-01-05")
    assert not fits(text, "2027-02-01")


@pytest.mark.parametrize("text", ["in May", "on 5 May", "on May 31st"])
def test_a_month_without_a_year_is_that_month_of_any(text: str) -> None:
    assert fits(text, "1999-05-20")
    assert fits(text, "2026-05-01")
    assert not fits(text, "2026-06-01")


def test_several_months_all_count() -> None:
    assert named_time("from May to July", now=FRIDAY).months == {5, 7}
    assert fits("May 2025 or June 2026", "2025-05-20")
    assert fits("May 2025 or June 2026", "2026-06-20")
    assert not fits("May 2025 or June 2026", "2025-06-20")


@pytest.mark.parametrize("text", ["what may I eat", "we march on", "it may be an august day", "", "Mayor Marchetti"])
def test_a_verb_is_no_month(text: str) -> None:
    assert not named_time(text, now=FRIDAY)


def test_a_year_alone_is_the_whole_year() -> None:
    assert fits("what happened in 1999?", "1999-01-01")
    assert fits("what happened in 1999?", "1999-12-31T23:59")
    assert not fits("what happened in 1999?", "1998-12-31T23:59")
    assert not fits("what happened in 1999?", "2000-01-02")


@pytest.mark.parametrize("text", ["room 1850", "call 20261", "ticket 12026", "since 2150", "A2026"])
def test_not_every_number_is_a_year(text: str) -> None:
    assert not named_time(text, now=FRIDAY)


@pytest.mark.parametrize(
    ("text", "days_back"),
    [
        ("last week", 7),
        ("this week", 7),
        ("last weekend", 7),
        ("In the Past Month", 31),
        ("the past two months", 62),
        ("previous 3 weeks", 21),
        ("over the last few days", 3),
        ("in the last couple of years", 732),
    ],
)
def test_a_span_counts_back_from_now(text: str, days_back: int) -> None:
    then = named_time(text, now=FRIDAY)
    assert then.fits(micros(FRIDAY))
    assert then.fits(micros(FRIDAY - timedelta(days=days_back)))
    assert not then.fits(micros(FRIDAY - timedelta(days=days_back + 2)))
    assert not then.fits(micros(FRIDAY + timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("text", "day", "days_off"),
    [
        ("yesterday", "2026-11-19", 1),
        ("last monday", "2026-11-16", 1),
        ("three weeks ago", "2026-10-30", 3),
        ("a year ago", "2025-11-20", 52),
    ],
)
def test_a_day_counted_from_now_is_as_exact_as_it_is_near(text: str, day: str, days_off: int) -> None:
    then, meant = named_time(text, now=FRIDAY), datetime.fromisoformat(day).replace(tzinfo=UTC)
    for offset in (0, days_off, -days_off):
        assert then.fits(micros(meant + timedelta(days=offset)))
    for offset in (days_off + 3, -days_off - 2):
        assert not then.fits(micros(meant + timedelta(days=offset)))


def test_what_is_counted_back_moves_with_now() -> None:
    assert fits("yesterday", "2020-01-01", now=datetime(2020, 1, 2, tzinfo=UTC))
    assert not fits("yesterday", "2020-01-01")


@pytest.mark.parametrize("text", ["31 February 2026", "2026-02-31", "2026-13", "2026-00", "99 May 2026"])
def test_a_day_that_no_calendar_has_is_no_time(text: str) -> None:
    assert not named_time(text, now=FRIDAY)


@pytest.mark.parametrize("text", ["last 100 years", f"last {'9' * 5_000} weeks", f"past {'0' * 5_000}1 days"])
def test_a_huge_count_is_as_good_as_a_large_one(text: str) -> None:
    assert fits(text, "2026-11-20")


@pytest.mark.parametrize("now", [FIRST, FIRST + timedelta(days=1), LAST, LAST - timedelta(days=1)])
@pytest.mark.parametrize(
    "text",
    ["today", "yesterday", "tomorrow", "last monday", "99 years ago", "last 99 years", "this week", "next friday"],
)
def test_nothing_lies_beyond_the_ends_of_the_calendar(text: str, now: datetime) -> None:
    named_time(text, now=now).fits(micros(now))


def test_what_was_named_before_the_calendar_ends_still_counts() -> None:
    assert fits("in 2026, or 2 days ago", "2026-05-05", now=FIRST)


@given(writings, st.datetimes(timezones=st.timezones()), moments)
@example("31 February or yesterday", LAST, FIRST)
@example("1 May", FIRST, LAST)
def test_any_text_at_any_time_names_times_that_any_moment_fits_or_not(
    text: str, now: datetime, said_at: datetime
) -> None:
    assert named_time(text, now=now).fits(micros(said_at)) in {True, False}


@given(writings, moments)
def test_a_span_ends_after_it_begins(text: str, now: datetime) -> None:
    assert all(begin <= end for begin, end in named_time(text, now=now).spans)
