"""Uplift and the four policies: signs, honest halves, money, and the curve of gains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.models.effects.crossfit import Crossing, cross_fitted, honest_split
from forbear.models.effects.estimators import effect_scores
from forbear.models.effects.gains import gain_curve
from forbear.models.effects.learners import Linear
from forbear.models.effects.policies import POLICIES, Judged, four_policies, return_on_offers, top, value_of
from forbear.models.effects.uplift import doubly_robust_learner, t_learner
from forbear.simulation.outcomes import Drawn, OutcomeSpec, Population, population

scores = st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=50).map(np.array)


@pytest.fixture(scope="module")
def helping() -> Population:
    """Half held out, one action, which helps most segments and harms one."""
    return population(OutcomeSpec(hold_out=0.5, impossible=1.0, relative=(-0.5, 0.0)))


@pytest.fixture(scope="module")
def helped(helping: Population) -> Drawn:
    """30,000 customers of it."""
    return helping.draw(30_000, seed=9)


@pytest.mark.parametrize("robust", [False, True], ids=["t-learner", "doubly robust"])
def test_benefit_is_harm_avoided(helping: Population, helped: Drawn, robust: bool) -> None:
    """Where help prevents misses the benefit is above 0, where it brings them below; it follows the true benefit."""
    contrast = helped.experiment.contrast(1)
    train, judge = honest_split(contrast.customers, seed=1)
    part = contrast.rows(train)
    benefit = (doubly_robust_learner(part, Linear(), -1, Crossing()) if robust else t_learner(part, Linear(), -1))(
        contrast.covariates[judge]
    )
    truth = (helping.risk[:, 0] - helping.risk[:, 1])[helped.kind[judge]]
    segment = helping.segment[helped.kind[judge]]
    assert np.corrcoef(benefit, truth)[0, 1] > 0.5
    assert benefit[segment == 0].mean() > 0.05
    assert benefit[segment == 9].mean() < -0.05
    turned = t_learner(part, Linear(), 1)(contrast.covariates[judge])
    assert np.corrcoef(turned, truth)[0, 1] < 0.0


def judged_of(helping: Population, helped: Drawn) -> tuple[Judged, np.ndarray]:
    """The half that no model has seen, and the kinds of its customers."""
    contrast = helped.experiment.contrast(1)
    train, judge = honest_split(contrast.customers, seed=1)
    held_half = contrast.rows(judge)
    money = helped.experiment.money_minor
    assert money is not None
    benefit = t_learner(contrast.rows(train), Linear(), -1)
    return Judged(
        benefit=-effect_scores(held_half, cross_fitted(held_half, Crossing())),
        money_minor=effect_scores(held_half.of(money[judge]), np.zeros((len(held_half), 2))),
        cost_minor=500.0,
        risk=helping.risk[helped.kind[judge], 0],
        uplift=benefit(held_half.covariates),
        customers=held_half.customers,
    ), helped.kind[judge]


def test_the_four_policies_cover_their_truth(helping: Population, helped: Drawn) -> None:
    """Each value lies within 4 errors of the exact one, in people and in money; those who gain most are worth most."""
    judged, kind = judged_of(helping, helped)
    nobody, everybody, by_risk, by_uplift = found = four_policies(judged, capacity=0.3)
    assert tuple(one.policy for one in found) == POLICIES
    saved = helping.risk[kind, 0] - helping.risk[kind, 1]
    money = saved * helping.loss_minor[kind]
    offered = {
        "everybody": np.ones(len(kind)),
        "risk-ranked": top(judged.risk, int(0.3 * len(kind))),
        "uplift-ranked": top(judged.uplift, int(0.3 * len(kind))) & (judged.uplift > 0.0),
    }
    for one in found[1:]:
        for figure, truth in (
            (one.avoided, (offered[one.policy] * saved).mean()),
            (one.money_minor, (offered[one.policy] * (money - 500.0)).mean()),
        ):
            assert abs(figure.value - truth) < 2.0 * (figure.high - figure.low) / 2.0
    assert (nobody.avoided.value, nobody.money_minor.value, nobody.offered) == (0.0, 0.0, 0.0)
    assert everybody.beyond_random.value == pytest.approx(0.0, abs=1e-12)
    assert by_uplift.avoided.value > by_risk.avoided.value
    assert by_uplift.beyond_random.low > 0.0
    assert by_uplift.people.value == pytest.approx(by_uplift.avoided.value * len(judged))


def test_seeing_the_answers_flatters(helped: Drawn) -> None:
    """Ranked by its own rows' scores a policy looks far better than it is: which is why the judging half is unseen."""
    contrast = helped.experiment.contrast(1)
    benefit = -effect_scores(contrast, np.zeros((len(contrast), 2)))
    judged = Judged(
        benefit=benefit,
        money_minor=benefit,
        cost_minor=0.0,
        risk=benefit,
        uplift=benefit,
        customers=contrast.customers,
    )
    assert four_policies(judged, 0.3)[3].avoided.value > 0.15


