"""The comparison with the hold-out: who is in which arm, and when a difference may be shown."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.report.holdout import LEAST_MATURE, Arm, HoldOut, compared, is_exempt
from forbear.engine.outputs import Decision
from forbear.policy.reading import parse_policy
from forbear.testing.outputs import decision

POLICY = parse_policy(files("forbear.data").joinpath("policy.toml").read_text(encoding="utf-8"))
SHARE, DRAWN = POLICY.hold_out.share, POLICY.exploration.share
PREFERRED = (1.0 - SHARE) * (1.0 - DRAWN + DRAWN / 2)
"""Propensity of the preferred of two eligible actions, for somebody who might have been held out."""


def made(customer: int, day: int, outcome: str = "offer", propensity: float = PREFERRED) -> Decision:
    """A decision on a customer."""
    return decision(customer, 0, day, customer=customer, outcome=outcome, propensity=propensity)


@pytest.mark.parametrize(("eligible", "explored"), list(product(range(1, 8), (False, True))))
def test_propensities_tell_who_is_exempt(eligible: int, explored: bool) -> None:
    """An offer's chance tells whether its customer could have been held out, however many actions were eligible."""
    chance = DRAWN / eligible if explored else 1.0 - DRAWN + DRAWN / eligible
    assert is_exempt(POLICY, chance)
    assert not is_exempt(POLICY, (1.0 - SHARE) * chance)


def test_each_customer_counts_once_from_the_first_decision() -> None:
    """Later decisions do not make a customer's 30 days begin anew; the exempt and the erased are left out."""
    decisions = [
        made(1, 100),
        made(1, 90),
        made(2, 95, outcome="capacity"),
        made(3, 99, outcome="hold_out", propensity=SHARE),
        made(4, 91, propensity=1.0 - DRAWN + DRAWN / 2),
        made(0, 90),
        made(5, 90, outcome="kill_switch"),
    ]
    found = compared(POLICY, decisions, {1: [120], 2: [126], 3: [99, 130]}, unripe=96)

    assert (found.proposed, found.held_out, found.exempt) == (Arm(2, 2, 1), Arm(1, 0, 0), 1)


@given(st.integers(0, 80), st.integers(0, 80))
def test_a_difference_needs_both_arms(proposed: int, held_out: int) -> None:
    """An effect is shown from LEAST_MATURE customers of each arm on, and lies within its interval."""
    found = HoldOut(SHARE, Arm(proposed, proposed, proposed // 3), Arm(held_out, held_out, held_out // 2), 0)
    enough = min(proposed, held_out) >= LEAST_MATURE
    assert (found.effect is not None) == enough
    if found.effect is not None:
        assert found.effect.low <= found.effect.value <= found.effect.high
        assert found.effect.value == pytest.approx(proposed // 3 / proposed - held_out // 2 / held_out)


def test_order_does_not_matter() -> None:
    """Decisions may come newest or oldest first."""
    decisions = [replace(made(1 + n % 5, 80 + n), outcome="offer" if n % 2 else "expired") for n in range(20)]
    due = {1: [85], 2: [130]}
    assert compared(POLICY, decisions, due, 100) == compared(POLICY, decisions[::-1], due, 100)
