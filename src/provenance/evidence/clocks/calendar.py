"""Counting days: pure, on dates; and the instant at which a local day ends.

The day from which a period counts is not counted itself (dies a quo non computatur). Months and
years end on the corresponding date, or on the last day of the month where there is none: article
4(2) of the European Convention on the Calculation of Time-Limits (Basle 1972, ETS 76).
"""

import calendar
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from provenance.evidence.rules.model import Period, RestDay

_SUNDAY: Final = 6
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9000
"""Years between which dates are taken: far enough from the ends of Python's calendar."""


def is_countable(day: date) -> bool:
    """Whether periods can be counted from ``day``."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def last_day(
    start: date,
    period: Period,
    *,
    skips: Collection[RestDay] = (),
    holidays: Collection[date] = (),
    rolls: bool = False,
) -> date:
    """Last day of ``period`` after the day ``start``, which does not count.

    Args:
        start: the day from which it counts.
        period: its length.
        skips: days that do not count; only for a period in days.
        holidays: the public holidays of the place.
        rolls: whether a last day that is a Sunday or holiday is moved to the next that is not.

    """
    if period.days is not None:
        day = _after_days(start, period.days, skips, holidays)
    else:
        day = _after_months(start, (period.months or 0) + 12 * (period.years or 0))
    while rolls and _rests(day, ("sunday", "holiday"), holidays):
        day += timedelta(days=1)
    return day


def local_date(instant: int, zone: tzinfo) -> date:
    """Date of ``instant`` (milliseconds since the epoch) in ``zone``."""
    moment = datetime.fromtimestamp(instant // 1000, UTC) + timedelta(milliseconds=instant % 1000)
    return moment.astimezone(zone).date()


def end_of(day: date, zone: tzinfo) -> int:
    """First instant after ``day`` in ``zone``, in milliseconds since the epoch.

    Where midnight occurs twice the first one ends the day, where it does not occur the change of
    the clock does (PEP 495, fold 0).
    """
    following = day + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=zone)
    return int(midnight.timestamp()) * 1000


def _after_days(
    start: date, days: int, skips: Collection[RestDay], holidays: Collection[date]
) -> date:
    if not skips:
        return start + timedelta(days=days)
    day, left = start, days
    while left:
        day += timedelta(days=1)
        left -= not _rests(day, skips, holidays)
    return day


def _after_months(start: date, months: int) -> date:
    count = start.year * 12 + start.month - 1 + months
    year, month = divmod(count, 12)
    month += 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def _rests(day: date, kinds: Collection[RestDay], holidays: Collection[date]) -> bool:
    return ("sunday" in kinds and day.weekday() == _SUNDAY) or (
        "holiday" in kinds and day in holidays
    )
