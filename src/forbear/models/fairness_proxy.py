"""Whether features tell who somebody is, which of them do, and how much of a gap between groups runs through them.

That a feature tells is information, not a verdict: income tells of age, and is a fair thing to ask about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.effects.crossfit import Crossing, customer_folds
from forbear.models.effects.effect import effect_of
from forbear.models.effects.learners import Chances, Predictor
from forbear.models.fairness import UNKNOWN, Grouping
from forbear.models.fairness_estimates import area_under
from forbear.models.fairness_verdicts import Pair
from forbear.models.logistic import logit
from forbear.models.results import Figure, Floats

MOST_CARRIERS = 10
_UNDEFINED = Figure(np.nan, np.nan, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyInputs:
    """n rows. features: (n, k), NaN = unknown.  names: (k,).  pd: (n,).  label: (n,) 1, 0, -1 for not known.

    customers: (n,) int64.  groupings: codes (n,).
    """

    features: Floats
    names: tuple[str, ...]
    pd: Floats
    label: Ints
    customers: Ints
    groupings: tuple[Grouping, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A feature that tells. drop: of the AUC where it alone is shuffled."""

    feature: str
    drop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """What the features tell of one group beside another.

    auc: of foretelling it, on customers left out; 0.5 tells nothing.  carriers: the features that tell most.
    gap: mean log-odds of the group less that of the other.  at_equal_outcome: the same among those who did, and those
    who did not, miss a payment.  beyond: the same among those whom the features take for alike.
    carried: share of the gap that runs through what the features tell, NaN where there may be no gap.
    """

    pair: Pair
    auc: Figure
    carriers: tuple[Carrier, ...]
    gap: Figure
    at_equal_outcome: Figure
    beyond: Figure

    @property
    def carried(self) -> float:
        """1 less the gap that is left, over the gap; NaN where the interval of the gap holds 0."""
        clear = self.gap.low > 0.0 or self.gap.high < 0.0
        return 1.0 - self.beyond.value / self.gap.value if clear else np.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTest:
    """How to test. crossing: learner, and folds by whole customers.  least_customers: of either group."""

    crossing: Crossing = field(default_factory=lambda: Crossing(learner=Chances()))
    least_customers: int = 100


def proxies(inputs: ProxyInputs, test: ProxyTest, progress: Callable[[int], None] | None = None) -> tuple[Proxy, ...]:
    """Every pair of groups that is large enough. progress: called with the number of pairs done.

    A customer's group does not change with time, so the folds are of customers: none is foretold by a model that has
    seen them on any date.
    """
    found = []
    for pair, own, other in _pairs(inputs, test):
        rows = np.flatnonzero(own | other)
        found.append(_proxy(inputs, pair, (rows, own[rows]), test.crossing))
        if progress is not None:
            progress(len(found))
    return tuple(found)


def pairs_of(inputs: ProxyInputs, test: ProxyTest) -> int:
    """How many pairs are large enough."""
    return sum(1 for _ in _pairs(inputs, test))


def _pairs(inputs: ProxyInputs, test: ProxyTest) -> Iterator[tuple[Pair, Bools, Bools]]:
    for grouping in inputs.groupings:
        for one in grouping.members(inputs.customers):
            if min(one[0].customers) >= test.least_customers:
                yield one


def _proxy(inputs: ProxyInputs, pair: Pair, who: tuple[Ints, Bools], crossing: Crossing) -> Proxy:
    rows, own = who
    features, customers = inputs.features[rows], inputs.customers[rows]
    told, drops = _foretold(features, own, customers, crossing)
    log_odds, label = logit(inputs.pd[rows]), inputs.label[rows]
    known = label != UNKNOWN
    heaviest = np.argsort(-drops, kind="stable")[:MOST_CARRIERS]
    return Proxy(
        pair=pair,
        auc=area_under(told, own, customers).figure,
        carriers=tuple(Carrier(inputs.names[place], float(drops[place])) for place in heaviest if drops[place] > 0.0),
        gap=_gap(log_odds, own, customers),
        at_equal_outcome=_gap(log_odds[known], own[known], customers[known], label[known].astype(np.float64)),
        beyond=_gap(log_odds, own, customers, logit(told)),
    )


def _foretold(features: Floats, own: Bools, customers: Ints, crossing: Crossing) -> tuple[Floats, Floats]:
    """(m,) chance of being in the group, by models that have not seen the customer; (k,) drop of AUC, shuffled."""
    fold, outcome = customer_folds(customers, crossing.folds, crossing.seed), own.astype(np.float64)
    told, drops = np.empty(len(own)), np.zeros(features.shape[1])
    for number in range(crossing.folds):
        unseen = fold == number
        model = crossing.learner.fit(features[~unseen], outcome[~unseen])
        told[unseen] = model(features[unseen])
        drops += _drops(model, features[unseen], own[unseen], crossing.seed + number) * unseen.mean()
    return told, drops


def _drops(model: Predictor, features: Floats, own: Bools, seed: int) -> Floats:
    """(k,) how far the AUC falls where one feature is shuffled (Breiman 2001); 0 where there is none to fall."""
    customers, order = np.arange(len(own), dtype=np.int64), np.random.default_rng(seed).permutation(len(own))
    whole, found = area_under(model(features), own, customers).value, np.zeros(features.shape[1])
    for place in range(features.shape[1] if np.isfinite(whole) else 0):
        shuffled = features.copy()
        shuffled[:, place] = features[order, place]
        found[place] = whole - area_under(model(shuffled), own, customers).value
    return found


def _gap(values: Floats, own: Bools, customers: Ints, beside: Floats | None = None) -> Figure:
    """Mean of a group less that of the other, by least squares beside one more column; undefined where it cannot be."""
    columns = [np.ones(len(values)), own.astype(np.float64), *([] if beside is None else [beside])]
    design = np.stack(columns, axis=1)
    if len(values) <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        return _UNDEFINED
    square = design.T @ design
    line = np.linalg.solve(square, design.T @ values)
    left = values - design @ line
    influence = np.linalg.solve(square, design.T * left)[1] * len(values)
    return effect_of(float(line[1]), influence, customers).figure
