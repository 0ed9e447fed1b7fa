"""Who may be asked about: what eligibility needs to know of a ledger, in the same one pass as the features."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import Deployment
from forbear.features.compute import FeatureSet
from forbear.features.definition import Formula, plain
from forbear.features.figures import balance_now, lowest_balance_90d
from forbear.features.ledger import Floats, Ledger
from forbear.features.measures import Measure

HISTORY, ACTIVE, BALANCE, UNPAID, LOWEST = range(5)
"""Columns, counted from the first after the features."""
_EXTRA = 5


class Hurdle(IntEnum):
    """What keeps a customer from being asked about; of several the first. RECENT_MISS takes the log to know."""

    NONE = 0
    KNOWN_TOO_SHORT = 1
    INACTIVE = 2
    IN_ARREARS = 3
    BELOW_LINE = 4
    RECENT_MISS = 5


def history_days(ledger: Ledger) -> Floats:
    """Days since the customer was first seen."""
    return ledger.history()


def unpaid_payments(ledger: Ledger) -> Floats:
    """Scheduled payments of the horizon that are still owed."""
    return ledger.total(Measure.UNPAID, 120)


def _active_days(days: int) -> Formula:
    def active_days(ledger: Ledger) -> Floats:
        """Days of the window on which money moved or the customer did something."""
        moved = (Measure.INCOME, Measure.SPENDING, Measure.TRANSACTIONS)
        counts = [ledger.days_with(measure, days) for measure in moved]
        return counts[0] + counts[1] + counts[2]

    return active_days


def with_eligibility(features: FeatureSet, deployment: Deployment) -> FeatureSet:
    """The set with the columns HISTORY, ACTIVE, BALANCE, UNPAID and LOWEST behind its features."""
    active = _active_days(deployment.eligibility.active_within_days)
    formulas = (history_days, active, balance_now, unpaid_payments, lowest_balance_90d)
    return FeatureSet((*features.features, *(plain(f) for f in formulas)), features.unsupported)


def hurdles(values: Floats, deployment: Deployment) -> NDArray[np.uint8]:
    """(n,) codes of Hurdle: known long enough, active, neither past due nor below the line; misses not yet asked.

    values: (n, columns + 5), as the set of `with_eligibility` gives them.
    """
    below = np.zeros(len(values), dtype=np.bool_)
    if deployment.miss.kind == "balance":
        below = extra(values, BALANCE) < deployment.miss.balance_below_minor
    met = (
        ~(extra(values, HISTORY) >= deployment.eligibility.history_days),
        ~(extra(values, ACTIVE) > 0),
        extra(values, UNPAID) > 0,
        below,
    )
    codes = (Hurdle.KNOWN_TOO_SHORT, Hurdle.INACTIVE, Hurdle.IN_ARREARS, Hurdle.BELOW_LINE)
    found = np.full(len(values), Hurdle.NONE, dtype=np.uint8)
    for hurdle, code in reversed(list(zip(met, codes, strict=True))):
        found[hurdle] = code
    return found


def features_only(values: Floats) -> Floats:
    """The columns before those of eligibility."""
    return values[:, :-_EXTRA]


def extra(values: Floats, column: int) -> Floats:
    """One of the columns behind the features."""
    return values[:, column - _EXTRA]
