"""Moves between days past due and vintages: sums that must agree, and silence about the few."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.apps.jobs.arrears import LEAST, ArrearsMoves, arrears_moves, share_at, share_from_current, share_of
from forbear.engine.arrears import NEVER, Arrears
from forbear.engine.register import Register
from forbear.features.columns import day_number, day_of
from forbear.testing.builders import START

FIRST = day_number(START)
LAST = FIRST + 200


def register(first_day: np.ndarray) -> Register:
    """Customers 0, 1, ... who are known since some days."""
    names = ("",) * len(first_day)
    return Register(np.arange(len(first_day)).astype(np.uint64), FIRST + first_day, names, names)


def arrears(missed: list[tuple[int, int, int | None]], customers: int) -> Arrears:
    """Payments of customers that were due on a day and told of six days later, each paid so many days after or never.

    Of every customer a payment was told on the tenth day.
    """
    place, due = (np.array([one[column] for one in missed], dtype=np.int64) for column in (0, 1))
    paid = np.array([NEVER if after is None else FIRST + day + after for _, day, after in missed], dtype=np.int64)
    keys, since = np.arange(customers).astype(np.uint64), np.full(customers, FIRST + 9)
    return Arrears(place, FIRST + due, FIRST + due + 6, paid, paid, keys, since)


def found_of(missed: list[tuple[int, int, int | None]], customers: int = 40, joined: int = 0) -> ArrearsMoves:
    """What is told of payments; every second customer is known since `joined` days after START."""
    begun = np.where(np.arange(customers) % 2, joined, 0)
    found = arrears_moves(arrears(missed, customers), register(begun), LAST)
    assert found is not None
    return found


payments = st.lists(st.tuples(st.integers(0, 39), st.integers(40, 190), st.none() | st.integers(7, 90)), max_size=25)


@settings(max_examples=40)
@given(payments)
def test_everybody_moves_every_month(missed: list[tuple[int, int, int | None]]) -> None:
    """Each month counts each customer once, where one month ends the next begins, and the months sum to the whole."""
    found = found_of(missed)

    assert all(one.moves.counts.sum() == 40 for one in found.months)
    for one, following in zip(found.months, found.months[1:], strict=False):
        assert one.last == following.first
        np.testing.assert_array_equal(one.moves.counts.sum(axis=0), following.moves.counts.sum(axis=1))
    np.testing.assert_array_equal(found.pooled.counts, sum(one.moves.counts for one in found.months))


@settings(max_examples=40)
@given(payments, st.integers(0, 35))
def test_vintages_count_everybody_and_every_payment(missed: list[tuple[int, int, int | None]], joined: int) -> None:
    """Cohorts hold each customer, and each missed payment, once; no curve falls or outlives its youngest member."""
    found = found_of(missed, joined=joined)

    assert sum(one.loans for one in found.missed) == 40
    assert sum(one.loans for one in found.paid) == len(missed)
    for one in (*found.missed, *found.paid):
        assert (np.diff(one.defaulted) >= -1e-12).all()
        assert 0.0 <= one.defaulted[0] <= one.defaulted[-1] <= 1.0 + 1e-12
    for one in found.paid:
        youngest = max(day for _, day, _ in missed if f"{day_of(FIRST + day):%Y-%m}" == one.cohort)
        assert one.age[-1] == LAST - FIRST - youngest


def test_a_vintage_is_the_plain_share() -> None:
    """Of 40 customers, 10 who miss by day 60: a quarter at 60 days, none at 30; of the missed, half paid by 14 days."""
    found = found_of([(customer, 50, 8 if customer % 2 else None) for customer in range(10)])
    (cohort,), (paid,) = found.missed, found.paid

    assert [share_at(cohort, days).value for days in (30, 60)] == pytest.approx([0.0, 0.25])  # type: ignore[union-attr]
    assert paid.defaulted[[7, 8, 14]] == pytest.approx([0.0, 0.5, 0.5])
    assert share_at(cohort, len(cohort.age)) is None
    assert share_at(paid, 14) is None  # ten are too few


def test_a_report_taken_back_is_in_no_vintage() -> None:
    """What was paid by its due day after all was not missed, though it stood open for a while."""
    found = found_of([(0, 50, None), (1, 50, None)])
    in_error = arrears([(0, 50, None), (1, 50, 0)], 40)
    late = replace(in_error, settled=np.array([NEVER, FIRST + 70]))
    told = arrears_moves(late, register(np.zeros(40, np.int64)), LAST)

    assert told is not None
    assert (found.paid[0].loans, told.paid[0].loans) == (2, 1)
    assert [one.missed[0].defaulted[-1] for one in (found, told)] == pytest.approx([2 / 40, 1 / 40])


@pytest.mark.parametrize(("customers", "told"), [(LEAST - 1, False), (LEAST, True)])
def test_of_too_few_only_the_number_is_told(customers: int, told: bool) -> None:
    """A row or a cohort below the least has no share, in the document either; its count stays."""
    found = found_of([(0, 50, None)], customers)
    document, first = found.document(), found.months[0].moves

    assert (share_of(first, 0, 0) is not None, share_from_current(first) is not None) == (told, told)
    assert (document["months"][0]["shares"][0] is not None) == told
    assert bool(document["vintages_missed"][0]["by_days"]) == told
    assert sum(document["months"][0]["counts"][0]) == document["vintages_missed"][0]["number"] == customers


def test_without_payments_nothing_is_told() -> None:
    """Nobody with payments, or fewer than two closes of months: None, never a matrix of nothing."""
    nobody = arrears([], 0)
    assert arrears_moves(nobody, register(np.zeros(3, np.int64)), LAST) is None
    assert arrears_moves(arrears([], 3), register(np.zeros(3, np.int64)), FIRST + 40) is None
