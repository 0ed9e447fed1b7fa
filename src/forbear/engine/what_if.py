"""What might happen to a customer, in few words, as the events that the ledger would take for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from forbear.domain.deployment import Deployment
from forbear.domain.events import Event, PaymentOutcome, Transaction
from forbear.domain.terms import AccountKind, Category, Channel, Direction, FailureReason, OutcomeStatus, Status
from forbear.features.columns import day_of

_ACCOUNT = "what-if"
"""An account of its own: what moves on it is added to what the customer's others hold."""


class Occurrence(StrEnum):
    """What may happen.

    income: money comes in.  payment: money goes out.  cash: it is drawn at a machine.  failed_payment: a direct debit
    fails for want of money.  missed_payment: a scheduled payment is reported missed.
    """

    INCOME = "income"
    PAYMENT = "payment"
    CASH = "cash"
    FAILED_PAYMENT = "failed_payment"
    MISSED_PAYMENT = "missed_payment"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that might happen. amount_minor: more than 0.  in_days: days after the open one, 0 for that itself.

    category: what money is for; of an income the salary, of a payment anything, unless told.
    """

    what: Occurrence
    amount_minor: int
    in_days: int = 0
    category: Category | None = None


def events_of(happenings: Sequence[Happening], customer_id: str, deployment: Deployment, open_day: int) -> list[Event]:
    """The events of some happenings, in the order of their days, each at noon of the bank's zone."""
    balance, events = 0, list[Event]()
    for number, one in enumerate(sorted(happenings, key=lambda each: each.in_days)):
        when = _noon(deployment, open_day + one.in_days)
        common: dict[str, Any] = {"customer_id": customer_id, "booked_at": when, "received_at": when}
        if one.what is Occurrence.MISSED_PAYMENT:
            events.append(_missed(one, number, common))
            continue
        if one.what is not Occurrence.FAILED_PAYMENT:
            balance += one.amount_minor if one.what is Occurrence.INCOME else -one.amount_minor
        events.append(_moved(one, number, balance, {"currency": deployment.currency, **common}))
    return events


def _moved(one: Happening, number: int, balance: int, common: dict[str, Any]) -> Transaction:
    failed, income = one.what is Occurrence.FAILED_PAYMENT, one.what is Occurrence.INCOME
    usual = {Occurrence.INCOME: Category.SALARY, Occurrence.CASH: Category.CASH}
    channels = {Occurrence.CASH: Channel.ATM, Occurrence.FAILED_PAYMENT: Channel.DIRECT_DEBIT}
    return Transaction(
        transaction_id=f"what-if-{number}",
        account_id=_ACCOUNT,
        account_kind=AccountKind.CURRENT,
        direction=Direction.CREDIT if income else Direction.DEBIT,
        amount_minor=one.amount_minor,
        channel=channels.get(one.what, Channel.TRANSFER),
        category=one.category or usual.get(one.what, Category.OTHER),
        status=Status.FAILED if failed else Status.BOOKED,
        failure_reason=FailureReason.INSUFFICIENT_FUNDS if failed else None,
        balance_after_minor=None if failed else balance,
        sequence=number,
        **common,
    )


def _missed(one: Happening, number: int, common: dict[str, Any]) -> PaymentOutcome:
    return PaymentOutcome(
        outcome_id=f"what-if-{number}",
        obligation_id=_ACCOUNT,
        due_on=common["booked_at"].date(),
        amount_due_minor=one.amount_minor,
        status=OutcomeStatus.MISSED,
        **common,
    )


def _noon(deployment: Deployment, day: int) -> datetime:
    return datetime.combine(day_of(day), time(12), ZoneInfo(deployment.time_zone))
