"""Cash: a turn to cash is seen before a missed payment."""

from __future__ import annotations

from forbear.features.baseline import BASELINE_AGO, BASELINE_DAYS, baseline_per_day
from forbear.features.definition import FREE, feature
from forbear.features.ledger import Floats, Ledger, change, ratio
from forbear.features.measures import Measure


@feature(
    unit="difference of shares",
    between=(-1, 1),
    direction=FREE,
    unknown="no spending in one of the two windows",
)
def cash_share_change(ledger: Ledger) -> Floats:
    """Cash share of spending, last 30 days less the 90 before."""
    recent = ratio(ledger.total(Measure.CASH, 30), ledger.total(Measure.SPENDING, 30))
    baseline = ratio(
        ledger.total(Measure.CASH, BASELINE_DAYS, ago=BASELINE_AGO),
        ledger.total(Measure.SPENDING, BASELINE_DAYS, ago=BASELINE_AGO),
    )
    return recent - baseline


@feature(
    unit="ratio",
    between=(-1, 5),
    direction=FREE,
    unknown="under 75 days of history, or no cash taken out in the baseline",
)
def cash_withdrawals_change_ratio_14d(ledger: Ledger) -> Floats:
    """Cash withdrawals a day of the last 14 days against the baseline, less one."""
    return change(ledger.per_day(Measure.CASH_WITHDRAWALS, 14), baseline_per_day(ledger, Measure.CASH_WITHDRAWALS))


@feature(
    unit="ratio",
    between=(0, 10),
    direction=FREE,
    unknown="no cash taken out in the baseline",
)
def largest_cash_withdrawal_ratio_30d(ledger: Ledger) -> Floats:
    """Most cash taken out on one day of the last 30, against the mean such day of the baseline."""
    usual = ratio(
        ledger.total(Measure.CASH, BASELINE_DAYS, ago=BASELINE_AGO),
        ledger.days_with(Measure.CASH, BASELINE_DAYS, ago=BASELINE_AGO),
    )
    return ratio(ledger.highest(Measure.CASH, 30), usual)
