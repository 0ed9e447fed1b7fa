"""Mortgages: the figures that move default and payoff, as known at a date and as they go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forbear.domain.credit import Target
from forbear.models.credit.exposure import EadModel, Exposures
from forbear.models.credit.hazard import Factor, HazardModel
from forbear.models.credit.outlook import YEAR, Conditions, known_at
from forbear.models.credit.panel import LoanPanel
from forbear.models.credit.parameters import Economy
from forbear.models.credit.term import TermStructure
from forbear.models.dataset import Ints
from forbear.models.results import Floats

_LTV = (0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6)
_SCORE = (500.0, 550.0, 600.0, 640.0, 680.0, 720.0, 760.0, 800.0)
_AGE = (0.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 36.0)
_RATE = (0.0, 0.04, 0.055, 0.065, 0.075, 0.09, 0.11)
_OF_THE_LOAN = (
    Factor("age_quarters", _AGE, 0),
    Factor("credit_score", _SCORE, -1),
    Factor("rate", _RATE, 1),
    Factor("investor", (0.0, 1.0), 1),
)
_OF_THE_ECONOMY = (
    Factor("unemployment_rise", (-1.0, 0.0, 1.0, 2.0, 4.0), 1),
    Factor("gdp_growth", (-4.0, -2.0, 0.0, 2.0, 4.0), -1),
    Factor("house_price_growth", (-0.2, -0.1, -0.05, 0.0, 0.05, 0.1), -1),
)
DEFAULT_FACTORS = (*_OF_THE_LOAN, Factor("ltv", _LTV, 1), *_OF_THE_ECONOMY)
BLIND_FACTORS = (*_OF_THE_LOAN, Factor("ltv_at_old_prices", _LTV, 1))
"""For comparison: the same without the economy, a home being worth what it was at origination."""
PAYOFF_FACTORS = (
    Factor("age_quarters", _AGE, 0),
    Factor("credit_score", _SCORE, 0),
    Factor("rate", _RATE, 1),
    Factor("ltv", _LTV, -1),
    Factor("house_price_growth", (-0.2, -0.1, -0.05, 0.0, 0.05, 0.1), 1),
)


def known_columns(panel: LoanPanel, rows: Ints, rules: Economy) -> dict[str, Floats]:
    """The factors of (m,) rows as the end of their quarters knew them. Raises NotEnoughData before `first_quarter`."""
    economy = known_at(panel.economy, panel.quarter[rows], rules)
    loans = _loans(panel, rows)
    return _columns(loans, panel.quarter[rows] - panel.opened[rows], panel.balance_minor[rows], economy)


@dataclass(frozen=True, slots=True)
class Coming:
    """What lies ahead of m loans of one quarter over h periods under one course of the economy.

    columns: factors by name, each of a shape that broadcasts to (m, h).  ead_minor: (m, h), 0 after maturity.
    running: (m, h) 1 up to maturity, 0 after it.
    """

    columns: Mapping[str, Floats]
    ead_minor: Floats
    running: Floats


def coming(panel: LoanPanel, rows: Ints, conditions: Conditions, ead: EadModel) -> Coming:
    """What lies ahead of (m,) rows of one quarter, as seen at its end, for the periods of the outlook."""
    quarter = panel.quarter[rows]
    periods = np.arange(len(conditions.unemployment))
    exposures = exposures_of(panel, rows)
    owed = ead.path(exposures, len(periods), YEAR)
    age = (quarter - panel.opened[rows])[:, None] + periods[None, :]
    loans = {name: values[:, None] for name, values in _loans(panel, rows).items()}
    running = (periods[None, :] < exposures.periods_left[:, None]).astype(np.float64)
    return Coming(_columns(loans, age, owed, conditions), owed * running, running)


def exposures_of(panel: LoanPanel, rows: Ints) -> Exposures:
    """What (m,) rows owe; a loan past its maturity that still owes has a period left."""
    balance = panel.balance_minor[rows]
    left = np.maximum(panel.matures[rows] - panel.quarter[rows], 1)
    return Exposures(balance, balance, panel.rate[rows], left)


def structure(default: HazardModel, payoff: HazardModel, ahead: Coming, target: Target) -> TermStructure:
    """The term structure of default and payoff over the periods ahead."""
    running = ahead.running
    shape = running.shape
    conditional = np.broadcast_to(default.hazard(ahead.columns), shape) * running
    leaving = np.broadcast_to(payoff.hazard(ahead.columns), shape) * running
    return TermStructure(conditional, leaving, YEAR, target)


def _loans(panel: LoanPanel, rows: Ints) -> dict[str, Floats]:
    return {
        "credit_score": panel.credit_score[rows],
        "rate": panel.rate[rows],
        "investor": panel.investor[rows].astype(np.float64),
        "value_minor": panel.value_minor[rows],
        "price_index": panel.price_index[rows],
    }


def _columns(loans: Mapping[str, Floats], age: Ints, balance_minor: Floats, now: Conditions) -> dict[str, Floats]:
    at_old_prices = balance_minor / loans["value_minor"]
    return {
        "age_quarters": age.astype(np.float64),
        "credit_score": loans["credit_score"],
        "rate": loans["rate"],
        "investor": loans["investor"],
        "ltv": at_old_prices * loans["price_index"] / now.house_prices,
        "ltv_at_old_prices": at_old_prices,
        "balance_minor": balance_minor,
        "unemployment_rise": now.unemployment_rise,
        "gdp_growth": now.gdp_growth,
        "house_price_growth": now.house_price_growth,
    }
