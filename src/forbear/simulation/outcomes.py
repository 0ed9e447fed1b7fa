"""Outcomes of offers drawn from known chances, so that every estimate of an effect can be held against the truth.

A population is a list of kinds of customers, each equally common: what they risk under every arm, how likely each arm
is given to them, what harm each arm does. Customers are drawn from it with replacement, so the truth of any question
is an exact average over the kinds. All of it is synthetic: no figure here is an estimate of any bank's customers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import ConfigError
from forbear.models.effects.observations import Experiment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ARMS = ("hold_out", "reminder", "payment_plan")
SEGMENTS = 10
"""Equally large sub-groups, named segment_0 to segment_9."""
HARMS = ("other_bill_missed", "overdraft_fee", "complaint", "opt_out")
PLANTED_SEGMENT, PLANTED_HARM = 3, HARMS[0]
"""Where `OutcomeSpec.planted` does harm, and which."""
_HARM_CHANCES = np.array([0.10, 0.06, 0.02, 0.03])
_RESPONSE = np.array([1.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 1.0, -1.0])
"""By segment, how much of an action's effect there is: none in two, and the reverse in one."""
_LOSS_MINOR = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSpec:
    """What a population is like; all shares in [0, 1].

    kinds: of customers, a multiple of SEGMENTS.  base: mean chance of a miss in the hold-out, at most 0.4.
    relative: effect of either action on the chance, as a share of it, before the response of the segment; 0: none.
    hold_out: share held out.  exploration: share of the others whose action is drawn, each with equal chance.
    impossible: share of the kinds for which the second action is not possible.
    planted: by how much both actions raise the chance of PLANTED_HARM in PLANTED_SEGMENT.  seed: of the kinds.
    Raises ConfigError for a value out of range.
    """

    kinds: int = 2_000
    base: float = 0.2
    relative: tuple[float, float] = (-0.3, -0.15)
    hold_out: float = 0.2
    exploration: float = 0.4
    impossible: float = 0.0
    planted: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        shares = (self.exploration, self.impossible, self.planted)
        inside = all(0.0 <= share <= 1.0 for share in shares) and 0.0 < self.hold_out < 1.0
        if not inside or self.kinds % SEGMENTS or self.kinds <= 0 or not 0.0 < self.base <= 0.4:
            raise ConfigError(f"{self} is out of range", mend="see the docstring of OutcomeSpec")
        if any(abs(one) > 0.5 for one in self.relative) or self.planted > 0.5:
            raise ConfigError(f"effects {self.relative}, {self.planted} leave [0, 1]", mend="at most 0.5 each way")

    def null(self) -> OutcomeSpec:
        """The same population with actions that do nothing, good or bad."""
        return replace(self, relative=(0.0, 0.0), planted=0.0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """n customers of a population. kind: (n,) which kind each is of.  experiment: what was seen of them."""

    kind: Ints
    experiment: Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """k kinds of customers under a arms and h harms.

    risk: (k, a) chance of a miss.  harm: (k, a, h) chance of each harm.  propensity: (k, a) of the logged policy.
    segment: (k,).  covariates: (k, c).  loss_minor: (k,) what a miss costs.
    """

    risk: Floats
    harm: Floats
    propensity: Floats
    segment: Ints
    covariates: Floats
    loss_minor: Floats

    def average_effect(self, arm: int, segment: int | None = None) -> float:
        """The true mean effect of an arm against the hold-out on those who may be given it, of a segment or all."""
        change = self.risk[:, arm] - self.risk[:, 0]
        return float(change[self._asked(arm, segment)].mean())

    def harm_effect(self, arm: int, harm: str, segment: int | None = None) -> float:
        """The true mean effect of an arm on a harm, likewise."""
        place = HARMS.index(harm)
        change = self.harm[:, arm, place] - self.harm[:, 0, place]
        return float(change[self._asked(arm, segment)].mean())

    def money_effect_minor(self, arm: int) -> float:
        """What an arm truly saves of a customer's loss on average, its price aside [minor units]."""
        saved = (self.risk[:, 0] - self.risk[:, arm]) * self.loss_minor
        return float(saved[self._asked(arm, None)].mean())

    def policy_value(self, chosen: Floats) -> float:
        """The true share that misses under a policy. chosen: (k, a) chances, rows summing to 1."""
        return float((self.risk * chosen).sum(axis=1).mean())

    def draw(self, customers: int, seed: int) -> Drawn:
        """So many customers, each once, under the logged policy; equal seeds give equal draws."""
        chance = np.random.default_rng(seed)
        kind = chance.integers(0, len(self.risk), customers)
        bounds = np.cumsum(self.propensity, axis=1)[:, :-1]
        arm = (chance.random((customers, 1)) >= bounds[kind]).sum(axis=1).astype(np.int64)
        missed = (chance.random(customers) < self.risk[kind, arm]).astype(np.float64)
        harmed = (chance.random((customers, len(HARMS))) < self.harm[kind, arm]).astype(np.float64)
        segment = self.segment[kind]
        experiment = Experiment(
            arms=ARMS,
            arm=arm,
            propensity=self.propensity[kind],
            outcome=missed,
            good=-1,
            customers=np.arange(customers, dtype=np.int64),
            covariates=self.covariates[kind],
            segments={f"segment_{number}": segment == number for number in range(SEGMENTS)},
            harms={name: harmed[:, place] for place, name in enumerate(HARMS)},
            money_minor=-missed * self.loss_minor[kind],
        )
        return Drawn(kind, experiment)

    def _asked(self, arm: int, segment: int | None) -> Bools:
        may: Bools = self.propensity[:, arm] > 0.0
        return may if segment is None else may & (self.segment == segment)


def population(spec: OutcomeSpec) -> Population:
    """The kinds of a spec; equal specs give equal populations.

    The chance of a miss is base (1/2 + x) with x uniform in [0, 1); an action changes it by relative times the
    response of the segment. The riskier half would be given the payment plan, the others the reminder.
    """
    traits = np.random.default_rng(spec.seed).random((spec.kinds, 3))
    segment = np.arange(spec.kinds, dtype=np.int64) % SEGMENTS
    held = spec.base * (0.5 + traits[:, 0])
    relative = np.array([0.0, *spec.relative])
    risk = held[:, None] * (1.0 + relative * _RESPONSE[segment][:, None])
    harm = np.tile(_HARM_CHANCES, (spec.kinds, len(ARMS), 1))
    harm[segment == PLANTED_SEGMENT, 1:, HARMS.index(PLANTED_HARM)] += spec.planted
    return Population(
        risk=risk,
        harm=harm,
        propensity=_chances(spec, traits),
        segment=segment,
        covariates=np.column_stack([traits, np.eye(SEGMENTS)[segment]]),
        loss_minor=np.round(_LOSS_MINOR * (0.5 + traits[:, 1])),
    )


def _chances(spec: OutcomeSpec, traits: Floats) -> Floats:
    """(kinds, arms) chances of the logged policy: hold-out, then the preferred action or a drawn one."""
    plan = traits[:, 0] >= 0.5
    drawn, preferred = spec.exploration / 2.0, 1.0 - spec.exploration / 2.0
    reminded = np.where(plan, drawn, preferred)
    reminded = np.where(traits[:, 2] < spec.impossible, 1.0, reminded)
    given = np.stack([reminded, 1.0 - reminded], axis=1) * (1.0 - spec.hold_out)
    return np.column_stack([np.full(spec.kinds, spec.hold_out), given])
