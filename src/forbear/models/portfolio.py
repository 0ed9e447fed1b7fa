"""What a whole book says: the share at high risk and its change, a stress index, and where expected misses gather."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.evaluate import wilson
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.results import Figure, Floats

RISKIEST = (0.01, 0.05, 0.10)
"""Shares of the book, riskiest first, whose part of the expected misses is told."""
CURVE_POINTS = 101
_Z = 1.959963984540054
INDEX_BASE = 100.0


@dataclass(frozen=True, slots=True)
class ShareChange:
    """Customers at high risk on two dates, and by how much their share changed.

    before, after: share of all who were asked about on that date (Wilson).  change: of those asked about on both,
    paired by customer.  paired: how many those are; 0 makes the change NaN.
    """

    customers: int
    before: Figure
    after: Figure
    change: Figure
    paired: int


@dataclass(frozen=True, slots=True)
class Concentration:
    """Where expected misses gather.

    top: share of them by share of the book, riskiest first, whole customers, at least one.
    herfindahl: by dimension, sum of squared shares of expected misses over its segments, [1 / segments, 1].
    curve: (CURVE_POINTS,) share of them that the riskiest 0 to 100 % of the book hold, evenly, [0, 1].
    """

    top: Mapping[float, float]
    herfindahl: Mapping[str, float]
    curve: Floats


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: `name` of a `dimension`. mean_pd: after.  expected: sum of PDs after.  high: at high risk."""

    dimension: str
    name: str
    mean_pd: float
    expected: float
    high: ShareChange


@dataclass(frozen=True, slots=True)
class BookScored:
    """n customers scored on one date, each once.  customer: (n,) keys.  pd: (n,) in [0, 1]."""

    customer: Ints
    pd: Floats


@dataclass(frozen=True, slots=True)
class TwoDates:
    """The same book on two dates. cut_off: a PD from which on a customer is at high risk."""

    before: BookScored
    after: BookScored
    cut_off: float

    def pairs(self) -> tuple[Ints, Ints]:
        """Rows of before and of after, of the customers who are in both."""
        _, first, last = np.intersect1d(
            self.before.customer, self.after.customer, assume_unique=True, return_indices=True
        )
        return first, last

    def high_risk(self, before: Bools | None = None, after: Bools | None = None) -> ShareChange:
        """The share at high risk of some rows of before and of after; None takes all."""
        was = self.before if before is None else _some(self.before, before)
        now = self.after if after is None else _some(self.after, after)
        part = TwoDates(was, now, self.cut_off)
        first, last = part.pairs()
        high_before, high_after = was.pd >= self.cut_off, now.pd >= self.cut_off
        return ShareChange(
            customers=len(now.pd),
            before=_share(high_before),
            after=_share(high_after),
            change=paired_change(high_before[first], high_after[last]),
            paired=len(first),
        )


def paired_change(before: Bools, after: Bools) -> Figure:
    """The change of a share from before to after, (n,) each, paired by customer, with its 95 % interval.

    The value is the plain difference; the interval adds one to the moves each way and two to the pairs.
    Source: Bonett and Price (2012), adjusted Wald interval for paired binomial proportions. NaN for nobody.
    """
    count = len(before)
    if not count:
        return Figure(np.nan, np.nan, np.nan)
    rose, fell = np.count_nonzero(after & ~before), np.count_nonzero(before & ~after)
    up, down = (rose + 1) / (count + 2), (fell + 1) / (count + 2)
    half = _Z * float(np.sqrt((up + down - (up - down) ** 2) / (count + 2)))
    return Figure((rose - fell) / count, max(-1.0, up - down - half), min(1.0, up - down + half))


def stress_index(reference: BookScored, now: BookScored, chance: Bootstrap) -> Figure:
    """The mean PD now, where 100 is the mean over the reference; a point is 1 % of that. 95 % interval by bootstrap.

    reference: customer-dates, a customer once for each date.  Customers are drawn whole, with all of their dates in
    both. Raises ValueError where either is empty.
    """
    if not len(reference.pd) or not len(now.pd):
        raise ValueError("nobody to compare")
    customers = np.concatenate([reference.customer, now.customer])
    pd = np.concatenate([reference.pd, now.pd])
    is_now = np.arange(len(pd)) >= len(reference.pd)

    def figures(weights: Floats) -> Mapping[str, float]:
        present, past = weights * is_now, weights * ~is_now
        if not present.sum() or not (past @ pd):
            return {"index": np.nan}
        return {"index": INDEX_BASE * float((present @ pd) / present.sum() / ((past @ pd) / past.sum()))}

    return bootstrap_figures(figures, customers, chance)["index"]


def concentration(pd: Floats, segments: Mapping[str, Sequence[str]]) -> Concentration:
    """Where the expected misses of (n,) PDs gather.

    segments: by dimension, (n,) names. Raises ValueError for nobody.
    """
    if not len(pd):
        raise ValueError("nobody is in the book")
    total, falling = float(pd.sum()), np.sort(pd)[::-1]
    top = {share: float(falling[: max(1, round(share * len(pd)))].sum()) / total for share in RISKIEST}
    parts = {}
    for dimension, names in segments.items():
        _, place = np.unique(np.asarray(names), return_inverse=True)
        shares = np.bincount(place, weights=pd) / total
        parts[dimension] = float(shares @ shares)
    held = np.concatenate([[0.0], np.cumsum(falling) / total])
    curve = np.interp(np.linspace(0.0, len(pd), CURVE_POINTS), np.arange(len(held)), held)
    return Concentration(top, parts, curve)


def by_segment(dates: TwoDates, dimension: str, names_before: Sequence[str], names: Sequence[str]) -> list[Segment]:
    """Every segment of a dimension, by name. names_before, names: of the rows of before, and of after."""
    was, now = np.asarray(names_before), np.asarray(names)
    found = []
    for name in np.unique(now).tolist():
        rows = now == name
        pd = dates.after.pd[rows]
        high = dates.high_risk(was == name, rows)
        found.append(Segment(dimension, name, float(pd.mean()), float(pd.sum()), high))
    return found


def _some(book: BookScored, rows: Bools) -> BookScored:
    return BookScored(book.customer[rows], book.pd[rows])


def _share(high: Bools) -> Figure:
    return wilson(float(np.count_nonzero(high)), len(high)) if len(high) else Figure(np.nan, np.nan, np.nan)
