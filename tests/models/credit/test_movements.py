"""Transitions, roll rates and vintages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forbear.models.credit.movements import roll_rates, together, transitions, vintage

STATES = ("a", "b", "c")


@given(arrays(np.int64, 60, elements=st.integers(0, 2)), arrays(np.int64, 60, elements=st.integers(0, 2)))
def test_every_move_is_counted_once(before: np.ndarray, after: np.ndarray) -> None:
    """Counts sum to the exposures, rows that anybody was in to 1, and powers of the matrix keep it so."""
    found = transitions(before, after, STATES)
    assert found.counts.sum() == 60
    np.testing.assert_array_equal(found.counts.sum(axis=0), np.bincount(after, minlength=3))
    np.testing.assert_allclose(found.after(5).sum(axis=1), 1.0)
    np.testing.assert_allclose(found.after(2), found.after(1) @ found.after(1))


def test_a_share_has_its_interval() -> None:
    """A share lies in its interval; a row that nobody was in has none."""
    found = transitions(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), STATES)
    figure = found.figure(0, 1)
    assert figure.value == pytest.approx(1 / 3)
    assert figure.low < 1 / 3 < figure.high
    assert np.isnan(found.figure(2, 0).value)
    assert np.isnan(found.shares[2]).all()
    with pytest.raises(ValueError, match="outside 0 to 2"):
        transitions(np.array([3]), np.array([0]), STATES)


@given(arrays(np.int64, 60, elements=st.integers(0, 2)), arrays(np.int64, 60, elements=st.integers(0, 2)))
def test_periods_add_up(before: np.ndarray, after: np.ndarray) -> None:
    """Moves counted in parts are those counted at once; parts between other states are refused."""
    parts = [transitions(before[rows], after[rows], STATES) for rows in (slice(0, 25), slice(25, None))]
    np.testing.assert_array_equal(together(parts).counts, transitions(before, after, STATES).counts)
    with pytest.raises(ValueError, match="2 sets"):
        together([parts[0], transitions(before, after, ("x", *STATES[1:]))])


def test_roll_rates_go_by_buckets_of_days() -> None:
    """A day at an edge belongs above it; the roll rate is the share that goes one bucket on."""
    found = roll_rates(np.array([0.0, 5.0, 29.0, 30.0]), np.array([1.0, 35.0, 0.0, 65.0]))
    assert found.states == ("current", "1-29", "30-59", "60-89", "90+")
    assert found.shares[1, 2] == 0.5
    assert found.shares[2, 3] == 1.0
    with pytest.raises(ValueError, match="unknown"):
        roll_rates(np.array([np.nan]), np.array([0.0]))


@given(arrays(np.int64, 30, elements=st.integers(0, 9)), arrays(np.bool_, 30))
def test_without_censoring_a_vintage_is_a_plain_share(ages: np.ndarray, defaulted: np.ndarray) -> None:
    """Where every loan has ended, the curve is the share of the cohort that has defaulted by each age."""
    found = vintage("x", ages, defaulted, np.zeros(30, dtype=np.bool_))
    plain = [(defaulted & (ages <= age)).mean() for age in found.age]
    np.testing.assert_allclose(found.defaulted, plain, atol=1e-12)


def test_censored_loans_count_for_as_long_as_they_were_seen() -> None:
    """Half of four loans default at age 1; one of the two that remain was last seen then, the other defaults at 2."""
    ages, censored = np.array([1, 1, 1, 2]), np.array([False, False, True, False])
    found = vintage("x", ages, ~censored, censored)
    np.testing.assert_allclose(found.defaulted, [0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match="still running"):
        vintage("x", ages, censored, censored)
