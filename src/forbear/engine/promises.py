"""Promises to pay: made by a customer, kept or broken by what was paid, and cancelled by a person alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, Protocol

from forbear.domain.errors import InvalidEvent
from forbear.engine.case_terms import PromiseTerms

MOST_MINOR = 10**15


class PromiseState(StrEnum):
    """What became of a promise; made: nothing yet."""

    MADE = "made"
    KEPT = "kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise. amount_minor: > 0, of `currency`.  made_day, due_day: bank-local.  made_us, settled_us: [us UTC].

    customer: key, 0 once erased.  case_id, intervention_id: where it came from, "" for nothing.  by: who wrote it down.
    """

    promise_id: str
    customer: int
    amount_minor: int
    currency: str
    due_day: int
    made_us: int
    by: str
    case_id: str = ""
    intervention_id: str = ""
    state: PromiseState = PromiseState.MADE
    settled_us: int | None = None


class Paid(NamedTuple):
    """A payment that was made, in minor units, on a day [bank-local]."""

    day: int
    amount_minor: int


class Counted(NamedTuple):
    """Promises in numbers, by state."""

    made: int
    kept: int
    broken: int
    cancelled: int


class Promises(Protocol):
    """Where promises are kept, and what was paid is read. Each call is one transaction."""

    def make(self, promise: Promise) -> tuple[Promise, bool]:
        """Keep a promise; whether it is new. The same one again (`promise_id`) changes nothing."""
        ...

    def get(self, promise_id: str) -> Promise | None:
        """One promise."""
        ...

    def listed(
        self, state: PromiseState | None, limit: int, *, customer: int | None = None, after: tuple[int, str] = (-1, "")
    ) -> Sequence[Promise]:
        """Promises by due day and id, from behind a place on."""
        ...

    def settle(self, promise_id: str, before: PromiseState, after: PromiseState, at_us: int) -> bool:
        """Have a promise be kept, broken or cancelled; False, and nothing has changed, where it is not in `before`."""
        ...

    def paid(self, customer: int, from_day: int) -> Sequence[Paid]:
        """What a customer has paid of what was due, from a day on, each payment once."""
        ...

    def counted(self) -> Counted:
        """All promises in numbers."""
        ...


def promise_id_of(customer: int, amount_minor: int, currency: str, due_day: int, made_day: int) -> str:
    """The id of a promise, 32 hexadecimal digits: the same one told twice on a day is one."""
    said = "\0".join(["promise", str(customer), str(amount_minor), currency, str(due_day), str(made_day)])
    return sha256(said.encode()).hexdigest()[:32]


def require_promise(promise: Promise, made_day: int, currency: str, terms: PromiseTerms) -> None:
    """Raises InvalidEvent for what is no promise here: an amount, a currency or a day that cannot be."""
    if not 0 < promise.amount_minor <= MOST_MINOR:
        raise InvalidEvent("a promise is of an amount above nothing", field="amount_minor")
    if promise.currency != currency:
        raise InvalidEvent(f"what is paid here is {currency}", field="currency")
    if not made_day <= promise.due_day <= made_day + terms.most_days_ahead:
        raise InvalidEvent(
            f"a promise is for today or one of the {terms.most_days_ahead} days to come",
            field="due",
            code="absurd_date",
        )


def judged(
    promises: Sequence[tuple[Promise, int]], paid: Sequence[Paid], closed_day: int, terms: PromiseTerms
) -> dict[str, PromiseState]:
    """What became of the promises of one customer, by id, as known once `closed_day` was complete.

    promises: each with the day on which it was made.  Money counts once: the promise that is due first takes it, of the
    payments from the day it was made to its due day with grace. Kept: in full. Broken: not in full, and no such day is
    to come; it takes nothing then. One that may still be kept holds what was paid. A cancelled one takes nothing.
    """
    left = [[one.day, one.amount_minor] for one in sorted(paid) if one.day <= closed_day]
    found: dict[str, PromiseState] = {}
    for promise, made_day in sorted(promises, key=lambda one: (one[0].due_day, one[0].promise_id)):
        if promise.state is PromiseState.CANCELLED:
            found[promise.promise_id] = PromiseState.CANCELLED
            continue
        last = promise.due_day + terms.grace_days
        usable = [payment for payment in left if made_day <= payment[0] <= last]
        kept, over = sum(payment[1] for payment in usable) >= promise.amount_minor, last <= closed_day
        found[promise.promise_id] = PromiseState.KEPT if kept else PromiseState.BROKEN if over else PromiseState.MADE
        if kept or not over:
            _take(usable, promise.amount_minor)
    return found


def _take(payments: list[list[int]], amount_minor: int) -> None:
    for payment in payments:
        taken = min(amount_minor, payment[1])
        payment[1] -= taken
        amount_minor -= taken
