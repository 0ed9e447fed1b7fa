"""How well any model could do on a synthetic bank, whether the truth itself is calibrated, and how far a model is off.

What happens to a household is one draw from its own probability. So even who knows the probability ranks what happens
with an AUC below 1: that is what can be reached. Every figure has a 95 % bootstrap interval over customers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models import metrics
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.logistic import Recalibration, logit, recalibrate
from forbear.models.results import Figure, Floats
from forbear.simulation.truth import Ints, Truth

# Newton's method may not find its way from a flat line to a steep one; from the line of perfect calibration it is near.
_PERFECT = Recalibration(intercept=0.0, slope=1.0)


@dataclass(frozen=True, slots=True)
class Reachable:
    """What the truth says of some rows, and how it agrees with what happened.

    auc: the true probability as a score, against what happened.  auc_of_futures: the same against what happens in
    other futures (three quarters score, the fourth judges), and so without the luck of the one life that was lived.
    Both are bounds from below: a share of a finite number of futures is a coarse probability.
    mean: mean true probability.  rate: share of the rows that missed.  excess: rate less mean; holds 0 if both
    are of one law.  slope: of what happened on the true log-odds; 1 if both are of one law.
    agreement: correlation of the two halves of the futures.
    """

    rows: int
    positives: int
    customers: int
    futures: int
    auc: Figure
    auc_of_futures: Figure
    mean: Figure
    rate: Figure
    excess: Figure
    slope: Figure
    agreement: Figure


@dataclass(frozen=True, slots=True)
class AgainstTruth:
    """A model's PDs beside the true probabilities of the same rows.

    auc: against what happened.  auc_of_futures: against what happens in all futures.  shortfall: what can be reached
    of the latter less what the model reaches.  mean: mean PD.  excess: mean PD less mean true probability.
    correlation, rmse: of PD and true probability, freed of the chance that is in a finite number of futures.
    slope, intercept: of the line through the true probability against the PD's log-odds; 1 and 0 are perfect.
    """

    model: str
    auc: Figure
    auc_of_futures: Figure
    shortfall: Figure
    mean: Figure
    excess: Figure
    correlation: Figure
    rmse: Figure
    slope: Figure
    intercept: Figure


def reachable(truth: Truth, customers: Ints, bootstrap: Bootstrap) -> Reachable:
    """What can be reached on some rows. customers: (n,), equal ids form a cluster of the bootstrap."""
    labels, probabilities = truth.labels, truth.probabilities
    ranking, parts, slope = metrics.rank(probabilities, labels), _Parts(truth), _TrueSlope(truth)

    def figures(weights: Floats) -> dict[str, float]:
        mean, rate = (float(np.average(of, weights=weights)) for of in (probabilities, labels))
        return {
            "auc": metrics.auc(ranking.counts(weights)),
            "auc_of_futures": parts.auc(weights),
            "mean": mean,
            "rate": rate,
            "excess": rate - mean,
            "slope": slope.of(weights),
            "agreement": parts.agreement(weights),
        }

    return Reachable(
        rows=len(truth),
        positives=int(labels.sum()),
        customers=len(np.unique(customers)),
        futures=truth.futures,
        **bootstrap_figures(figures, customers, bootstrap),
    )


def against_truth(
    model: str, probabilities: Floats, truth: Truth, customers: Ints, bootstrap: Bootstrap
) -> AgainstTruth:
    """Hold a model's PDs against the truth. probabilities: (n,) in [0, 1].  customers: (n,) clusters.

    Raises ValueError where the shapes disagree.
    """
    if probabilities.shape != (len(truth),):
        raise ValueError(f"{model}: probabilities of shape {probabilities.shape} for {len(truth)} rows")
    true, parts = truth.probabilities, _Parts(truth)
    lived, futures = metrics.rank(probabilities, truth.labels), metrics.rank(probabilities, true)
    log_odds = logit(probabilities)
    whole = recalibrate(log_odds, true, np.ones(len(true)), _PERFECT)

    def figures(weights: Floats) -> dict[str, float]:
        reached = metrics.auc(futures.counts(weights))
        line = recalibrate(log_odds, true, weights, whole)
        mean = float(np.average(probabilities, weights=weights))
        return {
            "auc": metrics.auc(lived.counts(weights)),
            "auc_of_futures": reached,
            "shortfall": parts.auc(weights) - reached,
            "mean": mean,
            "excess": mean - float(np.average(true, weights=weights)),
            "correlation": parts.correlation(probabilities, weights),
            "rmse": parts.rmse(probabilities, weights),
            "slope": line.slope,
            "intercept": line.intercept,
        }

    return AgainstTruth(model=model, **bootstrap_figures(figures, customers, bootstrap))


class _Parts:
    """Parts of the futures beside others: what they have in common is truth, the rest is chance."""

    def __init__(self, truth: Truth) -> None:
        self._first, self._second = truth.halves.T
        whole = truth.quarters.sum(axis=1)
        self._rankings = [metrics.rank(whole - quarter, quarter) for quarter in truth.quarters.T]

    def auc(self, weights: Floats) -> float:
        """Three quarters rank, and the fourth says what share of the row is positive."""
        return float(np.mean([metrics.auc(ranking.counts(weights)) for ranking in self._rankings]))

    def agreement(self, weights: Floats) -> float:
        """Correlation of the halves."""
        spread = _covariance(self._first, self._first, weights) * _covariance(self._second, self._second, weights)
        return _ratio(_covariance(self._first, self._second, weights), spread)

    def correlation(self, probabilities: Floats, weights: Floats) -> float:
        """Correlation of a PD with the probability that the halves have in common."""
        common = _covariance(self._first, self._second, weights)
        with_true = _covariance(probabilities, (self._first + self._second) / 2.0, weights)
        return _ratio(with_true, _covariance(probabilities, probabilities, weights) * common)

    def rmse(self, probabilities: Floats, weights: Floats) -> float:
        """Root mean square of PD less true probability: errors of two halves have no chance in common."""
        product = (probabilities - self._first) * (probabilities - self._second)
        return float(np.sqrt(max(0.0, np.average(product, weights=weights))))


class _TrueSlope:
    """Slope of what happened on the true log-odds, of which each half of the futures is a noisy reading.

    Noise in a score flattens its slope. So a half's log-odds are first put on the line that the other half gives them:
    on these the slope is 1 in expectation if, and only if, the lived life is of the same law as the futures.
    """

    def __init__(self, truth: Truth) -> None:
        first, second = truth.halves.T
        each = truth.futures / 2.0
        self._readings = np.concatenate([_log_odds(first, each), _log_odds(second, each)])
        self._told = np.concatenate([second, first])
        self._labels = np.tile(truth.labels, 2)
        self._line = recalibrate(self._readings, self._told, np.ones(len(self._told)), _PERFECT)

    def of(self, weights: Floats) -> float:
        """The slope with rows weighted; NaN where it is undefined."""
        twice = np.tile(weights, 2)
        line = recalibrate(self._readings, self._told, twice, self._line)
        if not np.isfinite(line.slope):
            return np.nan
        return recalibrate(line.intercept + line.slope * self._readings, self._labels, twice, _PERFECT).slope


def _log_odds(shares: Floats, futures: float) -> Floats:
    """Log-odds of counted shares, half a future added to either side: a share of 0 is not a probability of 0."""
    return logit((shares * futures + 0.5) / (futures + 1.0))


def _covariance(one: Floats, other: Floats, weights: Floats) -> float:
    left, right = one - np.average(one, weights=weights), other - np.average(other, weights=weights)
    return float(np.average(left * right, weights=weights))


def _ratio(value: float, square: float) -> float:
    return value / float(np.sqrt(square)) if square > 0.0 else np.nan
