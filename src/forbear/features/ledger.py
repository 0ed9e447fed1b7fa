"""The ledger as a feature formula sees it: windows of day buckets of any number of customers at one instant.

A formula is run once on a trace, which notes what it asks and what it does with the answers; compiled passes then
do exactly that for every customer. One definition, any number of customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.features.gather import Ask
from forbear.features.income_pattern import DELAY, LAST, SHARE, USUAL
from forbear.features.measures import BALANCE, OBLIGATIONS, Measure
from forbear.features.pool import HORIZON_DAYS

Floats: TypeAlias = NDArray[np.float64]


class Question(NamedTuple):
    """One number asked of every customer: what, of which measure or part, over which days."""

    ask: Ask
    part: int = 0
    days: int = 0
    ago: int = 0

    @property
    def needs(self) -> str | None:
        """The word for what a feed must be able to tell to answer this, None if any feed can."""
        match self.ask:
            case Ask.HISTORY:
                return None
            case Ask.CLOSING | Ask.LOWEST:
                return BALANCE
            case Ask.DUE | Ask.DUE_MONTHLY:
                return OBLIGATIONS
            case Ask.INCOME:
                return Measure.INCOME.word
            case _:
                return Measure(self.part).word


class Answers(Protocol):
    """Where the answers come from: numbers, or a trace of what is done with them."""

    def __getitem__(self, question: Question, /) -> Floats: ...


class Ledger:
    """Windows of n customers' ledgers. Every method answers (n,) float64; money is in minor units.

    A window of N days is the open day and the N - 1 before it; `ago` shifts it that many days back.
    A balance that was never told is NaN, a sum over days without events is 0.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def total(self, measure: Measure, days: int, *, ago: int = 0) -> Floats:
        """Sum of a measure over a window."""
        return self._window(Ask.TOTAL, measure, days, ago)

    def days_with(self, measure: Measure, days: int, *, ago: int = 0) -> Floats:
        """On how many days of a window the measure was not zero."""
        return self._window(Ask.DAYS_WITH, measure, days, ago)

    def highest(self, measure: Measure, days: int, *, ago: int = 0) -> Floats:
        """The largest day of a window."""
        return self._window(Ask.HIGHEST, measure, days, ago)

    def aged(self, measure: Measure, days: int) -> Floats:
        """Sum of a measure over a window, each day weighted by its age in days (the open day has age 0)."""
        return self._window(Ask.AGED, measure, days, 0)

    def closing(self, *, ago: int = 0) -> Floats:
        """Liquid balance (current and savings accounts) at the end of the day `ago`; of the open day: so far."""
        return self._window(Ask.CLOSING, 0, 1, ago)

    def lowest(self, days: int, *, ago: int = 0) -> Floats:
        """Lowest liquid balance of a window."""
        return self._window(Ask.LOWEST, 0, days, ago)

    def history(self) -> Floats:
        """Days since the customer was first seen, that day and the open day included."""
        return self._answers[Question(Ask.HISTORY)]

    def owed_within(self, days: int) -> Floats:
        """Scheduled payments that fall due in the next so many days, the open day not included."""
        return self._answers[Question(Ask.DUE, 0, days)]

    def owed_a_month(self) -> Floats:
        """Scheduled payments of a usual month."""
        return self._answers[Question(Ask.DUE_MONTHLY)]

    def pay_delay(self) -> Floats:
        """Days by which the regular income is overdue, 0 if it is not; NaN without a regular income."""
        return self._answers[Question(Ask.INCOME, DELAY)]

    def last_pay(self) -> Floats:
        """The latest regular income; NaN without one."""
        return self._answers[Question(Ask.INCOME, LAST)]

    def usual_pay(self) -> Floats:
        """Median of the regular incomes before the latest; NaN without one."""
        return self._answers[Question(Ask.INCOME, USUAL)]

    def pay_share(self) -> Floats:
        """Share of the horizon's income that came on pay days, [0, 1]; NaN without a regular income."""
        return self._answers[Question(Ask.INCOME, SHARE)]

    def observed(self, days: int, *, ago: int = 0) -> Floats:
        """How many days of a window the customer has been known for."""
        return np.clip(self.history() - ago, 0.0, float(days))

    def per_day(self, measure: Measure, days: int, *, ago: int = 0) -> Floats:
        """Mean of a measure over the days of a window since the customer is known; NaN if that is under half of it."""
        known = self.observed(days, ago=ago)
        enough = 2.0 * known >= days
        return np.where(enough, self.total(measure, days, ago=ago) / np.where(enough, known, 1.0), np.nan)

    def _window(self, ask: Ask, part: int, days: int, ago: int) -> Floats:
        if days < 1 or ago < 0 or ago + days > HORIZON_DAYS:
            raise ValueError(f"a window of {days} days, {ago} days ago, leaves the horizon of {HORIZON_DAYS} days")
        return self._answers[Question(ask, int(part), days, ago)]


def ratio(part: Floats, whole: Floats) -> Floats:
    """Part / whole; NaN where the whole is not above zero or either is unknown."""
    positive = whole > 0.0
    return np.where(positive, part / np.where(positive, whole, 1.0), np.nan)


def change(recent: Floats, baseline: Floats) -> Floats:
    """Recent / baseline - 1, the relative change; NaN without a baseline above zero."""
    return ratio(recent, baseline) - 1.0


def sum_of(terms: Sequence[Floats]) -> Floats:
    """Terms added one after the other: the same bits for one customer as for many, which a reduction is not."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
