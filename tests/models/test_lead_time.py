"""Lead time: a falling curve, equal to the hand-worked case."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from forbear.models.dataset import Bools, Dataset, FeatureSpec
from forbear.models.intervals import Bootstrap
from forbear.models.lead_time import alerted_rows, days_caught_ahead, distinct_misses, lead_time

SPEC = (FeatureSpec("x", "g", 1, 0.0, 1.0, "share"),)


def rows_of(rows: list[tuple[int, str, float]]) -> Dataset:
    """Rows from (customer, as_of, days_ahead or NaN)."""
    ahead = np.array([row[2] for row in rows])
    return Dataset(
        features=np.zeros((len(rows), 1)),
        specs=SPEC,
        labels=~np.isnan(ahead),
        customers=np.array([row[0] for row in rows]),
        as_of=np.array([row[1] for row in rows], dtype="datetime64[D]"),
        days_ahead=ahead,
    )


# Customer 1 misses on 20 January (19 days after the first date, 12 after the second), customer 2 on
# 10 January, customer 3 never.
HISTORY = rows_of(
    [
        (1, "2024-01-01", 19.0),
        (2, "2024-01-01", 9.0),
        (3, "2024-01-01", np.nan),
        (1, "2024-01-08", 12.0),
        (2, "2024-01-08", 2.0),
        (3, "2024-01-08", np.nan),
    ]
)


def alerts(*which: int) -> Bools:
    """A mask of HISTORY's rows."""
    return np.isin(np.arange(len(HISTORY)), which)


def test_a_miss_seen_from_two_dates_is_one_miss() -> None:
    """The denominator counts each customer's miss once."""
    misses = distinct_misses(HISTORY)
    assert misses.customer.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("alerted", "expected"),
    [
        ((), [-1, -1]),
        ((2, 5), [-1, -1]),  # alerts for somebody who pays help nobody
        ((0, 3), [19, -1]),  # the earliest alert counts
        ((3, 4), [12, 2]),
        ((0, 1, 3, 4), [19, 9]),
    ],
)
def test_days_ahead_worked_by_hand(alerted: tuple[int, ...], expected: list[int]) -> None:
    """A miss is caught as many days ahead as its customer's earliest alert."""
    assert expected == days_caught_ahead(distinct_misses(HISTORY), HISTORY, alerts(*alerted)).tolist()


def test_alerts_older_than_thirty_days_or_after_the_miss_do_not_count() -> None:
    """Only the thirty days before a miss can catch it, both ends included."""
    history = rows_of(
        [
            (1, "2024-01-01", np.nan),
            (1, "2024-01-02", np.nan),
            (1, "2024-01-30", 2.0),
            (1, "2024-02-05", np.nan),
        ]
    )
    misses = distinct_misses(history)  # 1 February
    ahead = [days_caught_ahead(misses, history, np.arange(4) == row)[0] for row in range(4)]
    assert ahead == [-1, 30, 2, -1]


def test_curve_worked_by_hand() -> None:
    """With one alert a date, always customer 1, half the misses are caught up to 19 days ahead."""
    scores = np.array([0.9, 0.5, 0.1, 0.9, 0.5, 0.1])
    curve = lead_time(scores, HISTORY, Bootstrap(0, 20))[2]
    caught = [figure.value for figure in curve.caught]
    assert curve.budget == 0.10
    assert curve.misses == 2
    assert caught == [0.5] * 19 + [0.0] * 11


def test_caught_share_falls_in_days_and_rises_in_budget(bank: Dataset) -> None:
    """More days ahead can only be harder, a larger budget only easier; the interval's ends fall too."""
    curves = lead_time(np.random.default_rng(0).random(len(bank)), bank, Bootstrap(0, 50))
    for curve in curves:
        for end in ("value", "low", "high"):
            line = [getattr(figure, end) for figure in curve.caught]
            assert sorted(line, reverse=True) == line
    for smaller, larger in pairwise(curves):
        assert all(a.value <= b.value for a, b in zip(smaller.caught, larger.caught, strict=True))


def test_agrees_with_a_plain_loop(bank: Dataset) -> None:
    """The sorted search finds exactly what reading every alert of every customer finds."""
    part = bank.rows(np.arange(1200))
    alerted = alerted_rows(np.random.default_rng(5).random(len(part)), part, 0.1)
    misses = distinct_misses(part)
    days = part.as_of.astype(np.int64)
    expected = []
    for customer, day in zip(misses.customer, misses.day, strict=True):
        leads = day - days[alerted & (part.customers == customer)]
        leads = leads[(leads >= 0) & (leads <= 30)]
        expected.append(leads.max() if len(leads) else -1)
    assert expected == days_caught_ahead(misses, part, alerted).tolist()


def test_rows_without_a_known_miss_have_no_curve() -> None:
    """A table without dates of misses has no lead time to report."""
    assert lead_time(np.zeros(1), rows_of([(1, "2024-01-01", np.nan)]), Bootstrap(0)) == ()
