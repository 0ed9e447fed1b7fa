"""Days past due: as they were told at the time, of whoever has payments to be told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters.holidays import bank_calendar
from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.events import Event, PaymentOutcome
from forbear.domain.terms import OutcomeStatus
from forbear.engine.arrears import NEVER, Arrears, arrears_at
from forbear.engine.backfill import Feed
from forbear.engine.ports import Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import columns_of, day_number
from forbear.testing.builders import START, at, outcome, transaction

BANK = Deployment(
    source="small", currency="EUR", time_zone="UTC", opens_on=START, miss=MissDefinition(kind="missed_payment")
)
FIRST = day_number(START)


@dataclass(frozen=True)
class Log:
    """Events as a history, read in batches of some size."""

    events: Sequence[Event]
    batch: int = 3

    def scan(self, zone: Any, start: int = 0) -> Any:
        """Batches in the order received."""
        ordered = sorted(self.events, key=lambda event: event.received_at)
        for place in range(start, len(ordered), self.batch):
            columns = columns_of(ordered[place : place + self.batch])
            yield Scanned(place, columns, batch_of(columns, zone))


def arrears(events: Sequence[Event], day: int, batch: int = 3) -> Arrears:
    """What is told of events by the end of so many days after START."""
    return arrears_at(Feed(Log(events, batch), BANK, bank_calendar("")), FIRST + day)  # type: ignore[arg-type]


def cured(number: int, *, due: int, paid: int, told: int, **stated: Any) -> PaymentOutcome:
    """A payment that was told of as missed before, and is told of as paid."""
    when = {"paid_on": START + timedelta(days=paid), "booked_at": at(told)}
    return outcome(number, due=due, status=OutcomeStatus.CURED, **when, **stated)


payments = st.lists(
    st.tuples(st.sampled_from(["C1", "C2", "C3"]), st.integers(0, 60), st.none() | st.integers(6, 80)),
    max_size=12,
    unique_by=lambda one: one[:2],
)


@settings(deadline=None)  # the first one loads compiled kernels
@given(payments, st.integers(0, 150), st.integers(1, 7))
def test_days_past_due_are_those_of_the_oldest_open_payment(
    told: list[tuple[str, int, int | None]], day: int, batch: int
) -> None:
    """Whatever the batches, each customer stands at the age of the oldest payment missed, told of and not yet paid."""
    events: list[Event] = []
    for number, (customer, due, after) in enumerate(told):
        events.append(outcome(number, due=due, customer_id=customer))
        if after is not None:
            events.append(cured(100 + number, due=due, paid=due + 6, told=due + after, customer_id=customer))
    expected: dict[str, int] = {}
    for customer, due, after in told:
        if due + 5 <= day:
            stands = after is None or due + after > day
            expected[customer] = max(expected.get(customer, 0), day - due if stands else 0)
    found = arrears(events, day, batch).days_past_due(FIRST + day)

    assert sorted(found.tolist()) == sorted(map(float, expected.values()))


@settings(deadline=None)
@given(payments, st.integers(0, 100))
def test_what_comes_later_changes_nothing_before(told: list[tuple[str, int, int | None]], day: int) -> None:
    """The days past due of a day are the same, however much more of the history is read."""
    events: list[Event] = [
        outcome(number, due=due, customer_id=customer) for number, (customer, due, _) in enumerate(told)
    ]
    early, late = arrears(events, day), arrears(events, 200)
    by_key = dict(zip(late.customer.tolist(), late.days_past_due(FIRST + day).tolist(), strict=True))

    for key, days in zip(early.customer.tolist(), early.days_past_due(FIRST + day).tolist(), strict=True):
        assert by_key.pop(key) == days
    assert np.isnan(list(by_key.values())).all()


def test_a_report_taken_back_was_no_miss() -> None:
    """Paid by its due day after all: it stood open until that was told, and is marked as an error."""
    found = arrears([outcome(1, due=10), cured(2, due=10, paid=10, told=20)], 30)

    assert found.in_error.tolist() == [True]
    assert [found.days_past_due(FIRST + day).tolist() for day in (19, 20)] == [[9.0], [0.0]]


def test_a_waived_payment_is_settled_and_never_paid() -> None:
    """What the lender lets go is past due no more, and counts as paid on no day."""
    waived = outcome(2, due=10, status=OutcomeStatus.WAIVED, booked_at=at(40))
    found = arrears([outcome(1, due=10), waived], 60)

    assert (found.settled.tolist(), found.paid.tolist()) == ([FIRST + 40], [NEVER])
    assert found.days_past_due(FIRST + 50).tolist() == [0.0]


@pytest.mark.parametrize("events", [[], [transaction(1), transaction(2, day=3)]])
def test_without_payments_nobody_is_followed(events: list[Event]) -> None:
    """A history that tells of no scheduled payment has nobody in it."""
    found = arrears(events, 10)

    assert len(found.customer) == len(found.due) == len(found.days_past_due(FIRST)) == 0
