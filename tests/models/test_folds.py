"""Splits do not look ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.models.folds import random_folds, time_folds


@given(
    days=st.lists(st.integers(0, 500), min_size=4, max_size=80),
    horizon=st.integers(1, 60),
    folds=st.integers(1, 6),
)
@settings(deadline=None, max_examples=100)
def test_no_training_label_window_overlaps_validation(days: list[int], horizon: int, folds: int) -> None:
    """Every label window in training closes no later than the first date of validation, in every fold."""
    as_of = np.datetime64("2023-01-01", "D") + np.array(days).astype("timedelta64[D]")
    for fold in time_folds(as_of, horizon, folds):
        closes = as_of[fold.train] + np.timedelta64(horizon, "D")
        assert closes.max() <= as_of[fold.validate].min()
        assert len(fold.train)
        assert len(fold.validate)


def test_folds_chain_forward_and_validate_every_later_date_once() -> None:
    """Twelve monthly dates in five blocks: the later blocks are validated once each, by growing history."""
    as_of = (np.datetime64("2023-01", "M") + np.arange(12)).astype("datetime64[D]")
    folds = time_folds(as_of, 30, 4)
    assert np.concatenate([fold.validate for fold in folds]).tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert [len(fold.train) for fold in folds] == [3, 6, 8, 10]


def test_february_is_shorter_than_the_embargo() -> None:
    """A window opened on 1 February is still open on 1 March, so that month is left out of training."""
    as_of = np.array(["2023-01-01", "2023-02-01", "2023-03-01"], dtype="datetime64[D]")
    assert time_folds(as_of, 30, 2)[-1].train.tolist() == [0]


@given(st.integers(0, 30), st.integers(0, 90), st.integers(2, 6), st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_random_folds_partition_and_stratify(positives: int, negatives: int, folds: int, seed: int) -> None:
    """Each row is validated exactly once, and positives are spread as evenly as their number allows."""
    labels = np.arange(positives + negatives) < positives
    split = random_folds(labels, folds, seed)
    assert sorted(np.concatenate([fold.validate for fold in split])) == list(range(len(labels)))
    counts = [int(labels[fold.validate].sum()) for fold in split]
    assert max(counts) - min(counts) <= 1
    for fold in split:
        assert not set(fold.train) & set(fold.validate)


def test_one_fold_is_no_validation() -> None:
    """A single fold would train on nothing."""
    with pytest.raises(ValueError, match="at least 2"):
        random_folds(np.zeros(5, dtype=np.bool_), 1, 0)
