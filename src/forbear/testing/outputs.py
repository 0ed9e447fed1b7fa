"""Builders of outputs, a small bank of a few customers over a few closed days; and whether outputs are the same."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from forbear.engine.audit import chain
from forbear.engine.commits import VALUES
from forbear.engine.outputs import (
    AnswerRow,
    AuditRecord,
    Contact,
    DayRow,
    DeadLetter,
    Decision,
    Named,
    OutcomeRow,
    Outputs,
    Part,
    Position,
    Predictions,
)

FIRST_DAY = 20_000
"""The first closed day of the small bank."""
EXPECTED = -2.0
"""The log-odds that every score of its model starts from."""
CUSTOMERS = (11, 2**63 - 5, 2**63, 2**64 - 1)
"""Keys of the customers of the small bank; their ids are customer-0 and so on."""
_DAY_US = 86_400 * 10**6


def scores(offset: int, day: int, customers: tuple[int, ...] = CUSTOMERS, features: int = 3) -> Predictions:
    """Predictions of the close of a day at an offset: attributions that sum to the score, different every day.

    Customers of the small bank have the slots in which they are listed; any others, that of their place.
    """
    generator = np.random.default_rng(offset)
    n = len(customers)
    attributions = generator.normal(size=(n, features))
    log_odds = EXPECTED + attributions.sum(axis=1)
    small = np.zeros(n, dtype=np.int8)
    slots = [CUSTOMERS.index(one) for one in customers] if set(customers) <= set(CUSTOMERS) else range(n)
    return Predictions(
        offset=np.full(n, offset),
        ordinal=np.array(slots),
        customer=np.array(customers, dtype=np.uint64),
        as_of_us=np.full(n, (day + 1) * _DAY_US),
        day=np.full(n, day, dtype=np.int32),
        trigger=np.full(n, 32, dtype=np.uint8),
        log_odds=log_odds,
        pd=1.0 / (1.0 + np.exp(-log_odds)),
        attributions=attributions,
        reason=np.ones(n, dtype=np.int16),
        band=small,
        verdict=small,
        model=np.ones(n, dtype=np.int32),
        policy=np.ones(n, dtype=np.int32),
    )


def decision(number: int, offset: int, day: int, **stated: object) -> Decision:
    """An offer to the first customer, made at the close of a day."""
    made = Decision(
        decision_id=f"{number:032x}",
        offset=offset,
        customer=CUSTOMERS[0],
        matter=1,
        day=day,
        made_at_us=(day + 1) * _DAY_US,
        outcome="offer",
        band="high",
        action="payment_plan_call",
        channel="phone",
        wording="plan",
        cost_minor=500,
        propensity=0.9,
        explored=False,
        held_out=False,
        expires_day=day + 7,
        prediction=Position(offset, 0),
        model=1,
        policy=1,
        sealed=b"sealed %d" % number,
    )
    return replace(made, **stated)  # type: ignore[arg-type]


def parts() -> tuple[Part, ...]:
    """The first model and the first policy."""
    model = {"kind": "scorecard", "features": ["a", "b", "c"], "expected": EXPECTED}
    policy = {"version": "1", "bands": ["high"], "reasons": ["r"], "currency": "EUR", "text": ""}
    documents: dict[str, dict[str, object]] = {"model": {**model}, "policy": {**policy}}
    return tuple(
        Part(kind=kind, number=1, digest="0" * 64, offset=0, by="somebody", document=document)
        for kind, document in documents.items()
    )


def day(number: int, head: AuditRecord | None, first_decision: int = 0) -> Outputs:
    """One day of the small bank as one stretch of ten offsets, its close last.

    The first customer gets an offer, the second a hold for want of capacity, and both have a record; the third misses a
    payment; of the fourth an event was refused. The first day also brings the parts and the customers, any later one
    what came back on the offer of the day before.
    first_decision: what the identifiers of its decisions count from; those of two partitions must differ.
    """
    after, until = Position(10 * number if number else -1, 0), Position(10 * number + 10, 0)
    close, closed = until.offset - 1, FIRST_DAY + number
    held = {"customer": CUSTOMERS[1], "outcome": "capacity", "channel": "app", "action": "reminder"}
    ids = first_decision + 2 * number
    made = (decision(ids, close, closed), decision(ids + 1, close, closed, **held))
    records: list[AuditRecord] = []
    for one in made:
        body = {"decision_id": one.decision_id, "outcome": one.outcome, "cost_minor": one.cost_minor}
        records.append(chain(records[-1] if records else head, "decision", close, body, one.sealed))
    contact = Contact(
        decision_id=made[0].decision_id, offset=close, customer=CUSTOMERS[0], channel="phone", day=closed, kind="offer"
    )
    return Outputs(
        after=after,
        until=until,
        predictions=scores(close, closed),
        decisions=made,
        contacts=(contact,),
        audit=tuple(records),
        outcomes=(_missed(close - 2, CUSTOMERS[2], closed - 1),),
        parts=() if number else parts(),
        days=(_row(close, closed),),
        dead_letters=(DeadLetter(offset=close - 1, customer=CUSTOMERS[3], reason="PARKED", event="{}"),),
        customers=()
        if number
        else tuple(Named(key, f"customer-{at}", at, max(after.offset, 0)) for at, key in enumerate(CUSTOMERS)),
        answers=(_accepted(after.offset, closed, f"{ids - 2:032x}"),) if number else (),
    )


def days(count: int, first_decision: int = 0) -> tuple[Outputs, ...]:
    """So many days of the small bank, one after another."""
    made: list[Outputs] = []
    for number in range(count):
        made.append(day(number, made[-1].audit[-1] if made else None, first_decision))
    return tuple(made)


def _missed(offset: int, customer: int, due_day: int) -> OutcomeRow:
    return OutcomeRow(
        offset=offset,
        customer=customer,
        obligation=5,
        due_day=due_day,
        status="missed",
        amount_due_minor=1_000,
        paid_day=None,
    )


def _accepted(offset: int, day_: int, decision_id: str) -> AnswerRow:
    return AnswerRow(
        offset=offset,
        customer=CUSTOMERS[0],
        decision_id=decision_id,
        answer="accepted",
        at_us=day_ * _DAY_US,
        by="somebody",
    )


def _row(offset: int, closed: int) -> DayRow:
    n = len(CUSTOMERS)
    return DayRow(
        offset=offset,
        day=closed,
        customers=n,
        scored=n,
        expected_misses=0.5,
        hurdles={"young": 0},
        bands={"high": n},
        verdicts={"proposed": 2, "below_cutoff": n - 2},
        events={"folded": 9},
    )


def joined(*stretches_: Outputs) -> Outputs:
    """Stretches one behind another as one, as `Queries.recorded` gives it."""
    scored = [one.predictions for one in stretches_ if one.predictions is not None]
    whole: dict[str, Any] = {
        name: tuple(value for one in stretches_ for value in getattr(one, name)) for name in VALUES
    }
    return Outputs(
        after=stretches_[0].after, until=stretches_[-1].until, predictions=_stacked(scored) if scored else None, **whole
    )


def assert_same(one: Outputs, other: Outputs) -> None:
    """Equal rows; those that stand at an offset alone in any order among themselves."""
    for name in ("decisions", "contacts", "audit"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("outcomes", "answers", "days", "dead_letters"):
        left, right = (sorted(getattr(outputs, name), key=lambda value: value.offset) for outputs in (one, other))
        assert left == right
    by_number = [sorted(outputs.parts, key=lambda part: (part.kind, part.number)) for outputs in (one, other)]
    assert by_number[0] == by_number[1]
    assert sorted(one.customers) == sorted(other.customers)
    scored = [rows for outputs in (one, other) if (rows := outputs.predictions) is not None and len(rows)]
    assert len(scored) in {0, 2}
    if scored:
        assert_same_predictions(*scored)


def assert_same_predictions(one: Predictions, other: Predictions) -> None:
    """Equal columns, of the same types."""
    for field in fields(Predictions):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert left.dtype == right.dtype, field.name
        np.testing.assert_array_equal(left, right, err_msg=field.name)


def _stacked(scored: list[Predictions]) -> Predictions:
    whole = [one for one in scored if len(one)] or scored[:1]
    return Predictions(
        **{field.name: np.concatenate([getattr(one, field.name) for one in whole]) for field in fields(Predictions)}
    )
