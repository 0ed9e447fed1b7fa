"""The days of a run: when they begin and close, and how far off each pay day and due date is."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from forbear.features.columns import day_number, micros
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec

MONTH_END = 31
"""The pay day that stands for the last day of the month."""
DAY = np.dtype(
    [
        ("t", "i8"),
        ("number", "i8"),
        ("weekday", "i8"),
        ("midnight_us", "i8"),
        ("length_us", "i8"),
        ("until_pay", "i2", (MONTH_END + 1,)),
        ("until_due", "i2", (MONTH_END + 1,)),
    ]
)
_CLOSES_AT = time(2)
_BEYOND = 62
_SATURDAY, _SUNDAY = 5, 6
_BACKWARD = {_SATURDAY: -1, _SUNDAY: -2}
_FORWARD = {_SATURDAY: 2, _SUNDAY: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The days 0 ... n-1 of a run. Weekends count as no bank days; there are no other holidays.

    first_day: day 0 as days since 1970.  closes_us: (n,) when the feed of each day is closed.  month_starts:
    (m,) index of the first day of each later month.  days: (n,) of DAY. t is the index and number the days
    since 1970; weekday 0 is Monday; length_us is not 24 h when the clocks change. until_pay, until_due:
    days to the next time that a day of the month (1 to 28, or 31 for its end) comes round, 0 on the day
    itself; a pay day on a weekend moves back to the Friday, a due date on to the Monday.
    """

    first_day: int
    days: Records
    closes_us: NDArray[np.int64]
    month_starts: NDArray[np.int64]


def calendar_of(spec: BankSpec) -> Calendar:
    """The calendar of a run."""
    zone = ZoneInfo(spec.time_zone)
    dates = [spec.start + timedelta(index) for index in range(spec.days + 1)]
    midnights = np.array([_instant_us(day, time(), zone) for day in dates])
    days = np.empty(spec.days, dtype=DAY)
    days["t"] = np.arange(spec.days)
    days["number"] = day_number(spec.start) + days["t"]
    days["weekday"] = [day.weekday() for day in dates[:-1]]
    days["midnight_us"] = midnights[:-1]
    days["length_us"] = np.diff(midnights)
    days["until_pay"] = _days_until(spec, _BACKWARD, spec.start - timedelta(_BEYOND))
    days["until_due"] = _days_until(spec, _FORWARD, spec.start)
    return Calendar(
        first_day=day_number(spec.start),
        days=days,
        closes_us=np.array([_instant_us(day, _CLOSES_AT, zone) for day in dates[1:]]),
        month_starts=np.array([t for t, day in enumerate(dates[:-1]) if day.day == 1 and t > 0], dtype=np.int64),
    )


def _instant_us(day: date, at: time, zone: ZoneInfo) -> int:
    return micros(datetime.combine(day, at, zone).astimezone(UTC))


def _days_until(spec: BankSpec, moves: dict[int, int], earliest: date) -> NDArray[np.int16]:
    """(days, 32): days to the next date of each day of the month, of the nominal dates from `earliest` on."""
    comes = np.zeros((spec.days + _BEYOND, MONTH_END + 1), dtype=np.bool_)
    month = date(spec.start.year, spec.start.month, 1)
    while (month - spec.start).days < len(comes):
        length = monthrange(month.year, month.month)[1]
        for number in range(1, MONTH_END + 1):
            nominal = month.replace(day=min(number, length))
            index = (nominal - spec.start).days + moves.get(nominal.weekday(), 0)
            if nominal >= earliest and 0 <= index < len(comes):
                comes[index, number] = True
        month += timedelta(length)
    until = np.empty(comes.shape, dtype=np.int16)
    next_one = np.full(MONTH_END + 1, _BEYOND, dtype=np.int16)
    for index in range(len(comes) - 1, -1, -1):
        next_one = np.where(comes[index], 0, next_one + 1).astype(np.int16)
        until[index] = next_one
    return until[: spec.days]
