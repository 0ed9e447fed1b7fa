"""What an experiment has seen: who was given what by which chance, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from forbear.domain.errors import NotEnoughData
from forbear.models.dataset import Bools, Ints
from forbear.models.results import Floats

_TOTAL = 1e-9


@dataclass(frozen=True, slots=True)
class Contrast:
    """n rows in which an action and the hold-out were both possible.

    given, held: (n,) bool, who got the action and who was held out; rows with another action are neither.
    given_chance, held_chance: (n,) of both, (0, 1).  outcome: (n,).  customers: (n,) clusters.
    covariates: (n, k), NaN = unknown.
    """

    given: Bools
    held: Bools
    given_chance: Floats
    held_chance: Floats
    outcome: Floats
    customers: Ints
    covariates: Floats

    def __len__(self) -> int:
        return len(self.outcome)

    def of(self, outcome: Floats) -> Contrast:
        """The same rows with another outcome, (n,)."""
        return replace(self, outcome=outcome)

    def rows(self, which: Bools | Ints) -> Contrast:
        """The rows that a mask (n,) or an index selects."""
        return Contrast(
            self.given[which],
            self.held[which],
            self.given_chance[which],
            self.held_chance[which],
            self.outcome[which],
            self.customers[which],
            self.covariates[which],
        )

    @property
    def even(self) -> bool:
        """Whether everybody among the two arms had the same chance of the action."""
        compared = self.given | self.held
        odds = self.given_chance[compared] / self.held_chance[compared]
        return bool(len(odds)) and float(np.ptp(odds)) <= _TOTAL * float(odds.max())

    def require_both(self) -> None:
        """Refuse rows of which one arm is empty: NotEnoughData."""
        if not self.given.any() or not self.held.any():
            raise NotEnoughData(
                f"of {len(self)} rows {int(self.given.sum())} got the action and {int(self.held.sum())} were held out",
                mend="an effect needs both; bring more customers",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """n observations of customers whose arm was drawn by known chances.

    arms: names; the first is the hold-out.  arm: (n,) int64, which arm each got.
    propensity: (n, arms) chance of each arm, rows sum to 1; above 0 for the arm that was given, 0 where an arm was
    impossible.  outcome: (n,).  good: +1 where more of the outcome is good, -1 where it is bad (a miss).
    customers: (n,) int64, the unit that chance was drawn for.  covariates: (n, k) known before the draw.
    segments: members by name, (n,) bool each; they may overlap.  harms: unwanted outcomes by name, (n,) each.
    money_minor: (n,) what each observation earned or, below 0, cost the lender, the price of the action aside.
    Raises ValueError where a shape or a range disagrees.
    """

    arms: tuple[str, ...]
    arm: Ints
    propensity: Floats
    outcome: Floats
    good: int
    customers: Ints
    covariates: Floats
    segments: Mapping[str, Bools] = field(default_factory=dict)
    harms: Mapping[str, Floats] = field(default_factory=dict)
    money_minor: Floats | None = None

    def __post_init__(self) -> None:
        rows = len(self.arm)
        columns = [self.outcome, self.customers, *self.segments.values(), *self.harms.values()]
        if self.money_minor is not None:
            columns.append(self.money_minor)
        if any(column.shape != (rows,) for column in columns) or self.covariates.shape[:1] != (rows,):
            raise ValueError(f"columns of other lengths than the {rows} rows")
        if self.propensity.shape != (rows, len(self.arms)) or self.good not in (-1, 1):
            raise ValueError(f"propensity of shape {self.propensity.shape} for {len(self.arms)} arms, good={self.good}")
        require_chances(self.propensity, self.arm)
        if not all(np.isfinite(column).all() for column in columns):
            raise ValueError("an outcome, a harm or an amount is not finite")

    def __len__(self) -> int:
        return len(self.arm)

    def possible(self, arm: int) -> Bools:
        """(n,) where both the arm and the hold-out were possible: the rows of `contrast`."""
        which: Bools = (self.propensity[:, arm] > 0.0) & (self.propensity[:, 0] > 0.0)
        return which

    def contrast(self, arm: int) -> Contrast:
        """An arm, 1 or more, beside the hold-out. Raises ValueError for another arm."""
        if not 1 <= arm < len(self.arms):
            raise ValueError(f"arm {arm} of {len(self.arms)}: the hold-out is compared with, not compared")
        which = self.possible(arm)
        return Contrast(
            self.arm[which] == arm,
            self.arm[which] == 0,
            self.propensity[which, arm],
            self.propensity[which, 0],
            self.outcome[which],
            self.customers[which],
            self.covariates[which],
        )


def require_chances(propensity: Floats, taken: Ints) -> None:
    """Refuse chances (n, a) that are none, or by which what was taken, (n,), could not be: ValueError."""
    if len(taken) and not 0 <= taken.min() <= taken.max() < propensity.shape[1]:
        raise ValueError(f"an action outside 0 to {propensity.shape[1] - 1}")
    if not (propensity >= 0.0).all() or (np.abs(propensity.sum(axis=1) - 1.0) > _TOTAL).any():
        raise ValueError("chances of a row are below 0 or do not sum to 1")
    if not (propensity[np.arange(len(taken)), taken] > 0.0).all():
        raise ValueError("what was taken had no chance")
