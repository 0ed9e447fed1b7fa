"""Gradient-boosted trees, monotone in each feature's direction of risk and calm about rare positives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.domain.stated import canonical_json
from forbear.models.dataset import Dataset, require_columns
from forbear.models.documents import Document, read_document
from forbear.models.explanation import Explanation
from forbear.models.logistic import sigmoid
from forbear.models.results import Floats, Weight
from forbear.models.tree_explainer import TreeExplainer

if TYPE_CHECKING:
    # Loaded only where there are trees: it brings more with it than a process that scores by a card has else.
    import xgboost

# Below it, trees of depth 5 mostly learn the training rows by heart.
FEW_POSITIVES = 1_500


@dataclass(frozen=True, slots=True)
class BoostingSettings:
    """How the trees grow.

    max_rounds: validation chooses a number of trees up to this one.
    min_child_weight, ridge: in units of summed p(1-p), so roughly expected positives.
    row_share, column_share: drawn anew for each tree, (0, 1].
    """

    depth: int
    learning_rate: float
    max_rounds: int
    min_child_weight: float
    ridge: float
    row_share: float = 0.8
    column_share: float = 0.5


def default_settings(positives: int) -> BoostingSettings:
    """Settings for so many positive rows: the fewer there are, the shallower and stiffer the trees."""
    if positives < FEW_POSITIVES:
        stiffness = float(np.clip(positives / 50.0, 1.0, 10.0))
        return BoostingSettings(
            depth=3, learning_rate=0.05, max_rounds=300, min_child_weight=stiffness, ridge=2.0 * stiffness
        )
    return BoostingSettings(depth=5, learning_rate=0.04, max_rounds=400, min_child_weight=10.0, ridge=10.0)


@dataclass(frozen=True)
class Boosting:
    """Trees of xgboost (Chen and Guestrin 2016), kept as xgboost's own JSON.

    features, directions: the columns it expects and the constraint each was trained under, (k,).
    trees: xgboost's model document.  Build it with Boosting.from_trees.
    """

    kind: ClassVar[str] = "boosting"

    features: tuple[str, ...]
    directions: tuple[int, ...]
    trees: dict[str, Any] = field(repr=False)
    booster: xgboost.Booster = field(repr=False, compare=False)

    @classmethod
    def from_trees(cls, features: tuple[str, ...], directions: tuple[int, ...], trees: dict[str, Any]) -> Boosting:
        """The model of an xgboost JSON document; raises CorruptState when xgboost cannot read it."""
        import xgboost  # noqa: PLC0415

        booster = xgboost.Booster({"nthread": 1})
        try:
            booster.load_model(bytearray(canonical_json(trees)))
        except xgboost.core.XGBoostError as error:
            raise CorruptState("the trees are not an xgboost document", mend="train the model again") from error
        # Loading a document forgets run-time parameters.
        booster.set_param({"nthread": 1})
        return cls(features, directions, trees, booster)

    @property
    def rounds(self) -> int:
        """Number of trees."""
        return int(self.booster.num_boosted_rounds())

    @cached_property
    def explainer(self) -> TreeExplainer:
        """The trees as tables; ModelMismatch where they are too deep or too many for that."""
        return TreeExplainer.of(self.trees, len(self.features))

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds of the event for each row of (n, k), (n,); within 1e-5 of what xgboost says.

        NaN follows the branch that each split learned for unknown values.
        Raises ModelMismatch for another number of columns.
        """
        require_columns(features, self.features)
        return self.explainer.log_odds(features)

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,), before calibration."""
        return sigmoid(self.log_odds(features))

    def explain(self, features: Floats) -> Explanation:
        """Scores of (n, k) and their exact path-dependent Shapley values (Lundberg et al. 2018).

        Raises ModelMismatch for another number of columns.
        """
        require_columns(features, self.features)
        return self.explainer.explain(features)

    def weights(self) -> tuple[Weight, ...]:
        """Share of each feature in the loss that all splits took away (total gain)."""
        gains = self.booster.get_score(importance_type="total_gain")
        # xgboost answers a list only for linear boosters.
        by_column = {int(name[1:]): float(gain) for name, gain in gains.items() if not isinstance(gain, list)}
        total = sum(by_column.values())
        ranked = sorted(by_column, key=lambda i: (-by_column[i], i))
        return tuple(Weight(self.features[i], by_column[i] / total, self.directions[i]) for i in ranked)

    def first(self, rounds: int) -> Boosting:
        """The model as it was after so many trees, 1 <= rounds <= self.rounds."""
        return _from_booster(self.features, self.directions, self.booster[:rounds])

    def to_document(self) -> Document:
        """The model as JSON-able values."""
        return {
            "kind": self.kind,
            "features": list(self.features),
            "directions": list(self.directions),
            "trees": self.trees,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Boosting:
        """The model that to_document wrote; raises CorruptState for anything else."""
        stored = read_document(document, cls.kind, _Stored)
        return cls.from_trees(stored.features, stored.directions, stored.trees)


@dataclass(frozen=True, slots=True)
class _Stored:
    features: tuple[str, ...]
    directions: tuple[int, ...]
    trees: dict[str, Any]


def fit_boosting(dataset: Dataset, settings: BoostingSettings, *, rounds: int, seed: int) -> Boosting:
    """Grow so many trees on all rows; two calls with equal arguments give identical trees.

    Classes are not reweighted: the PDs keep the prevalence, by the rows' weights.
    Raises ValueError when a class is absent.
    """
    import xgboost  # noqa: PLC0415

    booster = xgboost.train(_parameters(dataset, settings, seed), _matrix(dataset), num_boost_round=rounds)
    return _from_booster(dataset.names, dataset.directions, booster)


def fit_watched(
    dataset: Dataset, watched: Dataset, settings: BoostingSettings, *, seed: int
) -> tuple[Boosting, Floats]:
    """Grow settings.max_rounds trees on one set of rows and watch the others.

    Returns the model and the mean log-loss on `watched` after each round, (max_rounds,).
    Raises ValueError when a class is absent from the first.
    """
    import xgboost  # noqa: PLC0415

    history: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        _parameters(dataset, settings, seed),
        _matrix(dataset),
        num_boost_round=settings.max_rounds,
        evals=[(_matrix(watched), "watched")],
        evals_result=history,
        verbose_eval=False,
    )
    losses = np.asarray(history["watched"]["logloss"], dtype=np.float64)
    return _from_booster(dataset.names, dataset.directions, booster), losses


def _parameters(dataset: Dataset, settings: BoostingSettings, seed: int) -> dict[str, Any]:
    if not 0 < dataset.positives < len(dataset):
        raise ValueError("boosting needs positive and negative rows")
    return {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "monotone_constraints": dataset.directions,
        "max_depth": settings.depth,
        "learning_rate": settings.learning_rate,
        "min_child_weight": settings.min_child_weight,
        "reg_lambda": settings.ridge,
        "subsample": settings.row_share,
        "colsample_bytree": settings.column_share,
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }


def _matrix(dataset: Dataset) -> xgboost.DMatrix:
    import xgboost  # noqa: PLC0415

    labels = dataset.labels.astype(np.float32)
    return xgboost.DMatrix(dataset.features, label=labels, weight=dataset.weights, missing=np.nan, nthread=1)


def _from_booster(features: tuple[str, ...], directions: tuple[int, ...], booster: xgboost.Booster) -> Boosting:
    # Through the document even right after training: what is scored now is what is loaded later.
    return Boosting.from_trees(features, directions, json.loads(booster.save_raw("json")))
