"""Measures: what one transaction adds to its day, and nothing else.

Amounts are minor units, counts are counts. Which transaction counts towards which measure is decided
here, once, by its status, direction, account kind, channel and category.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from forbear.domain.terms import AccountKind, Category, Channel, Direction, FailureReason, OutcomeStatus


class Measure(IntEnum):
    """One additive column of the ledger. The first nine are amounts in minor units, the rest counts."""

    INCOME = 0
    SALARY = 1
    SPENDING = 2
    ESSENTIAL = 3
    DISCRETIONARY = 4
    GAMBLING = 5
    LENDING = 6
    CASH = 7
    SAVINGS_OUT = 8
    TRANSACTIONS = 9
    NIGHT = 10
    CASH_WITHDRAWALS = 11
    FAILED_DEBITS = 12
    LATE_PAYMENTS = 13
    UNPAID = 14
    LATENESS_DAYS = 15
    PAYMENTS = 16

    @property
    def word(self) -> str:
        """The name by which a deployment lists a measure that its feed cannot tell."""
        return self.name.lower()


AMOUNTS = 9
MEASURES = len(Measure)
COUNTS = MEASURES - AMOUNTS
BALANCE, OBLIGATIONS = "balance", "obligations"
WORDS = (*(m.word for m in Measure), BALANCE, OBLIGATIONS)
"""Everything that a feed can be unable to tell."""

REGULAR = frozenset({Category.SALARY, Category.PENSION, Category.BENEFIT})
ESSENTIAL = frozenset(
    {
        Category.RENT,
        Category.MORTGAGE,
        Category.LOAN_REPAYMENT,
        Category.CARD_REPAYMENT,
        Category.UTILITIES,
        Category.INSURANCE,
        Category.TAX,
        Category.GROCERIES,
        Category.HEALTH,
        Category.TRANSPORT,
        Category.CHILDCARE,
        Category.HOUSEHOLD,
    }
)
DISCRETIONARY = frozenset(
    {Category.DINING, Category.ENTERTAINMENT, Category.SHOPPING, Category.TRAVEL, Category.SUBSCRIPTION}
)
BANKS_OWN = frozenset({Category.INTEREST, Category.FEE, Category.OVERDRAFT_INTEREST})
"""What the bank books by itself: money, but nobody's behaviour."""
OUT_OF_MONEY = frozenset({None, FailureReason.INSUFFICIENT_FUNDS, FailureReason.LIMIT_REACHED})
"""Failures that speak of the customer; an unknown reason does, a technical fault or a cancelled mandate not."""

NIGHT_FROM_HOUR, NIGHT_UNTIL_HOUR = 23, 5


def measures_of(direction: Direction, kind: AccountKind, channel: Channel, category: Category) -> frozenset[Measure]:
    """The measures that a booked transaction adds to; NIGHT only if its local time is at night.

    Own transfers move no money in or out of the customer: they show only as a withdrawal from savings.
    A loan account's movements are the lender's book-keeping. A repayment that arrives on a card is a transfer.
    """
    if kind is AccountKind.LOAN:
        return frozenset()
    if category is Category.OWN_TRANSFER:
        drawn_down = kind is AccountKind.SAVINGS and direction is Direction.DEBIT
        return frozenset({Measure.SAVINGS_OUT}) if drawn_down else frozenset()
    own = frozenset() if category in BANKS_OWN else frozenset({Measure.TRANSACTIONS, Measure.NIGHT})
    if direction is Direction.CREDIT:
        return own | _credit(kind, category)
    return own | _debit(channel, category)


def _credit(kind: AccountKind, category: Category) -> frozenset[Measure]:
    if kind is AccountKind.CARD or category is Category.REFUND:
        return frozenset()
    if category is Category.LENDING:
        return frozenset({Measure.LENDING})
    return frozenset({Measure.INCOME, Measure.SALARY} if category in REGULAR else {Measure.INCOME})


def _debit(channel: Channel, category: Category) -> frozenset[Measure]:
    found = {Measure.SPENDING}
    if category in ESSENTIAL:
        found.add(Measure.ESSENTIAL)
    if category in DISCRETIONARY:
        found.add(Measure.DISCRETIONARY)
    if category is Category.GAMBLING:
        found.add(Measure.GAMBLING)
    if category is Category.CASH or channel is Channel.ATM:
        found |= {Measure.CASH, Measure.CASH_WITHDRAWALS}
    return frozenset(found)


def mask_of(measures: frozenset[Measure]) -> int:
    """A set of measures as bits."""
    return sum(1 << measure for measure in measures)


@cache
def booked_masks() -> NDArray[np.uint32]:
    """(directions, kinds, channels, categories) uint32: the measures of every kind of booked transaction."""
    return np.array(
        [
            [[[mask_of(measures_of(d, k, c, g)) for g in Category] for c in Channel] for k in AccountKind]
            for d in Direction
        ],
        dtype=np.uint32,
    )


@cache
def failed_masks() -> NDArray[np.uint32]:
    """(directions, reasons + 1) uint32: the measures of a failed transaction; the last column is "no reason"."""
    reasons = (*FailureReason, None)
    failed = mask_of(frozenset({Measure.FAILED_DEBITS}))
    return np.array(
        [[failed if d is Direction.DEBIT and r in OUT_OF_MONEY else 0 for r in reasons] for d in Direction],
        dtype=np.uint32,
    )


OUTCOME_DELTAS: dict[OutcomeStatus, tuple[int, int]] = {
    OutcomeStatus.PAID: (1, 0),
    OutcomeStatus.MISSED: (1, 1),
    OutcomeStatus.CURED: (0, -1),
    OutcomeStatus.WAIVED: (-1, -1),
}
"""What an outcome adds to (PAYMENTS, UNPAID) of its due day; lateness comes from the date of payment."""
