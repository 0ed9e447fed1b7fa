"""The economy as a date knows it: never what comes later, and back to its mean in the end."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from forbear.apps.package_data import shipped
from forbear.domain.errors import NotEnoughData
from forbear.models.credit.outlook import Conditions, first_quarter, known_at, outlook
from forbear.models.credit.panel import Economy
from forbear.models.credit.parameters import ScenarioRule, parse_parameters
from forbear.testing.loans import boom_and_bust

PARAMETERS = parse_parameters(shipped("credit.toml"))
RULES = PARAMETERS.economy
BASE, DOWN, UP = PARAMETERS.scenarios
ECONOMY = boom_and_bust(40)


def look(economy: Economy, quarter: int, scenario: ScenarioRule = BASE, periods: int = 60) -> Conditions:
    """The outlook at the end of a quarter."""
    return outlook(economy, quarter, RULES, scenario, periods)


@pytest.mark.parametrize("quarter", [6, 20, 33])
def test_nothing_later_is_known(quarter: int) -> None:
    """Changing the quarter itself and all after it changes nothing that its end knows: figures come a quarter later."""
    names = ("unemployment", "gdp_growth", "house_prices")
    later = np.arange(1, 41) >= quarter
    changed = Economy(*(np.where(later, 3.0 * getattr(ECONOMY, name), getattr(ECONOMY, name)) for name in names))
    for field in fields(Conditions):
        np.testing.assert_array_equal(
            getattr(look(ECONOMY, quarter), field.name), getattr(look(changed, quarter), field.name)
        )
        np.testing.assert_array_equal(
            getattr(known_at(ECONOMY, np.array([quarter]), RULES), field.name),
            getattr(known_at(changed, np.array([quarter]), RULES), field.name),
        )


def test_the_first_period_is_what_is_known() -> None:
    """An outlook begins where knowledge ends, whatever the scenario."""
    known = known_at(ECONOMY, np.array([25]), RULES)
    for scenario in (BASE, DOWN, UP):
        for field in fields(Conditions):
            first = getattr(look(ECONOMY, 25, scenario), field.name)[0]
            assert first == pytest.approx(getattr(known, field.name)[0], rel=1e-12)


def test_far_ahead_all_scenarios_meet_at_the_mean() -> None:
    """The distance to the mean of what is known halves with every half-life, and the scenario's lean fades as well."""
    mean = ECONOMY.unemployment[:24].mean()
    for scenario in (BASE, DOWN, UP):
        path = look(ECONOMY, 25, scenario, periods=120).unemployment
        assert path[-1] == pytest.approx(mean, abs=1e-6)
    base = look(ECONOMY, 25).unemployment
    assert base[8] - mean == pytest.approx((base[4] - mean) / 2.0)


def test_scenarios_lean_as_they_say() -> None:
    """At their full weight they differ from the base by their points; house prices differ for good."""
    base, down = look(ECONOMY, 25), look(ECONOMY, 25, DOWN)
    at = RULES.build_up_quarters
    assert down.unemployment[at] - base.unemployment[at] == pytest.approx(DOWN.unemployment_points)
    assert down.gdp_growth[at] - base.gdp_growth[at] == pytest.approx(DOWN.gdp_growth_points)
    assert (down.house_prices[1:] < base.house_prices[1:]).all()


def test_a_year_of_figures_is_needed() -> None:
    """Before the first quarter with a year of published figures nothing is said."""
    assert first_quarter(RULES) == 6
    with pytest.raises(NotEnoughData, match="begin later"):
        look(ECONOMY, 5)
