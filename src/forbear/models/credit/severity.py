"""Loss given default: a table of segments, estimated from defaults whose workout is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forbear.domain.errors import ModelMismatch
from forbear.models.credit.parameters import LgdSegments
from forbear.models.credit.quantities import not_negative
from forbear.models.dataset import Ints
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.results import Figure, Floats


@dataclass(frozen=True, slots=True)
class ResolvedDefaults:
    """Defaults whose workout is over at the date of the question.

    columns: what was known at default, by name, (n,) each.  lgd: (n,) realised, >= 0; 0 for a cure, above 1 where costs
    exceed the balance.  A default that is still being worked out is not among them.
    """

    columns: Mapping[str, Floats]
    lgd: Floats


class LgdModel(Protocol):
    """Gives the loss given default. Third parties register a factory of one as `forbear.lgd`."""

    def lgd(self, columns: Mapping[str, Floats]) -> Floats:
        """Expected LGD >= 0 of each entry, in the columns' shape. Raises ModelMismatch for a column that is missing."""


@dataclass(frozen=True, slots=True)
class LgdSegment:
    """One segment.  low, high: of the figure it is cut by.  lgd: its mean, with a 95 % interval; bounds NaN where
    it is assumed.  defaults: resolved ones that it rests on.
    """

    low: float
    high: float
    lgd: Figure
    defaults: int
    assumed: bool


@dataclass(frozen=True, slots=True)
class LgdTable:
    """Mean realised LGD by segment of one figure."""

    by: str
    segments: tuple[LgdSegment, ...]

    def lgd(self, columns: Mapping[str, Floats]) -> Floats:
        """LGD of the segment that each value falls in, any shape; a value at an edge belongs above it.

        Raises ModelMismatch where the column is missing, ValueError for NaN.
        """
        if self.by not in columns:
            raise ModelMismatch(f"the LGD table is cut by {self.by!r}, which is not given", mend="give that column")
        values = columns[self.by]
        if np.isnan(values).any():
            raise ValueError(f"{self.by}: unknown values have no segment")
        edges = [segment.low for segment in self.segments[1:]]
        means: Floats = np.array([segment.lgd.value for segment in self.segments])
        return np.asarray(means[np.digitize(values, edges)])


def estimate_lgd(rule: LgdSegments, resolved: ResolvedDefaults, chance: Bootstrap) -> LgdTable:
    """The table from resolved defaults, cures included; a segment with too few keeps what the rule assumes.

    Intervals: percentile bootstrap over defaults. Raises ModelMismatch where the rule's column is missing, ValueError
    for a negative LGD.
    """
    if rule.by not in resolved.columns:
        raise ModelMismatch(f"LGD segments by {rule.by!r}, which is not given", mend="give that column")
    realised = not_negative(resolved.lgd, "realised LGD")
    segment = np.digitize(resolved.columns[rule.by], rule.edges).astype(np.int64)
    means = _segment_means(segment, realised, len(rule.assumed), chance)
    counts = np.bincount(segment, minlength=len(rule.assumed))
    bounds = [-np.inf, *rule.edges, np.inf]
    segments = []
    for place, assumed in enumerate(rule.assumed):
        enough = counts[place] >= rule.least_defaults
        lgd = means[place] if enough else Figure(assumed, np.nan, np.nan)
        segments.append(LgdSegment(bounds[place], bounds[place + 1], lgd, int(counts[place]), not enough))
    return LgdTable(rule.by, tuple(segments))


def _segment_means(segment: Ints, realised: Floats, segments: int, chance: Bootstrap) -> dict[int, Figure]:
    if len(realised) == 0:
        return {}

    def means(weights: Floats) -> dict[int, float]:
        total = np.bincount(segment, weights, minlength=segments)
        lost = np.bincount(segment, weights * realised, minlength=segments)
        mean = np.divide(lost, total, out=np.full(segments, np.nan), where=total > 0.0)
        return dict(enumerate(mean.tolist()))

    return bootstrap_figures(means, np.arange(len(realised)), chance)
