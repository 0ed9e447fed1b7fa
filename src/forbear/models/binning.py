"""Weight-of-evidence bins: one feature cut into few, shrunk, monotone steps of risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.results import Floats


@dataclass(frozen=True, slots=True)
class BinSettings:
    """How finely to cut.

    prebins: quantiles of all known rows before pooling, >= 2.
    positive_prebins: further quantiles among the positive rows, so that a rare risk in a thin tail
    gets cuts of its own, >= 0.
    free_prebins: quantiles for a feature without direction, which nothing pools, >= 2.
    prior_positives: average positives (with their share of negatives) added to every bin, > 0.
    """

    prebins: int = 20
    positive_prebins: int = 10
    free_prebins: int = 6
    prior_positives: float = 2.0


@dataclass(frozen=True, slots=True)
class Bins:
    """One feature's steps; a value x falls in bin i when edges[i-1] <= x < edges[i].

    edges: (m-1,) rising.  woe, rows, positives: (m + 1,), the last for unknown values.
    woe: log-odds of the bin less those of all rows, so larger is riskier (Siddiqi 2006 has the
    opposite sign).
    """

    edges: tuple[float, ...]
    woe: tuple[float, ...]
    rows: tuple[int, ...]
    positives: tuple[int, ...]

    def index(self, values: Floats) -> Ints:
        """Bin of each value, (n,); unknown values are in the last."""
        found = np.searchsorted(np.asarray(self.edges), values, side="right")
        return np.where(np.isnan(values), len(self.edges) + 1, found).astype(np.int64)

    def transform(self, values: Floats) -> Floats:
        """Weight of evidence of each value, (n,); never NaN."""
        return np.asarray(self.woe)[self.index(values)]


def fit_bins(
    values: Floats, labels: Bools, direction: int, settings: BinSettings, weights: Floats | None = None
) -> Bins:
    """Bins of one feature, whose weight of evidence never falls in `direction` (0: free).

    values: (n,) NaN = unknown, at least one known.  labels: (n,), both classes present.  weights: (n,) how many rows
    each stands for, None: itself; quantiles and weight of evidence are of weights, counts are of rows.
    Quantile bins are pooled with their neighbour while they contradict the direction (pool adjacent
    violators: Ayer et al. 1955), the counts first shrunk towards the prevalence.
    """
    known = ~np.isnan(values)
    counted = np.ones(len(labels)) if weights is None else weights
    prior = _Prior.of(labels, counted, settings.prior_positives)
    told = _Told(values[known], labels[known], None if weights is None else weights[known])
    edges = _quantile_edges(told, direction, settings)
    place = np.searchsorted(edges, values[known], side="right")
    steps = _steps(place, labels[known], counted[known], len(edges) + 1)
    pooled = _pool(steps, direction, prior)
    (missing,) = _steps(np.zeros(int(np.count_nonzero(~known)), dtype=np.int64), labels[~known], counted[~known], 1)
    every = [*pooled, missing]
    return Bins(
        edges=tuple(float(edges[step.last]) for step in pooled[:-1]),
        woe=tuple(prior.woe(step) for step in every),
        rows=tuple(step.rows for step in every),
        positives=tuple(step.positives for step in every),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """A run of quantile bins: its counts, what they weigh, and the index of the last bin in it."""

    rows: int
    positives: int
    weight: float
    hits: float
    last: int

    def joined(self, following: _Step) -> _Step:
        return _Step(
            self.rows + following.rows,
            self.positives + following.positives,
            self.weight + following.weight,
            self.hits + following.hits,
            following.last,
        )


def _steps(place: Ints, labels: Bools, weights: Floats, bins: int) -> list[_Step]:
    """One step for each bin. place: (n,) the bin of each row."""
    counts = [np.bincount(of, minlength=bins) for of in (place, place[labels])]
    sums = [np.bincount(of, by, bins) for of, by in ((place, weights), (place[labels], weights[labels]))]
    return [
        _Step(int(rows), int(positives), float(weight), float(hits), number)
        for number, (rows, positives, weight, hits) in enumerate(zip(*counts, *sums, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class _Prior:
    """Pseudo-counts at the prevalence: an empty bin has weight of evidence 0."""

    positives: float
    negatives: float

    @classmethod
    def of(cls, labels: Bools, weights: Floats, strength: float) -> _Prior:
        hits = float(weights[labels].sum())
        return cls(strength, strength * (float(weights.sum()) - hits) / hits)

    def woe(self, step: _Step) -> float:
        bad = step.hits + self.positives
        good = step.weight - step.hits + self.negatives
        return float(np.log(bad / good) - np.log(self.positives / self.negatives))


def _pool(steps: list[_Step], direction: int, prior: _Prior) -> list[_Step]:
    if direction == 0:
        return steps
    pooled: list[_Step] = []
    for step in steps:
        pooled.append(step)
        while len(pooled) > 1 and not direction * (prior.woe(pooled[-1]) - prior.woe(pooled[-2])) > 0.0:
            last = pooled.pop()
            pooled.append(pooled.pop().joined(last))
    return pooled


@dataclass(frozen=True, slots=True)
class _Told:
    """Rows whose value is known. weights: None where each stands for itself."""

    values: Floats
    labels: Bools
    weights: Floats | None

    def positive(self) -> _Told:
        weights = None if self.weights is None else self.weights[self.labels]
        return _Told(self.values[self.labels], self.labels[self.labels], weights)

    def quantiles(self, pieces: int) -> Floats:
        shares = np.arange(1, pieces) / pieces
        if self.weights is None:
            cuts: Floats = np.quantile(self.values, shares, method="higher")
            return cuts
        order = np.argsort(self.values, kind="stable")
        below = np.cumsum(self.weights[order])
        place = np.searchsorted(below, shares * below[-1])
        return np.asarray(self.values[order[place]])


def _quantile_edges(told: _Told, direction: int, settings: BinSettings) -> Floats:
    """Inner edges; each is an observed value, and the smallest value opens no bin of its own."""
    pieces = settings.prebins if direction else settings.free_prebins
    cuts = told.quantiles(pieces)
    if direction and told.labels.any() and settings.positive_prebins:
        cuts = np.concatenate([cuts, told.positive().quantiles(settings.positive_prebins)])
    edges = np.unique(cuts)
    inner: Floats = edges[edges > told.values.min()]
    return inner
