"""Watching: the bounds hold at every look, which bounds for one look do not."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest

from forbear.domain.errors import NotEnoughData
from forbear.models.effects.observations import Contrast
from forbear.models.effects.sequential import LEAST_OF_ARM, mixture_radius, running, watched
from forbear.simulation.outcomes import OutcomeSpec, population

even_contrast = run_path(str(Path(__file__).with_name("conftest.py")))["even_contrast"]
RUNS, LENGTH, BURN_IN = 1_000, 1_500, 200


def nothing_at_work(share: float, given_chance: float, seed: int) -> Contrast:
    """Customers of whom a share misses, whatever they are offered, in the order in which it became known."""
    chance = np.random.default_rng(seed)
    given = chance.random(LENGTH) < given_chance
    return Contrast(
        given,
        ~given,
        np.full(LENGTH, given_chance),
        np.full(LENGTH, 1.0 - given_chance),
        (chance.random(LENGTH) < share).astype(np.float64),
        np.arange(LENGTH),
        np.zeros((LENGTH, 1)),
    )


@pytest.mark.parametrize(("share", "given_chance"), [(0.1, 0.5), (0.1, 0.8), (0.03, 0.9)])
def test_peeking_keeps_the_error(share: float, given_chance: float) -> None:
    """Looking after every single customer, at most 5 % of experiments without an effect ever seem to have one.

    So too where misses are rare and the hold-out is small, where the spread seen first is deceptive.
    """
    found = [watched(nothing_at_work(share, given_chance, seed), tuned_at=500) for seed in range(RUNS)]
    assert sum(one.decided is not None for one in found) <= 0.05 * RUNS


def test_peeking_at_bounds_for_one_look_does_not() -> None:
    """The same looks at ordinary 95 % intervals raise a false alarm several times as often."""
    alarms = 0
    for seed in range(200):
        trial = nothing_at_work(0.1, 0.5, seed)
        mean, deviation = running(2.0 * np.where(trial.given, 1.0, -1.0) * (trial.outcome - 0.1))
        alarms += bool((np.abs(mean) > 1.96 * deviation / np.sqrt(np.arange(1, LENGTH + 1)))[BURN_IN:].any())
    assert alarms > 0.15 * 200


def test_the_radius_is_exact_for_normal_observations() -> None:
    """Normal observations of known deviation: the boundary is crossed at most 5 % of the time, and not almost never."""
    mean, _ = running(np.random.default_rng(5).normal(size=(2 * RUNS, LENGTH)))
    count = np.arange(1, LENGTH + 1)
    crossed = (np.abs(mean) > mixture_radius(count, tuned_at=100)).any(axis=1).mean()
    assert 0.02 < crossed <= 0.055


def test_an_effect_is_seen_and_dated() -> None:
    """A halved chance leaves 0 out before long, the truth inside at the end; without an effect nothing is decided."""
    spec = OutcomeSpec(hold_out=0.5, impossible=1.0, relative=(-0.5, 0.0))
    helping = population(spec)
    found = watched(helping.draw(20_000, 1).experiment.contrast(1), tuned_at=5_000)
    assert found.decided is not None
    assert LEAST_OF_ARM * 2 <= found.decided < 20_000
    assert found.figure.low < helping.average_effect(1) < found.figure.high < 0.0
    nothing = population(spec.null()).draw(20_000, 1).experiment.contrast(1)
    assert watched(nothing, tuned_at=5_000).decided is None


def test_the_past_is_not_rewritten() -> None:
    """What was shown after so many customers stays what it was when more come."""
    contrast = population(OutcomeSpec()).draw(3_000, 2).experiment.contrast(1)
    early, late = watched(contrast.rows(np.arange(1_000)), tuned_at=500), watched(contrast, tuned_at=500)
    for one, other in ((early.value, late.value), (early.low, late.low), (early.high, late.high)):
        np.testing.assert_allclose(one, other[: len(one)], rtol=1e-12)


def test_only_shares_are_watched() -> None:
    """Money has no bound that early looks could lean on, and is refused."""
    with pytest.raises(ValueError, match="outside"):
        watched(even_contrast([2.0] * 100, [0.0] * 100), tuned_at=100)


def test_bounds_wait_for_both_arms() -> None:
    """Before 30 of each arm there is nothing to show."""
    with pytest.raises(NotEnoughData):
        watched(even_contrast([1.0] * 100, [0.0] * (LEAST_OF_ARM - 1)), tuned_at=100)
