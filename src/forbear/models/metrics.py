"""Point metrics of ranking and of calibration, on rows that may each count several times.

A weight is the number of copies of a row, so a bootstrap reweights instead of copying: everything that
needs sorting is sorted once. labels are 0 or 1, larger scores are riskier; a figure that is not defined,
for want of positives or of negatives, is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.contacts import ContactQueue
from forbear.models.dataset import Ints
from forbear.models.logistic import SMALLEST_PD
from forbear.models.results import Floats


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows by falling score.  order: (n,) row numbers.  labels: (n,) in that order.  ends: last place of each tie."""

    order: Ints
    labels: Floats
    ends: Ints

    def counts(self, weights: Floats) -> Counts:
        """Counts above each distinct score; weights: (n,) in row order."""
        placed = weights[self.order]
        hits = np.cumsum(placed * self.labels)[self.ends]
        return Counts(hits, np.cumsum(placed)[self.ends] - hits)


@dataclass(frozen=True, slots=True)
class Counts:
    """Positives and negatives with at least each distinct score, from the highest score down, both (m,)."""

    hits: Floats
    alarms: Floats

    @property
    def positives(self) -> float:
        """All positives."""
        return float(self.hits[-1]) if len(self.hits) else 0.0

    @property
    def negatives(self) -> float:
        """All negatives."""
        return float(self.alarms[-1]) if len(self.alarms) else 0.0

    @property
    def both(self) -> bool:
        """Whether there are rows of either class."""
        return self.positives > 0.0 and self.negatives > 0.0


def rank(scores: Floats, labels: Floats) -> Ranking:
    """Sort rows once; scores and labels: (n,), scores without NaN."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1) if len(ranked) else order
    return Ranking(order, labels[order], ends)


def auc(counts: Counts) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative, ties counting half."""
    if not counts.both:
        return np.nan
    hits = np.concatenate([[0.0], counts.hits])
    pairs = np.diff(counts.alarms, prepend=0.0) @ (hits[1:] + hits[:-1]) / 2.0
    return float(pairs / (counts.positives * counts.negatives))


def pr_auc(counts: Counts) -> float:
    """Average precision: the precision at each distinct score, weighted by the recall it adds."""
    if counts.positives == 0.0:
        return np.nan
    precision = counts.hits / np.maximum(counts.hits + counts.alarms, 1.0)
    return float(np.diff(counts.hits, prepend=0.0) @ precision / counts.positives)


def ks(counts: Counts) -> float:
    """Kolmogorov-Smirnov distance between the scores of positives and of negatives, [0, 1]."""
    if not counts.both:
        return np.nan
    return float(np.abs(counts.hits / counts.positives - counts.alarms / counts.negatives).max())


def brier(probabilities: Floats, labels: Floats, weights: Floats) -> float:
    """Mean squared error of the PD (Brier 1950), [0, 1]; all (n,), NaN without rows."""
    return _mean((probabilities - labels) ** 2, weights)


def brier_base(labels: Floats, weights: Floats) -> float:
    """Brier score of the one PD that equals the prevalence of these rows, [0, 0.25]."""
    prevalence = _mean(labels, weights)
    return prevalence * (1.0 - prevalence)


def log_losses(probabilities: Floats, labels: Floats) -> Floats:
    """Negative log-likelihood of each row, (n,) >= 0; PDs are drawn into [1e-12, 1 - 1e-12]."""
    stated = np.where(labels > 0.0, probabilities, 1.0 - probabilities)
    losses: Floats = -np.log(np.clip(stated, SMALLEST_PD, 1.0))
    return losses


def log_loss(probabilities: Floats, labels: Floats, weights: Floats) -> float:
    """Mean negative log-likelihood, >= 0; all (n,), NaN without rows."""
    return _mean(log_losses(probabilities, labels), weights)


def precision_recall_at(share: float, queue: ContactQueue, labels: Floats, weights: Floats) -> tuple[float, float]:
    """Precision and recall when the top share of each date's rows is contacted.

    share: (0, 1].  labels, weights: (n,) in queue order.  Both NaN without positives.
    """
    positives = float(weights @ labels)
    if positives == 0.0:
        return np.nan, np.nan
    contacted = queue.contacted(share, weights)
    found = float(contacted @ labels)
    return found / float(contacted.sum()), found / positives


def _mean(values: Floats, weights: Floats) -> float:
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0.0 else np.nan
