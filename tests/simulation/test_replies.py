"""Made-up people answer as often as they are made to, and the same whenever they are asked."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.simulation.replies import Manners, promised_minor, spoken, told_of

MANNERS = Manners()
MANY = 20_000


@given(st.text("0123456789abcdef", min_size=32, max_size=32), st.integers(0, 99))
def test_the_same_is_told_again(intervention_id: str, seed: int) -> None:
    """Nothing but the seed and the id decides; a receipt comes before a reply."""
    told = told_of(intervention_id, seed, MANNERS)

    assert told == told_of(intervention_id, seed, MANNERS)
    assert spoken(intervention_id, seed, MANNERS) == spoken(intervention_id, seed, MANNERS)
    assert [one.after_us for one in told] == sorted(one.after_us for one in told)
    assert told[0].said in ("bounced", "delivered")


def test_shares_are_those_that_were_stated() -> None:
    """Of many messages and calls."""
    replies = Counter(told_of(f"{n}", 1, MANNERS)[-1].said for n in range(MANY))
    calls = Counter(spoken(f"{n}", 1, MANNERS) for n in range(MANY))
    answered = MANY - replies["bounced"] - replies["delivered"]
    reached = MANY - calls["no_answer"]

    assert replies["bounced"] / MANY == pytest.approx(MANNERS.bounced, abs=0.005)
    assert answered / (MANY - replies["bounced"]) == pytest.approx(MANNERS.answered, abs=0.015)
    assert replies["accepted"] / answered == pytest.approx(MANNERS.accepted, abs=0.025)
    assert replies["opted_out"] / answered == pytest.approx(MANNERS.opted_out, abs=0.01)
    assert reached / MANY == pytest.approx(MANNERS.reached, abs=0.015)
    assert calls["promised"] / reached == pytest.approx(MANNERS.promised, abs=0.02)


def test_nobody_promises_more_than_is_owed_or_nothing() -> None:
    """All of it, or half of it, and at least one unit."""
    for owed in (1, 2, 3, 12_345):
        promised = {promised_minor(f"{n}", 3, owed) for n in range(50)}
        assert promised == {owed, max(owed // 2, 1)}
