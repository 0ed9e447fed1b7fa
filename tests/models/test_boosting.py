"""Boosting: reproducible, unweighted, and stiffer the fewer positives there are."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.domain.errors import CorruptState
from forbear.domain.stated import canonical_json
from forbear.models.boosting import Boosting, default_settings, fit_boosting, fit_watched
from forbear.models.dataset import Dataset


def test_two_fits_are_identical(bank: Dataset) -> None:
    """Equal arguments give equal trees, byte for byte; another seed does not."""
    settings = default_settings(bank.positives)
    first, second, other = (fit_boosting(bank, settings, rounds=30, seed=seed) for seed in (1, 1, 2))
    assert canonical_json(first.to_document()) == canonical_json(second.to_document())
    assert canonical_json(first.to_document()) != canonical_json(other.to_document())


def test_mean_pd_is_the_prevalence(bank: Dataset) -> None:
    """Classes are not reweighted, so the PDs average to the share of positives."""
    model = fit_boosting(bank, default_settings(bank.positives), rounds=150, seed=0)
    assert model.predict(bank.features).mean() == pytest.approx(bank.positives / len(bank), rel=0.1)


def test_first_rounds_are_what_watching_saw(bank: Dataset) -> None:
    """Cut after r trees, the model has exactly the log-loss that was recorded after r rounds."""
    train, watched = bank.rows(np.arange(0, 3000)), bank.rows(np.arange(3000, 6000))
    settings = default_settings(train.positives)
    model, losses = fit_watched(train, watched, settings, seed=0)
    pds = model.first(40).predict(watched.features)
    loss = -np.where(watched.labels, np.log(pds), np.log1p(-pds)).mean()
    assert losses.shape == (settings.max_rounds,)
    assert model.first(40).rounds == 40
    assert loss == pytest.approx(losses[39], rel=1e-5)


@pytest.mark.parametrize(("fewer", "more"), [(30, 200), (200, 1_000), (1_000, 6_000)])
def test_fewer_positives_mean_no_deeper_trees(fewer: int, more: int) -> None:
    """Depth never falls with the number of positives, and a leaf never asks for more than they can give."""
    a, b = default_settings(fewer), default_settings(more)
    assert a.depth <= b.depth
    assert a.min_child_weight <= max(1.0, fewer / 10.0)
    assert b.min_child_weight <= more / 10.0


def test_trees_that_are_no_xgboost_document_are_refused() -> None:
    """Whatever xgboost cannot read is corruption."""
    with pytest.raises(CorruptState, match="xgboost"):
        Boosting.from_trees(("a",), (1,), {"learner": "oak"})


def test_one_class_is_refused(bank: Dataset) -> None:
    """Rows of one class teach nothing."""
    with pytest.raises(ValueError, match="positive and negative"):
        fit_boosting(bank.rows(~bank.labels), default_settings(0), rounds=1, seed=0)
