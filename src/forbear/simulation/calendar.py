"""The days of a run: when they begin and close, how far off each pay day and due date is, and what the clocks say."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.features.columns import day_number, day_of, micros
from forbear.simulation.records import Records
from forbear.simulation.spec import MOST_REGIONS, BankSpec

MONTH_END = 31
"""The pay day that stands for the last day of the month."""
GRACE_DAYS = 5
"""Days after which an unsettled payment is missed."""
AHEAD = 28
"""Days of which it is known in advance whether the bank works."""
_RETRIED_AFTER_DAYS = 3
DAY = np.dtype(
    [
        ("t", "i8"),
        ("number", "i8"),
        ("month", "i8"),
        ("weekday", "i8"),
        ("midnight_us", "i8"),
        ("length_us", "i8"),
        ("until_pay", "i2", (MONTH_END + 1,)),
        ("until_weekday", "i2", (7,)),
        ("until_fortnight", "i2", (14,)),
        ("until_due", "i2", (MONTH_END + 1,)),
        ("retried_after", "i2"),
        ("works", "i1", (AHEAD,)),
        ("ahead_s", "i4", (MOST_REGIONS,)),
        ("hardship", "f8"),
    ]
)
_CLOSES_AT, _NOON = time(2), time(12)
_BEYOND = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The days 0 ... n-1 of a run, bank-local. The bank works on weekdays that are no holiday of the spec.

    first_day: day 0 as days since 1970.  closes_us: (n,) when the feed of each day is closed.  month_starts:
    (m,) index of the first day of each later month.  days: (n,) of DAY. t is the index, number the days since
    1970, month 1 to 12, weekday 0 a Monday; length_us is not 24 h when the clocks change. until_pay, until_due:
    days to the next time that a day of the month (1 to 28, or 31 for its end) comes round, 0 on the day
    itself; until_weekday, until_fortnight: the same for pay by the week (0 = Monday) and the fortnight (number
    modulo 14). A pay day on which the bank rests moves back, a due date on. retried_after: days until a
    collection that failed is tried again. works: 1 if the bank works so many days from here.
    ahead_s: seconds by which each region's clock is ahead of the bank's at noon. hardship: how many times as often as
    in calm days work is lost, and pay cut or paid late; large bills its square root.
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
    days["month"] = [day.month for day in dates[:-1]]
    days["weekday"] = [day.weekday() for day in dates[:-1]]
    days["midnight_us"] = midnights[:-1]
    days["length_us"] = np.diff(midnights)
    days["hardship"] = [spec.hardship if spec.downturn_on and day >= spec.downturn_on else 1.0 for day in dates[:-1]]
    _mark_bank_days(days, spec)
    for place, region in enumerate(spec.regions):
        there = ZoneInfo(region.time_zone or spec.time_zone)
        days["ahead_s"][:, place] = [_ahead_s(day, zone, there) for day in dates[:-1]]
    return Calendar(
        first_day=day_number(spec.start),
        days=days,
        closes_us=np.array([_instant_us(day, _CLOSES_AT, zone) for day in dates[1:]]),
        month_starts=np.array([t for t, day in enumerate(dates[:-1]) if day.day == 1 and t > 0], dtype=np.int64),
    )


def _instant_us(day: date, at: time, zone: ZoneInfo) -> int:
    return micros(datetime.combine(day, at, zone).astimezone(UTC))


def _ahead_s(day: date, bank: ZoneInfo, there: ZoneInfo) -> int:
    noon = datetime.combine(day, _NOON, bank)
    gap = (noon.astimezone(there).utcoffset() or timedelta()) - (noon.utcoffset() or timedelta())
    return int(gap.total_seconds())


def _mark_bank_days(days: Records, spec: BankSpec) -> None:
    calendar, first = BankCalendar(spec.holidays), day_number(spec.start)
    span = range(first - _BEYOND, first + spec.days + 2 * _BEYOND)
    works = np.array([calendar.works_on(day_of(number)) for number in span])
    back, on = np.arange(len(works)), np.arange(len(works))
    for at in range(1, len(works)):
        back[at] = at if works[at] else back[at - 1]
        on[-1 - at] = on[-1 - at] if works[-1 - at] else on[-at]
    dates = list(_month_days(spec))
    days["until_pay"] = _until(dates, back, spec, MONTH_END + 1)
    # Day 0 of 1970 was a Thursday.
    days["until_weekday"] = _until(((number, (number + 3) % 7) for number in span), back, spec, 7)
    days["until_fortnight"] = _until(((number, number % 14) for number in span), back, spec, 14)
    # What fell due before the run began is nobody's business here, even where it would move into it.
    days["until_due"] = _until((due for due in dates if due[0] >= first), on, spec, MONTH_END + 1)
    for t in range(spec.days):
        coming = works[_BEYOND + t : _BEYOND + t + AHEAD]
        days["works"][t] = coming
        within = [gap for gap in range(1, GRACE_DAYS + 1) if coming[gap]]
        # The first bank day from the third on, or else the last before: always within the grace.
        later = [gap for gap in within if gap >= _RETRIED_AFTER_DAYS]
        days["retried_after"][t] = later[0] if later else within[-1] if within else _RETRIED_AFTER_DAYS


def _month_days(spec: BankSpec) -> Iterator[tuple[int, int]]:
    """(day since 1970, day of the month) of all nominal dates from two months before the run to two after."""
    month = (spec.start - timedelta(_BEYOND)).replace(day=1)
    last = spec.start + timedelta(spec.days + _BEYOND)
    while month < last:
        length = monthrange(month.year, month.month)[1]
        for number in range(1, MONTH_END + 1):
            yield day_number(month) + min(number, length) - 1, number
        month += timedelta(length)


def _until(
    nominal: Iterable[tuple[int, int]], moved: NDArray[np.int64], spec: BankSpec, columns: int
) -> NDArray[np.int16]:
    """(days, columns): days to the next time that each column comes, of nominal (day since 1970, column).

    moved: for each day from _BEYOND before the run, the one to which what falls on it moves, counted alike.
    """
    first = day_number(spec.start)
    comes = np.zeros((spec.days + _BEYOND, columns), dtype=np.bool_)
    for number, column in nominal:
        at = number - first + _BEYOND
        if 0 <= at < len(moved) and 0 <= (index := int(moved[at]) - _BEYOND) < len(comes):
            comes[index, column] = True
    until = np.empty(comes.shape, dtype=np.int16)
    following = np.full(columns, _BEYOND, dtype=np.int16)
    for index in range(len(comes) - 1, -1, -1):
        following = np.where(comes[index], 0, following + 1).astype(np.int16)
        until[index] = following
    return until[: spec.days]
