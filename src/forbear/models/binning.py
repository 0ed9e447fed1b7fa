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


def fit_bins(values: Floats, labels: Bools, direction: int, settings: BinSettings) -> Bins:
    """Bins of one feature, whose weight of evidence never falls in `direction` (0: free).

    values: (n,) NaN = unknown, at least one known.  labels: (n,), both classes present.
    Quantile bins are pooled with their neighbour while they contradict the direction (pool adjacent
    violators: Ayer et al. 1955), the counts first shrunk towards the prevalence.
    """
    known = ~np.isnan(values)
    prior = _Prior.of(labels, settings.prior_positives)
    edges = _quantile_edges(values[known], labels[known], direction, settings)
    place = np.searchsorted(edges, values[known], side="right")
    rows = np.bincount(place, minlength=len(edges) + 1)
    positives = np.bincount(place[labels[known]], minlength=len(edges) + 1)
    steps = [_Step(int(r), int(p), i) for i, (r, p) in enumerate(zip(rows, positives, strict=True))]
    pooled = _pool(steps, direction, prior)
    missing = _Step(int(np.count_nonzero(~known)), int(np.count_nonzero(labels & ~known)), -1)
    every = [*pooled, missing]
    return Bins(
        edges=tuple(float(edges[step.last]) for step in pooled[:-1]),
        woe=tuple(prior.woe(step) for step in every),
        rows=tuple(step.rows for step in every),
        positives=tuple(step.positives for step in every),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """A run of quantile bins: its counts and the index of the last bin in it."""

    rows: int
    positives: int
    last: int

    def joined(self, following: _Step) -> _Step:
        return _Step(self.rows + following.rows, self.positives + following.positives, following.last)


@dataclass(frozen=True, slots=True)
class _Prior:
    """Pseudo-counts at the prevalence: an empty bin has weight of evidence 0."""

    positives: float
    negatives: float

    @classmethod
    def of(cls, labels: Bools, strength: float) -> _Prior:
        hits = np.count_nonzero(labels)
        return cls(strength, strength * (len(labels) - hits) / hits)

    def woe(self, step: _Step) -> float:
        bad = step.positives + self.positives
        good = step.rows - step.positives + self.negatives
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


def _quantile_edges(values: Floats, labels: Bools, direction: int, settings: BinSettings) -> Floats:
    """Inner edges; each is an observed value, and the smallest value opens no bin of its own."""
    pieces = settings.prebins if direction else settings.free_prebins
    cuts = _quantiles(values, pieces)
    if direction and labels.any() and settings.positive_prebins:
        cuts = np.concatenate([cuts, _quantiles(values[labels], settings.positive_prebins)])
    edges = np.unique(cuts)
    inner: Floats = edges[edges > values.min()]
    return inner


def _quantiles(values: Floats, pieces: int) -> Floats:
    cuts: Floats = np.quantile(values, np.arange(1, pieces) / pieces, method="higher")
    return cuts
