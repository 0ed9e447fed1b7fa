"""The discrete-time hazard: monotone, flat outside its knots, and true where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.domain.errors import ModelMismatch, NotEnoughData
from forbear.models.credit.hazard import Factor, fit_hazard
from forbear.models.logistic import sigmoid

KNOTS = (0.0, 0.25, 0.5, 0.75, 1.0)
GRID = np.linspace(-0.5, 1.5, 60)


@given(st.sampled_from([-1, 1]), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_a_direction_is_kept_whatever_the_data_say(direction: int, seed: int) -> None:
    """A curve never runs against its direction, even on data that would have it so."""
    chance = np.random.default_rng(seed)
    values = chance.random(800)
    events = chance.random(800) < sigmoid(-1.5 - direction * 2.0 * values)
    model = fit_hazard({"x": values}, events, [Factor("x", KNOTS, direction)])
    assert (direction * np.diff(model.curves[0].points) >= 0.0).all()
    # The truth runs the other way: flat is the best that is allowed.
    assert np.ptp(model.hazard({"x": GRID})) < 0.05


def test_the_truth_is_found() -> None:
    """Hazards of many rows come near those that they were drawn from; outside the knots nothing is extrapolated."""
    chance = np.random.default_rng(7)
    x, y = chance.random(60_000), chance.random(60_000)
    truth = sigmoid(-3.0 + 2.0 * x - 1.0 * np.abs(y - 0.5))
    events = chance.random(60_000) < truth
    model = fit_hazard({"x": x, "y": y}, events, [Factor("x", KNOTS, 1), Factor("y", KNOTS, 0)])

    assert model.events == events.sum()
    assert model.hazard({"x": x, "y": y}).mean() == pytest.approx(events.mean(), abs=1e-4)
    assert np.abs(model.hazard({"x": x, "y": y}) - truth).mean() < 0.006
    assert model.hazard({"x": np.array(1.0), "y": y}).max() == model.hazard({"x": np.array(9.0), "y": y}).max()


def test_columns_broadcast_and_are_checked() -> None:
    """One value for all periods and one for each go together; what is missing or unknown is refused."""
    values = np.tile([0.0, 1.0], 50)
    model = fit_hazard({"x": values}, values > 0.5, [Factor("x", KNOTS, 1)])
    assert model.hazard({"x": np.zeros((3, 1)) + np.linspace(0, 1, 5)}).shape == (3, 5)
    with pytest.raises(ModelMismatch, match="'x'"):
        model.hazard({})
    with pytest.raises(ValueError, match="unknown"):
        model.hazard({"x": np.array([np.nan])})


@pytest.mark.parametrize("events", [0, 19, 200])
def test_too_few_events_fit_nothing(events: int) -> None:
    """Fewer than twenty events, or nothing else, say nothing honest."""
    with pytest.raises(NotEnoughData, match="events in 200 rows"):
        fit_hazard({"x": np.linspace(0, 1, 200)}, np.arange(200) < events, [Factor("x", KNOTS, 1)])


@pytest.mark.parametrize(("knots", "direction"), [((0.0,), 0), ((0.0, 0.0), 1), ((1.0, 0.0), 1), ((0.0, 1.0), 2)])
def test_a_factor_has_rising_knots_and_a_direction(knots: tuple[float, ...], direction: int) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="x: knots"):
        Factor("x", knots, direction)
