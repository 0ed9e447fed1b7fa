"""The four policies side by side: nobody, everybody, the riskiest, those who gain most; in people and in money.

Values are found on customers that no model has learnt from. They are against offering nobody anything, so self-cure
is in none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.effects.effect import effect_of, mean_of
from forbear.models.results import Figure, Floats

NOBODY, EVERYBODY, RISK_RANKED, UPLIFT_RANKED = "nobody", "everybody", "risk-ranked", "uplift-ranked"
POLICIES = (NOBODY, EVERYBODY, RISK_RANKED, UPLIFT_RANKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """n customers whom no model has seen, and what is known of what an offer does to each.

    benefit: (n,) unbiased scores of harm avoided by an offer (`effect_scores`, its sign turned to good).
    money_minor: (n,) unbiased scores of money gained by an offer before its price; NaN-free, zeros where none is
    known.  cost_minor: price of one offer, >= 0.  risk, uplift: (n,) what the policies rank by.  customers: (n,).
    """

    benefit: Floats
    money_minor: Floats
    cost_minor: float
    risk: Floats
    uplift: Floats
    customers: Ints

    def __len__(self) -> int:
        return len(self.benefit)


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """What a policy would bring to the customers it was judged on, against nobody; 95 % intervals.

    offered: share of them.  avoided: harm avoided, a share of all customers.  people: the same as a number of them.
    money_minor: net of the price of the offers, of a customer.  beyond_random: harm avoided, less what as many offers
    to customers drawn at random would avoid.  roi: net money over the price of the offers; NaN where it is 0.
    """

    policy: str
    offered: float
    avoided: Figure
    people: Figure
    money_minor: Figure
    beyond_random: Figure
    roi: Figure


def four_policies(judged: Judged, capacity: float) -> tuple[PolicyValue, ...]:
    """The four in the order of POLICIES. capacity: share (0, 1] of the customers that the ranked ones may offer to.

    The uplift-ranked one leaves out whom it expects no benefit for. Raises NotEnoughData for fewer than two customers.
    """
    places = int(np.floor(capacity * len(judged)))
    chosen = {
        NOBODY: np.zeros(len(judged), dtype=np.bool_),
        EVERYBODY: np.ones(len(judged), dtype=np.bool_),
        RISK_RANKED: top(judged.risk, places),
        UPLIFT_RANKED: top(judged.uplift, places) & (judged.uplift > 0.0),
    }
    return tuple(value_of(name, offered, judged) for name, offered in chosen.items())


def top(scores: Floats, places: int) -> Bools:
    """(n,) those with the so many highest scores; ties in the order of the rows."""
    found = np.zeros(len(scores), dtype=np.bool_)
    found[np.argsort(-scores, kind="stable")[:places]] = True
    return found


def value_of(name: str, offered: Bools, judged: Judged) -> PolicyValue:
    """What a policy that offers to some, (n,), would bring. Raises NotEnoughData for fewer than two customers."""
    share, rows, customers = float(offered.mean()), len(judged), judged.customers
    avoided = mean_of(offered * judged.benefit, customers)
    return PolicyValue(
        policy=name,
        offered=share,
        avoided=avoided,
        people=Figure(avoided.value * rows, avoided.low * rows, avoided.high * rows),
        money_minor=mean_of(offered * (judged.money_minor - judged.cost_minor), customers),
        beyond_random=mean_of((offered - share) * judged.benefit, customers),
        roi=return_on_offers(offered * judged.money_minor, np.where(offered, judged.cost_minor, 0.0), customers),
    )


def return_on_offers(gained_minor: Floats, cost_minor: Floats, customers: Ints) -> Figure:
    """Net money over the price of the offers, with the interval of a ratio by the delta method.

    gained_minor: (n,) unbiased scores of money gained.  cost_minor: (n,) spent.  NaN where nothing was spent.
    (Cochran 1977, "Sampling Techniques", 6.4: a ratio R has the influence (g - R c) / mean c.)
    """
    spent = float(cost_minor.mean()) if len(cost_minor) else 0.0
    if spent <= 0.0:
        return Figure(np.nan, np.nan, np.nan)
    ratio = float(gained_minor.mean()) / spent
    found = effect_of(ratio, (gained_minor - ratio * cost_minor) / spent, customers).figure
    return Figure(found.value - 1.0, found.low - 1.0, found.high - 1.0)
