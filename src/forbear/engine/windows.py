"""The day buckets of one customer, as the features see them: the same questions, asked of one day at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from forbear.engine.scorer import Scorer
from forbear.features.compute import FeatureSet
from forbear.features.definition import FREE, Feature, Formula
from forbear.features.ledger import Floats, Ledger
from forbear.features.measures import Measure
from forbear.features.pool import HORIZON_DAYS

CLOSING, LOWEST = "closing", "lowest"
MEASURED = (
    Measure.INCOME,
    Measure.SPENDING,
    Measure.ESSENTIAL,
    Measure.CASH,
    Measure.GAMBLING,
    Measure.LENDING,
    Measure.SAVINGS_OUT,
    Measure.TRANSACTIONS,
    Measure.FAILED_DEBITS,
    Measure.LATE_PAYMENTS,
    Measure.UNPAID,
)
"""What is told of each day, beside the balances."""


class ByDay(NamedTuple):
    """A ledger by day. open_day: the last one [days since 1970].  values: by the word of a measure, `closing` or
    `lowest`, (n,) of the n days up to the open one, oldest first; NaN for what is not known.
    """

    open_day: int
    values: Mapping[str, Floats]


def by_day(scorer: Scorer, slot: int) -> ByDay:
    """The days that a customer of a scorer's book has been known for, at most as many as the ledger remembers."""
    asked = _asked(frozenset(scorer.deployment.unsupported))
    row = scorer.book.compute(np.array([slot]), asked)[0]
    known = int(min(max(row[-1], 0.0), float(HORIZON_DAYS)))
    days = row[:-1].reshape(-1, HORIZON_DAYS)[:, HORIZON_DAYS - known :]
    return ByDay(scorer.book.open_day, dict(zip(_NAMES, days, strict=True)))


_NAMES = (*(one.word for one in MEASURED), CLOSING, LOWEST)


@lru_cache(maxsize=4)
def _asked(unsupported: frozenset[str]) -> FeatureSet:
    """A column for each day of each of the names, oldest first, and one for how long the customer is known."""
    formulas = [_total(one) for one in MEASURED] + [_closing, _lowest]
    columns = [
        _column(f"{name}_{ago}", formula(ago))
        for name, formula in zip(_NAMES, formulas, strict=True)
        for ago in reversed(range(HORIZON_DAYS))
    ]
    return FeatureSet((*columns, _column("history", Ledger.history)), unsupported)


def _total(measure: Measure) -> Callable[[int], Formula]:
    return lambda ago: lambda ledger: ledger.total(measure, 1, ago=ago)


def _closing(ago: int) -> Formula:
    return lambda ledger: ledger.closing(ago=ago)


def _lowest(ago: int) -> Formula:
    return lambda ledger: ledger.lowest(1, ago=ago)


def _column(name: str, formula: Formula) -> Feature:
    return Feature(name=name, group="", unit="", low=0.0, high=0.0, direction=FREE, unknown="", formula=formula)
