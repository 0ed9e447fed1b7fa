"""Randomised trials: what they estimate is held against both lives of everybody."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.simulation.lives import Lives
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import ASTRAY, SUITED, Help
from forbear.simulation.trial import Assignment, BothLives, both_lives, run_trial, true_effect
from forbear.simulation.truth import Moments, Sampling, true_probabilities

BANK = BankSpec(customers=8_000, days=300)
DAYS = (150, 210)
SEEDS = range(40)
# Of 40 intervals that hold with probability 0.95, fewer than 34 hold with probability 0.003, and of 40 tests at
# 5 % more than 6 are significant with the same.
FEWEST_COVERED, MOST_SIGNIFICANT = 34, 6

each_kind = pytest.mark.parametrize("kind", list(Help), ids=lambda kind: kind.name.lower())


@pytest.fixture(scope="module")
def enrolled() -> Moments:
    """Customers without arrears and with less than 0.6 months' pay at hand: those whom help is meant for."""
    lives, parts = Lives.of(BANK, BANK.days), []
    for t in DAYS:
        lives.live_until(t)
        life, traits = lives.houses["life"], lives.houses["traits"]
        short = life["balance"] + life["savings"] + traits["limit"] < 0.6 * traits["income"]
        parts.append([(c, t) for c in np.flatnonzero(short & (life["open"] == 0))])
    return Moments(*np.concatenate(parts).T)


@pytest.fixture(scope="module")
def lives(enrolled: Moments) -> dict[Help, BothLives]:
    """Both lives of each of them, for each kind of help."""
    return both_lives(BANK, enrolled, dict.fromkeys(Help, 1.0))


def test_the_life_without_help_is_the_one_that_was_lived(enrolled: Moments, lives: dict[Help, BothLives]) -> None:
    """Held out, a customer misses what is missed in the bank's own run; the kinds share that life."""
    lived = true_probabilities(BANK, enrolled, Sampling(futures=4)).labels
    for of_kind in lives.values():
        np.testing.assert_array_equal(of_kind.outcomes()[:, 0], lived == 1.0)


def test_lives_do_not_depend_on_who_else_takes_part(enrolled: Moments, lives: dict[Help, BothLives]) -> None:
    """Some of the customers, in another order and with one kind only, live the same lives."""
    some = np.random.default_rng(2).permutation(len(enrolled))[:60]
    alone = both_lives(BANK, enrolled.where(some), {Help.CREDIT_LINE: 1.0})[Help.CREDIT_LINE]
    np.testing.assert_array_equal(alone.missed, lives[Help.CREDIT_LINE].missed[some])
    np.testing.assert_array_equal(alone.response, lives[Help.CREDIT_LINE].response[some])


@each_kind
def test_shares_of_the_truth_agree(lives: dict[Help, BothLives], kind: Help) -> None:
    """The average is harmed less helped, all shares add up, and classes weigh in by their size."""
    truth = true_effect(lives[kind])
    assert truth.average == pytest.approx(truth.harmed - truth.helped)
    assert truth.helped + truth.harmed + truth.unaffected == pytest.approx(1.0)
    assert truth.postponed <= truth.helped
    customers = sum(one.customers for one in truth.by_class)
    assert customers == len(lives[kind].moments)
    assert sum(one.customers * one.effect for one in truth.by_class) / customers == pytest.approx(truth.average)
    assert all(one.effect == 0.0 for one in truth.by_class if one.response == "indifferent")


@each_kind
def test_a_trial_covers_the_truth(lives: dict[Help, BothLives], kind: Help) -> None:
    """In one run of each kind the interval holds the true average effect."""
    trial = run_trial(lives[kind], Assignment(seed=1))
    assert trial.covered
    assert trial.offered + trial.held_out == len(lives[kind].moments)
    assert trial.estimate.value == pytest.approx(trial.rates[0] - trial.rates[1])


