"""Average effects: invariants, agreement where agreement must be, and worked examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import NotEnoughData
from forbear.models.effects.crossfit import Crossing, cross_fitted, customer_folds, honest_split
from forbear.models.effects.effect import effect_of, mean_of
from forbear.models.effects.estimators import difference_in_means, doubly_robust, hajek, horvitz_thompson, plain
from forbear.models.effects.learners import Chances, Linear, Trees
from forbear.models.effects.observations import Experiment
from forbear.models.effects.shares import difference
from forbear.simulation.outcomes import Drawn, Population

even_contrast = run_path(str(Path(__file__).with_name("conftest.py")))["even_contrast"]
ESTIMATORS = [plain, horvitz_thompson, hajek, lambda contrast: doubly_robust(contrast, np.zeros((len(contrast), 2)))]
outcomes = st.lists(st.floats(-100.0, 100.0), min_size=2, max_size=20)


@given(outcomes, outcomes)
def test_swapping_the_arms_turns_the_sign(given_: list[float], held: list[float]) -> None:
    """What helps the one arm harms the other: value and bounds change sides exactly."""
    for estimate in ESTIMATORS:
        contrast = even_contrast(given_, held)
        turned = replace(contrast, given=contrast.held, held=contrast.given)
        there, back = estimate(contrast).figure, estimate(turned).figure
        expected = (-there.value, -there.high, -there.low)
        assert (back.value, back.low, back.high) == pytest.approx(expected, abs=1e-9)


@given(outcomes, outcomes, st.randoms())
def test_the_order_of_rows_changes_nothing(given_: list[float], held: list[float], random: Any) -> None:
    """A customer is where the customer stands: rows may come in any order."""
    contrast = even_contrast(given_, held)
    order = np.array(random.sample(range(len(contrast)), len(contrast)))
    for estimate in ESTIMATORS:
        one, other = estimate(contrast), estimate(contrast.rows(order))
        assert other.figure.value == pytest.approx(one.figure.value, abs=1e-9)
        assert other.standard_error == pytest.approx(one.standard_error, abs=1e-9)


@given(outcomes, outcomes, st.integers(2, 4))
def test_a_customer_told_twice_is_no_two_customers(given_: list[float], held: list[float], times: int) -> None:
    """Copies of rows under the same ids leave value and error as they were; under new ids they would not."""
    contrast = even_contrast(given_, held)
    copies = contrast.rows(np.tile(np.arange(len(contrast)), times))
    for estimate in (hajek, horvitz_thompson):
        one, many = estimate(contrast), estimate(copies)
        assert many.customers == one.customers
        assert many.figure.value == pytest.approx(one.figure.value, abs=1e-9)
        assert many.standard_error == pytest.approx(one.standard_error, abs=1e-9)


def test_even_chances_make_hajek_the_difference_of_means() -> None:
    """Where everybody's chance was the same, weighing by it changes nothing."""
    contrast = even_contrast([3.0, 5.0, 9.0], [1.0, 2.0])
    assert difference_in_means(contrast).figure.value == pytest.approx(17 / 3 - 1.5)
    assert hajek(contrast).figure.value == pytest.approx(17 / 3 - 1.5)


def test_every_estimator_finds_what_is_true(known: Population, drawn: Drawn) -> None:
    """On 20,000 customers whose chances depend on their risk all weighted estimators lie within 4 errors."""
    contrast, truth = drawn.experiment.contrast(1), known.average_effect(1)
    found = [
        horvitz_thompson(contrast),
        hajek(contrast),
        doubly_robust(contrast, cross_fitted(contrast, Crossing(seed=1))),
    ]
    for effect in found:
        assert abs(effect.figure.value - truth) < 4.0 * effect.standard_error
    assert found[2].standard_error < found[0].standard_error


def test_uneven_chances_mislead_plain_means(known: Population) -> None:
    """The riskier are reminded less often: the plain difference, which would take that for an effect, is refused."""
    contrast = known.draw(200_000, seed=3).experiment.contrast(1)
    naive = contrast.outcome[contrast.given].mean() - contrast.outcome[contrast.held].mean()
    assert abs(naive - known.average_effect(1)) > 5.0 * hajek(contrast).standard_error
    with pytest.raises(ValueError, match="weigh by them"):
        difference_in_means(contrast)
    assert plain(contrast) == hajek(contrast)


