"""Stress: what the money in and out amounts to, and where it is heading."""

from __future__ import annotations

from forbear.features.baseline import baseline_per_day, pay_of_month, usual_daily_spending, usual_monthly_income
from forbear.features.definition import LOWERS, RAISES, feature
from forbear.features.ledger import Floats, Ledger, ratio
from forbear.features.measures import Measure


@feature(
    unit="ratio",
    between=(-2, 1),
    direction=LOWERS,
    unknown="no income in 90 days, or under 45 days of history",
)
def net_flow_30d_to_income(ledger: Ledger) -> Floats:
    """Income less spending of the last 30 days, against a usual 30 days' income; a month of 31 days has a pay too."""
    income = ledger.total(Measure.INCOME, 30) + pay_of_month(ledger)
    return ratio(income - ledger.total(Measure.SPENDING, 30), usual_monthly_income(ledger))


@feature(
    unit="days",
    between=(-30, 180),
    direction=LOWERS,
    unknown="no balance is known, or there was no spending or under 60 days of history",
)
def days_of_cover(ledger: Ledger) -> Floats:
    """How many days of usual spending the liquid balance covers."""
    return ratio(ledger.closing(), usual_daily_spending(ledger))


@feature(
    unit="ratio",
    between=(-2, 2),
    direction=RAISES,
    unknown="under 75 days of history, or no spending",
)
def stress_acceleration(ledger: Ledger) -> Floats:
    """Net outflow a day of the last 30 days less that of the baseline, in usual days of spending."""
    income = ledger.per_day(Measure.INCOME, 30) + pay_of_month(ledger) / 30.0
    recent = ledger.per_day(Measure.SPENDING, 30) - income
    before = baseline_per_day(ledger, Measure.SPENDING) - baseline_per_day(ledger, Measure.INCOME)
    return ratio(recent - before, usual_daily_spending(ledger))
