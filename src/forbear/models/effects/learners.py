"""What learns an expected outcome from covariates: a straight line, and the house's boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from forbear.models.boosting import BoostingSettings, fit_boosting
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.results import Floats

if TYPE_CHECKING:
    import xgboost

Predictor: TypeAlias = Callable[[Floats], Floats]
"""Covariates (n, k) to an expected outcome, (n,)."""

SMALL_TREES = BoostingSettings(depth=3, learning_rate=0.1, max_rounds=60, min_child_weight=50.0, ridge=10.0)
"""Shallow and stiff: differences between customers' effects are small, and noise is easily taken for one."""


class Learner(Protocol):
    """Fits an expected outcome; equal arguments give an equal predictor."""

    def fit(self, features: Floats, outcome: Floats) -> Predictor:
        """A predictor from n >= 1 rows. features: (n, k), NaN = unknown.  outcome: (n,)."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Ridge regression on standardised columns (Hoerl and Kennard 1970); an unknown value counts as the mean.

    penalty: weight of the squared coefficients against the summed squared error, >= 0.
    """

    penalty: float = 1.0

    def fit(self, features: Floats, outcome: Floats) -> Predictor:
        """The line through n rows."""
        known = ~np.isnan(features)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, features, 0.0).sum(axis=0) / count
        centred = np.where(known, features - mean, 0.0)
        scale = np.sqrt((centred**2).sum(axis=0) / count)
        scale[scale == 0.0] = 1.0
        design = centred / scale
        level = float(outcome.mean())
        square = design.T @ design + max(self.penalty, 1e-9) * np.eye(features.shape[1])
        slope = np.linalg.solve(square, design.T @ (outcome - level))

        def predict(others: Floats) -> Floats:
            known_others = np.where(np.isnan(others), mean, others)
            line: Floats = level + (known_others - mean) / scale @ slope
            return line

        return predict


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted regression trees on squared error, for any outcome: money, or scores of effects."""

    settings: BoostingSettings = SMALL_TREES
    seed: int = 0

    def fit(self, features: Floats, outcome: Floats) -> Predictor:
        """settings.max_rounds trees."""
        import xgboost  # noqa: PLC0415

        parameters = {
            "objective": "reg:squarederror",
            "base_score": float(outcome.mean()),
            "tree_method": "hist",
            "max_depth": self.settings.depth,
            "learning_rate": self.settings.learning_rate,
            "min_child_weight": self.settings.min_child_weight,
            "reg_lambda": self.settings.ridge,
            "subsample": self.settings.row_share,
            "colsample_bytree": self.settings.column_share,
            "nthread": 1,
            "seed": self.seed,
            "verbosity": 0,
        }
        rows = xgboost.DMatrix(features, label=outcome, missing=np.nan, nthread=1)
        return _predictor(xgboost.train(parameters, rows, num_boost_round=self.settings.max_rounds))


@dataclass(frozen=True, slots=True)
class Chances:
    """The house's boosting without constraints, for an outcome of 0 and 1; its share where only one of them occurs."""

    settings: BoostingSettings = field(
        default_factory=lambda: BoostingSettings(
            depth=3, learning_rate=0.1, max_rounds=60, min_child_weight=5.0, ridge=10.0
        )
    )
    seed: int = 0

    def fit(self, features: Floats, outcome: Floats) -> Predictor:
        """settings.max_rounds trees. Raises ValueError for an outcome other than 0 and 1."""
        labels = outcome == 1.0
        if not (labels | (outcome == 0.0)).all():
            raise ValueError("chances are learnt from outcomes of 0 and 1")
        if labels.all() or not labels.any():
            share = float(labels.mean())
            return lambda others: np.full(len(others), share)
        rows, columns = features.shape
        dataset = Dataset(
            features=np.ascontiguousarray(features),
            specs=tuple(FeatureSpec(f"x{place}", "covariate", 0, -np.inf, np.inf, "") for place in range(columns)),
            labels=labels,
            customers=np.arange(rows, dtype=np.int64),
            as_of=np.zeros(rows, dtype="datetime64[D]"),
            days_ahead=np.full(rows, np.nan),
        )
        model = fit_boosting(dataset, self.settings, rounds=self.settings.max_rounds, seed=self.seed)
        # Nobody is scored or told anything by it: the tables that explain would take longer than all else.
        return _predictor(model.booster)


def _predictor(booster: xgboost.Booster) -> Predictor:
    import xgboost  # noqa: PLC0415

    def predict(features: Floats) -> Floats:
        rows = xgboost.DMatrix(features, missing=np.nan, nthread=1)
        return np.asarray(booster.predict(rows), dtype=np.float64)

    return predict
