"""What another policy would have brought, from decisions whose chances were logged.

Arrays in, frozen figures out. Where the logged policy could not have done what the other one would, nothing is
guessed: that share is told, and the value is bounded by the least and the most that the outcome can be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Ints
from forbear.models.effects.crossfit import Crossing, customer_folds
from forbear.models.effects.effect import mean_of
from forbear.models.effects.observations import require_chances
from forbear.models.results import Figure, Floats

_TOTAL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """n decisions of the past, and what became of each.

    action: (n,) int64, which of `a` actions was taken; offering nothing is one of them.
    propensity: (n, a) chance with which the logged policy took each, rows sum to 1.
    outcome: (n,) in [0, 1].  customers: (n,) int64, whose decisions stand or fall together.
    predicted: (n, a) expected outcome of each action by models that have not seen the row (`predicted_outcomes`);
    None: each action's own mean.  Raises ValueError where a shape or a range disagrees.
    """

    action: Ints
    propensity: Floats
    outcome: Floats
    customers: Ints
    predicted: Floats | None = None

    def __post_init__(self) -> None:
        rows, shape = len(self.action), self.propensity.shape
        if shape[:1] != (rows,) or self.outcome.shape != (rows,) or self.customers.shape != (rows,):
            raise ValueError(f"columns of other lengths than the {rows} decisions")
        if self.predicted is not None and self.predicted.shape != shape:
            raise ValueError(f"predictions of shape {self.predicted.shape}, chances of {shape}")
        if not ((self.outcome >= 0.0) & (self.outcome <= 1.0)).all():
            raise ValueError("an outcome outside [0, 1]: beyond its bounds nothing can be said of what has no overlap")
        require_chances(self.propensity, self.action)

    def __len__(self) -> int:
        return len(self.action)


@dataclass(frozen=True, slots=True)
class Between:
    """A value of which a part is unknown: as small and as large as that part lets it be, each with its interval.

    Without an unknown part both are the same.
    """

    least: Figure
    most: Figure

    @property
    def low(self) -> float:
        """The lower end of everything: covers the value with at least 95 %."""
        return self.least.low

    @property
    def high(self) -> float:
        """The upper end of everything."""
        return self.most.high


@dataclass(frozen=True, slots=True)
class OffPolicy:
    """The mean outcome that a policy would have brought, by three estimators, and how far the logs reach.

    Each is bounded: [least, most] for outcomes of 0 and of 1 where the logs have no overlap.
    change: the doubly robust value less the mean outcome that was seen.  unsupported: share of the policy's
    decisions that the logged one could not have made, [0, 1].  effective_rows: decisions that the weights are worth
    (Kish 1965).
    """

    horvitz_thompson: Between
    self_normalised: Between
    doubly_robust: Between
    change: Between
    unsupported: float
    effective_rows: float
    rows: int


def off_policy_value(logged: Logged, chosen: Floats) -> OffPolicy:
    """The value of a policy that takes each action with the chances `chosen`, (n, a), rows summing to 1.

    With e the logged chances, w = chosen / e of the action taken, u the chance of actions with e = 0, m predictions:
    Horvitz-Thompson mean(w y) (Precup, Sutton and Singh 2000); self-normalised (1 - mean u) sum(w y) / sum(w)
    (Swaminathan and Joachims 2015); doubly robust mean(sum over supported chosen m + w (y - m of the action taken))
    (Dudik, Langford and Li 2011). Least adds 0 and most adds u for what has no overlap (Manski 1990).
    Raises ValueError for chances of another shape or sum, NotEnoughData for fewer than two customers.
    """
    _require_policy(logged, chosen)
    rows, taken = np.arange(len(logged)), logged.action
    supported = logged.propensity > 0.0
    unknown = np.where(supported, 0.0, chosen).sum(axis=1)
    weight = chosen[rows, taken] / logged.propensity[rows, taken]
    predicted = logged.predicted if logged.predicted is not None else _means(logged)
    expected = np.where(supported, chosen * predicted, 0.0).sum(axis=1)
    robust = expected + weight * (logged.outcome - predicted[rows, taken])
    total = float(weight.sum())
    return OffPolicy(
        horvitz_thompson=_between(weight * logged.outcome, unknown, logged),
        self_normalised=_between(_normalised(weight, unknown, logged), unknown, logged),
        doubly_robust=_between(robust, unknown, logged),
        change=_between(robust - logged.outcome, unknown, logged),
        unsupported=float(unknown.mean()),
        effective_rows=total**2 / float(weight @ weight) if total > 0.0 else 0.0,
        rows=len(logged),
    )


def predicted_outcomes(logged: Logged, covariates: Floats, crossing: Crossing) -> Floats:
    """(n, a) the expected outcome of each action, by models of the other folds; a rare action's is its mean.

    covariates: (n, k) known at the decision.  Drawn into [0, 1].
    """
    fold = customer_folds(logged.customers, crossing.folds, crossing.seed)
    predicted = np.empty(logged.propensity.shape)
    for number in range(crossing.folds):
        unseen = fold == number
        for action in range(logged.propensity.shape[1]):
            seen = ~unseen & (logged.action == action)
            if seen.sum() <= covariates.shape[1] + 1:
                predicted[unseen, action] = logged.outcome[seen].mean() if seen.any() else 0.0
                continue
            model = crossing.learner.fit(covariates[seen], logged.outcome[seen])
            predicted[unseen, action] = model(covariates[unseen])
    return np.clip(predicted, 0.0, 1.0)


def _require_policy(logged: Logged, chosen: Floats) -> None:
    if chosen.shape != logged.propensity.shape:
        raise ValueError(f"chances of shape {chosen.shape}, the logged ones have {logged.propensity.shape}")
    if not (chosen >= 0.0).all() or (np.abs(chosen.sum(axis=1) - 1.0) > _TOTAL).any():
        raise ValueError("chances of a row are below 0 or do not sum to 1")


def _means(logged: Logged) -> Floats:
    """(n, a) the weighted mean outcome of each action, the same in every row; 0 for one that was never taken."""
    weight = 1.0 / logged.propensity[np.arange(len(logged)), logged.action]
    actions = logged.propensity.shape[1]
    total = np.bincount(logged.action, weights=weight, minlength=actions)
    hits = np.bincount(logged.action, weights=weight * logged.outcome, minlength=actions)
    means = np.divide(hits, total, out=np.zeros(actions), where=total > 0.0)
    return np.broadcast_to(means, logged.propensity.shape)


def _normalised(weight: Floats, unknown: Floats, logged: Logged) -> Floats:
    """Scores whose mean is the self-normalised value, and whose spread is its influence."""
    known = 1.0 - float(unknown.mean())
    total = float(weight.mean())
    if total == 0.0:
        return np.zeros(len(weight))
    share = float((weight * logged.outcome).mean()) / total
    # By the ratio known x share: what a row adds to known, and to share.
    scores: Floats = (1.0 - unknown) * share + known * weight * (logged.outcome - share) / total
    return scores


def _between(scores: Floats, unknown: Floats, logged: Logged) -> Between:
    least = mean_of(scores, logged.customers)
    if not unknown.any():
        return Between(least, least)
    return Between(least, mean_of(scores + unknown, logged.customers))
