"""Random histories, and the ways in which a history can be folded. Needs hypothesis, a development dependency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from forbear.domain.events import DayClosed, Event
from forbear.domain.terms import AccountKind, Category, Channel, Direction, FailureReason, OutcomeStatus, Status
from forbear.features.batch import EventBatch, batch_of
from forbear.features.book import Book
from forbear.features.columns import EventKind, columns_of, day_number
from forbear.features.compute import FeatureSet
from forbear.features.local_time import local_time
from forbear.testing.builders import START, at, closed, outcome, transaction, update

OPENS = day_number(START)
ZONE = local_time("UTC")
FEATURES = FeatureSet.standard()

ByDay = dict[int, dict[int, bytes]]
"""Bytes of a customer's features, by closed day and customer key."""


@dataclass(frozen=True)
class Step:
    """One thing that a feed delivers. ahead: days by which it is dated after (or, below 0, before) the open day."""

    wait: int
    what: str
    customer: int
    account: int
    ahead: int
    amount: int
    balance: int | None
    pick: int
    again: bool


steps = st.builds(
    Step,
    wait=st.sampled_from([0, 0, 0, 1, 1, 2, 7, 30]),
    what=st.sampled_from(["debit", "debit", "credit", "failed", "reversal", "outcome", "update"]),
    customer=st.integers(1, 3),
    account=st.integers(1, 2),
    ahead=st.sampled_from([0, 0, 0, -1, -3, -40, -118, -119, -125, 1, 5]),
    amount=st.sampled_from([0, 1, 999, 120_000, 2**31 - 1, 2**31, 7_000_000_000]),
    balance=st.none() | st.integers(-(10**6), 10**12),
    pick=st.integers(0, 10**6),
    again=st.booleans(),
)


def _event(step: Step, number: int, day: int) -> Event:
    when = at(max(day + step.ahead, 0), 0.5 + step.pick % 23)
    received = at(day, 6.0 + (number % 1000) / 100)
    common: dict[str, Any] = {"customer_id": f"C{step.customer}", "booked_at": when, "received_at": received}
    if step.what == "update":
        early = min(when, received)
        return update(number, owed_minor=step.amount % 10**6, **{**common, "booked_at": early})
    if step.what == "outcome":
        status = list(OutcomeStatus)[step.pick % 4]
        due = START + timedelta(days=max(day + step.ahead, 0))
        told = {**common, "booked_at": received, "due_on": due, "status": status}
        paid = due + timedelta(days=step.pick % 9) if status in {OutcomeStatus.PAID, OutcomeStatus.CURED} else None
        return outcome(number, **told, paid_on=paid)
    failed = step.what == "failed"
    reasons = [None, *FailureReason]
    return transaction(
        number,
        **common,
        account_id=f"A{step.customer}-{step.account}",
        account_kind=(AccountKind.CURRENT, AccountKind.SAVINGS)[step.account - 1],
        direction=Direction.CREDIT if step.what in {"credit", "reversal"} else Direction.DEBIT,
        category=list(Category)[step.pick % len(Category)],
        channel=list(Channel)[step.pick % len(Channel)],
        amount_minor=step.amount,
        balance_after_minor=step.balance,
        sequence=step.pick % 5,
        status=Status.FAILED if failed else Status.BOOKED,
        failure_reason=reasons[step.pick % len(reasons)] if failed else None,
        reverses=f"T{step.pick}-gone" if step.what == "reversal" else None,
    )


def history_of(given: list[Step]) -> list[Event]:
    """The log that these steps make: their events, with the close of every day on the way and a last one."""
    log: list[Event] = []
    day = 0
    for number, step in enumerate(given, start=1):
        for _ in range(step.wait):
            log.append(closed(day))
            day += 1
        event = _event(step, number, day)
        log += [event, event] if step.again else [event]
    return [*log, closed(day), closed(day + 1)]


histories = st.lists(steps, min_size=1, max_size=40).map(history_of)


def batch(log: list[Event]) -> EventBatch:
    """The log as one batch."""
    return batch_of(columns_of(log), ZONE)


def book() -> Book:
    """An empty book that opens with the history."""
    return Book(FEATURES, OPENS)


def closes(log: list[Event]) -> list[int]:
    """Every day that the log closes."""
    return [day_number(event.day) for event in log if isinstance(event, DayClosed)]


def replayed(into: Book, part: EventBatch, found: ByDay) -> None:
    """Replay a batch with a pause at every close in it, and note what each pause gives."""
    days = part.day[part.kind == EventKind.DAY_CLOSED].tolist()

    def emit(day: int, slots: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        keys = into.keys[slots].tolist()
        found.setdefault(day, {}).update({key: row.tobytes() for key, row in zip(keys, values, strict=True)})

    into.replay(part, days, emit)


def in_batches(whole: EventBatch, cuts: list[int], restart: Callable[[Book], Book] = lambda same: same) -> ByDay:
    """Replay in batches that end at some rows, restarting the book between them."""
    found: ByDay = {}
    ledgers = book()
    bounds = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    for start, stop in pairwise(bounds):
        replayed(ledgers, whole.slice(start, stop), found)
        ledgers = restart(ledgers)
    return found


def one_by_one(whole: EventBatch) -> ByDay:
    """Fold each event by itself, and compute the whole book live just before each day closes."""
    found: ByDay = {}
    ledgers = book()
    seen: set[int] = set()
    for row in range(len(whole)):
        if whole.kind[row] == EventKind.DAY_CLOSED:
            values = ledgers.compute()
            rows = zip(ledgers.keys.tolist(), values, strict=True)
            found[int(whole.day[row])] = {key: one.tobytes() for key, one in rows if key in seen}
        codes = ledgers.fold(whole.slice(row, row + 1))
        if codes[0] < 3:
            seen.add(int(whole.customer[row]))
    return {day: rows for day, rows in found.items() if rows}
