"""When a roll-out stops: a pure rule on the scores of two arms at one close."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.engine.arms import CONSTANT, IN_BAND, MEAN_PD, MISSING, Arms, why_stopped
from forbear.features.ledger import Floats
from forbear.models.logistic import logit
from forbear.policy.rollout import Guard

CUT_OFF = 0.2


def arms_of(champion: Floats, challenger: Floats, pieces: int = 1) -> Arms:
    """Both arms with these PDs, taken in by pieces."""
    pd = np.concatenate([champion, challenger])
    mine = np.arange(len(pd)) >= len(champion)
    arms = Arms()
    for rows in np.array_split(np.arange(len(pd)), pieces):
        arms = arms.add(logit(pd[rows]), pd[rows], mine[rows], CUT_OFF)
    return arms


def beta(seed: int, count: int, mean: float = 0.05) -> Floats:
    """PDs around a mean."""
    return np.random.default_rng(seed).beta(20 * mean, 20 * (1 - mean), size=count)


@given(seed=st.integers(0, 10_000), pieces=st.integers(1, 40))
def test_pieces_cannot_be_seen(seed: int, pieces: int) -> None:
    """However the scores come, counts and bounds are those of all at once, and the sums but for rounding."""
    pds = beta(seed, 300), beta(seed + 1, 90)
    for whole, parted in zip(arms_of(*pds), arms_of(*pds, pieces=pieces), strict=True):
        assert (whole.customers, whole.in_band, whole.lowest, whole.highest) == (
            parted.customers, parted.in_band, parted.lowest, parted.highest,
        )  # fmt: skip
        assert whole.mean_pd == pytest.approx(parted.mean_pd)


@given(seed=st.integers(0, 10_000), champion=st.integers(0, 2_000), challenger=st.integers(0, 2_000))
def test_models_that_are_alike_go_on(seed: int, champion: int, challenger: int) -> None:
    """Two arms drawn from one distribution are not stopped by chance."""
    assert why_stopped(arms_of(beta(seed, champion), beta(seed + 1, challenger)), Guard()) == ""


@given(seed=st.integers(0, 1_000), factor=st.floats(2.5, 6.0))
def test_the_rule_looks_both_ways(seed: int, factor: float) -> None:
    """A challenger that is far too bold is stopped, and so is one that is far too calm."""
    low, high = beta(seed, 4_000, 0.05), np.clip(beta(seed + 1, 4_000, 0.05) * factor, 0.0, 1.0)
    assert why_stopped(arms_of(low, high), Guard()) in (IN_BAND, MEAN_PD)
    assert why_stopped(arms_of(high, low), Guard()) in (IN_BAND, MEAN_PD)


def test_few_customers_say_nothing_but_that_scores_are_missing() -> None:
    """Below the least number only a score that is no number stops a roll-out, and one is enough."""
    guard = Guard(least_customers=100)
    assert why_stopped(arms_of(beta(1, 500), np.full(99, 0.9)), guard) == ""
    assert why_stopped(arms_of(beta(1, 99), np.full(500, 0.9)), guard) == ""
    assert why_stopped(arms_of(beta(1, 500), np.full(100, 0.9)), guard) == CONSTANT
    assert why_stopped(arms_of(beta(1, 500), np.array([0.05, np.nan])), guard) == MISSING
    assert why_stopped(arms_of(np.array([0.05, np.nan]), beta(1, 500)), guard) == ""


def test_what_the_guard_allows_goes_on() -> None:
    """A difference that is certain but small is let pass; the same with a narrower allowance is not."""
    pds = beta(1, 20_000, 0.05), beta(2, 20_000, 0.06)
    assert why_stopped(arms_of(*pds), Guard(in_band_points=0.05)) == ""
    assert why_stopped(arms_of(*pds), Guard(in_band_points=0.05, mean_pd_share=0.05)) == MEAN_PD
    assert why_stopped(arms_of(*pds), Guard(in_band_points=0.001)) == IN_BAND


def test_the_share_and_its_error_by_hand() -> None:
    """Ten of a hundred against thirty of a hundred."""
    pds = np.r_[np.full(10, 0.5), np.full(90, 0.1)], np.r_[np.full(30, 0.5), np.full(70, 0.1)]
    difference, error = arms_of(*pds).in_band_points
    assert difference == pytest.approx(0.2)
    own = [(count + 0.5) / 101.0 for count in (10, 30)]
    assert error == pytest.approx(np.sqrt(sum(share * (1.0 - share) / 101.0 for share in own)))


def test_the_mean_and_its_error_are_those_of_welch() -> None:
    """As numpy has them."""
    one, other = beta(3, 400), beta(4, 150)
    difference, error = arms_of(one, other).mean_pd_points
    assert difference == pytest.approx(other.mean() - one.mean())
    assert error == pytest.approx(np.sqrt(one.var(ddof=1) / 400 + other.var(ddof=1) / 150))
