"""A book of loans by quarter, with the economy beside it: what each quarter knew, and how each loan ended."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cached_property

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.results import Floats

NEVER = 10**9
"""A quarter that does not come: of a default that was not, or a workout that is not over."""


class End(IntEnum):
    """What became of a loan in a quarter."""

    RUNNING = 0
    DEFAULT = 1
    PAYOFF = 2


@dataclass(frozen=True, slots=True)
class Economy:
    """The economy by quarter, (q,) each, the first entry being quarter 1.

    unemployment: percent.  gdp_growth: percent over a year.  house_prices: index, > 0.
    """

    unemployment: Floats
    gdp_growth: Floats
    house_prices: Floats

    def __len__(self) -> int:
        return len(self.unemployment)


@dataclass(frozen=True)
class LoanPanel:
    """n rows, one loan in one quarter, sorted by loan and quarter.

    loan, quarter: integers.  opened, matures: quarters; opened may lie before the first.
    balance_minor: owed at the end of the quarter, in one of default when it came.  rate: nominal, a year, >= 0.
    credit_score: at origination.  value_minor: of the home at origination, > 0.  price_index: of house prices then,
    > 0.  investor: not lived in by the owner.
    end: values of End.  lgd: (n,) realised, NaN but in rows of default.  resolved: (n,) quarter in which the workout
    was over and the LGD known, NEVER where it is not, or the row is not one of default.
    Raises ValueError where a shape disagrees or rows are out of order.
    """

    loan: Ints
    quarter: Ints
    opened: Ints
    matures: Ints
    balance_minor: Floats
    rate: Floats
    credit_score: Floats
    value_minor: Floats
    price_index: Floats
    investor: Bools
    end: Ints
    lgd: Floats
    resolved: Ints
    economy: Economy

    def __post_init__(self) -> None:
        rows = len(self.loan)
        for field in fields(self)[:-1]:
            if getattr(self, field.name).shape != (rows,):
                raise ValueError(f"{field.name}: of shape {getattr(self, field.name).shape}, expected ({rows},)")
        same = np.diff(self.loan) == 0
        if (np.diff(self.loan) < 0).any() or (np.diff(self.quarter)[same] <= 0).any():
            raise ValueError("rows are not sorted by loan and quarter, or one stands twice")

    def __len__(self) -> int:
        return len(self.loan)

    @cached_property
    def _of_loan(self) -> tuple[Ints, Ints]:
        """(n,) number of each row's loan, and the last row of each loan."""
        distinct, number = np.unique(self.loan, return_inverse=True)
        return number, np.searchsorted(self.loan, distinct, side="right") - 1

    @cached_property
    def last_row(self) -> Ints:
        """(n,) for each row, the last one of its loan."""
        number, last = self._of_loan
        return np.asarray(last[number], dtype=np.int64)

    @cached_property
    def first_row(self) -> Ints:
        """(n,) for each row, the first one of its loan."""
        number, last = self._of_loan
        first = np.concatenate([[0], last[:-1] + 1])
        return np.asarray(first[number], dtype=np.int64)

    @cached_property
    def default_quarter(self) -> Ints:
        """(n,) quarter of the loan's default, NEVER where none is in the panel."""
        ended = self.end[self.last_row] == End.DEFAULT
        return np.where(ended, self.quarter[self.last_row], NEVER)

    def defaults_within(self, quarters: int) -> tuple[Bools, Bools]:
        """Whether each row's loan defaults in the next so many quarters, and whether that can be known, (n,) each.

        It is known where the panel reaches so far and the loan has ended by then, or is still seen.
        """
        happened = (self.default_quarter > self.quarter) & (self.default_quarter <= self.quarter + quarters)
        last = self.quarter[self.last_row]
        ended = self.end[self.last_row] != End.RUNNING
        seen = (last >= self.quarter + quarters) | (ended & (last <= self.quarter + quarters))
        reached = self.quarter + quarters <= self.quarter.max(initial=0)
        return happened, seen & reached & (self.end == End.RUNNING)

    def payoff_next(self) -> Bools:
        """(n,) whether the loan is paid off in the quarter after the row's."""
        ended = self.end[self.last_row] == End.PAYOFF
        return np.asarray(ended & (self.quarter[self.last_row] == self.quarter + 1))
