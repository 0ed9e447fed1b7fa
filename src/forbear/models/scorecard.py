"""A scorecard that a modeller can read: monotone bins, non-negative weights, points."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import numpy as np

from forbear.models.binning import Bins, BinSettings, fit_bins
from forbear.models.dataset import Dataset, require_columns
from forbear.models.documents import Documented
from forbear.models.explanation import Explanation, checked
from forbear.models.logistic import fit_nonnegative, sigmoid
from forbear.models.results import Floats, Weight

# Scaling by Siddiqi, Credit Risk Scorecards (2006), chapter 6: 600 points at good:bad odds of 50:1,
# and every 20 points more double the odds.
BASE_POINTS = 600.0
BASE_ODDS = 50.0
POINTS_TO_DOUBLE_ODDS = 20.0
_FACTOR = POINTS_TO_DOUBLE_ODDS / np.log(2.0)
_OFFSET = BASE_POINTS - _FACTOR * np.log(BASE_ODDS)


@dataclass(frozen=True, slots=True)
class ScorecardSettings:
    """bins: how each feature is cut.  penalty: ridge weight against the summed log-loss, >= 0."""

    bins: BinSettings = field(default_factory=BinSettings)
    penalty: float = 5.0


@dataclass(frozen=True, slots=True)
class ScoredFeature:
    """One line of the scorecard: a feature, its column in the feature matrix, bins and coefficient > 0."""

    feature: str
    column: int
    direction: int
    bins: Bins
    coefficient: float

    def contribution(self, features: Floats) -> Floats:
        """Log-odds that this feature adds to each row of (n, k), (n,); never NaN."""
        return self.coefficient * self.bins.transform(features[:, self.column])


@dataclass(frozen=True, slots=True)
class TableRow:
    """One bin as a modeller reads it.

    low, high: the bin holds low <= x < high; both NaN for the bin of unknown values.
    points: larger is safer; the points of a customer's bins add up to the score.
    rows_share: share of the training rows, [0, 1].
    """

    feature: str
    low: float
    high: float
    woe: float
    points: float
    rows_share: float


@dataclass(frozen=True, slots=True)
class Scorecard(Documented):
    """Logistic regression on weights of evidence (Siddiqi 2006).

    features: the columns it expects, (k,).  scored: those that carry weight.
    unsupported: features with no known value in training, left out.
    zeroed: features whose coefficient would have contradicted their direction or added nothing.
    """

    kind: ClassVar[str] = "scorecard"

    features: tuple[str, ...]
    intercept: float
    scored: tuple[ScoredFeature, ...]
    unsupported: tuple[str, ...]
    zeroed: tuple[str, ...]

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds of the event for each row of (n, k), (n,); NaN features use their own bin.

        Raises ModelMismatch for another number of columns.
        """
        require_columns(features, self.features)
        total = np.full(len(features), self.intercept)
        for scored in self.scored:
            total += scored.contribution(features)
        return total

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,), before calibration."""
        return sigmoid(self.log_odds(features))

    def explain(self, features: Floats) -> Explanation:
        """Scores of (n, k), each line of the scorecard against its mean over the training rows.

        For a sum of functions of one feature each these are the Shapley values (Lundberg and Lee 2017).
        Raises ModelMismatch for another number of columns.
        """
        log_odds = self.log_odds(features)
        attributions = np.zeros(features.shape)
        expected = self.intercept
        for scored in self.scored:
            mean = _mean(scored)
            expected += mean
            attributions[:, scored.column] = scored.contribution(features) - mean
        return checked(Explanation(log_odds, expected, attributions))

    def points(self, features: Floats) -> Floats:
        """Score points for each row of (n, k), (n,): 600 at odds 50:1, 20 more double the odds."""
        points: Floats = _OFFSET - _FACTOR * self.log_odds(features)
        return points

    def table(self) -> tuple[TableRow, ...]:
        """Every bin of every scored feature, with the points a customer in it receives."""
        return tuple(row for scored in self.scored for row in self._table_of(scored))

    def _table_of(self, scored: ScoredFeature) -> list[TableRow]:
        parts, bins = len(self.scored), scored.bins
        borders = [-np.inf, *bins.edges, np.inf]
        ranges = [*pairwise(borders), (np.nan, np.nan)]
        return [
            TableRow(
                feature=scored.feature,
                low=float(low),
                high=float(high),
                woe=woe,
                points=float(_OFFSET / parts - _FACTOR * (self.intercept / parts + scored.coefficient * woe)),
                rows_share=rows / sum(bins.rows),
            )
            for (low, high), woe, rows in zip(ranges, bins.woe, bins.rows, strict=True)
        ]

    def weights(self) -> tuple[Weight, ...]:
        """Share of each feature: the spread (standard deviation) of its log-odds over the training rows."""
        spreads = {scored.feature: _spread(scored) for scored in self.scored}
        total = sum(spreads.values())
        directions = {scored.feature: scored.direction for scored in self.scored}
        ranked = sorted(spreads, key=lambda name: (-spreads[name], name))
        return tuple(Weight(name, spreads[name] / total, directions[name]) for name in ranked)


def fit_scorecard(dataset: Dataset, settings: ScorecardSettings) -> Scorecard:
    """Fit a scorecard to rows with both classes, each by its weight; deterministic.

    Raises ValueError when a class is absent.
    """
    if not 0 < dataset.positives < len(dataset):
        raise ValueError("a scorecard needs positive and negative rows")
    supported = dataset.supported()
    columns = np.flatnonzero(supported)
    bins = [
        fit_bins(dataset.features[:, i], dataset.labels, dataset.specs[i].direction, settings.bins, dataset.weights)
        for i in columns
    ]
    design = np.empty((len(dataset), len(columns)))
    for place, (i, cut) in enumerate(zip(columns, bins, strict=True)):
        design[:, place] = cut.transform(dataset.features[:, i])
    intercept, coefficients = fit_nonnegative(design, dataset.labels, settings.penalty, dataset.weights)
    lines = [
        ScoredFeature(dataset.names[i], int(i), dataset.specs[i].direction, cut, float(coefficient))
        for i, cut, coefficient in zip(columns, bins, coefficients, strict=True)
    ]
    scored = tuple(line for line in lines if line.coefficient > 0.0 and _spread(line) > 0.0)
    kept = {line.feature for line in scored}
    return Scorecard(
        features=dataset.names,
        intercept=intercept,
        scored=scored,
        unsupported=tuple(name for name, known in zip(dataset.names, supported, strict=True) if not known),
        zeroed=tuple(line.feature for line in lines if line.feature not in kept),
    )


def _mean(scored: ScoredFeature) -> float:
    """Mean log-odds that a line adds over the training rows."""
    share = np.asarray(scored.bins.rows) / sum(scored.bins.rows)
    return float(scored.coefficient * (share @ np.asarray(scored.bins.woe)))


def _spread(scored: ScoredFeature) -> float:
    """Standard deviation of the log-odds that a line adds over the training rows."""
    share = np.asarray(scored.bins.rows) / sum(scored.bins.rows)
    added = scored.coefficient * np.asarray(scored.bins.woe)
    return float(np.sqrt(share @ (added - _mean(scored)) ** 2))
