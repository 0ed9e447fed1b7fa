"""Expected outcomes of rows by models that have not seen them; whole customers are left out at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.effects.learners import Learner, Linear, Predictor
from forbear.models.effects.observations import Contrast
from forbear.models.results import Floats


@dataclass(frozen=True, slots=True)
class Crossing:
    """How to cross-fit. learner: of the expected outcome of one arm.  folds: >= 2.  seed: of the split."""

    learner: Learner = field(default_factory=Linear)
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"{self.folds} folds: at least 2 are needed")


def customer_folds(customers: Ints, folds: int, seed: int) -> Ints:
    """(n,) the fold of each row, 0 to folds - 1; all rows of a customer are in one."""
    distinct, cluster = np.unique(customers, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(distinct))
    return np.asarray(order[cluster] % folds, dtype=np.int64)


def honest_split(customers: Ints, seed: int, share: float = 0.5) -> tuple[Bools, Bools]:
    """Two masks (n,), rows to train on and rows to judge by, with no customer in both. share: of those trained on."""
    distinct, cluster = np.unique(customers, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(distinct))
    train: Bools = order[cluster] < round(share * len(distinct))
    return train, ~train


def fit_arms(contrast: Contrast, learner: Learner) -> tuple[Predictor, Predictor]:
    """Expected outcome held out and given the action, learnt on all rows; NotEnoughData for an empty arm."""
    contrast.require_both()
    held, given = (
        learner.fit(contrast.covariates[members], contrast.outcome[members])
        for members in (contrast.held, contrast.given)
    )
    return held, given


def cross_fitted(contrast: Contrast, crossing: Crossing) -> Floats:
    """(n, 2) expected outcome of each row held out and given the action, by models of the other folds.

    Chernozhukov et al. (2018), "Double/debiased machine learning". Raises NotEnoughData where an arm of a fold's
    training rows is empty.
    """
    fold = customer_folds(contrast.customers, crossing.folds, crossing.seed)
    predicted = np.empty((len(contrast), 2))
    for number in range(crossing.folds):
        unseen = fold == number
        models = fit_arms(contrast.rows(~unseen), crossing.learner)
        for place, model in enumerate(models):
            predicted[unseen, place] = model(contrast.covariates[unseen])
    return predicted
