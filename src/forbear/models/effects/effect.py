"""One effect with its 95 % interval, from what each row adds to it; a customer's rows stand or fall together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from forbear.domain.errors import NotEnoughData
from forbear.models.dataset import Ints
from forbear.models.results import Figure, Floats

LEVEL = 0.05
"""Chance of error that every interval and every finding is held to."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action did to an outcome, less what would have come of the hold-out.

    figure: the effect, in units of the outcome, with its unadjusted 95 % interval.
    p_value: two-sided, of an effect of 0.  rows, customers: behind it.
    """

    figure: Figure
    standard_error: float
    p_value: float
    rows: int
    customers: int


def effect_of(value: float, influence: Floats, customers: Ints) -> Effect:
    """A mean with what each row adds to its error.

    influence: (n,), of mean about 0.  customers: (n,), equal ids form a cluster.
    Cluster-robust: variance G/(G-1) sum_g (sum of g's rows)^2 / n^2 for G clusters, interval by Student's t with G - 1
    degrees of freedom (Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference").
    Raises NotEnoughData for fewer than two customers.
    """
    sums = cluster_sums(influence, customers)
    clusters = len(sums)
    if clusters < 2:
        raise NotEnoughData(f"an effect of {clusters} customers has no interval", mend="bring more customers")
    error = float(np.sqrt(clusters / (clusters - 1) * (sums @ sums)) / len(influence))
    reach = float(stdtrit(clusters - 1, 1.0 - LEVEL / 2.0)) * error
    certain = 1.0 if value == 0.0 else 0.0  # where nobody differs from anybody
    p_value = float(2.0 * stdtr(clusters - 1, -abs(value) / error)) if error > 0.0 else certain
    return Effect(Figure(value, value - reach, value + reach), error, p_value, len(influence), clusters)


def mean_of(scores: Floats, customers: Ints) -> Figure:
    """The mean of scores (n,) with its cluster-robust 95 % interval. Raises as `effect_of` does."""
    value = float(scores.mean()) if len(scores) else 0.0
    return effect_of(value, scores - value, customers).figure


def cluster_sums(values: Floats, customers: Ints) -> Floats:
    """The sum of each customer's values, (clusters,), in the order of the ids. values, customers: (n,)."""
    if (np.diff(customers) > 0).all():  # everybody once: nothing to add up
        return values
    _, cluster = np.unique(customers, return_inverse=True)
    sums: Floats = np.bincount(cluster, weights=values).astype(np.float64)
    return sums