def test_bad_models_cost_width_not_truth(known: Population, drawn: Drawn) -> None:
    """As the chances are known, nonsense predictions leave the doubly robust estimate unbiased, and wide."""
    contrast = drawn.experiment.contrast(1)
    nonsense = np.random.default_rng(0).normal(3.0, 2.0, (len(contrast), 2))
    found, good = doubly_robust(contrast, nonsense), doubly_robust(contrast, cross_fitted(contrast, Crossing()))
    assert found.standard_error > 3.0 * good.standard_error
    assert abs(found.figure.value - known.average_effect(1)) < 4.0 * found.standard_error


def test_self_cure_is_no_effect() -> None:
    """Where most recover with or without help, the effect is the difference, not what the helped came to."""
    found = plain(even_contrast([0.0] * 90 + [1.0] * 10, [0.0] * 90 + [1.0] * 10))
    assert found.figure.value == 0.0
    assert found.figure.low < 0.0 < found.figure.high


def test_the_interval_is_newcombes() -> None:
    """56 of 70 against 48 of 80, the worked example of Newcombe (1998): 0.2, from 0.0524 to 0.3339."""
    found = difference((56, 70), (48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    trial = even_contrast([1.0] * 56 + [0.0] * 14, [1.0] * 48 + [0.0] * 32)
    assert plain(trial).figure == found


def test_the_interval_has_a_width_where_nobody_misses() -> None:
    """Without a single miss the difference is 0, and still not known exactly."""
    found = difference((0, 50), (0, 50))
    assert found.low < found.value == 0.0 < found.high
    assert plain(even_contrast([0.0] * 50, [0.0] * 50)).p_value == 1.0


def test_a_mean_has_students_interval() -> None:
    """1, 2, 3, 4 as four customers: 2.5 +- 3.1824 x 0.6455; as two customers of two rows the error is larger."""
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    four = mean_of(scores, np.arange(4))
    assert (four.low, four.high) == pytest.approx((2.5 - 3.182446 * 0.645497, 2.5 + 3.182446 * 0.645497), abs=1e-5)
    assert effect_of(2.5, scores - 2.5, np.array([7, 7, 5, 5])).standard_error == pytest.approx(np.sqrt(2 * 8) / 4)


@pytest.mark.parametrize("sides", [([1.0, 2.0], []), ([], [1.0])])
def test_an_empty_arm_has_no_effect(sides: tuple[list[float], list[float]]) -> None:
    """Nobody helped, or nobody held out: refused, whatever the estimator."""
    for estimate in ESTIMATORS:
        with pytest.raises(NotEnoughData):
            estimate(even_contrast(*sides))


def test_folds_and_halves_keep_customers_whole() -> None:
    """All rows of a customer are in one fold, and on one side of an honest split; both depend on the seed."""
    customers = np.repeat(np.arange(40), 3)
    fold = customer_folds(customers, 4, seed=1)
    assert all(len(set(fold[customers == one])) == 1 for one in range(40))
    assert np.bincount(fold).tolist() == [30, 30, 30, 30]
    train, judge = honest_split(customers, seed=1)
    assert not set(customers[train]) & set(customers[judge])
    assert (train ^ judge).all()
    assert not np.array_equal(fold, customer_folds(customers, 4, seed=2))


@pytest.mark.parametrize("learner", [Linear(), Trees(), Chances()], ids=["linear", "trees", "chances"])
def test_a_learner_learns(learner: Any) -> None:
    """Each learner ranks what depends on a column, takes unknown values, and gives equal answers again."""
    chance = np.random.default_rng(4)
    features = chance.random((2_000, 3))
    features[::17, 1] = np.nan
    outcome = (chance.random(2_000) < 0.1 + 0.6 * features[:, 0]).astype(np.float64)
    predict = learner.fit(features, outcome)
    assert np.corrcoef(predict(features), features[:, 0])[0, 1] > 0.85
    np.testing.assert_array_equal(predict(features[:5]), learner.fit(features, outcome)(features[:5]))


def test_an_experiment_is_checked(drawn: Drawn) -> None:
    """Chances that are none, and an arm that had no chance, do not pass."""
    good = drawn.experiment
    for wrong in (
        {"propensity": good.propensity * 0.9},
        {"propensity": np.roll(np.eye(3)[good.arm], 1, axis=1)},
        {"outcome": good.outcome[:-1]},
        {"outcome": np.where(good.arm == 0, np.nan, 0.0)},
        {"good": 0},
    ):
        with pytest.raises(ValueError):
            replace(good, **wrong)
    with pytest.raises(ValueError, match="compared with"):
        Experiment.contrast(good, 0)
