"""Sensitivity: a model that keeps to its directions shows none against them, and one that does not is caught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forbear.models.artefact import Artefact, ModelTarget, make_artefact
from forbear.models.dataset import Dataset
from forbear.models.logistic import sigmoid
from forbear.models.results import Figure, Floats
from forbear.models.training import TrainingSpec, train
from forbear.models.validation import lights
from forbear.models.validation.lights import Light
from forbear.models.validation.sensitivity import importances_of, reaction, shocks_of, walked
from forbear.models.validation.stability import Refits
from forbear.models.validation.terms import Drift, Inputs, RefitTerms


@pytest.fixture(scope="module")
def artefact(bank: Dataset) -> Artefact:
    """A scorecard of the small bank."""
    trained = train(bank, TrainingSpec("scorecard", 0, resamples=0))
    return make_artefact(trained, bank, ModelTarget(1, 30, "a payment missed"), "f" * 64)


def crooked(features: Floats) -> Floats:
    """A PD that falls with stress beyond 1, against its direction."""
    stress = np.nan_to_num(features[:, 0])
    return sigmoid(-3.0 + np.where(stress > 1.0, -stress, stress))


def test_a_trained_model_keeps_to_its_directions(artefact: Artefact, bank: Dataset) -> None:
    """No pair goes against a direction; every feature with a direction and a known value was walked."""
    found = walked(artefact.predict, bank)

    assert (found.violations, found.worst) == (0, 0.0)
    assert found.features == 3
    assert found.pairs > 8 * found.rows


def test_a_crooked_model_is_caught(bank: Dataset) -> None:
    """A PD that falls where it must rise is counted, with how far it fell, and its light is red."""
    found = walked(crooked, bank)

    assert found.violations > 0
    assert 0.0 < found.worst < 1.0
    terms = Inputs(most_change=0.5, shuffles=1, source="test")
    assert lights.sensible(found, (), 0.1, terms) is Light.RED


def test_a_step_goes_the_way_of_the_direction(artefact: Artefact, bank: Dataset) -> None:
    """One step more stress raises the mean PD, one more cover lowers it; what is never known cannot be moved."""
    found = {one.feature: one for one in shocks_of(artefact.predict, bank, bank, 0.1)}

    assert "never_seen" not in found
    assert found["stress"].lower.mean_pd < found["stress"].higher.mean_pd
    assert found["cover"].lower.mean_pd > found["cover"].higher.mean_pd
    assert found["stress"].step == pytest.approx(1.0, abs=0.1)


def test_idle_features_carry_nothing(artefact: Artefact, bank: Dataset) -> None:
    """Shuffling stress or cover costs most; both measures of importance agree; equal seeds give equal figures."""
    found = importances_of(artefact, bank, seed=0, repeats=2)

    assert {one.feature for one in found.features[:2]} == {"stress", "cover"}
    assert found.features[1].fall.low > 0.02
    assert found == importances_of(artefact, bank, seed=0, repeats=2)


def test_a_reaction_counts_from_the_cut_off_on() -> None:
    """The share at or above a cut-off counts who is exactly at it."""
    found = reaction(np.array([0.1, 0.2, 0.3, 0.4]), 0.2)

    assert (found.mean_pd, found.high) == (pytest.approx(0.25), 0.75)


@pytest.mark.parametrize(
    ("figure", "light"),
    [
        (Figure(1.0, 0.9, 1.1), Light.GREEN),
        (Figure(1.0, 0.7, 1.1), Light.AMBER),
        (Figure(0.6, 0.5, 0.7), Light.RED),
        (Figure(1.6, 1.5, 1.7), Light.RED),
        (Figure(1.0, np.nan, np.nan), Light.AMBER),
    ],
)
def test_an_interval_decides_not_a_point(figure: Figure, light: Light) -> None:
    """Green needs the whole interval inside, red all of it outside; all else is open."""
    assert lights.within(figure, 0.8, 1.25) is light


def test_right_on_the_whole_may_be_wrong_on_a_date() -> None:
    """One date whose whole interval lies outside is enough to be open; one that merely reaches beyond is not."""
    assert lights.right_in_parts([Figure(1.0, 0.5, 1.5)], 0.8, 1.25) is Light.GREEN
    assert lights.right_in_parts([Figure(1.0, 0.9, 1.1), Figure(3.5, 2.5, 4.9)], 0.8, 1.25) is Light.AMBER


def test_lights_of_leads_and_of_stability() -> None:
    """A lead that may be chance is open, a sure deficit fails; few positives are never green; PSI goes by its lines."""
    sure, unsure, behind = Figure(0.1, 0.05, 0.2), Figure(0.1, -0.1, 0.2), Figure(-0.1, -0.2, -0.05)
    assert lights.above_zero([sure]) is Light.GREEN
    assert lights.above_zero([sure, unsure]) is Light.AMBER
    assert lights.above_zero([sure, behind]) is Light.RED
    assert lights.above_zero([]) is Light.AMBER
    assert lights.enough(Light.GREEN, 99, 100) is Light.AMBER
    assert lights.enough(Light.RED, 100, 100) is Light.RED
    assert [lights.at_most(psi, 0.1, 0.25) for psi in (0.09, 0.1, 0.25, np.nan)] == [
        Light.GREEN,
        Light.AMBER,
        Light.RED,
        Light.AMBER,
    ]


def test_trainings_that_disagree_are_open() -> None:
    """A PD that varies too much, or riskiest who do not stay, make stability open."""
    drift = Drift(look=0.1, change=0.25, source="test")
    terms = RefitTerms(number=2, most_spread=0.5, least_top=0.6, source="test")
    calm = Refits(2, (0.2, 0.3, 0.4), 0.8, (0.9, 0.9))
    assert lights.steady([0.0, 0.0], calm, drift, terms) is Light.GREEN
    assert lights.steady([0.0, 0.0], replace(calm, spread=(0.6, 0.7, 0.8)), drift, terms) is Light.AMBER
    assert lights.steady([0.0, 0.0], replace(calm, top=0.5), drift, terms) is Light.AMBER
    assert lights.steady([0.3, 0.0], calm, drift, terms) is Light.RED
    assert lights.steady([0.0, 0.3], calm, drift, terms) is Light.AMBER
    assert lights.steady([0.0], Refits(0, (np.nan,) * 3, np.nan, ()), drift, terms) is Light.AMBER
