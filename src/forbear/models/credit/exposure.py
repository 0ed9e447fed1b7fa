"""Exposure at default: what is owed when a default comes. Balances that run down, and lines that are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forbear.models.credit.quantities import not_negative, unit
from forbear.models.dataset import Ints
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.results import Figure, Floats


@dataclass(frozen=True, slots=True)
class Exposures:
    """What n facilities owe and may still draw [minor units], (n,) each.

    balance_minor: drawn today.  limit_minor: of a line, its limit; of a loan, its balance.
    annual_rate: nominal contractual rate, e.g. 0.045; >= 0.  periods_left: to maturity, >= 1.
    Raises ValueError out of range.
    """

    balance_minor: Floats
    limit_minor: Floats
    annual_rate: Floats
    periods_left: Ints

    def __post_init__(self) -> None:
        for values, name in ((self.balance_minor, "balance"), (self.limit_minor, "limit"), (self.annual_rate, "rate")):
            not_negative(values, name)
        if (self.periods_left < 1).any():
            raise ValueError("a facility is past its maturity")


class EadModel(Protocol):
    """Gives the exposure at a default in each coming period. Third parties register one as `forbear.ead`."""

    def path(self, exposures: Exposures, periods: int, periods_per_year: int) -> Floats:
        """(n, periods) exposure at a default in each period [minor units], >= 0; 0 after maturity."""


@dataclass(frozen=True, slots=True)
class Amortising:
    """Annuity loans: equal instalments to maturity. The exposure in a period is the balance at its beginning."""

    def path(self, exposures: Exposures, periods: int, periods_per_year: int) -> Floats:
        """(n, periods) balance at the beginning of each period [minor units].

        B(k) = B(0) x (q^N - q^k) / (q^N - 1) with q = 1 + annual rate / periods a year; a straight line at rate 0.
        Source: the level-payment annuity.
        """
        rate = exposures.annual_rate[:, None] / periods_per_year
        left = exposures.periods_left[:, None].astype(np.float64)
        gone = np.minimum(np.arange(periods)[None, :], left)
        with np.errstate(invalid="ignore", divide="ignore"):
            # (q^N - q^k) / (q^N - 1) without the cancellation that small rates would bring.
            log_growth = np.log1p(rate)
            share = -np.expm1((gone - left) * log_growth) / -np.expm1(-left * log_growth)
        share = np.where(rate > 0.0, share, 1.0 - gone / left)
        path: Floats = exposures.balance_minor[:, None] * share
        return path


@dataclass(frozen=True, slots=True)
class Drawn:
    """Lines: what is drawn today and a share of what is not, at a default in any period before maturity.

    conversion: credit conversion factor, [0, 1].  Raises ValueError outside.
    Source: the conversion factor of Regulation (EU) 575/2013 article 4(1)(56).
    """

    conversion: float

    def __post_init__(self) -> None:
        unit(np.array(self.conversion), "credit conversion factor")

    def path(self, exposures: Exposures, periods: int, periods_per_year: int) -> Floats:  # noqa: ARG002  # of the port
        """(n, periods) the same exposure in each period to maturity [minor units]; over the limit nothing is added."""
        undrawn = np.maximum(exposures.limit_minor - exposures.balance_minor, 0.0)
        ead = exposures.balance_minor + self.conversion * undrawn
        running = np.arange(periods)[None, :] < exposures.periods_left[:, None]
        return np.where(running, ead[:, None], 0.0)


def conversion_factor(drawn_minor: Floats, limit_minor: Floats, at_default_minor: Floats, chance: Bootstrap) -> Figure:
    """The mean realised credit conversion factor of n defaulted lines, with its 95 % interval over lines.

    drawn_minor, limit_minor: a year before the default.  at_default_minor: what was owed then.
    Each line's factor is drawn into [0, 1] first: a line paid down before its default frees nothing on another. NaN
    throughout where no line had anything undrawn.
    """
    undrawn = limit_minor - drawn_minor
    open_lines = undrawn > 0.0
    realised = np.clip((at_default_minor - drawn_minor)[open_lines] / undrawn[open_lines], 0.0, 1.0)
    if len(realised) == 0:
        return Figure(np.nan, np.nan, np.nan)

    def mean(weights: Floats) -> dict[str, float]:
        return {"ccf": float(weights @ realised / weights.sum())}

    return bootstrap_figures(mean, np.arange(len(realised)), chance)["ccf"]
