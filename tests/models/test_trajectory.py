"""A customer's path: lines recover what made them, and why a score moved adds up exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ModelMismatch
from forbear.models.trajectory import Points, level_of, line_of, motion, moved, velocities

UNIT = 2.0**-26


@given(st.floats(-1, 1), st.floats(-5, 5), st.integers(3, 30))
def test_a_straight_path_has_its_own_velocity(slope: float, start: float, count: int) -> None:
    """Points on a line give its slope without error, and no acceleration."""
    day = np.arange(100, 160)
    found = motion(day, start + slope * day, count)

    assert found.velocity.value == pytest.approx(slope, abs=1e-9)
    assert found.velocity_error == pytest.approx(0.0, abs=1e-9)
    assert found.acceleration.value == pytest.approx(0.0, abs=1e-9)


def test_a_bent_path_has_its_own_acceleration() -> None:
    """Of a t^2 / 2 the acceleration is a, whatever the window."""
    day = np.arange(60)
    for days in (7, 30):
        assert motion(day, 0.01 * day**2 / 2, days).acceleration.value == pytest.approx(0.01)


def test_the_slope_s_interval_covers_the_truth() -> None:
    """Of 2,000 noisy lines the 95 % interval of the slope holds the truth in 93 to 97 %."""
    chance, day = np.random.default_rng(5), np.arange(7.0)
    lines = (line_of(day, 0.2 * day + chance.normal(size=7), 6.0) for _ in range(2_000))
    covered = np.mean([one.slope.low <= 0.2 <= one.slope.high for one in lines])

    assert 0.93 <= covered <= 0.97


def test_few_points_say_nothing() -> None:
    """Two points have no slope and no level; they are unknown, not 0."""
    found = motion(np.array([1, 2]), np.array([0.0, 1.0]), 7)

    assert np.isnan([found.velocity.value, found.acceleration.value, found.velocity_error]).all()
    assert np.isnan(level_of(np.array([1, 2]), np.array([0.1, 0.2]))[1].value)


def test_a_level_lies_in_its_interval_and_between_0_and_1() -> None:
    """The level of a noisy PD is a PD, with an interval around it; a PD of 0 or 1 does no harm."""
    pd = np.array([0.0, 1.0, 0.2, 0.3, 0.25, 0.5, 0.4])
    for level in level_of(np.arange(7), pd)[2:]:
        assert 0.0 <= level.low <= level.value <= level.high <= 1.0


@given(st.lists(st.lists(st.integers(-(2**30), 2**30), min_size=3, max_size=3), min_size=1, max_size=12), st.data())
def test_a_move_adds_up_exactly(units: list[list[int]], data: st.DataObject) -> None:
    """Features and changes of model sum to the change of the score in whole units, bit for bit."""
    models = np.sort(np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(units), max_size=len(units)))))
    attributions = np.array(units, dtype=np.float64) * UNIT
    starts = np.array([-3, 5, 1_000_003]) * UNIT
    score = starts[models] + attributions.sum(axis=1)
    found = moved(Points(np.arange(len(units)), score, score, attributions, models), ("a", "b", "c"))

    assert found.change == sum(found.by_feature.values()) + sum(found.by_model)
    assert len(found.by_model) == len(np.unique(models)) - 1


def test_under_one_model_a_move_is_the_difference_of_two_vectors() -> None:
    """What lies between the ends does not matter: by feature it is the last attributions less the first."""
    attributions = np.array([[1.0, 0.0], [9.0, 9.0], [1.5, -2.0]])
    score = attributions.sum(axis=1)
    found = moved(Points(np.arange(3), score, score, attributions, np.zeros(3, dtype=np.int64)), ("a", "b"))

    assert found.by_feature == {"a": 0.5, "b": -2.0}


def test_attributions_of_other_features_are_refused() -> None:
    """A vector of another length, or one that was erased, explains nothing."""
    score = np.zeros(2)
    for attributions in (np.zeros((2, 3)), np.full((2, 1), np.nan)):
        with pytest.raises(ModelMismatch, match="attributions"):
            moved(Points(np.arange(2), score, score, attributions, np.zeros(2, dtype=np.int64)), ("a",))


@given(st.data(), st.integers(1, 12), st.integers(1, 9), st.sampled_from([2, 7, 30]))
def test_many_move_as_each_of_them(data: st.DataObject, count: int, customers: int, days: int) -> None:
    """The velocity of each of many is that of its own points, also where closes are missing; else it is unknown."""
    day = np.cumsum(data.draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))) + 20_000
    value = st.one_of(st.none(), st.floats(-8, 2, width=32))
    rows = [data.draw(st.lists(value, min_size=count, max_size=count)) for _ in range(customers)]
    log_odds = np.array(rows, dtype=np.float64).T
    found = velocities(day, log_odds.astype(np.float32), days)

    for column in range(customers):
        there = ~np.isnan(log_odds[:, column])
        told = [float(part[column]) for part in (found.value, found.low, found.high)]
        if there[-1]:
            own = motion(day[there], log_odds[there, column], days).velocity
            assert told == pytest.approx([own.value, own.low, own.high], rel=1e-9, abs=1e-12, nan_ok=True)
        else:
            assert np.isnan(told).all()


def test_one_without_days_has_no_velocity() -> None:
    """Of no days nothing can be told, and of nobody nothing has to be."""
    with pytest.raises(ValueError, match="no days"):
        velocities(np.empty(0, dtype=np.int64), np.empty((0, 3)), 7)
    assert len(velocities(np.arange(5), np.empty((5, 0)), 7).value) == 0


@given(st.floats(-8, 2), st.lists(st.integers(1, 5), min_size=3, max_size=30))
def test_who_stays_does_not_move(log_odds: float, gaps: list[int]) -> None:
    """Of a path that stays where it is velocity and interval are 0 to the last bit: rounding makes nobody rise."""
    day = np.cumsum(gaps)
    found = velocities(day, np.full((len(day), 1), log_odds), 200)

    assert (found.value[0], found.low[0], found.high[0]) == (0.0, 0.0, 0.0)
