"""The economy as a date knows it, and how it is taken to go on under a scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.domain.errors import NotEnoughData
from forbear.models.credit import panel, parameters
from forbear.models.dataset import Ints
from forbear.models.results import Floats

YEAR = 4
"""Quarters."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The economy at the beginning of each of h periods, (h,) each.

    unemployment: percent.  unemployment_rise: points over a year.  gdp_growth: percent over a year.
    house_price_growth: share over a year.  house_prices: index.
    """

    unemployment: Floats
    unemployment_rise: Floats
    gdp_growth: Floats
    house_price_growth: Floats
    house_prices: Floats


def first_quarter(rules: parameters.Economy) -> int:
    """The first quarter of which a year of published figures is known."""
    return 1 + YEAR + rules.published_after_quarters


def known_at(economy: panel.Economy, quarters: Ints, rules: parameters.Economy) -> Conditions:
    """What each of (n,) quarters knew at its end: figures of `published_after_quarters` before it.

    Raises NotEnoughData for a quarter before `first_quarter`.
    """
    at = quarters - 1 - rules.published_after_quarters
    if (at < YEAR).any():
        raise NotEnoughData("a quarter has no year of published figures before it", mend="begin later")
    return Conditions(
        unemployment=economy.unemployment[at],
        unemployment_rise=economy.unemployment[at] - economy.unemployment[at - YEAR],
        gdp_growth=economy.gdp_growth[at],
        house_price_growth=economy.house_prices[at] / economy.house_prices[at - YEAR] - 1.0,
        house_prices=economy.house_prices[at],
    )


def outlook(
    economy: panel.Economy, quarter: int, rules: parameters.Economy, scenario: parameters.ScenarioRule, periods: int
) -> Conditions:
    """The economy at the beginning of the next periods, as seen at the end of a quarter; the first is what is known.

    Unemployment, GDP growth and the growth of house prices move from their last known values to the mean of all that is
    known, the distance halving every half-life; the scenario's points are added, built up in a straight line and fading
    with the same half-life. House prices compound their growth. Unemployment is kept at 0 or above.
    Raises NotEnoughData as `known_at`.
    """
    known = known_at(economy, np.array([quarter]), rules)
    upto = quarter - rules.published_after_quarters
    past = np.arange(upto)
    steps = np.arange(1, periods)
    fade = 0.5 ** (steps / rules.half_life_quarters)
    built = np.minimum(steps / rules.build_up_quarters, 1.0)
    lean = built * 0.5 ** (np.maximum(steps - rules.build_up_quarters, 0) / rules.half_life_quarters)

    def course(history: Floats, last: float, points: float) -> Floats:
        mean = float(history.mean())
        path: Floats = mean + (last - mean) * fade + points * lean
        return path

    unemployment = np.maximum(
        course(economy.unemployment[past], float(known.unemployment[0]), scenario.unemployment_points), 0.0
    )
    gdp_growth = course(economy.gdp_growth[past], float(known.gdp_growth[0]), scenario.gdp_growth_points)
    log_prices = np.log(economy.house_prices[past])
    yearly = log_prices[YEAR:] - log_prices[:-YEAR]
    growth = course(yearly, float(yearly[-1]), scenario.house_price_growth_points / 100.0)
    log_path = np.concatenate([log_prices[-YEAR - 1 :], log_prices[-1] + np.cumsum(growth / YEAR)])
    rates = np.concatenate([economy.unemployment[past][-YEAR - 1 :], unemployment])
    return Conditions(
        unemployment=rates[YEAR:],
        unemployment_rise=rates[YEAR:] - rates[:-YEAR],
        gdp_growth=np.concatenate([known.gdp_growth, gdp_growth]),
        house_price_growth=np.expm1(log_path[YEAR:] - log_path[:-YEAR]),
        house_prices=np.exp(log_path[YEAR:]),
    )
