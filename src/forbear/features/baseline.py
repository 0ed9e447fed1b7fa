"""The yardsticks that several features share: a customer's own usual spending and income."""

from __future__ import annotations

from forbear.features.ledger import Floats, Ledger
from forbear.features.measures import Measure

BASELINE_DAYS, BASELINE_AGO = 90, 30
"""The baseline is the 90 days before the most recent 30."""


def usual_daily_spending(ledger: Ledger) -> Floats:
    """Spending a day over the whole horizon; NaN below 60 days of history."""
    return ledger.per_day(Measure.SPENDING, 120)


def usual_monthly_income(ledger: Ledger) -> Floats:
    """Income of 30 days, averaged over the last 90; NaN below 45 days of history."""
    return ledger.per_day(Measure.INCOME, 90) * 30.0


def baseline_per_day(ledger: Ledger, measure: Measure) -> Floats:
    """A measure a day over the baseline; NaN if less than half of it was seen."""
    return ledger.per_day(measure, BASELINE_DAYS, ago=BASELINE_AGO)
