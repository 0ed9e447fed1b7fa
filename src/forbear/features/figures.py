"""Figures that sentences quote and that no model sees: amounts, days and counts of one customer.

They are formulas over the ledger like features, answered by the same compiled pass. None may be told as a fact
where it is NaN: then it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from forbear.features.baseline import (
    BASELINE_AGO,
    BASELINE_DAYS,
    baseline_per_day,
    usual_daily_spending,
    usual_monthly_income,
)
from forbear.features.compute import FeatureSet
from forbear.features.definition import Formula, plain
from forbear.features.ledger import Floats, Ledger, ratio
from forbear.features.measures import Measure

FigureKind: TypeAlias = Literal["money", "estimate", "days", "date", "count"]
"""money: exact minor units.  estimate: a mean amount in minor units.  days, count: numbers.  date: days after the
open day, negative before it."""


@dataclass(frozen=True, slots=True)
class QuotedFigure:
    """One figure: its kind says how it is written."""

    name: str
    kind: FigureKind
    formula: Formula


FIGURES: dict[str, QuotedFigure] = {}
"""Every figure by name, in the order of columns."""


def quoted(kind: FigureKind) -> Callable[[Formula], Formula]:
    """Declare the decorated formula a figure. Raises ValueError on a second one of that name."""

    def declare(formula: Formula) -> Formula:
        if formula.__name__ in FIGURES:
            raise ValueError(f"figure {formula.__name__} is defined twice")
        FIGURES[formula.__name__] = QuotedFigure(formula.__name__, kind, formula)
        return formula

    return declare


def figure_set(unsupported: Collection[str] = ()) -> FeatureSet:
    """A column for every figure, and nothing else."""
    return FeatureSet(tuple(plain(figure.formula) for figure in FIGURES.values()), frozenset(unsupported))


def with_figures(features: FeatureSet) -> FeatureSet:
    """The set with a column for every figure behind its features."""
    return FeatureSet((*features.features, *figure_set().features), features.unsupported)


# ---- the money that is there


@quoted("money")
def balance_now(ledger: Ledger) -> Floats:
    """Liquid balance at the end of the open day; NaN where none was ever told."""
    return ledger.closing()


@quoted("money")
def balance_30d_ago(ledger: Ledger) -> Floats:
    """Liquid balance 30 days before."""
    return ledger.closing(ago=30)


@quoted("money")
def lowest_balance_14d(ledger: Ledger) -> Floats:
    """Lowest liquid balance of 14 days."""
    return ledger.lowest(14)


@quoted("money")
def lowest_balance_90d(ledger: Ledger) -> Floats:
    """Lowest liquid balance of 90 days; also the rule of thumb that every model is shown beside."""
    return ledger.lowest(90)


@quoted("money")
def savings_drawn_30d(ledger: Ledger) -> Floats:
    """Drawn from savings in the last 30 days."""
    return ledger.total(Measure.SAVINGS_OUT, 30)


@quoted("estimate")
def usual_savings_drawn_30d(ledger: Ledger) -> Floats:
    """Drawn from savings in a usual 30 days of the baseline."""
    return 30.0 * baseline_per_day(ledger, Measure.SAVINGS_OUT)


# ---- income


@quoted("date")
def expected_pay_day(ledger: Ledger) -> Floats:
    """The day on which the regular income was due, if it is overdue; else NaN."""
    delay = ledger.pay_delay()
    return np.where(delay >= 1.0, -delay, np.nan)


@quoted("money")
def last_pay(ledger: Ledger) -> Floats:
    """The latest regular income."""
    return ledger.last_pay()


@quoted("money")
def usual_pay(ledger: Ledger) -> Floats:
    """Median of the regular incomes before the latest."""
    return ledger.usual_pay()


@quoted("money")
def income_30d(ledger: Ledger) -> Floats:
    """Income of the last 30 days."""
    return ledger.total(Measure.INCOME, 30)


@quoted("estimate")
def usual_income_30d(ledger: Ledger) -> Floats:
    """Income of 30 days, averaged over the last 90."""
    return usual_monthly_income(ledger)


# ---- spending


@quoted("money")
def spending_30d(ledger: Ledger) -> Floats:
    """Spending of the last 30 days."""
    return ledger.total(Measure.SPENDING, 30)


@quoted("estimate")
def usual_spending_30d(ledger: Ledger) -> Floats:
    """Spending of 30 days, averaged over the horizon."""
    return 30.0 * usual_daily_spending(ledger)


@quoted("estimate")
def usual_spending_7d(ledger: Ledger) -> Floats:
    """Spending of a week, averaged over the horizon."""
    return 7.0 * usual_daily_spending(ledger)


@quoted("estimate")
def usual_spending_1d(ledger: Ledger) -> Floats:
    """Spending of a day, averaged over the horizon."""
    return usual_daily_spending(ledger)


@quoted("money")
def spending_14d(ledger: Ledger) -> Floats:
    """Spending of the last 14 days."""
    return ledger.total(Measure.SPENDING, 14)


@quoted("estimate")
def usual_spending_14d(ledger: Ledger) -> Floats:
    """Spending of a usual 14 days of the baseline."""
    return 14.0 * baseline_per_day(ledger, Measure.SPENDING)


@quoted("money")
def gambling_30d(ledger: Ledger) -> Floats:
    """Spending on gambling in the last 30 days."""
    return ledger.total(Measure.GAMBLING, 30)


@quoted("money")
def borrowed_30d(ledger: Ledger) -> Floats:
    """Money borrowed in the last 30 days."""
    return ledger.total(Measure.LENDING, 30)


# ---- what is owed


@quoted("money")
def due_14d(ledger: Ledger) -> Floats:
    """Scheduled payments that fall due in the next 14 days."""
    return ledger.owed_within(14)


@quoted("money")
def owed_a_month(ledger: Ledger) -> Floats:
    """Scheduled payments of a usual month."""
    return ledger.owed_a_month()


# ---- cash and use


@quoted("money")
def cash_30d(ledger: Ledger) -> Floats:
    """Cash taken out in the last 30 days."""
    return ledger.total(Measure.CASH, 30)


@quoted("estimate")
def usual_cash_30d(ledger: Ledger) -> Floats:
    """Cash taken out in a usual 30 days of the baseline."""
    return 30.0 * baseline_per_day(ledger, Measure.CASH)


@quoted("money")
def largest_cash_day_30d(ledger: Ledger) -> Floats:
    """Most cash taken out on one day of the last 30."""
    return ledger.highest(Measure.CASH, 30)


@quoted("estimate")
def usual_cash_day(ledger: Ledger) -> Floats:
    """Mean cash taken out on a day of the baseline with any."""
    return ratio(
        ledger.total(Measure.CASH, BASELINE_DAYS, ago=BASELINE_AGO),
        ledger.days_with(Measure.CASH, BASELINE_DAYS, ago=BASELINE_AGO),
    )


@quoted("count")
def cash_withdrawals_14d(ledger: Ledger) -> Floats:
    """Cash withdrawals of the last 14 days."""
    return ledger.total(Measure.CASH_WITHDRAWALS, 14)


@quoted("count")
def usual_cash_withdrawals_14d(ledger: Ledger) -> Floats:
    """Cash withdrawals of a usual 14 days of the baseline."""
    return 14.0 * baseline_per_day(ledger, Measure.CASH_WITHDRAWALS)


@quoted("count")
def transactions_14d(ledger: Ledger) -> Floats:
    """Transactions of the last 14 days."""
    return ledger.total(Measure.TRANSACTIONS, 14)


@quoted("count")
def usual_transactions_14d(ledger: Ledger) -> Floats:
    """Transactions of a usual 14 days of the baseline."""
    return 14.0 * baseline_per_day(ledger, Measure.TRANSACTIONS)


@quoted("count")
def night_transactions_30d(ledger: Ledger) -> Floats:
    """Transactions made between 23:00 and 05:00 local time in the last 30 days."""
    return ledger.total(Measure.NIGHT, 30)


@quoted("count")
def transactions_30d(ledger: Ledger) -> Floats:
    """Transactions of the last 30 days."""
    return ledger.total(Measure.TRANSACTIONS, 30)
