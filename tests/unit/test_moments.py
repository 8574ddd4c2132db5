from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay.errors import InvalidInput
from scrubjay.moments import last_instant, moment, shown


def test_a_date_alone_is_the_whole_utc_day() -> None:
    assert moment("2026-11-20", field="since") == datetime(2026, 11, 20, tzinfo=UTC)
    assert last_instant("2026-11-20", field="until") == datetime(2026, 11, 21, tzinfo=UTC) - timedelta(microseconds=1)


def test_an_offset_is_turned_into_utc_and_none_means_utc() -> None:
    assert moment("2026-11-20T01:30:00+05:00", field="time") == datetime(2026, 11, 19, 20, 30, tzinfo=UTC)
    assert moment("2026-11-20 01:30", field="time") == datetime(2026, 11, 20, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "20 Nov", "0001-01-01T00:00:00+14:00", "2026-02-30"])
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"since .* is not a date; use ISO 8601, like 2026-11-20"):
        moment(text, field="since")


def test_empty_means_no_bound() -> None:
    assert moment("", field="since") is None
    assert last_instant("  ", field="until") is None
    assert shown(None) == ""


def test_the_last_day_of_all_has_an_end() -> None:
    assert last_instant("9999-12-31", field="until") == datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_shown_is_read_back_to_the_second(when: datetime) -> None:
    assert moment(shown(when), field="time") == when.replace(microsecond=0)
