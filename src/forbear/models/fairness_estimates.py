"""Shares, areas and slopes of one group, each with its error; a customer's rows stand or fall together.

Groups have no customer in common, so that the error of a difference follows from the errors of both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from forbear.models.dataset import Bools, Ints
from forbear.models.effects.effect import LEVEL, Effect, effect_of
from forbear.models.logistic import logit, recalibrate
from forbear.models.results import Figure, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One value of one group, NaN where it is not defined. error: cluster-robust standard error.

    customers: behind it.  hits, others: of these, with what is counted and with its opposite; one may be both.
    """

    value: float
    error: float
    customers: int
    hits: int
    others: int

    @property
    def figure(self) -> Figure:
        """The value with its 95 % interval, by Student's t; without one where the error is not known."""
        if self.customers < 2 or np.isnan(self.error):
            return Figure(self.value, np.nan, np.nan)
        reach = float(stdtrit(self.customers - 1, 1.0 - LEVEL / 2.0)) * self.error
        return Figure(self.value, self.value - reach, self.value + reach)


def nothing() -> Estimate:
    """Of nobody."""
    return Estimate(value=np.nan, error=np.nan, customers=0, hits=0, others=0)


def share_of(counted: Bools, customers: Ints, weights: Floats | None = None) -> Estimate:
    """Rows that count as a share of all. All (m,); weights: how many rows each stands for, None: itself alone.

    Where nobody counts, or everybody does, the error is that of half a customer more (Agresti and Coull 1998 in
    spirit): a share of none in few is no certainty.
    """
    return _ratio(counted, np.ones(len(counted)), customers, weights)


def share_of_many(hits: int, size: int) -> Estimate:
    """What `share_of` says of so many rows, each of a customer of its own, of whom so many count. 0 <= hits <= size.

    It is the same sum without a row for each: a whole book is asked about while somebody waits.
    """
    if size == 0:
        return nothing()
    value, others = hits / size, size - hits
    if hits and others:
        error = float(np.sqrt(value * (1.0 - value) / (size - 1)))
    else:
        part = (hits + 0.5) / (size + 1.0)
        error = float(np.sqrt(part * (1.0 - part) / size))
    return Estimate(value=value, error=error, customers=size, hits=hits, others=others)


def observed_over_expected(label: Bools, pd: Floats, customers: Ints, weights: Floats | None = None) -> Estimate:
    """Misses over the sum of PDs; 1 is calibrated, above it the risk is understated. All (m,)."""
    return _ratio(label, pd, customers, weights)


def area_under(scores: Floats, label: Bools, customers: Ints, weights: Floats | None = None) -> Estimate:
    """AUC, ties counting half; NaN without both classes. All (m,).

    Error by placement values (DeLong, DeLong and Clarke-Pearson 1988), added up by customer (Obuchowski 1997).
    """
    counted = np.ones(len(label)) if weights is None else weights
    if label.all() or not label.any():
        return _told(np.nan, np.full(len(label), np.nan), label, customers)
    _, level = np.unique(scores, return_inverse=True)
    hits, misses = (np.bincount(level, weights=counted * which) for which in (label, ~label))
    below = (np.cumsum(misses) - misses / 2.0)[level] / misses.sum()
    above = 1.0 - (np.cumsum(hits) - hits / 2.0)[level] / hits.sum()
    placed = np.where(label, below, above)
    value = float(np.average(below[label], weights=counted[label]))
    of_class = np.where(label, hits.sum(), misses.sum())
    return _told(value, counted * (placed - value) * len(label) / of_class, label, customers)


def slope_of(pd: Floats, label: Bools, customers: Ints, weights: Floats | None = None) -> Estimate:
    """Slope of outcomes on the log-odds of the PD (Cox 1958); 1 is calibrated, below it PDs spread too far. All (m,).

    NaN where no finite line is best.
    """
    log_odds, outcome = logit(pd), label.astype(np.float64)
    counted = np.ones(len(label)) if weights is None else weights
    line = recalibrate(log_odds, outcome, counted)
    if not np.isfinite(line.slope):
        return _told(np.nan, np.full(len(label), np.nan), label, customers)
    fitted = 1.0 / (1.0 + np.exp(-(line.intercept + line.slope * log_odds)))
    design = np.stack([np.ones(len(fitted)), log_odds])
    curvature = (design * counted * fitted * (1.0 - fitted)) @ design.T
    steps = np.linalg.solve(curvature, design * counted * (outcome - fitted))
    return _told(line.slope, steps[1] * len(label), label, customers)


def of_effect(effect: Effect, given: int, held: int) -> Estimate:
    """An effect as an estimate. given, held: customers of either arm.

    The error is that of the longer side of its interval: of rare outcomes Newcombe's (1998) is the one to trust.
    """
    value, reach = effect.figure.value, float(stdtrit(max(effect.customers - 1, 1), 1.0 - LEVEL / 2.0))
    error = max(value - effect.figure.low, effect.figure.high - value) / reach
    return Estimate(value=value, error=error, customers=effect.customers, hits=given, others=held)


def _ratio(counted: Bools, bottom: Floats, customers: Ints, weights: Floats | None) -> Estimate:
    rows = np.ones(len(counted)) if weights is None else weights
    total = float(rows @ bottom)
    if total <= 0.0:
        return nothing()
    value = float(rows @ counted) / total
    found = _told(value, rows * (counted - value * bottom) * len(counted) / total, counted, customers)
    if found.hits and found.others:
        return found
    part = (found.hits + 0.5) / (found.customers + 1.0)
    error = float(np.sqrt(part * (1.0 - part) / found.customers) * rows.sum()) / total
    return replace(found, error=error)


def _told(value: float, influence: Floats, counted: Bools, customers: Ints) -> Estimate:
    """An estimate from what each row adds to its error. influence: (m,) of mean 0."""
    hits, others = len(np.unique(customers[counted])), len(np.unique(customers[~counted]))
    everybody = len(np.unique(customers))
    known = everybody > 1 and bool(np.isfinite(influence).all())
    error = effect_of(value, influence, customers).standard_error if known else np.nan
    return Estimate(value=value, error=error, customers=everybody, hits=hits, others=others)
