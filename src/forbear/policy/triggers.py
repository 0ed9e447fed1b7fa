"""Which events have their customer scored, decided for a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.domain.terms import Category, Channel, Direction, Status
from forbear.policy.document import Triggers

Column: TypeAlias = NDArray[Any]

TRANSACTION, DAY_CLOSED = 0, 3
"""Kinds of event, as the columns of events number them; a test holds the two together."""


class Trigger(IntFlag):
    """Why an event has its customer scored; several may hold at once. OVERRIDE: a request with one, beside REQUEST."""

    FAILED_DEBIT = 1
    LARGE_AMOUNT = 2
    CASH_MACHINE = 4
    CATEGORY = 8
    EVERY_NTH = 16
    DAY_CLOSE = 32
    REQUEST = 64
    OVERRIDE = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """n events as columns, as far as triggers look at them.

    kind: (n,) int8, TRANSACTION, DAY_CLOSED or another.  direction, channel, category, status: (n,) int8, the
    place of the word in its enumeration of `domain.terms`, -1 = absent.  amount_minor: (n,) int64, negative =
    absent.  currency: (n,) bytes such as b"EUR", b"" = absent.  nth: (n,) int64, the number of this
    transaction among its customer's, from 1; of no account for another kind.
    """

    kind: Column
    direction: Column
    channel: Column
    category: Column
    status: Column
    amount_minor: Column
    currency: Column
    nth: Column


def fired(triggers: Triggers, events: Happenings) -> NDArray[np.uint8]:
    """(n,) the triggers that each event fires, as bits of `Trigger`; 0 for none.

    A failed transaction fires like a booked one, whatever made it fail: the score will judge. A day close
    stands for every customer of its partition. An amount is over its limit, not at it.
    """
    transaction = events.kind == TRANSACTION
    fires: dict[Trigger, Column] = {}
    if triggers.failed_debit:
        failed = (events.status == _code(Status.FAILED)) & (events.direction == _code(Direction.DEBIT))
        fires[Trigger.FAILED_DEBIT] = transaction & failed
    if triggers.amount_over_minor:
        fires[Trigger.LARGE_AMOUNT] = transaction & _over(triggers, events)
    if triggers.cash_machine:
        fires[Trigger.CASH_MACHINE] = transaction & (events.channel == _code(Channel.ATM))
    if triggers.categories:
        # One place more than there are categories: -1 reads it.
        listed = np.array([*(category in triggers.categories for category in Category), False])
        fires[Trigger.CATEGORY] = transaction & listed[events.category]
    if triggers.every_nth_transaction:
        fires[Trigger.EVERY_NTH] = transaction & (events.nth % triggers.every_nth_transaction == 0)
    if triggers.day_close:
        fires[Trigger.DAY_CLOSE] = events.kind == DAY_CLOSED
    bits = np.zeros(len(events.kind), dtype=np.uint8)
    for trigger, rows in fires.items():
        bits |= rows * np.uint8(trigger)
    return bits


def _over(triggers: Triggers, events: Happenings) -> NDArray[np.bool_]:
    """Whether each amount is over the limit of its currency. Few are over the lowest: only they are looked up."""
    over = np.zeros(len(events.kind), dtype=np.bool_)
    rows = np.flatnonzero(events.amount_minor > min(triggers.amount_over_minor.values()))
    for currency, limit in triggers.amount_over_minor.items():
        over[rows] |= (events.currency[rows] == currency.encode()) & (events.amount_minor[rows] > limit)
    return over


def _code(word: StrEnum) -> int:
    return list(type(word)).index(word)
