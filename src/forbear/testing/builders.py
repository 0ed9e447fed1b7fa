"""Builders: valid events of which a test states only what matters to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from forbear.domain.events import CustomerUpdated, DayClosed, Obligation, PaymentOutcome, Transaction
from forbear.domain.terms import AccountKind, Category, Direction, ObligationKind, OutcomeStatus

START = date(2024, 1, 1)
"""The first day of every built history; the bank keeps UTC."""


def at(day: int, hour: float = 12.0) -> datetime:
    """So many days and hours after START 00:00 UTC."""
    return datetime.combine(START, time(), UTC) + timedelta(days=day, hours=hour)


def transaction(number: int = 1, *, day: int = 0, **stated: Any) -> Transaction:
    """A booked debit of 10.00 EUR on a current account at noon of a day, received at once."""
    booked = stated.pop("booked_at", at(day))
    fields: dict[str, Any] = {
        "transaction_id": f"T{number}",
        "customer_id": "C1",
        "account_id": "A1",
        "account_kind": AccountKind.CURRENT,
        "direction": Direction.DEBIT,
        "amount_minor": 1_000,
        "currency": "EUR",
        "category": Category.GROCERIES,
        "booked_at": booked,
        "received_at": booked,
    }
    return Transaction(**{**fields, **stated})


def outcome(number: int = 1, *, due: int = 0, **stated: Any) -> PaymentOutcome:
    """A scheduled payment of 10.00 EUR that was due on a day and missed, told five days later."""
    told = stated.pop("booked_at", at(due + 5))
    fields: dict[str, Any] = {
        "outcome_id": f"O{number}",
        "customer_id": "C1",
        "obligation_id": "L1",
        "due_on": START + timedelta(days=due),
        "amount_due_minor": 1_000,
        "status": OutcomeStatus.MISSED,
        "booked_at": told,
        "received_at": told,
    }
    return PaymentOutcome(**{**fields, **stated})


def update(number: int = 1, *, day: int = 0, owed_minor: int = 0, **stated: Any) -> CustomerUpdated:
    """A customer update at noon of a day, with one monthly loan obligation if something is owed."""
    booked = stated.pop("booked_at", at(day))
    owed = Obligation(
        obligation_id="L1", kind=ObligationKind.LOAN, amount_minor=owed_minor, due_on=START + timedelta(days=4)
    )
    fields: dict[str, Any] = {
        "update_id": f"U{number}",
        "customer_id": "C1",
        "booked_at": booked,
        "received_at": booked,
        "obligations": (owed,) if owed_minor else (),
    }
    return CustomerUpdated(**{**fields, **stated})


def closed(day: int) -> DayClosed:
    """The close of a day, two hours after its midnight."""
    return DayClosed(partition=0, day=START + timedelta(days=day), received_at=at(day + 1, 2.0))
