"""A discrete-time hazard: log-odds of an event in the coming period, as a sum of piecewise-linear curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forbear.domain.errors import ModelMismatch, NotEnoughData
from forbear.models.dataset import Bools
from forbear.models.logistic import fit_nonnegative, sigmoid
from forbear.models.results import Floats

PENALTY = 1.0
"""Weight of half the squared increments of the curves against the summed log-loss."""
LEAST_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Factor:
    """A figure that moves the hazard.

    knots: rising, two or more; the curve is linear between them and flat outside: nothing is extrapolated.
    direction: +1 larger values never lower the hazard, -1 never raise it, 0 free.
    Raises ValueError else.
    """

    name: str
    knots: tuple[float, ...]
    direction: int

    def __post_init__(self) -> None:
        if len(self.knots) < 2 or list(self.knots) != sorted(set(self.knots)) or self.direction not in (-1, 0, 1):
            raise ValueError(f"{self.name}: knots {self.knots}, direction {self.direction}")

    def ramps(self, values: Floats) -> Floats:
        """(n, m - 1) how far each value has come from one knot to the next, [0, 1]."""
        knots = np.array(self.knots)
        ramps: Floats = np.clip((values[:, None] - knots[:-1]) / np.diff(knots), 0.0, 1.0)
        return ramps


@dataclass(frozen=True, slots=True)
class FactorCurve:
    """What a factor adds to the log-odds: 0 at its first knot, `points` at its knots, linear between, flat outside."""

    factor: Factor
    points: tuple[float, ...]

    def added(self, values: Floats) -> Floats:
        """Log-odds added for values of any shape."""
        return np.asarray(np.interp(values, self.factor.knots, self.points))


@dataclass(frozen=True, slots=True)
class HazardModel:
    """log-odds of the event in a period = intercept + what each factor adds.

    events: that it was fitted to.  Source: logistic discrete-time hazard, Cox (1972) section 6, Shumway (2001).
    """

    intercept: float
    curves: tuple[FactorCurve, ...]
    events: int

    def hazard(self, columns: Mapping[str, Floats]) -> Floats:
        """Chance of the event in the period, [0, 1], of columns that broadcast to one shape.

        Raises ModelMismatch for a missing column, ValueError for NaN in one.
        """
        log_odds: Floats = np.array(self.intercept)
        for curve in self.curves:
            name = curve.factor.name
            if name not in columns:
                raise ModelMismatch(f"the hazard needs {name!r}, which is not given", mend="give that column")
            if np.isnan(columns[name]).any():
                raise ValueError(f"{name}: an unknown value")
            log_odds = log_odds + curve.added(columns[name])
        return sigmoid(log_odds)


def fit_hazard(columns: Mapping[str, Floats], events: Bools, factors: Sequence[Factor]) -> HazardModel:
    """Fit the curves to n rows of running loans and whether the event came in the period after each.

    columns: (n,) by factor name, without NaN.  Each curve keeps its factor's direction.
    Raises NotEnoughData for fewer than 20 events.
    """
    happened = int(np.count_nonzero(events))
    if happened < LEAST_EVENTS or happened == len(events):
        raise NotEnoughData(
            f"{happened} events in {len(events)} rows, {LEAST_EVENTS} are needed to fit a hazard",
            mend="begin later, or bring a longer history",
        )
    ramps = [factor.ramps(columns[factor.name]) for factor in factors]
    # Coefficients are never negative: a falling curve has its ramps turned round, a free one has both ways.
    signs = [(1.0, -1.0) if factor.direction == 0 else (float(factor.direction),) for factor in factors]
    blocks = [sign * ramp for ramp, ways in zip(ramps, signs, strict=True) for sign in ways]
    intercept, coefficients = fit_nonnegative(np.concatenate(blocks, axis=1), events, PENALTY)
    curves, start = [], 0
    for factor, ways in zip(factors, signs, strict=True):
        increments = np.zeros(len(factor.knots) - 1)
        for sign in ways:
            increments += sign * coefficients[start : start + len(increments)]
            start += len(increments)
        points = (0.0, *np.cumsum(increments).tolist())
        curves.append(FactorCurve(factor, points))
    return HazardModel(intercept, tuple(curves), happened)
