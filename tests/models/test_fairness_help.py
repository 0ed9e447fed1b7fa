"""Fairness of help, and of what features tell: planted disparities are found, and none where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forbear.apps.package_data import shipped
from forbear.models.effects.crossfit import Crossing
from forbear.models.effects.definition import ANOTHER_BILL
from forbear.models.effects.learners import Chances
from forbear.models.fairness_help import AVOIDED, HelpFound, HelpInputs, examine_help
from forbear.models.fairness_proxy import Proxy, ProxyInputs, ProxyTest, proxies
from forbear.models.fairness_terms import Measure, parse_fairness
from forbear.models.fairness_verdicts import Compared, Verdict
from forbear.simulation.groups import FEW, MANY, GroupSpec, helped, scored

TERMS = parse_fairness(shipped("fairness.toml")).terms("EU")


def by_measure(found: HelpFound) -> dict[Measure, Compared]:
    """The comparisons of two groups."""
    return {one.measure: one for one in found.compared}


def test_fewer_offers_in_equal_need_are_found() -> None:
    """A group that is offered help less often is found by that measure, and by no other."""
    found = examine_help(helped(GroupSpec(offered=(0.8, 0.5)), 1), TERMS)

    assert [one.measure for one in found.compared if one.verdict == Verdict.DISPARITY] == [Measure.OFFERED]


def test_help_that_does_nothing_for_some_is_found() -> None:
    """Where help keeps the many from misses and does nothing for the few, the benefit is the disparity."""
    found = examine_help(helped(GroupSpec(customers=12_000, relief=(0.25, 0.0)), 2), TERMS)
    effects = {(one.segment, one.measure): one for one in found.readings}

    assert by_measure(found)[Measure.BENEFIT].verdict == Verdict.DISPARITY
    assert effects[f"group {MANY}", AVOIDED].finding == "benefit"
    assert effects[f"group {FEW}", AVOIDED].finding == ""


def test_who_is_harmed_is_named() -> None:
    """Help that has the few miss another bill: a harm of that group, and a disparity."""
    found = examine_help(helped(GroupSpec(customers=12_000, harmed=0.2), 3), TERMS)
    effects = {(one.segment, one.measure): one for one in found.readings}

    assert by_measure(found)[Measure.HARM].verdict == Verdict.DISPARITY
    assert effects[f"group {FEW}", ANOTHER_BILL].finding == "harm"
    harms = [effects[f"group {name}", ANOTHER_BILL].effect.figure for name in (FEW, MANY)]
    assert harms[0].low > harms[1].high


def test_equal_help_is_no_disparity() -> None:
    """Ten books where both groups are helped alike: nothing is found."""
    for seed in range(10):
        found = examine_help(helped(GroupSpec(), seed), TERMS)
        assert Verdict.DISPARITY not in {one.verdict for one in found.compared}


def test_without_a_hold_out_no_effect_is_told() -> None:
    """Where nobody was held out, or nothing is known yet, offers are compared and effects are not."""
    inputs = helped(GroupSpec(), 4)
    nobody = replace(inputs, held=np.zeros_like(inputs.held))
    unripe = replace(inputs, missed=np.full_like(inputs.missed, -1))
    for one in (nobody, unripe):
        found = examine_help(one, TERMS)
        assert found.readings == ()
        assert by_measure(found)[Measure.BENEFIT].why
        assert not by_measure(found)[Measure.OFFERED].why


def test_held_out_without_a_draw_is_refused() -> None:
    """Nobody is held out who did not come to the draw."""
    inputs = helped(GroupSpec(customers=200), 5)
    with pytest.raises(ValueError, match="held out"):
        replace(inputs, drawn=np.zeros_like(inputs.drawn))


def test_help_is_asked_about_customers_once() -> None:
    """Inputs of other lengths are refused."""
    inputs: HelpInputs = helped(GroupSpec(customers=200), 6)
    with pytest.raises(ValueError, match="lengths"):
        replace(inputs, offered=inputs.offered[:-1])


# ---- proxies


def foretold(strength: float, *, drives: float) -> Proxy:
    """What two features tell, of which the first is higher for the few, and drives scores so much."""
    book, chance = scored(GroupSpec(customers=900, dates=2), 7), np.random.default_rng(8)
    few = book.groupings[0].codes == 1
    told = chance.normal(size=len(few)) + strength * few
    inputs = ProxyInputs(
        features=np.stack([told, chance.normal(size=len(few))], axis=1),
        names=("tells", "silent"),
        pd=1.0 / (1.0 + np.exp(2.0 - drives * told - chance.normal(scale=0.3, size=len(few)))),
        label=book.label,
        customers=book.customers,
        groupings=book.groupings,
    )
    [found] = proxies(inputs, ProxyTest(crossing=Crossing(Chances(), folds=3)))
    return found


def test_a_feature_that_tells_is_named_and_carries_the_gap() -> None:
    """The AUC leaves 0.5 behind, the feature leads, and most of the gap in scores runs through it."""
    found = foretold(2.0, drives=0.5)

    assert found.auc.low > 0.8
    assert found.carriers[0].feature == "tells"
    assert found.gap.low > 0.0
    assert found.carried > 0.7


def test_features_that_tell_nothing_carry_nothing() -> None:
    """An AUC about 0.5, no gap, and so no share of it."""
    found = foretold(0.0, drives=0.5)

    assert found.auc.low < 0.5 < found.auc.high + 0.02
    assert np.isnan(found.carried)
