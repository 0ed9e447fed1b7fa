"""How steady a model is: its scores and inputs against training, its order from month to month, and trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from forbear.domain.errors import NotEnoughData
from forbear.models import drift, metrics
from forbear.models.contacts import contact_queue
from forbear.models.dataset import Dataset
from forbear.models.intervals import Bootstrap, resampled_weights
from forbear.models.results import Floats
from forbear.models.training import TrainingSpec, train

TOP_SHARE = 0.05
"""The riskiest share of a date by which lists are compared."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far one column has moved. psi: >= 0, NaN without rows.  unknown: share of rows before, and after."""

    name: str
    psi: float
    unknown: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kept:
    """Two consecutive dates. customers: on both.  rank: Spearman's correlation of their scores, NaN below 3 customers.

    top: share of the earlier date's riskiest 5 % of them who are among the later one's.
    """

    before: str
    after: str
    customers: int
    rank: float
    top: float


@dataclass(frozen=True, slots=True)
class Refits:
    """The same customers scored by the model trained again.

    number: of trainings.  failed: of those asked for, on whose rows nothing could be learned.
    spread: (3,) median, 90th and 99th percentile over rows of the standard deviation of a row's PD over its mean.
    top: mean share of the riskiest 5 % of each date whom model and refit both name.  auc: of each refit.
    Where fewer than two could be trained spread and top are NaN.
    """

    number: int
    spread: tuple[float, float, float]
    top: float
    auc: tuple[float, ...]
    failed: int = 0


def moved(name: str, before: Floats, after: Floats) -> Moved:
    """PSI of a column in the bins of its earlier values. before, after: (n,) and (m,), NaN is a bin of its own."""
    edges = drift.quantile_edges(before)
    index = drift.psi(drift.bin_counts(before, edges), drift.bin_counts(after, edges))
    return Moved(name, float(index), (_unknown(before), _unknown(after)))


def moved_features(before: Dataset, after: Dataset) -> tuple[Moved, ...]:
    """Every feature with a known value on either side, the most moved first."""
    found = [
        moved(name, before.features[:, column], after.features[:, column]) for column, name in enumerate(before.names)
    ]
    told = [one for one in found if one.unknown != (1.0, 1.0)]
    return tuple(sorted(told, key=lambda one: (-one.psi, one.name)))


def kept_order(scores: Floats, dataset: Dataset) -> tuple[Kept, ...]:
    """Each date beside the next, for the customers of both. scores: (n,)."""
    dates, found = np.unique(dataset.as_of), []
    for before, after in pairwise(dates):
        first, last = (np.flatnonzero(dataset.as_of == date) for date in (before, after))
        _, one, two = np.intersect1d(dataset.customers[first], dataset.customers[last], return_indices=True)
        own, other = scores[first[one]], scores[last[two]]
        found.append(Kept(str(before), str(after), len(one), spearman(own, other), _top_kept(own, other)))
    return tuple(found)


def spearman(own: Floats, other: Floats) -> float:
    """Spearman's rank correlation, ties by their mean rank, [-1, 1]; NaN below 3 values or without any spread."""
    if len(own) < 3:
        return np.nan
    ranks = np.array([_ranks(own), _ranks(other)])
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    scale = float(np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))
    return float(centred[0] @ centred[1]) / scale if scale > 0.0 else np.nan


def refits_of(dataset: Dataset, specs: Sequence[TrainingSpec], pd: Floats, unseen: Dataset) -> Refits:
    """The model trained again with each spec, on customers drawn with replacement by its seed.

    dataset: it was trained on.  pd: (m,) of the model on the rows of unseen.
    Raises ValueError without specs.
    """
    if not specs:
        raise ValueError("no training to repeat")
    own, answers, areas = _top(pd, unseen), [], []
    shared = []
    for spec in specs:
        try:
            again = train(_redrawn(dataset, spec.seed), replace(spec, resamples=0)).predict(unseen.features)
        except NotEnoughData:  # with few positives some draws hold too few of them
            continue
        answers.append(again)
        areas.append(metrics.auc(metrics.rank(again, unseen.labels.astype(np.float64)).counts(unseen.row_weights)))
        shared.append(float((_top(again, unseen) & own).sum() / max(own.sum(), 1)))
    failed = len(specs) - len(answers)
    if len(answers) < 2:
        return Refits(len(answers), (np.nan, np.nan, np.nan), np.nan, tuple(areas), failed)
    told = np.array(answers)
    spread = told.std(axis=0, ddof=1) / told.mean(axis=0)
    median, high, highest = np.quantile(spread, [0.5, 0.9, 0.99]).tolist()
    return Refits(len(answers), (median, high, highest), float(np.mean(shared)), tuple(areas), failed)


def _redrawn(dataset: Dataset, seed: int) -> Dataset:
    (copies,) = resampled_weights(dataset.customers, Bootstrap(seed, 1))
    drawn = np.asarray(copies > 0.0, dtype=np.bool_)
    rows = dataset.rows(drawn)
    return replace(rows, weights=rows.row_weights * copies[drawn])


def _top(scores: Floats, dataset: Dataset) -> np.typing.NDArray[np.bool_]:
    queue = contact_queue(scores, dataset.as_of, dataset.customers)
    top = np.zeros(len(dataset), dtype=np.bool_)
    top[queue.order] = queue.contacted(TOP_SHARE, np.ones(len(dataset))) > 0.0
    return top


def _top_kept(own: Floats, other: Floats) -> float:
    most = int(np.ceil(TOP_SHARE * len(own)))
    if not most:
        return np.nan
    first, last = (set(np.argsort(-scores, kind="stable")[:most].tolist()) for scores in (own, other))
    return len(first & last) / most


def _ranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: Floats = (ends - (counts - 1) / 2.0)[place]
    return mean


def _unknown(values: Floats) -> float:
    return float(np.isnan(values).mean()) if len(values) else np.nan
