"""Features that rank too well alone: what usually knows the outcome already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Dataset
from forbear.models.metrics import auc, rank
from forbear.models.results import Floats

SUSPICIOUS_AUC = 0.97
"""No single fact about a person's past foresees a rare event this well; the best honest ones stay below 0.9."""
LEAST_POSITIVES = 20
"""With fewer, chance alone ranks some feature as well as that."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A feature that alone, rising or falling, ranks the labels with this AUC, [0.5, 1]."""

    feature: str
    auc: float

    def __str__(self) -> str:
        return f"{self.feature} alone ranks the outcomes with AUC {self.auc:.3f}: does it already know them?"


def suspects(dataset: Dataset) -> tuple[Suspect, ...]:
    """Features whose values, or whose being unknown, all but give the label away; the worst first.

    None where fewer than 20 rows are positive, or fewer than 20 negative.
    """
    if not LEAST_POSITIVES <= dataset.positives <= len(dataset) - LEAST_POSITIVES:
        return ()
    labels = dataset.labels.astype(np.float64)
    found = [
        Suspect(name, _best_auc(column, labels)) for name, column in zip(dataset.names, dataset.features.T, strict=True)
    ]
    return tuple(sorted((one for one in found if one.auc >= SUSPICIOUS_AUC), key=lambda one: (-one.auc, one.feature)))


def _best_auc(values: Floats, labels: Floats) -> float:
    """The better direction, with unknown values at the end that suits it best."""
    ranked = [
        auc(rank(np.nan_to_num(values, nan=unknown), labels).counts(np.ones(len(labels))))
        for unknown in (-np.inf, np.inf)
    ]
    return max(max(one, 1.0 - one) for one in ranked)
