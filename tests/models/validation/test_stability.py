"""Stability: nothing moves against itself, what moves is seen, and trainings that differ little agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.models.dataset import Dataset
from forbear.models.results import Floats
from forbear.models.training import TrainingSpec, train
from forbear.models.validation.stability import kept_order, moved, moved_features, refits_of, spearman

VALUES = st.lists(st.integers(-5, 5), min_size=3, max_size=40).map(lambda found: np.array(found, dtype=np.float64))


@given(VALUES)
def test_rank_correlation_only_sees_ranks(values: Floats) -> None:
    """Any rising function leaves the order, and the correlation at 1; a falling one turns it to -1."""
    one = spearman(values, 3.0 * values**3 + values)

    assert np.isnan(one) if len(np.unique(values)) == 1 else one == pytest.approx(1.0)
    assert np.isnan(one) or spearman(values, -values) == pytest.approx(-1.0)


@given(VALUES)
def test_nothing_moves_against_itself(values: Floats) -> None:
    """The PSI of a column against itself is 0."""
    assert moved("same", values, values).psi == pytest.approx(0.0, abs=1e-12)


def test_the_feature_that_moved_comes_first(bank: Dataset) -> None:
    """One shifted column is named first; one that is never known on either side is not named."""
    features = bank.features.copy()
    features[:, 2] += 2.0
    later = bank.rows(np.arange(len(bank)))
    object.__setattr__(later, "features", features)
    found = moved_features(bank, later)

    assert found[0].name == "age_of_account"
    assert found[0].psi > 0.25
    assert all(one.psi == pytest.approx(0.0, abs=1e-12) for one in found[1:])
    assert "never_seen" not in {one.name for one in found}


def test_an_order_that_stays_is_kept_whole(bank: Dataset) -> None:
    """Scores that are the customer's number keep their order, and their riskiest, from each date to the next."""
    found = kept_order(bank.customers.astype(np.float64), bank)

    assert len(found) == 11
    assert all((one.customers, one.top) == (500, 1.0) for one in found)
    assert all(one.rank == pytest.approx(1.0) for one in found)


def test_refits_are_the_same_for_the_same_seeds_and_move_the_pd_of_a_row(bank: Dataset) -> None:
    """Equal arguments give equal refits; drawn customers move PDs a little, and most of the riskiest stay."""
    pd = train(bank, TrainingSpec("scorecard", 0, resamples=0)).predict(bank.features)
    specs = [TrainingSpec("scorecard", seed) for seed in (1, 2)]
    found = refits_of(bank, specs, pd, bank)

    assert found == refits_of(bank, specs, pd, bank)
    assert found.number == len(found.auc) == 2
    assert 0.0 < found.spread[0] <= found.spread[1] <= found.spread[2] < 2.0
    assert 0.5 < found.top <= 1.0
    with pytest.raises(ValueError, match="no training"):
        refits_of(bank, [], pd, bank)


def test_draws_with_too_few_events_are_counted_and_not_hidden(bank: Dataset) -> None:
    """Where nothing can be learned from the drawn customers there is no figure, and it is said how often."""
    poor = bank.rows(~bank.labels | (np.cumsum(bank.labels) <= 6))
    found = refits_of(poor, [TrainingSpec("scorecard", seed) for seed in (1, 2)], np.full(len(poor), 0.1), poor)

    assert (found.number, found.failed) == (0, 2)
    assert np.isnan([*found.spread, found.top]).all()
