"""Bootstrap: seeded, by customer, honest about what is undefined."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.models.intervals import Bootstrap, bootstrap_figures, interval, resampled_weights
from forbear.models.results import Floats


def test_rows_of_a_customer_stand_or_fall_together() -> None:
    """Within a resample all rows of a customer have one weight, and customers are drawn as often as there are."""
    customers = np.array([4, 4, 9, 9, 9, 1])
    for weights in resampled_weights(customers, Bootstrap(seed=3, resamples=20)):
        assert weights[0] == weights[1]
        assert weights[2] == weights[3] == weights[4]
        assert weights[0] + weights[2] + weights[5] == 3


def test_equal_seeds_give_equal_intervals_and_others_do_not() -> None:
    """The interval is a function of the seed."""
    values = np.random.default_rng(0).normal(size=200)

    def mean(weights: Floats) -> dict[str, float]:
        return {"mean": float(values @ weights / weights.sum())}

    def figure(seed: int) -> object:
        return bootstrap_figures(mean, np.arange(200), Bootstrap(seed, 50))["mean"]

    assert figure(1) == figure(1)
    assert figure(1) != figure(2)


def test_clusters_widen_the_interval() -> None:
    """Twenty copies of each customer carry no more information than one, and the interval says so."""
    values = np.repeat(np.random.default_rng(0).normal(size=60), 20)

    def mean(weights: Floats) -> dict[str, float]:
        return {"mean": float(values @ weights / weights.sum())}

    apart = bootstrap_figures(mean, np.arange(1200), Bootstrap(0, 200))["mean"]
    together = bootstrap_figures(mean, np.repeat(np.arange(60), 20), Bootstrap(0, 200))["mean"]
    assert together.high - together.low > 3.0 * (apart.high - apart.low)
    expected = 2 * 1.96 * values.std() / np.sqrt(60)
    assert together.high - together.low == pytest.approx(expected, rel=0.2)


def test_undefined_values_and_rare_draws_have_no_interval() -> None:
    """NaN stays NaN, and an interval needs at least half of its draws defined."""
    assert np.isnan(interval(np.nan, np.array([1.0, 2.0])).low)
    assert np.isnan(interval(1.0, np.array([1.0, np.nan, np.nan])).low)
    assert np.isnan(interval(1.0, np.empty(0)).high)
    assert interval(1.0, np.array([1.0, 3.0, np.nan])).low == pytest.approx(1.05)
