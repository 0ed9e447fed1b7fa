"""Help and hold-out compared: who was held out by a hash, whose offer was proposed, and what became of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from forbear.apps.report.foreseen import missed_after
from forbear.apps.report.wording import OFFER
from forbear.engine.outputs import Decision
from forbear.models.effects.shares import difference
from forbear.models.results import Figure
from forbear.policy.document import MOST_ACTIONS, Policy
from forbear.policy.proposals import HoldReason

LEAST_MATURE = 30
"""Customers of each arm whose 30 days must be over before a difference is shown."""
PROPOSED_ARM = (OFFER, HoldReason.EXPIRED, HoldReason.ABNORMAL_VOLUME, HoldReason.CAPACITY)
"""Outcomes that come after the draw of the hold-out: those who got them might have been held out."""
_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Arm:
    """Customers with a decision of one kind, each from the first on. mature: of them, those whose 30 days are over.

    missed: of the mature ones, those who missed a payment in the 30 days.
    """

    customers: int
    mature: int
    missed: int

    @property
    def lacking(self) -> int:
        """How many mature customers are missing for a comparison."""
        return max(0, LEAST_MATURE - self.mature)


@dataclass(frozen=True, slots=True)
class HoldOut:
    """Both arms under the policy in force. share: that it holds out.  exempt: customers who cannot be held out."""

    share: float
    proposed: Arm
    held_out: Arm
    exempt: int

    @property
    def effect(self) -> Figure | None:
        """Share that missed where help was proposed, less that of the hold-out; None while an arm is too small."""
        if self.proposed.lacking or self.held_out.lacking:
            return None
        return difference((self.proposed.missed, self.proposed.mature), (self.held_out.missed, self.held_out.mature))


def compared(policy: Policy, decisions: Iterable[Decision], due: Mapping[int, Sequence[int]], unripe: int) -> HoldOut:
    """Both arms of some decisions that this policy made, in any order; erased customers are left out.

    due: days on which payments were due that each customer missed.  unripe: the first day whose 30 days are not over.
    """
    first, exempt = first_decisions(policy, decisions)
    proposed, held = (
        _arm({customer: one.day for customer, one in first[held_out].items()}, due, unripe)
        for held_out in (False, True)
    )
    return HoldOut(policy.hold_out.share, proposed, held, exempt)


def first_decisions(policy: Policy, decisions: Iterable[Decision]) -> tuple[dict[bool, dict[int, Decision]], int]:
    """The first decision of each customer, by whether it was held out, of decisions that this policy made.

    Erased customers are left out, as are those who cannot be held out; how many of these there are is the second.
    """
    first: dict[bool, dict[int, Decision]] = {True: {}, False: {}}
    exempt: set[int] = set()
    for one in decisions:
        held_out = one.outcome == HoldReason.HOLD_OUT
        if not one.customer or not (held_out or one.outcome in PROPOSED_ARM):
            continue
        if not held_out and is_exempt(policy, one.propensity):
            exempt.add(one.customer)
            continue
        of_arm = first[held_out]
        of_arm[one.customer] = min(one, of_arm.get(one.customer, one), key=lambda made: (made.day, made.offset))
    return first, len(exempt)


def is_exempt(policy: Policy, propensity: float) -> bool:
    """Whether an offer of this propensity was made to somebody who cannot be held out.

    Of all others the chance to be offered anything is less by the share of the hold-out; see docs/policy.md.
    """
    drawn = [policy.exploration.share / eligible for eligible in range(1, MOST_ACTIONS + 1)]
    chances = [*drawn, *(1.0 - policy.exploration.share + share for share in drawn)]
    return any(abs(propensity - chance) < _EXACT for chance in chances) and policy.hold_out.share > 0.0


def _arm(first: Mapping[int, int], due: Mapping[int, Sequence[int]], unripe: int) -> Arm:
    mature = {customer: day for customer, day in first.items() if day < unripe}
    missed = sum(missed_after(due.get(customer, ()), day) for customer, day in mature.items())
    return Arm(len(first), len(mature), missed)