@each_kind
def test_intervals_hold_as_often_as_they_say(lives: dict[Help, BothLives], kind: Help) -> None:
    """Of forty trials on the same customers about 95 % hold the truth."""
    assert sum(run_trial(lives[kind], Assignment(seed=seed)).covered for seed in SEEDS) >= FEWEST_COVERED


def test_help_that_does_nothing_is_not_found_to_work(enrolled: Moments) -> None:
    """With the strength at 0 both lives are one, and a trial is significant no more often than chance allows."""
    nothing = both_lives(BANK, enrolled, {Help.PAYMENT_PAUSE: 0.0})[Help.PAYMENT_PAUSE]
    truth = true_effect(nothing)
    assert (truth.average, truth.helped, truth.harmed, truth.displaced) == (0.0, 0.0, 0.0, 0.0)
    assert nothing.outcomes().any()
    assert sum(run_trial(nothing, Assignment(seed=seed)).significant for seed in SEEDS) <= MOST_SIGNIFICANT


def of_class(lives: BothLives, response: int) -> BothLives:
    """The customers of one class of response."""
    mask = lives.response == response
    return BothLives(lives.kind, lives.moments.where(mask), lives.missed[mask], lives.response[mask])


def test_harm_is_found_where_it_is(lives: dict[Help, BothLives]) -> None:
    """A credit line harms those whom it leads astray, and a trial among them says so; the others it helps."""
    astray = run_trial(of_class(lives[Help.CREDIT_LINE], ASTRAY), Assignment(seed=1))
    assert astray.truth.average > 0.02
    assert astray.estimate.low > 0.0
    assert true_effect(of_class(lives[Help.CREDIT_LINE], SUITED)).average < 0.0


def test_paying_early_displaces(lives: dict[Help, BothLives]) -> None:
    """Some whom the link leads astray pay one obligation at the price of another; an average hides help and harm."""
    truth = true_effect(of_class(lives[Help.EARLY_COLLECTION], ASTRAY))
    assert truth.displaced > 0.005
    assert truth.harmed > 0.005
    assert truth.helped > 0.005
    assert abs(truth.average) < min(truth.harmed, truth.helped)


@pytest.mark.parametrize("kind", [Help.REMINDER, Help.DUE_DATE_CHANGE, Help.PAYMENT_PAUSE, Help.SPENDING_REVIEW])
def test_help_helps_whom_it_suits(lives: dict[Help, BothLives], kind: Help) -> None:
    """Those whom it suits miss a little less, and most of them just what they would have missed anyway."""
    truth = true_effect(of_class(lives[kind], SUITED))
    assert -0.08 < truth.average < 0.0
    assert truth.unaffected > 0.9


def test_an_arm_is_a_hash(enrolled: Moments) -> None:
    """Who is offered help depends on seed, customer, day and kind only; about the share that was asked for is."""
    some = enrolled.where(enrolled.customer % 3 == 0)
    arms = Assignment(seed=4, share=0.3).offered(Help.REMINDER, enrolled)
    np.testing.assert_array_equal(
        arms[enrolled.customer % 3 == 0], Assignment(seed=4, share=0.3).offered(Help.REMINDER, some)
    )
    assert abs(arms.mean() - 0.3) < 0.06
    assert not np.array_equal(arms, Assignment(seed=5, share=0.3).offered(Help.REMINDER, enrolled))
    assert not np.array_equal(arms, Assignment(seed=4, share=0.3).offered(Help.CREDIT_LINE, enrolled))


def test_a_trial_needs_two_arms(lives: dict[Help, BothLives]) -> None:
    """A share of 0 or 1 is refused, and so is a trial of nobody."""
    for share in (0.0, 1.0):
        with pytest.raises(ConfigError):
            Assignment(share=share)
    with pytest.raises(NotEnoughData):
        run_trial(of_class(lives[Help.REMINDER], 9), Assignment())
    with pytest.raises(NotEnoughData):
        true_effect(of_class(lives[Help.REMINDER], 9))
