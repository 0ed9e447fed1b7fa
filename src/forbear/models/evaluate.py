"""One model on one set of rows: every figure with its interval, the curves and the lead time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from forbear.models import metrics
from forbear.models.contacts import contact_queue
from forbear.models.dataset import Dataset, Ints
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.lead_time import lead_time
from forbear.models.logistic import logit, recalibrate
from forbear.models.results import CalibrationBin, Curve, Evaluation, Figure, Floats, Weight

CONTACT_BUDGETS_PERCENT = (1, 2, 5, 10)
CURVE_POINTS = 400
CALIBRATION_BINS = 10
_WILSON_Z = 1.959963984540054

RowFigures = Callable[[Floats], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Scored:
    """A model's answers on rows.

    scores: (n,) without NaN, larger is riskier.  probabilities: (n,) PDs in [0, 1], or None for a score
    that is no probability: its calibration figures are then NaN.  weights: of the model.
    Raises ValueError where a shape or a range disagrees.
    """

    model: str
    scores: Floats
    dataset: Dataset
    weights: tuple[Weight, ...]
    probabilities: Floats | None

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.dataset),) or np.isnan(self.scores).any():
            raise ValueError(f"{self.model}: scores of shape {self.scores.shape}, or a score is NaN")
        if self.probabilities is None:
            return
        if self.probabilities.shape != self.scores.shape:
            raise ValueError(f"{self.model}: probabilities of shape {self.probabilities.shape}")
        if not ((self.probabilities >= 0.0) & (self.probabilities <= 1.0)).all():
            raise ValueError(f"{self.model}: a probability outside [0, 1]")


def evaluate(
    model_name: str, scores: Floats, dataset: Dataset, weights: tuple[Weight, ...], bootstrap: Bootstrap
) -> Evaluation:
    """Evaluate PDs on rows that the model has not seen.

    scores: (n,) PDs in [0, 1].  weights: what each feature carries in the model.
    Raises ValueError for scores of another shape, NaN, or outside [0, 1].
    """
    return evaluate_scored(Scored(model_name, scores, dataset, weights, scores), bootstrap)


def with_lead_time(evaluation: Evaluation, scores: Floats, dataset: Dataset, bootstrap: Bootstrap) -> Evaluation:
    """The evaluation with its lead-time curves taken from other rows, such as weekly ones.

    scores: (n,) of the same model on `dataset`.
    """
    return replace(evaluation, lead_time=lead_time(scores, dataset, bootstrap))


def evaluate_scored(scored: Scored, bootstrap: Bootstrap) -> Evaluation:
    """Evaluate any score; figures that need a PD are NaN where there is none.

    Figures and curves count each row by its weight; the bins of calibration and the lead time count rows.
    """
    dataset = scored.dataset
    labels = dataset.labels.astype(np.float64)
    counts = metrics.rank(scored.scores, labels).counts(dataset.row_weights)
    return Evaluation(
        model=scored.model,
        rows=len(dataset),
        positives=dataset.positives,
        customers=len(np.unique(dataset.customers)),
        figures=bootstrap_figures(row_figures(scored), dataset.customers, bootstrap),
        lead_time=lead_time(scored.scores, dataset, bootstrap),
        roc=roc_curve(counts),
        precision_recall=precision_recall_curve(counts),
        calibration=calibration_bins(scored.probabilities, labels),
        weights=scored.weights,
    )


def row_figures(scored: Scored) -> RowFigures:
    """Every figure as a function of the copies of each row (n,), beside its weight; sorting is done once, here."""
    ranking, contacts, calibration = _ranking_figures(scored), _contact_figures(scored), _pd_figures(scored)
    own = scored.dataset.row_weights

    def figures(copies: Floats) -> dict[str, float]:
        weights = own * copies
        return {**ranking(weights), **calibration(weights), **contacts(weights)}

    return figures


def roc_curve(counts: metrics.Counts) -> Curve:
    """False-positive rate against true-positive rate, at most 400 points; empty without both classes."""
    if not counts.both:
        return Curve(np.empty(0), np.empty(0))
    x = np.concatenate([[0.0], counts.alarms / counts.negatives])
    y = np.concatenate([[0.0], counts.hits / counts.positives])
    kept = _thinned(x + y)
    return Curve(x[kept], y[kept])


def precision_recall_curve(counts: metrics.Counts) -> Curve:
    """Recall against precision at each score that adds recall, at most 400 points; empty without positives."""
    if counts.positives == 0.0:
        return Curve(np.empty(0), np.empty(0))
    rising = np.diff(counts.hits, prepend=0.0) > 0.0
    hits, alarms = counts.hits[rising], counts.alarms[rising]
    kept = _thinned(hits / counts.positives)
    return Curve(hits[kept] / counts.positives, (hits / (hits + alarms))[kept])


def calibration_bins(probabilities: Floats | None, labels: Floats) -> tuple[CalibrationBin, ...]:
    """Ten bins of equal count by rising PD; none without PDs.  probabilities, labels: (n,)."""
    if probabilities is None:
        return ()
    parts = np.array_split(np.argsort(probabilities, kind="stable"), CALIBRATION_BINS)
    return tuple(
        CalibrationBin(float(probabilities[part].mean()), wilson(float(labels[part].sum()), len(part)), len(part))
        for part in parts
        if len(part)
    )


def wilson(positives: float, rows: int) -> Figure:
    """A share with its 95 % score interval (Wilson 1927); rows > 0."""
    share, square = positives / rows, _WILSON_Z**2
    centre = (share + square / (2 * rows)) / (1.0 + square / rows)
    spread = np.sqrt(share * (1.0 - share) / rows + square / (4 * rows**2)) * _WILSON_Z / (1.0 + square / rows)
    return Figure(share, float(max(0.0, centre - spread)), float(min(1.0, centre + spread)))


def _ranking_figures(scored: Scored) -> RowFigures:
    labels = scored.dataset.labels.astype(np.float64)
    ranking = metrics.rank(scored.scores, labels)

    def figures(weights: Floats) -> dict[str, float]:
        counts = ranking.counts(weights)
        return {
            "auc": metrics.auc(counts),
            "pr_auc": metrics.pr_auc(counts),
            "ks": metrics.ks(counts),
            "brier_base": metrics.brier_base(labels, weights),
        }

    return figures


def _contact_figures(scored: Scored) -> RowFigures:
    dataset = scored.dataset
    queue = contact_queue(scored.scores, dataset.as_of, dataset.customers)
    labels = dataset.labels.astype(np.float64)[queue.order]

    def figures(weights: Floats) -> dict[str, float]:
        queued, found = weights[queue.order], {}
        for percent in CONTACT_BUDGETS_PERCENT:
            precision, recall = metrics.precision_recall_at(percent / 100.0, queue, labels, queued)
            found[f"precision_at_{percent}pct"] = precision
            found[f"recall_at_{percent}pct"] = recall
        return found

    return figures


def _pd_figures(scored: Scored) -> RowFigures:
    names = ("brier", "log_loss", "calibration_slope", "calibration_intercept")
    if scored.probabilities is None:
        return lambda _weights: dict.fromkeys(names, np.nan)
    probabilities, labels = scored.probabilities, scored.dataset.labels.astype(np.float64)
    log_odds = logit(probabilities)
    # The line through all rows is where every resample's search sets out: it is near.
    whole = recalibrate(log_odds, labels, scored.dataset.row_weights)

    def figures(weights: Floats) -> dict[str, float]:
        line = recalibrate(log_odds, labels, weights, whole)
        return {
            "brier": metrics.brier(probabilities, labels, weights),
            "log_loss": metrics.log_loss(probabilities, labels, weights),
            "calibration_slope": line.slope,
            "calibration_intercept": line.intercept,
        }

    return figures


def _thinned(position: Floats) -> Ints:
    """Indices of at most 400 points, evenly spread along a rising position and with both ends."""
    if len(position) <= CURVE_POINTS:
        return np.arange(len(position), dtype=np.int64)
    # Searching may round the last stop past the end.
    stops = np.searchsorted(position, np.linspace(position[0], position[-1], CURVE_POINTS))
    return np.unique(np.minimum(stops, len(position) - 1)).astype(np.int64)
