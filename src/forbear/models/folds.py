"""Splits that do not look ahead: forward in time with an embargo, or at random for one observation date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Bools, Days, Ints


@dataclass(frozen=True, slots=True)
class Fold:
    """Row numbers to train on and to validate on, (a,) and (b,), rising, without a common row."""

    train: Ints
    validate: Ints


def time_folds(as_of: Days, gap_days: int, folds: int) -> tuple[Fold, ...]:
    """Forward chaining: the dates in folds + 1 blocks, each but the first validated by what came before.

    as_of: (n,).  gap_days: a training row must be at least so old on the first date of validation, so
    that with gap_days >= the horizon its label window [as_of, as_of + horizon) is closed by then.
    Folds without a training row are left out.  Source of the embargo:
    Lopez de Prado, Advances in Financial Machine Learning (2018), chapter 7.
    """
    dates = np.unique(as_of)
    blocks = np.array_split(dates, min(folds + 1, len(dates)))
    gap = np.timedelta64(gap_days, "D")
    split = (
        Fold(
            train=np.flatnonzero(as_of + gap <= block[0]),
            validate=np.flatnonzero((as_of >= block[0]) & (as_of <= block[-1])),
        )
        for block in blocks[1:]
    )
    return tuple(fold for fold in split if len(fold.train))


def random_folds(labels: Bools, folds: int, seed: int) -> tuple[Fold, ...]:
    """Stratified folds of a table with one observation date, where a random split looks at no future.

    labels: (n,).  Each class is dealt out in turn, so fold sizes differ by at most two rows.
    Raises ValueError for fewer than two folds.
    """
    if folds < 2:
        raise ValueError(f"{folds} folds: at least 2 are needed")
    generator = np.random.default_rng(seed)
    place = np.empty(len(labels), dtype=np.int64)
    for which in (labels, ~labels):
        members = generator.permutation(np.flatnonzero(which))
        place[members] = np.arange(len(members)) % folds
    return tuple(Fold(np.flatnonzero(place != i), np.flatnonzero(place == i)) for i in range(folds))
