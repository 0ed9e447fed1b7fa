"""Bootstrap intervals over customers: a customer's rows stand or fall together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from forbear.models.dataset import Ints
from forbear.models.results import Figure, Floats

K = TypeVar("K")

LOWER_PERCENT, UPPER_PERCENT = 2.5, 97.5
# An interval from the few resamples in which a figure happens to exist would be too narrow.
LEAST_DEFINED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """seed: of the generator, equal seeds give equal intervals.  resamples: >= 0; 0 gives no interval."""

    seed: int
    resamples: int = 200


def resampled_weights(customers: Ints, bootstrap: Bootstrap) -> Iterator[Floats]:
    """For each resample, how often each row occurs when customers are drawn with replacement, (n,).

    customers: (n,), equal ids form a cluster.  Cluster bootstrap: Davison and Hinkley (1997), 3.8.
    """
    distinct, cluster = np.unique(customers, return_inverse=True)
    generator = np.random.default_rng(bootstrap.seed)
    for _ in range(bootstrap.resamples):
        drawn = generator.integers(0, len(distinct), size=len(distinct))
        yield np.bincount(drawn, minlength=len(distinct)).astype(np.float64)[cluster]


def bootstrap_figures(
    figures: Callable[[Floats], Mapping[K, float]], customers: Ints, bootstrap: Bootstrap
) -> dict[K, Figure]:
    """Each figure with its 95 % percentile interval.

    figures: row weights (n,), the copies of each row, to values by key; NaN = undefined there.
    A figure undefined on the rows themselves is NaN throughout; its bounds are NaN when it is undefined
    in more than half of the resamples.
    """
    values = figures(np.ones(len(customers)))
    draws = [figures(weights) for weights in resampled_weights(customers, bootstrap)]
    return {name: interval(value, np.array([draw[name] for draw in draws])) for name, value in values.items()}


def interval(value: float, draws: Floats) -> Figure:
    """A value with the 2.5 and 97.5 percentiles of its draws, (resamples,), NaN draws left out."""
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or len(defined) == 0 or len(defined) < LEAST_DEFINED_SHARE * len(draws):
        return Figure(float(value), np.nan, np.nan)
    low, high = np.percentile(defined, [LOWER_PERCENT, UPPER_PERCENT])
    return Figure(float(value), float(low), float(high))
