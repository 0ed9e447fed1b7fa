"""What would take a customer out of risk: the smallest set, no further than it must go, or plainly not enough."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.models.reasons.selection import Teller
from forbear.models.reasons.way_out import Step, WayOut, capacity_cutoff, find_way_out
from forbear.models.results import Floats

KINDS = ("boosting", "ensemble", "expert", "scorecard")
PACE = 10_000.0
known = st.floats(-3.0, 3.0)
customers = st.tuples(known, known, known | st.just(float("nan"))).map(
    lambda drawn: np.array([drawn[0], drawn[1], drawn[2], np.nan, 0.3])
)
each_kind = pytest.mark.parametrize("kind", KINDS)


def values_of(row: Floats) -> dict[str, float]:
    """Figures that agree with the features: a feature of 1 stands for 100.00."""
    return {"owed": 30_000.0 + PACE * row[0], "saved": PACE * row[1], "pace": PACE, "pay_day": 0.0, "visits": 1.0}


def pd_after(teller: Teller, row: Floats, steps: list[Step]) -> float:
    """The PD with the targets put into the features by hand."""
    moved = row.copy()
    for step in steps:
        column = {"owe_less": 0, "save_more": 1}[step.change.code]
        moved[column] += (step.target - step.start) / PACE
    return float(teller.scorer.predict(moved[np.newaxis])[0])


def way_out(teller: Teller, row: Floats, cutoff: float) -> WayOut:
    """The way out, in whole minor units."""
    return find_way_out(teller, row, values_of(row), cutoff, 1)


@each_kind
@settings(max_examples=60, deadline=None)
@given(row=customers, share=st.floats(0.05, 1.2))
def test_what_is_claimed_is_so(tellers: dict[str, Teller], kind: str, row: Floats, share: float) -> None:
    """The PD after the steps is the model's own for the changed features, and enough is below the cut-off."""
    teller = tellers[kind]
    pd = float(teller.scorer.predict(row[np.newaxis])[0])
    found = way_out(teller, row, share * pd)
    assert found.below == (share > 1.0)
    assert found.pd_after == pytest.approx(pd_after(teller, row, list(found.steps)), rel=1e-12)
    assert found.enough == (found.pd_after < share * pd)
    assert {"below": found.below, "enough": found.enough and not found.below}.get(found.outcome, not found.enough)


@each_kind
@settings(max_examples=60, deadline=None)
@given(row=customers, share=st.floats(0.05, 0.99))
def test_no_smaller_set_would_do(tellers: dict[str, Teller], kind: str, row: Floats, share: float) -> None:
    """Where it is enough, no fewer changes reach below the cut-off; where it is not, no set of them does."""
    teller = tellers[kind]
    cutoff = share * float(teller.scorer.predict(row[np.newaxis])[0])
    found = way_out(teller, row, cutoff)
    all_steps = way_out(teller, row, 0.0).steps
    sizes = range(1, len(all_steps) + 1)
    subsets = chain.from_iterable(combinations(all_steps, size) for size in sizes)
    reaching = [len(subset) for subset in subsets if pd_after(teller, row, list(subset)) < cutoff]
    assert found.enough == bool(reaching)
    assert not reaching or len(found.steps) == min(reaching)


@settings(max_examples=80, deadline=None)
@given(row=customers, share=st.floats(0.05, 0.99))
def test_the_last_change_goes_no_further_than_it_must(tellers: dict[str, Teller], row: Floats, share: float) -> None:
    """A hundredth of the way back towards now the customer would be in risk again; no target passes calm."""
    teller = tellers["expert"]
    cutoff = share * float(teller.scorer.predict(row[np.newaxis])[0])
    found = way_out(teller, row, cutoff)
    for step in found.steps:
        calm = {"owe_less": 30_000.0, "save_more": PACE}[step.change.code]
        assert min(step.start, calm) - 1.0 <= step.target <= max(step.start, calm) + 1.0
        assert step.change.toward * (step.target - step.start) > 0.0
    if found.enough and found.steps:
        *others, last = found.steps
        nearer = last.target - step.change.toward * max(2.0, 0.01 * abs(last.target - last.start))
        back = Step(last.change, last.start, nearer, 0.0)
        assert pd_after(teller, row, [*others, back]) >= cutoff


def test_nothing_is_asked_of_who_is_not_in_risk_or_cannot_help_it(tellers: dict[str, Teller]) -> None:
    """Below the cut-off there are no steps; and none where what alarms cannot be changed within 30 days."""
    teller = tellers["expert"]
    assert way_out(teller, np.array([3.0, -3.0, 0.0, 0.0, 0.0]), 1.0).outcome == "below"
    stuck = way_out(teller, np.array([-1.0, 3.0, 2.0, 0.0, 1.0]), 0.001)
    assert (stuck.outcome, stuck.steps) == ("nothing", ())


def test_what_is_not_known_is_not_asked(tellers: dict[str, Teller]) -> None:
    """Without the figure that a change is stated in, it is left out."""
    row = np.array([2.0, -1.0, 0.0, 0.0, 0.0])
    lacking = {**values_of(row), "saved": np.nan}
    found = find_way_out(tellers["expert"], row, lacking, 0.001, 100)
    assert [step.change.code for step in found.steps] == ["owe_less"]


def test_targets_are_round_to_the_better_side(tellers: dict[str, Teller]) -> None:
    """In whole major units: more is rounded up, less is rounded down."""
    row = np.array([1.2345, -0.98765, 0.0, 0.0, 0.0])
    found = find_way_out(tellers["expert"], row, {**values_of(row), "owed": 42_345.0}, 0.0, 100)
    targets = {step.change.code: step.target for step in found.steps}
    assert targets == {"owe_less": 30_000.0, "save_more": 10_000.0}
    assert all(target % 100 == 0 for target in targets.values())


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_the_cutoff_spends_the_capacity(drawn: list[float], budget: float) -> None:
    """As many as the budget pays for, rounded up, lie on or above it; strictly above it lie fewer."""
    probabilities = np.array(drawn)
    cutoff = capacity_cutoff(probabilities, budget)
    capacity = max(1, int(np.ceil(budget * len(drawn) - 1e-9)))
    assert (probabilities >= cutoff).sum() >= capacity
    assert (probabilities > cutoff).sum() < capacity
