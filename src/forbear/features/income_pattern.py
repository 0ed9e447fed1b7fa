"""A regular income, inferred from day buckets whenever a feature asks, never kept as state.

Pay days are days with at least half of the third largest daily income (so that one bonus does not hide the
rest), those within three days of each other being one. At least three of them, two thirds of the gaps between
them alike, make a regular income. A monthly one is expected on the day of the month on which it usually comes,
others after their usual gap; either moved to the next day on which the bank works.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forbear.compiled import compiled
from forbear.features.civil import business_day, months_later
from forbear.features.pool import HORIZON_DAYS

DELAY, LAST, USUAL, SHARE = range(4)
MOST_PAYS = 40
_JOINED_DAYS = 3
_SHORTEST_GAP, _MONTHLY_FROM, _MONTHLY_TO = 5, 26, 35
_LOOK_BACK = 4


@compiled
def _pay_days(daily: Any, days: Any, sums: Any) -> int:
    """Fill days (index, newest last) and sums of the pay days; answer how many, 0 if there are fewer than three."""
    largest = np.zeros(3, dtype=np.int64)
    for day in range(HORIZON_DAYS):
        value = daily[day]
        if value > largest[0]:
            largest[2], largest[1], largest[0] = largest[1], largest[0], value
        elif value > largest[1]:
            largest[2], largest[1] = largest[1], value
        elif value > largest[2]:
            largest[2] = value
    if largest[2] <= 0:
        return 0
    count = 0
    last = -HORIZON_DAYS
    for day in range(HORIZON_DAYS):
        if 2 * daily[day] < largest[2] or daily[day] <= 0:
            continue
        if count > 0 and day - last <= _JOINED_DAYS:
            sums[count - 1] += daily[day]
        elif count < MOST_PAYS:
            days[count], sums[count] = day, daily[day]
            count += 1
        last = day
    return count if count >= 3 else 0


@compiled
def _usual_gap(days: Any, count: int) -> int:
    """Median gap between pay days, or 0 if fewer than two thirds of the gaps are near it."""
    gaps = days[1:count] - days[: count - 1]
    usual = np.sort(gaps)[(count - 1) // 2]
    near = 0
    for gap in gaps:
        if 4 * abs(gap - usual) <= max(usual, 8):
            near += 1
    return usual if usual >= _SHORTEST_GAP and 3 * near >= 2 * len(gaps) else 0


@compiled
def _expected(days: Any, count: int, gap: int, first_day: Any, business: Any) -> Any:
    """The day on which the next pay is due: the median of where the last pay days put it."""
    looked = min(count, _LOOK_BACK)
    if not _MONTHLY_FROM <= gap <= _MONTHLY_TO:
        return business_day(first_day + days[count - 1] + gap, business)
    candidates = np.empty(looked, dtype=np.int64)
    for back in range(looked):
        candidates[back] = months_later(first_day + days[count - 1 - back], back + 1)
    return business_day(np.sort(candidates)[looked // 2], business)


@compiled
def income_pattern(daily: Any, open_day: Any, business: Any, found: Any) -> None:
    """Fill found (4,) float64 for one customer: delay [days], last and usual pay [minor], share of pay days.

    daily: (HORIZON_DAYS,) int64 income a day, the open day last.  All NaN without a regular income.
    """
    found[:] = np.nan
    days = np.empty(MOST_PAYS, dtype=np.int64)
    sums = np.empty(MOST_PAYS, dtype=np.int64)
    count = _pay_days(daily, days, sums)
    if count == 0:
        return
    gap = _usual_gap(days, count)
    if gap == 0:
        return
    expected = _expected(days, count, gap, open_day - (HORIZON_DAYS - 1), business)
    found[DELAY] = max(0, open_day - expected)
    found[LAST] = sums[count - 1]
    found[USUAL] = np.sort(sums[: count - 1])[(count - 1) // 2]
    found[SHARE] = sums[:count].sum() / max(daily.sum(), 1)
