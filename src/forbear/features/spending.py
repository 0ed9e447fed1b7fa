"""Spending: how much, on what, how evenly, and against what comes in."""

from __future__ import annotations

import numpy as np

from forbear.features.baseline import BASELINE_AGO, BASELINE_DAYS, baseline_per_day, usual_monthly_income
from forbear.features.definition import FREE, RAISES, feature
from forbear.features.ledger import Floats, Ledger, change, ratio, sum_of
from forbear.features.measures import Measure

_NO_BASELINE = "under 75 days of history, or no spending in the baseline"
_NO_SPENDING = "no spending in the window"
_NO_INCOME = "no income in 90 days, or under 45 days of history"


@feature(
    unit="ratio",
    between=(-1, 3),
    direction=FREE,
    unknown=_NO_BASELINE,
)
def spending_change_ratio_14d(ledger: Ledger) -> Floats:
    """Spending a day of the last 14 days against the baseline, less one."""
    return change(ledger.per_day(Measure.SPENDING, 14), baseline_per_day(ledger, Measure.SPENDING))


@feature(
    unit="difference of shares",
    between=(-1, 1),
    direction=FREE,
    unknown="no spending in one of the two windows",
)
def discretionary_share_change(ledger: Ledger) -> Floats:
    """Discretionary share of spending, last 30 days less the 90 before."""
    return _share(ledger, Measure.DISCRETIONARY, 30, 0) - _share(
        ledger, Measure.DISCRETIONARY, BASELINE_DAYS, BASELINE_AGO
    )


@feature(
    unit="share",
    between=(0, 1),
    direction=FREE,
    unknown=_NO_SPENDING,
)
def essential_share_30d(ledger: Ledger) -> Floats:
    """Essential share of the last 30 days' spending."""
    return _share(ledger, Measure.ESSENTIAL, 30, 0)


@feature(
    unit="ratio",
    between=(0, 3),
    direction=RAISES,
    unknown=_NO_INCOME,
)
def spending_to_income_30d(ledger: Ledger) -> Floats:
    """Spending of the last 30 days against a usual 30 days' income of the last 90."""
    return ratio(ledger.total(Measure.SPENDING, 30), usual_monthly_income(ledger))


@feature(
    unit="ratio",
    between=(0, 4),
    direction=FREE,
    unknown="under 75 days of history, or baseline weeks that are all alike",
)
def spending_volatility_ratio(ledger: Ledger) -> Floats:
    """Standard deviation of weekly spending, last 4 weeks against the 12 before."""
    recent, baseline = _weekly_deviation(ledger, 4, 0), _weekly_deviation(ledger, 12, 28)
    return np.where(ledger.history() >= 75.0, ratio(recent, baseline), np.nan)


@feature(
    unit="share",
    between=(0, 1),
    direction=RAISES,
    unknown=_NO_SPENDING,
)
def gambling_share_30d(ledger: Ledger) -> Floats:
    """Gambling's share of the last 30 days' spending."""
    return _share(ledger, Measure.GAMBLING, 30, 0)


@feature(
    unit="ratio",
    between=(0, 2),
    direction=RAISES,
    unknown=_NO_INCOME,
)
def lending_app_inflow_ratio_30d(ledger: Ledger) -> Floats:
    """Money borrowed in the last 30 days against a usual 30 days' income."""
    return ratio(ledger.total(Measure.LENDING, 30), usual_monthly_income(ledger))


def _share(ledger: Ledger, part: Measure, days: int, ago: int) -> Floats:
    return ratio(ledger.total(part, days, ago=ago), ledger.total(Measure.SPENDING, days, ago=ago))


def _weekly_deviation(ledger: Ledger, weeks: int, ago: int) -> Floats:
    """Population standard deviation of weekly spending over so many weeks."""
    sums = [ledger.total(Measure.SPENDING, 7, ago=ago + 7 * week) for week in range(weeks)]
    mean = sum_of(sums) / weeks
    return np.sqrt(sum_of([(week - mean) * (week - mean) for week in sums]) / weeks)
