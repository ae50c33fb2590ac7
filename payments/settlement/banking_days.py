"""Banking days in the United States: no weekends, no Federal Reserve holidays."""

from __future__ import annotations

import datetime as dt
from functools import cache

MONDAY, THURSDAY = 0, 3
DAY = dt.timedelta(days=1)


def after(day: dt.date, count: int) -> dt.date:
    """The banking day that is `count` banking days after `day`."""
    for _ in range(count):
        day += DAY
        while not is_banking_day(day):
            day += DAY
    return day


def is_banking_day(day: dt.date) -> bool:
    """Whether the Federal Reserve is open."""
    return day.weekday() < 5 and day not in holidays(day.year)


@cache
def holidays(year: int) -> frozenset[dt.date]:
    """The Federal Reserve's eleven holidays. One on a Sunday is observed on Monday; one on a
    Saturday is not.
    """
    fixed = [(1, 1), (6, 19), (7, 4), (11, 11), (12, 25)]
    days = [dt.date(year, month, day) for month, day in fixed]
    days = [day + DAY if day.weekday() == 6 else day for day in days]
    return frozenset(
        [
            *days,
            _nth(year, 1, MONDAY, 3),  # Martin Luther King, Jr.
            _nth(year, 2, MONDAY, 3),  # Washington's birthday
            _nth(year, 6, MONDAY, 1) - 7 * DAY,  # Memorial Day: the last Monday of May
            _nth(year, 9, MONDAY, 1),  # Labor Day
            _nth(year, 10, MONDAY, 2),  # Columbus Day
            _nth(year, 11, THURSDAY, 4),  # Thanksgiving
        ]
    )


def _nth(year: int, month: int, weekday: int, which: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
