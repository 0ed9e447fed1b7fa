"""A regular income, inferred from day buckets whenever a feature asks, never kept as state.

Pay days are days with at least half of the third largest daily income (so that one bonus does not hide the
rest), those within three days of each other being one. At least three of them, two thirds of the gaps between
them alike, make a regular income. A monthly one is expected on the day of the month on which it usually comes,
others after their usual gap; either moved to the next day on which the bank works.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forbear.compiled import compiled, inlined
from forbear.features.civil import business_day, months_later
from forbear.features.pool import HORIZON_DAYS

DELAY, LAST, USUAL, SHARE = range(4)
MOST_PAYS = 40
_JOINED_DAYS = 3
_SHORTEST_GAP, _MONTHLY_FROM, _MONTHLY_TO = 5, 26, 35
_LOOK_BACK = 4


@inlined
def _pay_days(daily: Any, days: Any, sums: Any) -> Any:
    """Fill days (index, newest last) and sums of the pay days; answer how many, 0 if there are fewer than three."""
    first, second, third = np.int64(0), np.int64(0), np.int64(0)
    for day in range(HORIZON_DAYS):
        value = daily[day]
        if value > third:  # seldom: most days bring nothing
            if value > first:
                first, second, third = value, first, second
            elif value > second:
                second, third = value, second
            else:
                third = value
    if third <= 0:
        return 0
    count = 0
    last = -HORIZON_DAYS
    for day in range(HORIZON_DAYS):
        if 2 * daily[day] < third or daily[day] <= 0:
            continue
        if count > 0 and day - last <= _JOINED_DAYS:
            sums[count - 1] += daily[day]
        elif count < MOST_PAYS:
            days[count], sums[count] = day, daily[day]
            count += 1
        last = day
    return count if count >= 3 else 0


@inlined
def _nth_smallest(values: Any, count: Any, n: Any) -> Any:
    """The n-th (from 0) of `count` values in ascending order; they are sorted in place. For a few values only."""
    for place in range(1, count):
        value, before = values[place], place - 1
        while before >= 0 and values[before] > value:
            values[before + 1] = values[before]
            before -= 1
        values[before + 1] = value
    return values[n]


@inlined
def _usual_gap(days: Any, count: Any, room: Any) -> Any:
    """Median gap between pay days, or 0 if fewer than two thirds of the gaps are near it."""
    for place in range(count - 1):
        room[place] = days[place + 1] - days[place]
    usual = _nth_smallest(room, count - 1, (count - 1) // 2)
    near = 0
    for place in range(count - 1):
        if 4 * abs(room[place] - usual) <= max(usual, 8):
            near += 1
    return usual if usual >= _SHORTEST_GAP and 3 * near >= 2 * (count - 1) else 0


@inlined
def _expected(days: Any, count: Any, gap: Any, first_day: Any, business: Any, room: Any) -> Any:
    """The day on which the next pay is due: the median of where the last pay days put it."""
    looked = min(count, _LOOK_BACK)
    if not _MONTHLY_FROM <= gap <= _MONTHLY_TO:
        return business_day(first_day + days[count - 1] + gap, business)
    for back in range(looked):
        room[back] = months_later(first_day + days[count - 1 - back], back + 1)
    return business_day(_nth_smallest(room, looked, looked // 2), business)


@compiled
def income_pattern(daily: Any, open_day: Any, business: Any, pays: Any, found: Any) -> None:
    """Fill found (4,) float64 for one customer: delay [days], last and usual pay [minor], share of pay days.

    daily: (HORIZON_DAYS,) int64 income a day, the open day last.  pays: (3, MOST_PAYS) int64 of scratch.
    All NaN without a regular income.
    """
    found[:] = np.nan
    days, sums, room = pays[0], pays[1], pays[2]
    count = _pay_days(daily, days, sums)
    if count == 0:
        return
    gap = _usual_gap(days, count, room)
    if gap == 0:
        return
    expected = _expected(days, count, gap, open_day - (HORIZON_DAYS - 1), business, room)
    on_pay_days, whole = np.int64(0), np.int64(0)
    for place in range(count):
        on_pay_days += sums[place]
        room[place] = sums[place]
    for day in range(HORIZON_DAYS):
        whole += daily[day]
    found[DELAY] = max(0, open_day - expected)
    found[LAST] = sums[count - 1]
    found[USUAL] = _nth_smallest(room, count - 1, (count - 1) // 2)
    found[SHARE] = on_pay_days / max(whole, np.int64(1))
