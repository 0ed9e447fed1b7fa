"""A model's figures in parts of the rows, such as months or segments, and its lead over another score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forbear.models import metrics
from forbear.models.dataset import Bools, Dataset
from forbear.models.evaluate import wilson
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.results import Figure, Floats

LEAST_POSITIVES = 10
"""With fewer positives, or negatives, a part is counted and nothing is said of how it ranks."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows. observed: share of positives.  ratio: positives over the sum of PDs.  auc: NaN with too few positives.

    mean_pd: over the rows, in [0, 1].  With too few positives a bootstrap may be too sure: the intervals of observed
    and ratio are then Wilson's, where that is wider.
    """

    name: str
    rows: int
    customers: int
    positives: int
    mean_pd: float
    observed: Figure
    ratio: Figure
    auc: Figure

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "rows": self.rows,
            "customers": self.customers,
            "positives": self.positives,
            "mean_pd": self.mean_pd,
            "observed": self.observed.as_dict(),
            "observed_over_expected": self.ratio.as_dict(),
            "auc": self.auc.as_dict(),
        }


def whole(name: str, pd: Floats, dataset: Dataset, bootstrap: Bootstrap) -> Part:
    """All rows as one part. pd: (n,) in [0, 1]. Raises ValueError without rows."""
    if not len(dataset):
        raise ValueError(f"{name}: no rows")
    labels = dataset.labels.astype(np.float64)
    ranking = metrics.rank(pd, labels)
    enough = LEAST_POSITIVES <= dataset.positives <= len(dataset) - LEAST_POSITIVES

    def figures(copies: Floats) -> Mapping[str, float]:
        hits, expected, rows = float(copies @ labels), float(copies @ pd), float(copies.sum())
        return {
            "observed": hits / rows if rows else np.nan,
            "ratio": hits / expected if expected else np.nan,
            "auc": metrics.auc(ranking.counts(copies)) if enough else np.nan,
        }

    found = bootstrap_figures(figures, dataset.customers, bootstrap)
    customers, mean_pd = len(np.unique(dataset.customers)), float(pd.mean())
    if not enough:
        own, other = found["observed"], wilson(dataset.positives, len(dataset))
        low, high = np.nanmin([own.low, other.low]), np.nanmax([own.high, other.high])
        found["observed"] = Figure(own.value, float(low), float(high))
        found["ratio"] = found["observed"].times(1.0 / mean_pd) if mean_pd else found["ratio"]
    return Part(
        name=name,
        rows=len(dataset),
        customers=customers,
        positives=dataset.positives,
        mean_pd=mean_pd,
        **found,
    )


def by_part(names: Sequence[str], pd: Floats, dataset: Dataset, bootstrap: Bootstrap) -> tuple[Part, ...]:
    """Every part by its name, in the order of names. names, pd: (n,)."""
    codes = np.asarray(names, dtype=str)
    return tuple(
        whole(str(name), pd[mask], dataset.rows(mask), bootstrap)
        for name in np.unique(codes)
        for mask in [np.asarray(codes == name, dtype=np.bool_)]
    )


def auc_lead(own: Floats, other: Floats, dataset: Dataset, bootstrap: Bootstrap) -> Figure:
    """AUC of one score less that of another on the same rows, with the interval of the paired difference.

    own, other: (n,), larger is riskier.  NaN without both classes.
    """
    labels = dataset.labels.astype(np.float64)
    rankings = metrics.rank(own, labels), metrics.rank(other, labels)

    def lead(copies: Floats) -> Mapping[str, float]:
        weights = dataset.row_weights * copies
        first, second = (metrics.auc(ranking.counts(weights)) for ranking in rankings)
        return {"lead": first - second}

    return bootstrap_figures(lead, dataset.customers, bootstrap)["lead"]


def best_alone(dataset: Dataset) -> int:
    """Column that alone, in its direction of risk, ranks the rows best; a free one in its better direction.

    Unknown values rank in the middle. The first of equals. Raises ValueError where no column has a known value.
    """
    labels = dataset.labels.astype(np.float64)
    supported = dataset.supported()
    if not supported.any():
        raise ValueError("no feature has a known value")
    return int(
        np.argmax([_alone(dataset, column, labels) if supported[column] else -1.0 for column in _columns(dataset)])
    )


def _columns(dataset: Dataset) -> range:
    return range(len(dataset.specs))


def _alone(dataset: Dataset, column: int, labels: Floats) -> float:
    values, direction = dataset.features[:, column], dataset.specs[column].direction
    known: Bools = ~np.isnan(values)
    filled = np.where(known, values, np.median(values[known]))
    raising = metrics.auc(metrics.rank(filled, labels).counts(dataset.row_weights))
    if np.isnan(raising):
        return -1.0
    return raising if direction > 0 else 1.0 - raising if direction < 0 else max(raising, 1.0 - raising)
