"""Training: validate forward in time, calibrate on what was not seen, then fit everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from forbear.domain.errors import NotEnoughData
from forbear.models.base import Model
from forbear.models.boosting import Boosting, BoostingSettings, default_settings, fit_boosting, fit_watched
from forbear.models.calibration import CalibrationMethod, Calibrator, fit_calibrator
from forbear.models.dataset import Dataset, Ints
from forbear.models.ensemble import Ensemble, weighted_mean
from forbear.models.evaluate import evaluate
from forbear.models.folds import Fold, random_folds, time_folds
from forbear.models.intervals import Bootstrap
from forbear.models.logistic import sigmoid
from forbear.models.results import Evaluation, Floats
from forbear.models.scorecard import Scorecard, ScorecardSettings, fit_scorecard

MemberKind: TypeAlias = Literal["scorecard", "boosting"]
TrainedKind: TypeAlias = Literal["scorecard", "boosting", "ensemble"]

LEAST_DATES = 4
LEAST_POSITIVES = 10
# A fold that learns from fewer positives than this says nothing about the final model.
LEAST_FOLD_POSITIVES = 5
_INNER_FOLDS = 5


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """What to train and how to validate it.

    seed: of every draw.  horizon_days: length of the label window.  embargo_days: days that validation
    must lie behind training; the longer of the two counts.  folds: blocks of dates to validate.
    boosting: None takes default_settings(positives).  resamples: of the bootstrap over customers.
    members: of an ensemble, with their weights: stated, not learned, so that validation has nothing to unlearn.
    """

    kind: TrainedKind
    seed: int
    horizon_days: int = 30
    embargo_days: int = 30
    folds: int = 4
    calibration: CalibrationMethod = "platt"
    boosting: BoostingSettings | None = None
    scorecard: ScorecardSettings = field(default_factory=ScorecardSettings)
    resamples: int = 200
    members: tuple[tuple[MemberKind, float], ...] = (("boosting", 0.5), ("scorecard", 0.5))

    @property
    def bootstrap(self) -> Bootstrap:
        """The bootstrap that the figures use."""
        return Bootstrap(self.seed, self.resamples)


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Log-odds before calibration, (m,), of rows of the dataset, (m,) numbers, by models that had not seen them.

    rounds: of boosting, or of an ensemble's, 0 where nothing was chosen.
    """

    rows: Ints
    log_odds: Floats
    rounds: int


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model fitted to all rows, and what was learned about it from rows it had not seen.

    calibrator: fitted on the out-of-fold log-odds.  validation: of the out-of-fold PDs *before*
    calibration, since the calibrator has seen those outcomes.  spec: what was asked for.
    unseen: the out-of-fold log-odds themselves.
    """

    model: Model
    calibrator: Calibrator
    validation: Evaluation
    spec: TrainingSpec
    unseen: OutOfFold

    def predict(self, features: Floats) -> Floats:
        """Calibrated PD in [0, 1] for each row of (n, k), (n,)."""
        return self.calibrator.apply(self.model.log_odds(features))


@dataclass(frozen=True, slots=True)
class TableValidation:
    """Cross-validation of a table whose rows are customers observed on one date.

    predictions: (n,) calibrated out-of-fold PDs.  fold: (n,) which fold each row was validated in.
    by_fold: one Evaluation each.  pooled: of all rows.
    """

    predictions: Floats
    fold: Ints
    by_fold: tuple[Evaluation, ...]
    pooled: Evaluation


def train(dataset: Dataset, spec: TrainingSpec) -> TrainedModel:
    """Train on rows of many dates, each by its weight; equal arguments give an equal model.

    Boosting rounds and calibrator come from forward-chaining folds with an embargo; the model is then
    fitted to every row.
    Raises NotEnoughData for fewer than 4 dates, fewer than 10 positives, no negatives, or dates
    so close together that no fold can close its label windows before validation.
    """
    _require_enough(dataset)
    gap = max(spec.horizon_days, spec.embargo_days)
    folds = _usable(dataset, time_folds(dataset.as_of, gap, spec.folds))
    model, calibrator, unseen = _learn(dataset, folds, spec)
    validation = evaluate(
        spec.kind, sigmoid(unseen.log_odds), dataset.rows(unseen.rows), model.weights(), spec.bootstrap
    )
    return TrainedModel(model, calibrator, validation, spec, unseen)


def cross_validate_table(dataset: Dataset, folds: int, seed: int, kind: TrainedKind) -> TableValidation:
    """Stratified cross-validation of a ready-made table with one observation date, one row a customer.

    Inside each training part a fifth is held out to choose rounds and to calibrate.
    Raises ValueError when a customer has two rows, NotEnoughData when there are fewer than 10 positives
    or no negatives.
    """
    if len(np.unique(dataset.customers)) < len(dataset):
        raise ValueError("a customer has two rows: a random split would train on whom it validates")
    _require_both_classes(dataset)
    spec = TrainingSpec(kind, seed)
    predictions, place = np.empty(len(dataset)), np.empty(len(dataset), dtype=np.int64)
    by_fold = []
    for number, fold in enumerate(random_folds(dataset.labels, folds, seed)):
        part, unseen = dataset.rows(fold.train), dataset.rows(fold.validate)
        model, calibrator, _ = _learn(part, random_folds(part.labels, _INNER_FOLDS, seed)[:1], spec)
        predictions[fold.validate] = calibrator.apply(model.log_odds(unseen.features))
        place[fold.validate] = number
        by_fold.append(evaluate(kind, predictions[fold.validate], unseen, model.weights(), spec.bootstrap))
    pooled = evaluate(kind, predictions, dataset, (), spec.bootstrap)
    return TableValidation(predictions, place, tuple(by_fold), pooled)


def _learn(dataset: Dataset, folds: Sequence[Fold], spec: TrainingSpec) -> tuple[Model, Calibrator, OutOfFold]:
    if spec.kind == "ensemble":
        model, unseen = _fitted_together(dataset, folds, spec)
    else:
        model, unseen = _fitted(dataset, folds, spec, spec.kind)
    judged = dataset.rows(unseen.rows)
    return model, fit_calibrator(unseen.log_odds, judged.labels, spec.calibration, judged.weights), unseen


def _fitted(
    dataset: Dataset, folds: Sequence[Fold], spec: TrainingSpec, kind: MemberKind
) -> tuple[Scorecard | Boosting, OutOfFold]:
    """A model fitted to every row, and what models of its kind say of the rows that they had not seen."""
    if kind == "scorecard":
        return fit_scorecard(dataset, spec.scorecard), _unseen_by_scorecards(dataset, folds, spec.scorecard)
    settings = spec.boosting or default_settings(dataset.positives)
    unseen = _unseen_by_boosting(dataset, folds, settings, spec.seed)
    return fit_boosting(dataset, settings, rounds=unseen.rounds, seed=spec.seed), unseen


def _fitted_together(dataset: Dataset, folds: Sequence[Fold], spec: TrainingSpec) -> tuple[Model, OutOfFold]:
    """The members on the same folds: what the ensemble says of an unseen row is what its members say of it."""
    fitted = [_fitted(dataset, folds, spec, kind) for kind, _ in spec.members]
    ensemble = Ensemble.of([(weight, model) for (_, weight), (model, _) in zip(spec.members, fitted, strict=True)])
    log_odds = weighted_mean([member.weight for member in ensemble.members], [unseen.log_odds for _, unseen in fitted])
    return ensemble, OutOfFold(fitted[0][1].rows, log_odds, max(unseen.rounds for _, unseen in fitted))


def _unseen_by_scorecards(dataset: Dataset, folds: Sequence[Fold], settings: ScorecardSettings) -> OutOfFold:
    log_odds = [
        fit_scorecard(dataset.rows(fold.train), settings).log_odds(dataset.features[fold.validate]) for fold in folds
    ]
    return OutOfFold(np.concatenate([fold.validate for fold in folds]), np.concatenate(log_odds), 0)


def _unseen_by_boosting(dataset: Dataset, folds: Sequence[Fold], settings: BoostingSettings, seed: int) -> OutOfFold:
    watched = [
        fit_watched(dataset.rows(fold.train), dataset.rows(fold.validate), settings, seed=seed) for fold in folds
    ]
    sizes = [float(dataset.row_weights[fold.validate].sum()) for fold in folds]
    pooled = np.sum([size * losses for size, (_, losses) in zip(sizes, watched, strict=True)], axis=0)
    rounds = int(np.argmin(pooled)) + 1
    log_odds = [
        model.first(rounds).log_odds(dataset.features[fold.validate])
        for fold, (model, _) in zip(folds, watched, strict=True)
    ]
    return OutOfFold(np.concatenate([fold.validate for fold in folds]), np.concatenate(log_odds), rounds)


def _require_enough(dataset: Dataset) -> None:
    dates = len(np.unique(dataset.as_of))
    if dates < LEAST_DATES:
        raise NotEnoughData(
            f"{dates} observation dates, {LEAST_DATES} are needed to validate forward in time",
            mend="bring a longer history or observe more often",
        )
    _require_both_classes(dataset)


def _require_both_classes(dataset: Dataset) -> None:
    if dataset.positives < LEAST_POSITIVES:
        raise NotEnoughData(
            f"{dataset.positives} positive rows, {LEAST_POSITIVES} are needed to learn from",
            mend="bring a longer history or more customers, or use the expert scorecard",
        )
    if dataset.positives == len(dataset):
        raise NotEnoughData("every row is positive", mend="bring the customers who paid as well")


def _usable(dataset: Dataset, folds: Sequence[Fold]) -> tuple[Fold, ...]:
    kept = tuple(
        fold for fold in folds if LEAST_FOLD_POSITIVES <= np.count_nonzero(dataset.labels[fold.train]) < len(fold.train)
    )
    judged = sum(int(np.count_nonzero(dataset.labels[fold.validate])) for fold in kept)
    if judged < LEAST_FOLD_POSITIVES:
        raise NotEnoughData(
            f"{judged} positive rows left to validate on once label windows must close before validation",
            mend="bring a longer history, or shorten horizon and embargo",
        )
    return kept
