"""Another policy's value from logged chances: exact where it must be, bounded where the logs do not reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.models.effects.crossfit import Crossing
from forbear.models.effects.off_policy import Logged, off_policy_value, predicted_outcomes
from forbear.simulation.outcomes import Drawn, OutcomeSpec, Population, population


def logged_of(drawn: Drawn) -> Logged:
    """What a log would hold of an experiment."""
    seen = drawn.experiment
    return Logged(action=seen.arm, propensity=seen.propensity, outcome=seen.outcome, customers=seen.customers)


@st.composite
def logs(draw: st.DrawFn) -> tuple[Logged, np.ndarray]:
    """A small log with impossible actions in it, and some other policy's chances."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, actions = draw(st.integers(3, 40)), draw(st.integers(2, 4))
    propensity = chance.random((rows, actions)) * (chance.random((rows, actions)) < 0.7)
    propensity[:, 0] += 0.1
    propensity /= propensity.sum(axis=1, keepdims=True)
    action = np.array([chance.choice(actions, p=row) for row in propensity], dtype=np.int64)
    chosen = chance.dirichlet(np.ones(actions), rows)
    outcome = chance.random(rows).round(draw(st.sampled_from([0, 3])))
    return Logged(action=action, propensity=propensity, outcome=outcome, customers=np.arange(rows)), chosen


@given(logs())
def test_the_logged_policy_is_worth_what_was_seen(case: tuple[Logged, np.ndarray]) -> None:
    """Asked about itself, the log answers with its own mean, whichever estimator is asked, and with no change."""
    logged, _ = case
    found = off_policy_value(logged, logged.propensity)
    assert found.unsupported == 0.0
    assert found.horvitz_thompson.least.value == pytest.approx(logged.outcome.mean(), abs=1e-9)
    assert found.self_normalised.least.value == pytest.approx(logged.outcome.mean(), abs=1e-9)
    assert found.effective_rows == pytest.approx(len(logged))


@given(logs())
def test_what_the_logs_cannot_say_is_bounded(case: tuple[Logged, np.ndarray]) -> None:
    """Least and most differ by exactly the share without overlap; nothing in between is claimed."""
    logged, chosen = case
    found = off_policy_value(logged, chosen)
    beyond = np.where(logged.propensity == 0.0, chosen, 0.0).sum(axis=1).mean()
    assert found.unsupported == pytest.approx(beyond)
    for one in (found.horvitz_thompson, found.self_normalised, found.doubly_robust, found.change):
        assert one.most.value - one.least.value == pytest.approx(beyond, abs=1e-9)
        assert one.low <= one.least.value <= one.most.value <= one.high


@given(logs())
def test_outcome_and_its_reverse_add_up(case: tuple[Logged, np.ndarray]) -> None:
    """Counting who did not miss gives one less what counting who missed gives, bounds changed over."""
    logged, chosen = case
    there = off_policy_value(logged, chosen).self_normalised
    back = off_policy_value(replace(logged, outcome=1.0 - logged.outcome), chosen).self_normalised
    # With no weight at all there is nothing to normalise by, and both say so by their bounds alone.
    if chosen[np.arange(len(logged)), logged.action].sum() > 0.0:
        assert back.least.value == pytest.approx(1.0 - there.most.value, abs=1e-9)
        assert back.most.value == pytest.approx(1.0 - there.least.value, abs=1e-9)


def another(known: Population) -> np.ndarray:
    """The payment plan to the riskier half, nothing to the others."""
    plan = known.risk[:, 0] > 0.2
    return np.column_stack([~plan, np.zeros(len(plan)), plan]).astype(np.float64)


def test_a_policy_with_overlap_is_valued(known: Population, drawn: Drawn) -> None:
    """All three estimators lie within 4 errors of the exact value; models that predict make it no wider."""
    logged, chosen = logged_of(drawn), another(known)[drawn.kind]
    truth = known.policy_value(another(known))
    found = off_policy_value(logged, chosen)
    better = off_policy_value(
        replace(logged, predicted=predicted_outcomes(logged, drawn.experiment.covariates, Crossing())), chosen
    )
    for one in (found.horvitz_thompson, found.self_normalised, found.doubly_robust, better.doubly_robust):
        assert one.least == one.most
        assert abs(one.least.value - truth) < 2.0 * (one.high - one.low) / 2.0
    widths = [one.high - one.low for one in (found.horvitz_thompson, better.doubly_robust)]
    assert widths[1] < widths[0]
    assert found.change.least.value == pytest.approx(found.doubly_robust.least.value - logged.outcome.mean())


def test_bounds_hold_the_truth_without_overlap() -> None:
    """Where a third could never get the plan, the truth lies between the bounds, and the share is told."""
    known = population(OutcomeSpec(impossible=0.33))
    drawn, policy = known.draw(10_000, seed=4), another(known)
    found = off_policy_value(logged_of(drawn), policy[drawn.kind])
    assert 0.12 < found.unsupported < 0.21
    assert found.doubly_robust.low < known.policy_value(policy) < found.doubly_robust.high
    assert found.doubly_robust.most.value - found.doubly_robust.least.value == pytest.approx(found.unsupported)


def test_a_policy_wholly_out_of_reach_may_be_anything() -> None:
    """Nobody was ever given what the policy gives everybody: the value is between 0 and 1, and that is all."""
    logged = Logged(
        action=np.zeros(5, dtype=np.int64),
        propensity=np.tile([1.0, 0.0], (5, 1)),
        outcome=np.array([0.0, 1.0, 0.0, 1.0, 1.0]),
        customers=np.arange(5),
    )
    found = off_policy_value(logged, np.tile([0.0, 1.0], (5, 1)))
    assert (found.unsupported, found.effective_rows) == (1.0, 0.0)
    for one in (found.horvitz_thompson, found.self_normalised, found.doubly_robust):
        assert (one.low, one.high) == pytest.approx((0.0, 1.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": np.array([0.0, 1.5])},
        {"propensity": np.array([[0.5, 0.4], [0.5, 0.5]])},
        {"propensity": np.array([[0.0, 1.0], [0.5, 0.5]])},
        {"action": np.array([0, 2])},
        {"predicted": np.zeros((2, 3))},
    ],
    ids=["outcome", "sum", "no chance", "no action", "predictions"],
)
def test_a_wrong_log_is_refused(wrong: dict[str, np.ndarray]) -> None:
    """Chances that are none, actions that are not there, outcomes without bounds: nothing can be said from these."""
    good = {
        "action": np.array([0, 1]),
        "propensity": np.full((2, 2), 0.5),
        "outcome": np.array([0.0, 1.0]),
        "customers": np.arange(2),
    }
    logged = Logged(**good)
    with pytest.raises(ValueError):
        off_policy_value(logged, np.array([[0.5, 0.6], [1.0, 0.0]]))
    with pytest.raises(ValueError):
        Logged(**{**good, **wrong})
