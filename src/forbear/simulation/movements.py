"""What can happen on an account: one number for each kind of movement, and what it says in the feed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forbear.domain.terms import Category, Channel, Direction
from forbear.features.columns import codes_of

(
    SALARY,
    PENSION,
    UNEMPLOYMENT_BENEFIT,
    CHILD_BENEFIT,
    BORROWED,
    REPAID,
    SENT_TO_SAVINGS,
    RECEIVED_IN_SAVINGS,
    TAKEN_FROM_SAVINGS,
    RECEIVED_FROM_SAVINGS,
    RETURN_FEE,
    OVERDRAFT_INTEREST,
    SUBSCRIPTION,
    GAMBLE,
    REPAIR,
    TREATMENT,
    GROCERIES,
    TRANSPORT,
    DINING,
    SHOPPING,
    CASH,
    HEALTH,
    ENTERTAINMENT,
    HOUSEHOLD,
    TRAVEL,
    BACK_PAYMENT,
    PAID_BACK,
    YEARLY_INSURANCE,
    SCHOOL_THINGS,
    REMOVAL,
    CARD_INTEREST,
    CARD_CREDITED,
    LOAN_INTEREST,
    LOAN_CREDITED,
    OWN_CARD_COLLECTED,
    OWN_CARD_SETTLED,
) = range(36)
# The accounts of a household, as places.
IN_CURRENT, IN_SAVINGS, ON_CARD, ON_LOAN = range(4)
# Obligations of a household: where they stand in its list, and from which movement on they are collected by
# the creditor (COLLECTED + kind) or settled by the customer's own hand (SETTLED + kind).
RENT, MORTGAGE, LOAN, CARD, UTILITIES, INSURANCE = range(6)
COLLECTED = 36
SETTLED = 42
MERCHANTS = 12
"""Merchants of each category that a customer may meet."""


class Movement(NamedTuple):
    """What the feed says of one kind of movement, and the account that it is on unless it says otherwise."""

    category: Category
    channel: Channel
    direction: Direction = Direction.DEBIT
    account: int = IN_CURRENT


_CREDIT = Direction.CREDIT
_MOVEMENTS = {
    SALARY: Movement(Category.SALARY, Channel.TRANSFER, _CREDIT),
    PENSION: Movement(Category.PENSION, Channel.TRANSFER, _CREDIT),
    UNEMPLOYMENT_BENEFIT: Movement(Category.BENEFIT, Channel.TRANSFER, _CREDIT),
    CHILD_BENEFIT: Movement(Category.BENEFIT, Channel.TRANSFER, _CREDIT),
    BORROWED: Movement(Category.LENDING, Channel.TRANSFER, _CREDIT),
    REPAID: Movement(Category.LENDING, Channel.TRANSFER),
    SENT_TO_SAVINGS: Movement(Category.OWN_TRANSFER, Channel.INTERNAL),
    RECEIVED_IN_SAVINGS: Movement(Category.OWN_TRANSFER, Channel.INTERNAL, _CREDIT, account=IN_SAVINGS),
    TAKEN_FROM_SAVINGS: Movement(Category.OWN_TRANSFER, Channel.INTERNAL, account=IN_SAVINGS),
    RECEIVED_FROM_SAVINGS: Movement(Category.OWN_TRANSFER, Channel.INTERNAL, _CREDIT),
    RETURN_FEE: Movement(Category.FEE, Channel.INTERNAL),
    OVERDRAFT_INTEREST: Movement(Category.OVERDRAFT_INTEREST, Channel.INTERNAL),
    SUBSCRIPTION: Movement(Category.SUBSCRIPTION, Channel.CARD),
    GAMBLE: Movement(Category.GAMBLING, Channel.ONLINE),
    REPAIR: Movement(Category.HOUSEHOLD, Channel.CARD),
    TREATMENT: Movement(Category.HEALTH, Channel.CARD),
    GROCERIES: Movement(Category.GROCERIES, Channel.CARD),
    TRANSPORT: Movement(Category.TRANSPORT, Channel.CARD),
    DINING: Movement(Category.DINING, Channel.CARD),
    SHOPPING: Movement(Category.SHOPPING, Channel.ONLINE),
    CASH: Movement(Category.CASH, Channel.ATM),
    HEALTH: Movement(Category.HEALTH, Channel.CARD),
    ENTERTAINMENT: Movement(Category.ENTERTAINMENT, Channel.CARD),
    HOUSEHOLD: Movement(Category.HOUSEHOLD, Channel.CARD),
    TRAVEL: Movement(Category.TRAVEL, Channel.ONLINE),
    BACK_PAYMENT: Movement(Category.UTILITIES, Channel.ONLINE),
    PAID_BACK: Movement(Category.REFUND, Channel.TRANSFER, _CREDIT),
    YEARLY_INSURANCE: Movement(Category.INSURANCE, Channel.ONLINE),
    SCHOOL_THINGS: Movement(Category.SHOPPING, Channel.CARD),
    REMOVAL: Movement(Category.HOUSEHOLD, Channel.ONLINE),
    CARD_INTEREST: Movement(Category.INTEREST, Channel.INTERNAL, account=ON_CARD),
    # What goes from an own account to the own card was spent when the card was used: here it is only moved.
    CARD_CREDITED: Movement(Category.OWN_TRANSFER, Channel.INTERNAL, _CREDIT, account=ON_CARD),
    LOAN_INTEREST: Movement(Category.INTEREST, Channel.INTERNAL, account=ON_LOAN),
    LOAN_CREDITED: Movement(Category.LOAN_REPAYMENT, Channel.INTERNAL, _CREDIT, account=ON_LOAN),
    OWN_CARD_COLLECTED: Movement(Category.OWN_TRANSFER, Channel.DIRECT_DEBIT),
    OWN_CARD_SETTLED: Movement(Category.OWN_TRANSFER, Channel.ONLINE),
    COLLECTED + RENT: Movement(Category.RENT, Channel.STANDING_ORDER),
    COLLECTED + MORTGAGE: Movement(Category.MORTGAGE, Channel.DIRECT_DEBIT),
    COLLECTED + LOAN: Movement(Category.LOAN_REPAYMENT, Channel.DIRECT_DEBIT),
    COLLECTED + CARD: Movement(Category.CARD_REPAYMENT, Channel.DIRECT_DEBIT),
    COLLECTED + UTILITIES: Movement(Category.UTILITIES, Channel.DIRECT_DEBIT),
    COLLECTED + INSURANCE: Movement(Category.INSURANCE, Channel.DIRECT_DEBIT),
    SETTLED + RENT: Movement(Category.RENT, Channel.ONLINE),
    SETTLED + MORTGAGE: Movement(Category.MORTGAGE, Channel.ONLINE),
    SETTLED + LOAN: Movement(Category.LOAN_REPAYMENT, Channel.ONLINE),
    SETTLED + CARD: Movement(Category.CARD_REPAYMENT, Channel.ONLINE),
    SETTLED + UTILITIES: Movement(Category.UTILITIES, Channel.ONLINE),
    SETTLED + INSURANCE: Movement(Category.INSURANCE, Channel.ONLINE),
}
MOVEMENTS = tuple(_MOVEMENTS[number] for number in range(len(_MOVEMENTS)))
"""What each movement number says."""

CATEGORY_OF = np.array([codes_of(Category)[m.category] for m in MOVEMENTS], dtype=np.int8)
CHANNEL_OF = np.array([codes_of(Channel)[m.channel] for m in MOVEMENTS], dtype=np.int8)
DIRECTION_OF = np.array([codes_of(Direction)[m.direction] for m in MOVEMENTS], dtype=np.int8)
IS_CREDIT = np.array([m.direction is _CREDIT for m in MOVEMENTS])
ACCOUNT_OF = np.array([m.account for m in MOVEMENTS], dtype=np.int8)