@given(scores, st.floats(0.0, 1.0))
def test_offering_to_all_is_no_better_than_random(benefit: np.ndarray, share: float) -> None:
    """Everybody and nobody leave chance nothing to choose; any policy and its complement add up to everybody."""
    judged = Judged(
        benefit=benefit,
        money_minor=benefit * 100.0,
        cost_minor=1.0,
        risk=benefit,
        uplift=-benefit,
        customers=np.arange(len(benefit)),
    )
    chosen = top(judged.risk, round(share * len(benefit)))
    some, others = value_of("some", chosen, judged), value_of("others", ~chosen, judged)
    every = value_of("all", np.ones(len(benefit), dtype=np.bool_), judged)
    assert some.avoided.value + others.avoided.value == pytest.approx(every.avoided.value, abs=1e-9)
    assert some.money_minor.value + others.money_minor.value == pytest.approx(every.money_minor.value, abs=1e-7)
    assert every.beyond_random.value == pytest.approx(0.0, abs=1e-9)


def test_return_is_money_over_price() -> None:
    """Gains of 3 and 1 for 1 each return 100 %, with an interval around it; without a price there is no return."""
    gained, customers = np.array([3.0, 1.0, 3.0, 1.0]), np.arange(4)
    found = return_on_offers(gained, np.ones(4), customers)
    assert found.value == pytest.approx(1.0)
    assert found.low < 1.0 < found.high
    assert np.isnan(return_on_offers(gained, np.zeros(4), customers).value)


@given(scores)
def test_the_curve_begins_at_nothing_and_ends_at_everybody(benefit: np.ndarray) -> None:
    """At 0 nothing is gained, at 1 the mean of all; turning the order round turns the area's sign."""
    customers = np.arange(len(benefit))
    order = np.random.default_rng(1).permutation(len(benefit)).astype(np.float64)
    curve, back = gain_curve(order, benefit, customers), gain_curve(-order, benefit, customers)
    assert (curve.gain[0], curve.at_random[0]) == (0.0, 0.0)
    assert curve.gain[-1] == pytest.approx(benefit.mean(), abs=1e-9)
    assert curve.area.value == pytest.approx(-back.area.value, abs=1e-9)
    assert (curve.low <= curve.gain).all()
    assert (curve.gain <= curve.high).all()


def test_the_area_is_that_under_the_curve(helping: Population, helped: Drawn) -> None:
    """The area in closed form is what summing the drawn curve over its line gives, and an order that knows has one."""
    judged, _ = judged_of(helping, helped)
    curve = gain_curve(judged.uplift, judged.benefit, judged.customers)
    assert curve.area.value == pytest.approx(np.trapezoid(curve.gain - curve.at_random, curve.share), rel=0.02)
    assert curve.area.low > 0.0
    blind = gain_curve(np.random.default_rng(0).random(len(judged)), judged.benefit, judged.customers)
    assert blind.area.low < 0.0 < blind.area.high
