"""What an offer is worth: the miss that it may avoid, less what it costs. A function of the policy and one row alone.

Values lie on a grid of powers of two, so that sums and differences of them are exact in binary: prices that are found
from them are the same on any machine, and in any order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forbear.policy.document import Policy, Value
from forbear.policy.hashing import Floats
from forbear.policy.proposals import Bools

NONE = -np.inf
"""Worth of an action that is not to be had."""
LEAST_MINOR = 1.0
"""What help is worth at least to whoever must not be refused it for its cost."""
_BITS = 44
"""Of the mantissa that a value may fill; the others are for sums along a chain of channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What the actions of a policy are worth, as tables by place in the policy.

    share, points: (actions,) by which an offer lowers the chance, as a share of it and in points.
    cost_minor: (actions,) of an offer and of what follows it.  step_minor: the grid of values.
    """

    loss_minor: int
    unneeded_minor: int
    share: Floats
    points: Floats
    cost_minor: Floats
    step_minor: float

    @classmethod
    def of(cls, policy: Policy, value: Value) -> Self:
        """The tables of a policy and its statement of value, which has an effect for each of its actions."""
        stated = {effect.action: effect for effect in value.effects}
        effects = [stated[action.name] for action in policy.actions]
        lines = np.array([effect.line(effect.value) for effect in effects], dtype=np.float64)
        costs = [a.cost_minor + e.follow_up_minor for a, e in zip(policy.actions, effects, strict=True)]
        return cls(
            loss_minor=value.loss_minor,
            unneeded_minor=value.unneeded_minor,
            share=lines[:, 0],
            points=lines[:, 1],
            cost_minor=np.array(costs, dtype=np.float64),
            step_minor=2.0 ** (value.loss_minor.bit_length() - _BITS),
        )

    def minor(self, pd: Floats, action: NDArray[np.int16], sure: Bools) -> Floats:
        """(n,) the value of offering each an action: loss x what the action takes off the PD, less all that it costs.

        pd: (n,) in [0, 1].  action: (n,) places in the policy; -1, for none, is worth `NONE`.
        sure: (n,) who must not be refused help for its cost: to them it is worth LEAST_MINOR or more.
        """
        avoided = np.clip(self.share[action] * pd + self.points[action], pd - 1.0, pd)
        value = self.loss_minor * avoided - self.cost_minor[action] - self.unneeded_minor * (1.0 - pd)
        value = np.where(sure, np.maximum(value, LEAST_MINOR), value)
        return np.where(action < 0, NONE, np.rint(value / self.step_minor) * self.step_minor)
