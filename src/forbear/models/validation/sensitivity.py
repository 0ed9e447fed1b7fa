"""What a model answers when its inputs are moved, unknown or shuffled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from forbear.models import metrics
from forbear.models.artefact import Artefact
from forbear.models.dataset import Dataset, Ints
from forbear.models.results import Figure, Floats
from forbear.models.validation.stability import spearman

Answer: TypeAlias = Callable[[Floats], Floats]
"""PDs (n,) of features (n, k)."""

SHOCKED_ROWS = 3_000
SHUFFLED_NEGATIVES = 6_000
GRID = (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1.0)
"""Quantiles of a feature's known values that it is walked over."""
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Reaction:
    """The book's answer to one change. mean_pd: over the rows.  high: share of them at or above the cut-off."""

    mean_pd: float
    high: float


@dataclass(frozen=True, slots=True)
class Shock:
    """One feature moved in every row where it is known, and unknown in every row.

    step: in the feature's unit: half the distance between its 16th and 84th percentile in training, the standard
    deviation where that is 0.  known: share of the rows in which it is.
    """

    feature: str
    direction: int
    step: float
    known: float
    lower: Reaction
    higher: Reaction
    unknown: Reaction

    @property
    def swing(self) -> float:
        """Distance of the mean PD between either move, >= 0."""
        return abs(self.higher.mean_pd - self.lower.mean_pd)


@dataclass(frozen=True, slots=True)
class Walked:
    """Features with a direction walked from their lowest to their highest value, everything else as it is.

    pairs: neighbouring values that were compared.  violations: pairs where the PD went against the direction.
    features: that were walked.  worst: the largest PD by which one did, 0 without any.
    """

    features: int
    rows: int
    pairs: int
    violations: int
    worst: float


@dataclass(frozen=True, slots=True)
class Importance:
    """One feature. fall: of the AUC when its values are shuffled within each date; its bounds are the least
    and the most of the repeats.  attribution: mean absolute log-odds that it adds.
    """

    feature: str
    fall: Figure
    attribution: float


@dataclass(frozen=True, slots=True)
class Importances:
    """Every feature, the largest fall first. agreement: Spearman's correlation of both measures over features in use.

    repeats: shuffles of each feature.
    """

    features: tuple[Importance, ...]
    agreement: float
    repeats: int


def reaction(pd: Floats, cut_off: float) -> Reaction:
    """Mean PD and share at or above a cut-off; pd: (n,)."""
    return Reaction(float(pd.mean()), float((pd >= cut_off).mean()))


def shocks_of(answer: Answer, trained: Dataset, rows: Dataset, cut_off: float) -> tuple[Shock, ...]:
    """Each feature that is known in some row, moved by its step and made unknown; the largest swing first.

    trained: gives the steps.  Values stay in the feature's plausible range. At most 3,000 rows, evenly chosen.
    """
    features = rows.features[_thinned(len(rows), SHOCKED_ROWS)]
    found = []
    for column, spec in enumerate(rows.specs):
        known = ~np.isnan(features[:, column])
        step = _step(trained.features[:, column])
        if not known.any() or not step > 0.0:
            continue
        moved = [
            np.clip(features[:, column] + way * step, spec.low, spec.high) if way else np.full(len(features), np.nan)
            for way in (-1, 1, 0)
        ]
        lower, higher, unknown = (reaction(answer(_with(features, column, one)), cut_off) for one in moved)
        found.append(Shock(spec.name, spec.direction, step, float(known.mean()), lower, higher, unknown))
    return tuple(sorted(found, key=lambda one: (-one.swing, one.feature)))


def walked(answer: Answer, rows: Dataset) -> Walked:
    """Whether PDs keep to the directions: every feature with one, over nine of its values, in at most 3,000 rows."""
    features = rows.features[_thinned(len(rows), SHOCKED_ROWS)]
    pairs = violations = counted = 0
    worst = 0.0
    for column, spec in enumerate(rows.specs):
        known = rows.features[~np.isnan(rows.features[:, column]), column]
        if not spec.direction or not len(known):
            continue
        counted += 1
        stops = np.unique(np.quantile(known, GRID))
        answers = np.array([answer(_with(features, column, np.full(len(features), stop))) for stop in stops])
        against = -spec.direction * np.diff(answers, axis=0)
        pairs += against.size
        violations += int(np.count_nonzero(against > _ROUNDING))
        worst = max(worst, float(against.max(initial=0.0)))
    return Walked(counted, len(features), pairs, violations, max(worst, 0.0) if violations else 0.0)


def importances_of(artefact: Artefact, rows: Dataset, *, seed: int, repeats: int) -> Importances:
    """How much of the AUC each feature carries, beside what it adds to the scores.

    All positives and at most 6,000 negatives, evenly chosen: the AUC does not depend on how many there are.
    Breiman (2001), shuffled within each date so that no feature tells the date.
    """
    kept = rows.rows(_with_positives(rows))
    labels, ones = kept.labels.astype(np.float64), np.ones(len(kept))
    attributions = np.abs(artefact.explain(kept.features).attributions).mean(axis=0)
    whole = metrics.auc(metrics.rank(artefact.log_odds(kept.features), labels).counts(ones))
    chance = np.random.default_rng(seed)
    orders = [_shuffled(kept, chance) for _ in range(repeats)]
    found = []
    for column in np.flatnonzero(attributions > 0.0).tolist():
        falls = []
        for order in orders:
            answers = artefact.log_odds(_with(kept.features, column, kept.features[order, column]))
            falls.append(whole - metrics.auc(metrics.rank(answers, labels).counts(ones)))
        fall = Figure(float(np.mean(falls)), float(np.min(falls)), float(np.max(falls)))
        found.append(Importance(kept.names[column], fall, float(attributions[column])))
    found.sort(key=lambda one: (-one.fall.value, one.feature))
    agreement = spearman(np.array([one.fall.value for one in found]), np.array([one.attribution for one in found]))
    return Importances(tuple(found), agreement, repeats)


def _with(features: Floats, column: int, values: Floats) -> Floats:
    changed = features.copy()
    changed[:, column] = values
    return changed


def _step(values: Floats) -> float:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan
    low, high = np.quantile(known, [0.16, 0.84])
    return float(high - low) / 2.0 or float(known.std())


def _thinned(rows: int, most: int) -> Ints:
    """At most so many row numbers, evenly spread."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))


def _with_positives(rows: Dataset) -> Ints:
    negatives = np.flatnonzero(~rows.labels)
    return np.sort(
        np.concatenate([np.flatnonzero(rows.labels), negatives[_thinned(len(negatives), SHUFFLED_NEGATIVES)]])
    )


def _shuffled(rows: Dataset, chance: np.random.Generator) -> Ints:
    """Row numbers shuffled among the rows of each date."""
    order = np.arange(len(rows), dtype=np.int64)
    for date in np.unique(rows.as_of):
        members = np.flatnonzero(rows.as_of == date)
        order[members] = chance.permutation(members)
    return order
