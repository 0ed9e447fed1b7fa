"""What an evaluation says: figures with intervals, curves and the lead-time curve, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """One estimate with its 95 % bootstrap interval over customers; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Figure:
        """The figure and its bounds so many times, factor >= 0."""
        return Figure(factor * self.value, factor * self.low, factor * self.high)

    def as_dict(self) -> dict[str, float | None]:
        """The figure for JSON: NaN becomes null, since NaN is not JSON."""
        return {
            name: None if np.isnan(x) else float(x)
            for name, x in (("value", self.value), ("low", self.low), ("high", self.high))
        }


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Share of misses that an alert budget had caught at least so many days ahead.

    budget: share of the rows of each scoring day that is alerted, (0, 1).
    days_ahead: (m,) whole days, rising.  caught: one Figure for each, falling.
    misses: the denominator.
    """

    budget: float
    days_ahead: tuple[int, ...]
    caught: tuple[Figure, ...]
    misses: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A line to draw: x and y of one length."""

    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """One bin of predictions: mean predicted PD, observed rate with its Wilson 95 % interval, rows."""

    predicted: float
    observed: Figure
    rows: int


@dataclass(frozen=True, slots=True)
class Weight:
    """How much one feature carries in a model: share of the total, [0, 1]; direction +1 raises the PD."""

    feature: str
    share: float
    direction: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on one set of rows, all of them later than anything it was trained on.

    figures: by name, e.g. auc, pr_auc, ks, brier, brier_base, calibration_slope,
    calibration_intercept, precision_at_1pct, recall_at_1pct (also 2, 5, 10).
    """

    model: str
    rows: int
    positives: int
    customers: int
    figures: dict[str, Figure]
    lead_time: tuple[LeadTime, ...]
    roc: Curve
    precision_recall: Curve
    calibration: tuple[CalibrationBin, ...]
    weights: tuple[Weight, ...]
