"""Payments: debits that fail, payments that come late, and what falls due next."""

from __future__ import annotations

import numpy as np

from forbear.features.baseline import baseline_per_day, usual_monthly_income
from forbear.features.definition import RAISES, feature
from forbear.features.ledger import Floats, Ledger, ratio
from forbear.features.measures import Measure


@feature(
    unit="debits",
    between=(0, 10),
    direction=RAISES,
    unknown="never",
)
def failed_debits_30d(ledger: Ledger) -> Floats:
    """Debits of the last 30 days that failed for want of money."""
    return ledger.total(Measure.FAILED_DEBITS, 30)


@feature(
    unit="debits a month",
    between=(-5, 10),
    direction=RAISES,
    unknown="under 75 days of history",
)
def failed_debit_change(ledger: Ledger) -> Floats:
    """Failed debits of the last 30 days less those of a usual 30 days of the baseline."""
    return ledger.total(Measure.FAILED_DEBITS, 30) - 30.0 * baseline_per_day(ledger, Measure.FAILED_DEBITS)


@feature(
    unit="payments",
    between=(0, 10),
    direction=RAISES,
    unknown="never",
)
def late_payments_90d(ledger: Ledger) -> Floats:
    """Scheduled payments due in the last 90 days that came late or are still owed."""
    return ledger.total(Measure.LATE_PAYMENTS, 90) + ledger.total(Measure.UNPAID, 90)


@feature(
    unit="days",
    between=(0, 60),
    direction=RAISES,
    unknown="no scheduled payment fell due in 90 days",
)
def average_lateness_days_90d(ledger: Ledger) -> Floats:
    """Mean days late of payments due in the last 90 days; one still owed is late by its age."""
    days_late = ledger.total(Measure.LATENESS_DAYS, 90) + ledger.aged(Measure.UNPAID, 90)
    return ratio(days_late, ledger.total(Measure.PAYMENTS, 90))


@feature(
    unit="share",
    between=(0, 1),
    direction=RAISES,
    unknown="the obligations or the balance are not known, or both are zero",
)
def obligations_due_to_balance_14d(ledger: Ledger) -> Floats:
    """Due in the next 14 days, as a share of itself and the liquid balance together: 1 where nothing is there."""
    due, balance = ledger.owed_within(14), ledger.closing()
    there = np.where(balance > 0.0, balance, np.where(np.isnan(balance), np.nan, 0.0))
    return ratio(due, due + there)


@feature(
    unit="ratio",
    between=(0, 2),
    direction=RAISES,
    unknown="the obligations are not known, no income in 90 days, or under 45 days of history",
)
def obligations_to_income_30d(ledger: Ledger) -> Floats:
    """Scheduled payments of a usual month against a usual 30 days' income."""
    return ratio(ledger.owed_a_month(), usual_monthly_income(ledger))
