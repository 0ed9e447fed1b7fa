"""The chances of a decision before it is drawn: all of them, and those of what was decided."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forbear.policy.decide import Rules, chances, decide
from forbear.policy.document import Policy
from forbear.policy.proposals import OFFERED, Circumstances, HoldReason, Proposals

MakeProposals = Callable[..., Proposals]


def with_chance(policy: Policy, held: float, drawn: float) -> Rules:
    """The policy with other shares of hold-out and exploration, as tables."""
    return Rules.of(
        msgspec.structs.replace(
            policy,
            hold_out=msgspec.structs.replace(policy.hold_out, share=held),
            exploration=msgspec.structs.replace(policy.exploration, share=drawn),
        )
    )


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_chances_hold_the_propensity_of_what_was_decided(
    policy: Policy, make_proposals: MakeProposals, seed: int, held: float, drawn: float
) -> None:
    """Rows sum to 1; of an offer its action, of a hold-out nothing, has the chance that the decision records."""
    rules, proposals = with_chance(policy, held, drawn), make_proposals(seed)
    decisions, found = decide(rules, proposals, Circumstances()), chances(rules, proposals)

    assert (found >= 0.0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    offered, kept = decisions.hold == OFFERED, decisions.hold == HoldReason.HOLD_OUT.code
    np.testing.assert_allclose(found[offered, 1 + decisions.choice[offered]], decisions.propensity[offered])
    np.testing.assert_allclose(found[kept, 0], decisions.propensity[kept])


def test_chances_are_the_shares_of_many_draws(policy: Policy, make_proposals: MakeProposals) -> None:
    """Over the hashes of 40,000 customers alike, each action is offered as often as its chance says."""
    rules, one = with_chance(policy, 0.2, 0.3), make_proposals(5, size=40_000)
    alike = {name: np.repeat(getattr(one, name)[:1], 40_000, axis=0) for name in one.__slots__}
    alike |= {"customer": one.customer, "order": one.order, "pd": np.full(40_000, 0.8)}
    alike |= {"consent": np.ones((40_000, 4), np.bool_), "last_contact_day": np.full((40_000, 4), -(10**6), np.int32)}
    flags = ("vulnerable", "legal_stop", "customer_request", "override")
    alike |= dict.fromkeys(flags, np.zeros(40_000, np.bool_))
    alike |= {"answered_band": np.full(40_000, -1, np.int8), "decided_day": np.full(40_000, -(10**6), np.int32)}
    proposals = Proposals(**alike)
    decisions, found = decide(rules, proposals, Circumstances()), chances(rules, proposals)[0]
    taken = np.where(decisions.hold == OFFERED, 1 + decisions.choice, 0)
    seen = np.bincount(taken, minlength=len(found)) / 40_000

    assert (found > 0.0).sum() > 2
    np.testing.assert_allclose(seen, found, atol=0.01)
