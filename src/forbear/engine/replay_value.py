"""What another policy would have brought, from the decisions of the one that was in force, whose chances are known.

A point is a customer and a day on which one of the two decided. Help is meant, not taken: an offer counts from the
decision on, delivered or not. What one contact does to the next is not followed; a customer's points stand or fall
together in every interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import NotEnoughData
from forbear.engine.replayed import HOLD_OUT, OFFER, Decided
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.models.effects.crossfit import Crossing
from forbear.models.effects.off_policy import Between, Logged, OffPolicy, off_policy_value, predicted_outcomes
from forbear.models.results import Figure
from forbear.policy.proposals import Bools

DRAWN = (OFFER, HOLD_OUT)
"""Outcomes that chance had a part in. Of all others, and where nothing was decided, nothing was certain to be done."""
Missed = Callable[[Keys, NDArray[np.int32]], Bools]
"""(n,) whether customers missed a payment in the 30 days behind a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """n points, by customer and day. actions: names, the first is nothing.

    action: (n,) what was done.  propensity: (n, actions) by which chances.  chosen: (n, actions) the other policy's.
    pd: (n,) of the score that was decided on.
    """

    customer: Keys
    day: NDArray[np.int32]
    actions: tuple[str, ...]
    action: NDArray[np.int64]
    propensity: Floats
    chosen: Floats
    pd: Floats

    def __len__(self) -> int:
        return len(self.customer)

    def take(self, rows: Bools) -> Points:
        """Some of the rows."""
        columns = ("customer", "day", "action", "propensity", "chosen", "pd")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Misses in the 30 days behind n points. seen: their share.  other, nobody: share under the other policy, and if
    nobody were ever offered anything.  unripe: points left out, whose 30 days are not over.
    """

    points: int
    unripe: int
    seen: float
    other: OffPolicy
    nobody: OffPolicy

    @property
    def avoided(self) -> Between:
        """Misses that the other policy would have avoided, beside what was done; below 0 it has more."""
        least, most = self.other.change.least, self.other.change.most
        return Between(_avoided(most, self.points), _avoided(least, self.points))


def _avoided(change: Figure, points: int) -> Figure:
    return Figure(-change.value * points, -change.high * points, -change.low * points)


def points_of(logged: Decided, other: Decided) -> Points:
    """The points of two policies over the same events; the chances of both must be known."""
    keys = [_keys(side) for side in (logged, other)]
    every = np.unique(np.concatenate(keys))
    actions = ("", *dict.fromkeys((*logged.arms, *other.arms)))
    sides = (logged, other)
    both = [
        _chances(side, np.searchsorted(every, key), len(every), actions) for side, key in zip(sides, keys, strict=True)
    ]
    propensity, chosen = both
    action, pd = np.zeros(len(every), dtype=np.int64), np.full(len(every), np.nan)
    for side, key in zip(reversed(sides), reversed(keys), strict=True):
        pd[np.searchsorted(every, key)] = side.pd
    names, rows = logged.named("action"), np.flatnonzero(logged.where("outcome", OFFER))
    for place, name in enumerate(actions[1:], 1):
        action[np.searchsorted(every, keys[0][rows[names[rows] == name]])] = place
    return Points(
        customer=every["customer"],
        day=every["day"],
        actions=actions,
        action=action,
        propensity=propensity,
        chosen=chosen,
        pd=pd,
    )


def value_of(points: Points, missed: Missed, first_unripe: int) -> Value | None:
    """What became of the points whose 30 days are over, and what would have; None for fewer than two customers."""
    ripe = points.take(points.day < first_unripe)
    outcome = missed(ripe.customer, ripe.day).astype(np.float64)
    _, customers = np.unique(ripe.customer, return_inverse=True)
    logged = Logged(action=ripe.action, propensity=ripe.propensity, outcome=outcome, customers=customers)
    try:
        known = predicted_outcomes(logged, ripe.pd[:, np.newaxis], Crossing())
        logged = replace(logged, predicted=known)
        nothing = np.zeros_like(ripe.chosen)
        nothing[:, 0] = 1.0
        other, nobody = (off_policy_value(logged, chosen) for chosen in (ripe.chosen, nothing))
    except NotEnoughData:
        return None
    return Value(
        points=len(ripe), unripe=len(points) - len(ripe), seen=float(outcome.mean()), other=other, nobody=nobody
    )


def _keys(decided: Decided) -> NDArray[np.void]:
    keys = np.zeros(len(decided), dtype=[("customer", "u8"), ("day", "i4")])
    keys["customer"], keys["day"] = decided.customer, decided.day
    return keys


def _chances(decided: Decided, rows: NDArray[np.intp], points: int, actions: tuple[str, ...]) -> Floats:
    """(points, actions) the chances of each, summing to 1: nothing for certain, but where chance had a part."""
    found = np.zeros((points, len(actions)))
    found[:, 0] = 1.0
    drawn = np.isin(decided.named("outcome"), DRAWN)
    places = np.array([0, *(actions.index(name) for name in decided.arms)])
    chances = decided.chances[drawn].astype(np.float64)
    found[np.ix_(rows[drawn], places)] = chances / chances.sum(axis=1, keepdims=True)
    return found
