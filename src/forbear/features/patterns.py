"""Patterns: how often and when the accounts are used."""

from __future__ import annotations

import numpy as np

from forbear.features.baseline import BASELINE_AGO, BASELINE_DAYS, baseline_per_day
from forbear.features.definition import FREE, feature
from forbear.features.ledger import Floats, Ledger, change, ratio
from forbear.features.measures import Measure


@feature(
    unit="ratio",
    between=(-1, 3),
    direction=FREE,
    unknown="under 75 days of history, or no transactions in the baseline",
)
def transactions_change_ratio_14d(ledger: Ledger) -> Floats:
    """Transactions a day of the last 14 days against the baseline, less one."""
    return change(ledger.per_day(Measure.TRANSACTIONS, 14), baseline_per_day(ledger, Measure.TRANSACTIONS))


@feature(
    unit="difference of shares",
    between=(-1, 1),
    direction=FREE,
    unknown="no transactions in one of the two windows",
)
def night_share_change(ledger: Ledger) -> Floats:
    """Share of transactions made between 23:00 and 05:00 local time, last 30 days less the 90 before."""
    recent = ratio(ledger.total(Measure.NIGHT, 30), ledger.total(Measure.TRANSACTIONS, 30))
    baseline = ratio(
        ledger.total(Measure.NIGHT, BASELINE_DAYS, ago=BASELINE_AGO),
        ledger.total(Measure.TRANSACTIONS, BASELINE_DAYS, ago=BASELINE_AGO),
    )
    return recent - baseline


@feature(
    unit="days",
    between=(0, 14),
    direction=FREE,
    unknown="under 14 days of history",
)
def inactive_days_14d(ledger: Ledger) -> Floats:
    """Days of the last 14 without a transaction of the customer's own."""
    quiet = 14.0 - ledger.days_with(Measure.TRANSACTIONS, 14)
    return np.where(ledger.history() >= 14.0, quiet, np.nan)
