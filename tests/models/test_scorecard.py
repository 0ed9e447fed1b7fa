"""The scorecard: bins that make sense, weights that do not contradict, points that add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forbear.models.binning import BinSettings, fit_bins
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.scorecard import Scorecard, ScorecardSettings, fit_scorecard


@pytest.fixture(scope="module")
def scorecard(bank: Dataset) -> Scorecard:
    """The scorecard of the small bank."""
    return fit_scorecard(bank, ScorecardSettings())


@given(
    values=hnp.arrays(np.float64, 80, elements=st.sampled_from([np.nan, -1.0, 0.0, 0.5, 2.0, 7.0])),
    labels=hnp.arrays(np.bool_, 80),
    direction=st.sampled_from([-1, 1]),
)
@settings(deadline=None, max_examples=80)
def test_weight_of_evidence_never_falls_in_the_direction(
    values: np.ndarray, labels: np.ndarray, direction: int
) -> None:
    """On any data the bins are ordered, count every row once and follow the direction."""
    values[0], labels[0], labels[1] = 0.0, True, False
    bins = fit_bins(values, labels, direction, BinSettings())
    assert (direction * np.diff(bins.woe[:-1]) > 0.0).all()
    assert (np.diff(bins.edges) > 0.0).all()
    assert sum(bins.rows) == len(values)
    assert sum(bins.positives) == labels.sum()
    assert np.bincount(bins.index(values), minlength=len(bins.rows)).tolist() == list(bins.rows)


def test_a_tiny_bin_does_not_explode() -> None:
    """Two rows, both positive, are shrunk towards the prevalence instead of being certain."""
    values = np.array([np.nan] * 2 + [0.0] * 998)
    labels = np.zeros(1000, dtype=np.bool_)
    labels[:2] = True
    labels[-8:] = True
    bins = fit_bins(values, labels, 1, BinSettings())
    assert 0.0 < bins.woe[-1] < 1.0


def test_an_empty_bin_for_unknown_values_says_nothing() -> None:
    """Where training never saw an unknown value, its weight of evidence is 0."""
    generator = np.random.default_rng(0)
    bins = fit_bins(generator.normal(size=300), generator.random(300) < 0.2, 1, BinSettings())
    assert bins.woe[-1] == 0.0
    assert bins.rows[-1] == 0


def test_rare_positives_in_a_thin_tail_get_cuts_of_their_own() -> None:
    """A tail of one row in a hundred, where all positives are, is told apart from the rest."""
    values = np.linspace(0.0, 1.0, 10_000)
    labels = (values > 0.99) & (np.arange(10_000) % 2 == 0)
    bins = fit_bins(values, labels, 1, BinSettings())
    assert bins.edges[-1] > 0.99


def test_points_of_the_table_add_up_to_the_score(scorecard: Scorecard, bank: Dataset) -> None:
    """A customer's score is the sum of the points of the bins it falls in."""
    table = scorecard.table()
    rows = bank.features[:40]
    for row, points in zip(rows, scorecard.points(rows), strict=True):
        value = dict(zip(bank.names, row, strict=True))
        mine = [
            line.points
            for line in table
            if line.low <= value[line.feature] < line.high or (np.isnan(line.low) and np.isnan(value[line.feature]))
        ]
        assert len(mine) == len(scorecard.scored)
        assert sum(mine) == pytest.approx(points)


def test_points_follow_the_stated_scaling(scorecard: Scorecard, bank: Dataset) -> None:
    """600 points are odds of 50:1, and 20 more points double them."""
    points = scorecard.points(bank.features)
    good_to_bad = np.exp(-scorecard.log_odds(bank.features))
    np.testing.assert_allclose(good_to_bad, 50.0 * 2.0 ** ((points - 600.0) / 20.0))


def test_shares_of_rows_add_up_for_each_feature(scorecard: Scorecard) -> None:
    """The bins of a feature, the unknown one included, hold every training row once."""
    for scored in scorecard.scored:
        shares = [line.rows_share for line in scorecard.table() if line.feature == scored.feature]
        assert sum(shares) == pytest.approx(1.0)


def test_an_unknown_column_is_left_out_and_listed(scorecard: Scorecard) -> None:
    """A feature without a single value carries nothing and is named."""
    assert scorecard.unsupported == ("never_seen",)
    assert "never_seen" not in {scored.feature for scored in scorecard.scored}


def test_a_feature_that_contradicts_its_direction_is_zeroed(bank: Dataset) -> None:
    """Declared the wrong way round, a strong feature is dropped and listed instead of turning the sign."""
    first = bank.specs[0]
    wrong = FeatureSpec(first.name, first.group, -1, first.low, first.high, first.unit)
    scorecard = fit_scorecard(replace(bank, specs=(wrong, *bank.specs[1:])), ScorecardSettings())
    raising = bank.features[:100].copy()
    raising[:, 0] = np.linspace(-3.0, 3.0, 100)
    held = np.tile(raising[:1], (100, 1))
    held[:, 0] = raising[:, 0]
    assert (np.diff(scorecard.log_odds(held)) <= 0.0).all()
    assert all(scored.coefficient > 0.0 for scored in scorecard.scored)


def test_two_fits_are_identical(scorecard: Scorecard, bank: Dataset) -> None:
    """Fitting is a function of its arguments."""
    assert scorecard == fit_scorecard(bank, ScorecardSettings())


def test_one_class_is_refused(bank: Dataset) -> None:
    """Rows of one class teach nothing."""
    with pytest.raises(ValueError, match="positive and negative"):
        fit_scorecard(bank.rows(bank.labels), ScorecardSettings())
