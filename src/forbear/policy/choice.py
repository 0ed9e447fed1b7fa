"""The choice by value at a cut: what each customer would have from each channel, and what prices make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forbear.policy.decide import Rules, eligible_of, held_bits, held_share, worth_of
from forbear.policy.hashing import Floats
from forbear.policy.prices import NOT_AT_MARGIN, NOTHING, best_of, tied
from forbear.policy.proposals import Bools, Decisions, Ints, Proposals
from forbear.policy.value import NONE


@dataclass(frozen=True, slots=True)
class Wanted:
    """What n decisions may still become at a cut.

    every: (n, c) value of the best action on each channel, in minor units, `NONE` where there is none.  action: (n, c)
    that action, -1 for none.  value: (n, c) as `every`; where an action was drawn, of that one alone.
    """

    every: Floats
    action: NDArray[np.int16]
    value: Floats


def wanted_of(rules: Rules, proposals: Proposals, decisions: Decisions, day: Ints) -> Wanted:
    """What each decision may still become at the cut of a day, (n,), by its own row alone.

    An action that would have expired by then is out. Of two actions of equal value on a channel, the first in the list
    of the band is taken. Raises ValueError where the policy does not choose by value.
    """
    rows = np.arange(len(proposals))
    found = eligible_of(rules, proposals)
    worth = worth_of(rules, proposals, found.acting)
    if worth is None:
        raise ValueError(f"the policy {rules.policy.version} does not choose by value")
    eligible = held_bits(found.eligible, worth.shape[1])
    every = np.full((len(rows), len(rules.policy.channels)), NONE)
    action, drawn = np.full(every.shape, -1, dtype=np.int16), every.copy()
    for bit in range(worth.shape[1]):
        place = rules.action_at[found.acting, bit]
        held = np.where(eligible[:, bit] & (proposals.day + rules.valid_days[place] >= day), worth[:, bit], NONE)
        channel = rules.channel_of[place]
        better = held > every[rows, channel]
        every[rows[better], channel[better]] = held[better]
        action[rows[better], channel[better]] = place[better]
        same = (place == decisions.choice) & (held > NONE)
        drawn[rows[same], channel[same]] = held[same]
    return Wanted(every, action, np.where(decisions.explored[:, np.newaxis], drawn, every))


def priced(
    rules: Rules, proposals: Proposals, decisions: Decisions, at: tuple[Ints, Floats, Ints]
) -> tuple[Decisions, Bools]:
    """Offers as the prices of their cuts make them, and (n,) who is priced out; each by its own row alone.

    at: (n,) day of the cut, (n, c) prices, and (n,) what was given at the margin, see `prices.Assigned`.
    Whoever is priced out keeps the action of highest value, which is what places were short for. What is drawn stays.
    """
    day, price, margin = at
    rows = np.arange(len(decisions))
    wanted = wanted_of(rules, proposals, decisions, day)
    best, _ = best_of(wanted.value, np.zeros_like(price))
    channel, most = best_of(wanted.value, price)
    at_margin = np.where(margin >= 0, (wanted.value - price)[rows, margin], 0.0)
    left_open = tied(wanted.value, price) & (margin != NOT_AT_MARGIN) & (at_margin == most)
    channel = np.where(left_open, margin, channel)
    free = (best != NOTHING) & ~decisions.explored
    mine = wanted.action[rows, np.where(channel == NOTHING, best, channel)]
    choice = np.where(free, mine, decisions.choice).astype(np.int16)
    expires = np.where(free, proposals.day + rules.valid_days[choice], decisions.expires_day).astype(np.int32)
    first, _ = best_of(wanted.every, price)
    foremost = np.where(first == NOTHING, np.int16(-1), wanted.action[rows, first])
    propensity = np.where(decisions.explored, _propensity(rules, proposals, foremost == choice), decisions.propensity)
    changed = replace(decisions, choice=choice, expires_day=expires, propensity=propensity)
    return changed, (channel == NOTHING) & (best != NOTHING)


def _propensity(rules: Rules, proposals: Proposals, foremost: Bools) -> Floats:
    """(n,) the chance of a drawn action at the prices of the cut. foremost: it is also what needs no draw there."""
    share = rules.policy.exploration.share
    drawn = share / np.maximum(np.bitwise_count(eligible_of(rules, proposals).eligible), 1)
    return (1.0 - held_share(rules, proposals)) * (drawn + np.where(foremost, 1.0 - share, 0.0))
