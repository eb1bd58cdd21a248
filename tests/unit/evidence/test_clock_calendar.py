"""Counting days: every expected date was worked out by hand, as the comment beside it shows."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.claims import utc
from provenance.evidence.clocks.calendar import end_of, last_day, local_date
from provenance.evidence.clocks.zones import zone_named, zone_of_offset
from provenance.evidence.errors import ZoneError
from provenance.evidence.rules.model import Period

DAYS = st.dates(min_value=date(1950, 1, 1), max_value=date(2200, 1, 1))


def days(count: int) -> Period:
    return Period(days=count)


def years(count: int) -> Period:
    return Period(years=count)


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        # The day itself does not count: the first day counted is the 2nd, the fourteenth the 15th.
        ("2026-03-01", days(14), "2026-03-15"),
        # 20 December + 11 days is the 31st, 3 more are 3 January.
        ("2026-12-20", days(14), "2027-01-03"),
        # 15 December + 16 days is the 31st, 5 more are 5 January.
        ("2026-12-15", days(21), "2027-01-05"),
        # 2028 is a leap year: 20 February + 9 is the 29th, 5 more are 5 March.
        ("2028-02-20", days(14), "2028-03-05"),
        # 2027 is none: 20 February + 8 is the 28th, 6 more are 6 March.
        ("2027-02-20", days(14), "2027-03-06"),
        # 2100 is none either, though four divides it: 28 February + 1 is 1 March.
        ("2100-02-28", days(1), "2100-03-01"),
        # Two years from 29 February 2028: 2030 has no 29 February, the month's last day is the 28th.
        ("2028-02-29", years(2), "2030-02-28"),
        # Four years on there is one again.
        ("2028-02-29", years(4), "2032-02-29"),
        # From 28 February 2027 the corresponding date is the 28th, though 2028 has a 29th.
        ("2027-02-28", years(1), "2028-02-28"),
        ("2026-12-31", years(1), "2027-12-31"),
        # 30 November + 3 months: February 2027 has no 30th, its last day is the 28th.
        ("2026-11-30", Period(months=3), "2027-02-28"),
        ("2027-11-30", Period(months=3), "2028-02-29"),
        ("2026-10-15", Period(months=3), "2027-01-15"),
        ("2026-10-15", days(0), "2026-10-15"),
    ],
)
def test_a_period_ends_on_the_day_that_was_counted_by_hand(
    start: str, period: Period, expected: str
) -> None:
    assert last_day(date.fromisoformat(start), period).isoformat() == expected


def test_sundays_are_passed_over_where_they_do_not_count() -> None:
    # Saturday 28 February 2026. Sun 1 no; Mon 2 to Sat 7 are six; Sun 8 no; Mon 9 is the seventh.
    assert last_day(date(2026, 2, 28), days(7), skips=("sunday", "holiday")) == date(2026, 3, 9)


def test_holidays_are_passed_over_where_they_do_not_count() -> None:
    easter = (date(2026, 4, 3), date(2026, 4, 6))
    # Thursday 2 April 2026. Good Friday no; Sat 4 one; Easter Sunday and Monday no; Tue 7 to Sat 11
    # are five more; Sun 12 no; Mon 13 is the seventh.
    found = last_day(date(2026, 4, 2), days(7), skips=("sunday", "holiday"), holidays=easter)
    assert found == date(2026, 4, 13)
    # Without the holidays: Fri 3, Sat 4, Mon 6 to Fri 10 are seven. Earlier, never later.
    assert last_day(date(2026, 4, 2), days(7), skips=("sunday", "holiday")) == date(2026, 4, 10)


def test_a_last_day_that_is_a_sunday_stays_unless_the_rule_moves_it() -> None:
    # 1 March 2026 is a Sunday, and so is the 15th, fourteen days later.
    assert last_day(date(2026, 3, 1), days(14)) == date(2026, 3, 15)
    assert last_day(date(2026, 3, 1), days(14), rolls=True) == date(2026, 3, 16)
    monday = (date(2026, 3, 16),)
    assert last_day(date(2026, 3, 1), days(14), rolls=True, holidays=monday) == date(2026, 3, 17)


@given(DAYS, st.integers(1, 400))
def test_passing_over_days_never_ends_earlier_nor_on_such_a_day(start: date, count: int) -> None:
    plain = last_day(start, days(count))
    found = last_day(start, days(count), skips=("sunday",))
    assert found >= plain
    assert found.weekday() != 6
    assert (plain - start).days == count


@given(DAYS, st.integers(1, 30))
def test_years_end_on_the_same_date_or_on_the_last_of_february(start: date, count: int) -> None:
    found = last_day(start, years(count))
    assert found.year == start.year + count
    assert (found.month, found.day) == (start.month, start.day) or (
        (start.month, start.day) == (2, 29) and (found.month, found.day) == (2, 28)
    )


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        ("2026-07-01", "UTC", "2026-07-02T00:00:00Z"),
        # Summer time in Berlin, two hours ahead: midnight of 2 July is 22:00 of the 1st.
        ("2026-07-01", "Europe/Berlin", "2026-07-01T22:00:00Z"),
        ("2026-01-01", "Europe/Berlin", "2026-01-01T23:00:00Z"),
        # Clocks go forward on 29 March 2026 at 02:00: the day has 23 hours and ends at 22:00Z.
        ("2026-03-29", "Europe/Berlin", "2026-03-29T22:00:00Z"),
        ("2026-03-28", "Europe/Berlin", "2026-03-28T23:00:00Z"),
        # Cairo goes forward at midnight of 24 April 2026: 00:00 does not occur, the change ends the
        # day. Two hours ahead until then: 22:00Z.
        ("2026-04-23", "Africa/Cairo", "2026-04-23T22:00:00Z"),
        # And back at 24:00 of 29 October to 23:00: that day has 25 hours, and ends two hours ahead.
        ("2026-10-29", "Africa/Cairo", "2026-10-29T22:00:00Z"),
        # The Azores go back on 25 October from 01:00 to 00:00: midnight occurs twice, at 00:00Z and
        # at 01:00Z. The first ends the 24th.
        ("2026-10-24", "Atlantic/Azores", "2026-10-25T00:00:00Z"),
        ("2026-12-31", "Pacific/Kiritimati", "2026-12-31T10:00:00Z"),
    ],
)
def test_a_day_ends_where_the_next_one_begins_on_the_spot(
    day: str, zone: str, expected: str
) -> None:
    assert utc(end_of(date.fromisoformat(day), ZoneInfo(zone))) == expected


@given(DAYS, st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]))
def test_the_last_instant_of_a_day_belongs_to_it_and_the_next_does_not(
    day: date, zone: str
) -> None:
    ends_at = end_of(day, ZoneInfo(zone))
    assert local_date(ends_at - 1, ZoneInfo(zone)) == day
    assert local_date(ends_at, ZoneInfo(zone)) > day


@pytest.mark.parametrize(
    "name", ["Europe/Berlim", "../../etc/passwd", "", "/etc", "a/b/c/d", "x" * 999]
)
def test_what_is_no_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ZoneError, match="Europe/Berlin"):
        zone_named(name)


def test_the_offset_of_an_event_is_a_zone_too() -> None:
    zone = zone_of_offset("-03:30")
    assert zone is not None
    assert utc(end_of(date(2026, 1, 1), zone)) == "2026-01-02T03:30:00Z"
    assert zone_of_offset("2 hours") is None
