"""A book on two dates: laws of the change, the index and the concentration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.models.intervals import Bootstrap
from forbear.models.portfolio import (
    BookScored,
    TwoDates,
    by_segment,
    concentration,
    paired_change,
    stress_index,
)

CHANCE = Bootstrap(1, 200)
pds = st.lists(st.floats(0.001, 1.0), min_size=1, max_size=40).map(np.array)


def book(pd: np.ndarray, first: int = 0) -> BookScored:
    """Customers of rising keys."""
    return BookScored(np.arange(first, first + len(pd)), pd)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_change_and_its_reverse_are_opposite(pairs: list[tuple[bool, bool]]) -> None:
    """Swapping the dates turns the sign of the change and of its interval, and the value lies in the interval."""
    before, after = np.array(pairs).T
    there, back = paired_change(before, after), paired_change(after, before)

    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert there.low - 1e-12 <= there.value <= there.high + 1e-12


def test_the_change_s_interval_covers_the_truth() -> None:
    """Of 2,000 books of 300 with 4 % rising and 2 % falling, 93 to 97.5 % of intervals hold the 2 points."""
    chance, covered = np.random.default_rng(2), 0
    for _ in range(2_000):
        drawn = chance.random(300)
        found = paired_change(drawn < 0.02, (drawn > 0.02) & (drawn < 0.06))
        covered += found.low <= 0.02 <= found.high

    assert 0.93 <= covered / 2_000 <= 0.975


def test_pairs_are_by_customer() -> None:
    """Who is there on one date alone counts in that date's share, and not in the change."""
    dates = TwoDates(
        BookScored(np.array([5, 3, 1]), np.array([0.9, 0.1, 0.1])), BookScored(np.array([1, 5]), np.full(2, 0.9)), 0.5
    )
    found = dates.high_risk()

    assert (found.paired, found.customers) == (2, 2)
    assert (found.before.value, found.after.value, found.change.value) == (pytest.approx(1 / 3), 1.0, 0.5)


@given(pds, st.floats(0.1, 1.0))
def test_the_index_is_a_ratio_in_points(pd: np.ndarray, share: float) -> None:
    """A book at its reference stands at 100; with every PD at a share of it, at as many points, without doubt."""
    found = stress_index(book(pd), book(pd * share), CHANCE)

    assert (found.value, found.low, found.high) == pytest.approx((100 * share,) * 3)


def test_the_index_is_surer_with_more_customers() -> None:
    """The interval holds the value, and narrows as the book grows."""
    chance = np.random.default_rng(4)
    few, many = (stress_index(book(chance.random(n)), book(chance.random(n)), CHANCE) for n in (50, 5_000))

    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low


@given(pds)
def test_concentration_rises_with_the_share_of_the_book(pd: np.ndarray) -> None:
    """A larger part of the book holds no less; one segment alone is 1, and equal segments share equally."""
    halves = ["a", "b"] * len(pd)
    found = concentration(np.repeat(pd, 2), {"all": ["x"] * len(halves), "half": halves})

    assert list(found.top.values()) == sorted(found.top.values())
    assert all(0.0 < of <= 1.0 + 1e-12 for of in found.top.values())
    assert (found.herfindahl["all"], found.herfindahl["half"]) == pytest.approx((1.0, 0.5))


@given(pds)
def test_the_curve_of_concentration_bends_one_way(pd: np.ndarray) -> None:
    """From nothing to everything, rising ever more slowly, never below what customers drawn at random would hold."""
    curve = concentration(pd, {}).curve

    assert (curve[0], curve[-1]) == pytest.approx((0.0, 1.0))
    assert (np.diff(curve, 2) <= 1e-9).all()
    assert (curve >= np.linspace(0.0, 1.0, len(curve)) - 1e-9).all()


@given(pds, st.data())
def test_segments_add_up_to_the_book(pd: np.ndarray, data: st.DataObject) -> None:
    """Customers and expected misses of the segments of a dimension sum to those of the book."""
    names = data.draw(st.lists(st.sampled_from("abc"), min_size=len(pd), max_size=len(pd)))
    found = by_segment(TwoDates(book(pd), book(pd), 0.5), "some", names, names)

    assert sum(one.high.customers for one in found) == len(pd)
    assert sum(one.expected for one in found) == pytest.approx(pd.sum())
    assert all(one.high.change.value == 0.0 for one in found)


def test_nobody_is_refused() -> None:
    """An empty book has no index and no concentration."""
    nobody = book(np.empty(0))
    with pytest.raises(ValueError, match="nobody"):
        stress_index(nobody, nobody, CHANCE)
    with pytest.raises(ValueError, match="nobody"):
        concentration(nobody.pd, {})
    assert np.isnan(paired_change(np.empty(0, bool), np.empty(0, bool)).value)
