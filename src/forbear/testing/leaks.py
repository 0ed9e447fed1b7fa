"""Hunting leaks: a row cut at a day close may not change when everything after that close becomes another story.

Give the hunt any computation that answers features at the close of a day from a log. It is run on the log as it
is, and on logs that are the same up to the close and different after it: there everybody lives on with somebody
else's future. A feature whose value moves has seen what was not known yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.features.columns import EventColumns, EventKind
from forbear.features.ledger import Floats


class Known(NamedTuple):
    """What is computed at a day close. customers: (n,) distinct keys.  values: (n, k).  names: (k,)."""

    customers: NDArray[np.uint64]
    values: Floats
    names: tuple[str, ...]


Computation: TypeAlias = Callable[[EventColumns, int], Known]
"""Takes a log and a day (days since 1970) and answers what is known at that day's close."""


def features_that_leak(computation: Computation, log: EventColumns, day: int, seeds: range = range(3)) -> set[str]:
    """Names of the features that know the future: those that move, for anybody, when only the future does.

    log: in log order, with the day's close in it.  seeds: one other future each.
    """
    real = computation(log, day)
    return set().union(*(_moved(real, computation(with_other_futures(log, day, seed), day)) for seed in seeds))


def with_other_futures(log: EventColumns, day: int, seed: int) -> EventColumns:
    """The log in which, from the close of a day on, every customer's transactions and outcomes go to another.

    Times and order stay; customer updates, whose content names their customer, and day closes stay where they are.
    Raises ValueError for a log without that close, or with no two customers after it.
    """
    closes = np.flatnonzero((log.kind == EventKind.DAY_CLOSED) & (log.day == day))
    if not len(closes):
        raise ValueError(f"day {day} is never closed in this log")
    after = np.arange(len(log)) > closes[0]
    moved = np.flatnonzero(after & np.isin(log.kind, (EventKind.TRANSACTION, EventKind.OUTCOME)))
    people, places = np.unique(log.customer_id[moved], return_inverse=True)
    if len(people) < 2:  # one cannot swap with nobody
        raise ValueError(f"no two customers live on after day {day}")
    # A turn of a shuffled circle: nobody keeps their own.
    circle = np.random.default_rng(seed).permutation(len(people))
    heir = np.empty(len(people), dtype=np.int64)
    heir[circle] = np.roll(circle, 1)
    customers = log.customer_id.copy()
    customers[moved] = people[heir[places]]
    return replace(log, customer_id=customers)


def _moved(real: Known, other: Known) -> set[str]:
    _, first, second = np.intersect1d(real.customers, other.customers, return_indices=True)
    if not len(first):
        raise ValueError("the computation answers for nobody in both futures")
    before, after = real.values[first], other.values[second]
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    return {name for name, kept in zip(real.names, same.all(axis=0), strict=True) if not kept}
