"""Savings: how much money is there, measured in days of the customer's own spending."""

from __future__ import annotations

import numpy as np

from forbear.features.baseline import baseline_per_day, usual_daily_spending
from forbear.features.definition import LOWERS, RAISES, feature
from forbear.features.ledger import Floats, Ledger, ratio, sum_of
from forbear.features.measures import Measure

_NO_SCALE = "no balance is known, or there was no spending or under 60 days of history"
_BUFFER_DAYS = 7.0
_SLOPE_DAYS = 30


@feature(
    unit="months of spending",
    between=(-3, 3),
    direction=LOWERS,
    unknown=_NO_SCALE,
)
def balance_change_ratio_30d(ledger: Ledger) -> Floats:
    """Liquid balance now less that of 30 days ago, in usual months of spending."""
    return ratio(ledger.closing() - ledger.closing(ago=30), 30.0 * usual_daily_spending(ledger))


@feature(
    unit="days of spending a day",
    between=(-2, 2),
    direction=LOWERS,
    unknown=_NO_SCALE,
)
def balance_slope_30d(ledger: Ledger) -> Floats:
    """Least-squares slope of 30 daily closing balances, in usual days of spending a day."""
    # Twice the centred day, so that the weights are integers; their squares sum to n(n^2 - 1) / 3.
    weighted = [ledger.closing(ago=ago) * float(_SLOPE_DAYS - 1 - 2 * ago) for ago in range(_SLOPE_DAYS)]
    squares = _SLOPE_DAYS * (_SLOPE_DAYS**2 - 1) / 3.0
    return ratio(2.0 * sum_of(weighted) / squares, usual_daily_spending(ledger))


@feature(
    unit="days of spending",
    between=(-30, 120),
    direction=LOWERS,
    unknown=_NO_SCALE,
)
def lowest_balance_ratio_14d(ledger: Ledger) -> Floats:
    """Lowest liquid balance of the last 14 days, in usual days of spending."""
    return ratio(ledger.lowest(14), usual_daily_spending(ledger))


@feature(
    unit="days of spending",
    between=(-30, 120),
    direction=LOWERS,
    unknown=_NO_SCALE,
)
def lowest_balance_ratio_90d(ledger: Ledger) -> Floats:
    """Lowest liquid balance of the last 90 days, in usual days of spending."""
    return ratio(ledger.lowest(90), usual_daily_spending(ledger))


@feature(
    unit="days",
    between=(0, 30),
    direction=RAISES,
    unknown=_NO_SCALE,
)
def days_below_buffer_30d(ledger: Ledger) -> Floats:
    """On how many of the last 30 days the balance fell below a week of usual spending."""
    spending = usual_daily_spending(ledger)
    buffer = _BUFFER_DAYS * spending
    below = sum_of([np.where(ledger.lowest(1, ago=ago) < buffer, 1.0, 0.0) for ago in range(30)])
    return np.where((spending > 0.0) & ~np.isnan(ledger.closing()), below, np.nan)


@feature(
    unit="months of spending",
    between=(-2, 2),
    direction=RAISES,
    unknown="under 75 days of history, or no spending",
)
def savings_withdrawal_change_ratio(ledger: Ledger) -> Floats:
    """Drawn from savings in the last 30 days less a usual 30 days of the baseline, in months of spending."""
    usual = 30.0 * baseline_per_day(ledger, Measure.SAVINGS_OUT)
    return ratio(ledger.total(Measure.SAVINGS_OUT, 30) - usual, 30.0 * usual_daily_spending(ledger))
