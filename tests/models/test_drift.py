"""Drift: PSI and KS in fixed bins, unknown values among them, and what chance alone does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from forbear.models.drift import bin_counts, ks, ks_distance, psi, psi_test, quantile_edges, shares

counts = st.lists(st.integers(0, 5_000), min_size=11, max_size=11).map(lambda drawn: np.array(drawn) + 1)
values = st.lists(st.one_of(st.floats(-5, 5), st.just(np.nan)), min_size=1, max_size=60).map(np.array)


@given(counts, counts)
def test_psi_is_a_distance_of_sorts(p: np.ndarray, q: np.ndarray) -> None:
    """Never negative, the same both ways, nothing for equal counts, and blind to the order of the bins."""
    assert psi(p, q) >= 0.0
    assert psi(p, q) == pytest.approx(float(psi(q, p)))
    assert psi(p, p) == pytest.approx(0.0)
    assert psi(p[::-1], q[::-1]) == pytest.approx(float(psi(p, q)))


@given(values, values)
def test_every_row_has_one_bin(reference: np.ndarray, current: np.ndarray) -> None:
    """Counts add up to the rows, and unknown values are counted last."""
    found = bin_counts(current, quantile_edges(reference))
    assert found.sum() == len(current)
    assert found[-1] == np.isnan(current).sum()


@given(values, values)
def test_ks_is_the_largest_gap(reference: np.ndarray, current: np.ndarray) -> None:
    """On known values it is the largest difference of the two shares below any value; with none it is unknown."""
    known, told = reference[~np.isnan(reference)], current[~np.isnan(current)]
    found = ks(reference, current)
    if min(len(known), len(told)) == 0:
        assert np.isnan(found.effect)
        return
    everywhere = np.concatenate([known, told])
    gaps = [abs((known <= at).mean() - (told <= at).mean()) for at in everywhere]
    assert found.effect == pytest.approx(max(gaps))


@given(values, values)
def test_bins_never_see_more_than_the_rows(reference: np.ndarray, current: np.ndarray) -> None:
    """The KS distance in bins is at most that of the rows."""
    edges = quantile_edges(reference)
    binned = float(ks_distance(bin_counts(reference, edges), bin_counts(current, edges)))
    assert np.isnan(binned) or binned <= ks(reference, current).effect + 1e-12


def test_bins_hold_equal_shares() -> None:
    """Ten bins of a reference hold a tenth each; a value that half of the rows share has a bin of its own."""
    spread = np.random.default_rng(1).normal(size=10_000)
    assert shares(bin_counts(spread, quantile_edges(spread)))[:-1] == pytest.approx(np.full(10, 0.1), abs=0.001)

    tied = np.concatenate([np.zeros(50), np.arange(1.0, 51.0)])
    assert bin_counts(tied, quantile_edges(tied))[:2].sum() >= 50


def test_psi_worked_example() -> None:
    """From 50 : 50 to 60 : 40 of many rows: 0.1 ln 1.2 - 0.1 ln 0.8 = 0.0405."""
    many = 10_000_000
    found = psi(np.array([many, many, 0]), np.array([12 * many // 10, 8 * many // 10, 0]))
    assert found == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8), abs=1e-6)


def test_a_feature_that_becomes_unknown_has_moved() -> None:
    """Values that are unknown from one day on are a bin of their own, and so a large PSI."""
    before = np.random.default_rng(2).normal(size=2_000)
    after = np.where(np.arange(2_000) < 600, np.nan, before)
    edges = quantile_edges(before)
    assert psi(bin_counts(before, edges), bin_counts(after, edges)) > 1.0
    assert ks_distance(bin_counts(before, edges), bin_counts(after, edges)) < 0.05


def test_tests_keep_their_level() -> None:
    """Without change each test at 5 % finds about one in twenty, PSI and KS alike."""
    generator = np.random.default_rng(3)
    found = []
    for _ in range(600):
        p, q = generator.normal(size=(2, 500))
        edges = quantile_edges(generator.normal(size=5_000))
        found.append((psi_test(bin_counts(p, edges), bin_counts(q, edges)).p_value, ks(p, q).p_value))
        assert ks(p, q).p_value == pytest.approx(ks_2samp(p, q, method="asymp").pvalue, abs=0.02)
    for share in (np.array(found) < 0.05).mean(axis=0):
        assert 0.02 < share < 0.08


def test_nothing_to_compare_is_unknown() -> None:
    """Without rows on one side there is no figure."""
    none, some = np.zeros(3, dtype=np.int64), np.array([3, 4, 0])
    assert np.isnan(psi(none, some))
    assert np.isnan(psi_test(none, some).p_value)
    assert np.isnan(ks_distance(some, none))
