"""Strategies for what a worker may leave behind. Needs hypothesis, a development dependency."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from forbear.domain.terms import Answer
from forbear.engine.audit import chain
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

KEYS = st.integers(1, 2**64 - 1)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_SHARES = st.floats(0.0, 1.0)
_MINOR = st.integers(-(10**15), 10**15)
_DAYS = st.integers(-(10**5), 10**5)
_COUNTS = st.dictionaries(_TEXTS, st.integers(0, 10**6), max_size=3)
_LONGEST = 20
_START = Position(-1, 0)


@st.composite
def stretches(draw: st.DrawFn, after: Position = _START, head: AuditRecord | None = None) -> Outputs:
    """The outputs of any stretch behind a position, whose records follow a head."""
    first = max(after.offset, 0) + bool(after.ordinal)
    until = first + draw(st.integers(1, _LONGEST))
    offsets = st.integers(first, until - 1)
    decisions = draw(st.lists(_decisions(offsets), max_size=4, unique_by=lambda one: one.decision_id))
    return Outputs(
        after=after,
        until=Position(until, 0),
        predictions=draw(st.none() | predictions(offsets)),
        decisions=tuple(decisions),
        contacts=tuple(draw(st.lists(_contacts(offsets), max_size=3))),
        audit=draw(_records(decisions, head)),
        outcomes=tuple(draw(st.lists(_outcomes(offsets), max_size=3, unique_by=_place))),
        parts=tuple(draw(st.lists(_parts(offsets), max_size=2, unique_by=lambda part: (part.kind, part.number)))),
        days=tuple(draw(st.lists(_day_rows(offsets), max_size=2, unique_by=_place))),
        dead_letters=tuple(draw(st.lists(_dead_letters(offsets), max_size=2, unique_by=_place))),
        customers=tuple(draw(st.lists(_named(offsets), max_size=3, unique_by=lambda one: one.customer))),
        answers=tuple(draw(st.lists(_answers(offsets), max_size=2, unique_by=_place))),
    )


@st.composite
def predictions(draw: st.DrawFn, offsets: st.SearchStrategy[int]) -> Predictions:
    """Some predictions of one model, with any numbers."""
    places = sorted(draw(st.lists(st.tuples(offsets, st.integers(0, 2**20)), max_size=5, unique=True)))
    n, features = len(places), draw(st.integers(0, 3))

    def column(values: st.SearchStrategy[Any], dtype: Any) -> Any:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype=dtype)

    attributions = draw(st.lists(_FLOATS, min_size=n * features, max_size=n * features))
    return Predictions(
        offset=np.array([offset for offset, _ in places], dtype=np.int64),
        ordinal=np.array([ordinal for _, ordinal in places], dtype=np.int64),
        customer=column(KEYS, np.uint64),
        as_of_us=column(st.integers(-(2**62), 2**62), np.int64),
        day=column(_DAYS, np.int32),
        trigger=column(st.integers(0, 63), np.uint8),
        log_odds=column(_FLOATS, np.float64),
        pd=column(_SHARES, np.float64),
        attributions=np.array(attributions, dtype=np.float64).reshape(n, features),
        reason=column(st.integers(-1, 2**15 - 1), np.int16),
        band=column(st.integers(-1, 15), np.int8),
        verdict=column(st.integers(-1, 12), np.int8),
        model=column(st.integers(1, 9), np.int32),
        policy=column(st.integers(1, 9), np.int32),
    )


def _place(value: Any) -> int:
    return int(value.offset)


def _decisions(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[Decision]:
    return st.builds(
        Decision,
        decision_id=st.integers(0, 2**128 - 1).map("{:032x}".format),
        offset=offsets,
        customer=KEYS,
        matter=KEYS,
        day=_DAYS,
        made_at_us=st.integers(-(2**62), 2**62),
        outcome=st.sampled_from(["offer", "capacity", "hold_out"]),
        band=_TEXTS,
        action=_TEXTS,
        channel=_TEXTS,
        wording=_TEXTS,
        cost_minor=_MINOR,
        propensity=_SHARES,
        explored=st.booleans(),
        held_out=st.booleans(),
        expires_day=st.integers(-(2**31), 2**31 - 1),
        prediction=st.builds(Position, offsets, st.integers(0, 2**20)),
        model=st.integers(1, 9),
        policy=st.integers(1, 9),
        sealed=st.binary(max_size=40),
    )


@st.composite
def _records(draw: st.DrawFn, decisions: list[Decision], head: AuditRecord | None) -> tuple[AuditRecord, ...]:
    """One record for each decision, and now and then one of a cut."""
    records: list[AuditRecord] = []
    for one in decisions:
        body = {"decision_id": one.decision_id, "outcome": one.outcome, "prediction": one.prediction}
        records.append(chain(records[-1] if records else head, "decision", one.offset, body, one.sealed))
        if draw(st.booleans()):
            records.append(chain(records[-1], "cut", one.offset, {"digest": draw(_TEXTS)}))
    return tuple(records)


def _named(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[Named]:
    return st.builds(Named, KEYS, _TEXTS, st.integers(0, 2**20), offsets)


def _contacts(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[Contact]:
    kinds = st.sampled_from(["offer", "hold_out"])
    return st.builds(Contact, decision_id=_TEXTS, offset=offsets, customer=KEYS, channel=_TEXTS, day=_DAYS, kind=kinds)


def _outcomes(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[OutcomeRow]:
    return st.builds(
        OutcomeRow,
        offset=offsets,
        customer=KEYS,
        obligation=KEYS,
        due_day=_DAYS,
        status=st.sampled_from(["paid", "missed", "cured", "waived"]),
        amount_due_minor=_MINOR,
        paid_day=st.none() | _DAYS,
    )


def _answers(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[AnswerRow]:
    return st.builds(
        AnswerRow,
        offset=offsets,
        customer=KEYS,
        decision_id=_TEXTS,
        answer=st.sampled_from(list(map(str, Answer))),
        at_us=st.integers(-(2**62), 2**62),
        by=_TEXTS,
    )


def _parts(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[Part]:
    documents = st.dictionaries(_TEXTS, _FLOATS | st.none() | _TEXTS | st.lists(_TEXTS, max_size=2), max_size=3)
    kinds = st.sampled_from(["model", "policy"])
    numbers = st.integers(1, 10**6)
    return st.builds(Part, kind=kinds, number=numbers, digest=_TEXTS, offset=offsets, by=_TEXTS, document=documents)


def _day_rows(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[DayRow]:
    return st.builds(
        DayRow,
        offset=offsets,
        day=_DAYS,
        customers=st.integers(0, 10**6),
        scored=st.integers(0, 10**6),
        expected_misses=st.floats(0.0, 1e6),
        hurdles=_COUNTS,
        bands=_COUNTS,
        verdicts=_COUNTS,
        events=_COUNTS,
    )


def _dead_letters(offsets: st.SearchStrategy[int]) -> st.SearchStrategy[DeadLetter]:
    return st.builds(DeadLetter, offset=offsets, customer=KEYS, reason=_TEXTS, event=_TEXTS)
