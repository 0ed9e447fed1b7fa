"""Who may be asked about: what eligibility needs to know of a ledger, in the same one pass as the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import Deployment
from forbear.features.compute import FeatureSet
from forbear.features.definition import FREE, Feature, Formula
from forbear.features.ledger import Floats, Ledger
from forbear.features.measures import Measure

HISTORY, ACTIVE, BALANCE, UNPAID, LOWEST = range(5)
"""Columns, counted from the first after the features."""
_EXTRA = 5


def history_days(ledger: Ledger) -> Floats:
    """Days since the customer was first seen."""
    return ledger.history()


def liquid_balance(ledger: Ledger) -> Floats:
    """Liquid balance [minor units]; NaN where none was ever told."""
    return ledger.closing()


def lowest_balance_90d(ledger: Ledger) -> Floats:
    """Lowest liquid balance of 90 days [minor units]: the rule of thumb that every model is shown beside."""
    return ledger.lowest(90)


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
    formulas = (history_days, active, liquid_balance, unpaid_payments, lowest_balance_90d)
    return FeatureSet((*features.features, *(_plain(f) for f in formulas)), features.unsupported)


def basically_eligible(values: Floats, deployment: Deployment) -> NDArray[np.bool_]:
    """(n,) bool: known long enough, active, and neither past due nor below the line; recent misses not yet asked.

    values: (n, features + 5), as the set of `with_eligibility` gives them.
    """
    eligible = (extra(values, HISTORY) >= deployment.eligibility.history_days) & (extra(values, ACTIVE) > 0)
    eligible &= ~(extra(values, UNPAID) > 0)
    if deployment.miss.kind == "balance":
        eligible &= ~(extra(values, BALANCE) < deployment.miss.balance_below_minor)
    return eligible


def features_only(values: Floats) -> Floats:
    """The columns before those of eligibility."""
    return values[:, :-_EXTRA]


def extra(values: Floats, column: int) -> Floats:
    """One of the columns behind the features."""
    return values[:, column - _EXTRA]


def _plain(formula: Formula) -> Feature:
    return Feature(
        name=formula.__name__,
        group="",
        unit="",
        low=0.0,
        high=0.0,
        direction=FREE,
        unknown="",
        reason="",
        formula=formula,
    )
