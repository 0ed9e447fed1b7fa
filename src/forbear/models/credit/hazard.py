"""A discrete-time hazard: log-odds of an event in the coming period, as a sum of piecewise-linear curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import lsq_linear

from forbear.domain.errors import ModelMismatch, NotEnoughData
from forbear.models.dataset import Bools
from forbear.models.logistic import logit, sigmoid
from forbear.models.results import Floats

PENALTY = 1.0
"""Weight of half the squared increments of the curves against the summed log-loss."""
LEAST_EVENTS = 20
_MOST_STEPS = 50
_TOLERANCE = 1e-7
_JITTER = 1e-9
"""Keeps the curvature invertible where a ramp is the same in every row."""


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
    widths = [len(factor.knots) - 1 for factor in factors]
    design = np.concatenate([np.ones((len(events), 1)), *(f.ramps(columns[f.name]) for f in factors)], axis=1)
    ways = np.repeat([factor.direction for factor in factors], widths)
    low = np.concatenate([[-np.inf], np.where(ways == 1, 0.0, -np.inf)])
    high = np.concatenate([[np.inf], np.where(ways == -1, 0.0, np.inf)])
    fitted = _fit(design, events.astype(np.float64), low, high)
    increments = np.split(fitted[1:], np.cumsum(widths)[:-1])
    curves = tuple(
        FactorCurve(factor, (0.0, *np.cumsum(steps).tolist()))
        for factor, steps in zip(factors, increments, strict=True)
    )
    return HazardModel(float(fitted[0]), curves, happened)


def _fit(design: Floats, labels: Floats, low: Floats, high: Floats) -> Floats:
    """Coefficients within bounds of a ridge logistic regression, the first being the intercept, which is free.

    Newton's method, each step a least-squares problem within the bounds: ramps overlap, and L-BFGS would take hundreds
    of steps over all rows. A step that does not lower the loss is halved.
    """
    ridge = np.full(design.shape[1], PENALTY)
    ridge[0] = 0.0
    at = np.zeros(design.shape[1])
    at[0] = logit(np.array([labels.mean()]))[0]
    loss = _loss(design, labels, ridge, at)
    for _ in range(_MOST_STEPS):
        log_odds = design @ at
        chance = sigmoid(log_odds)
        weight = chance * (1.0 - chance)
        curvature = (design * weight[:, None]).T @ design + np.diag(ridge + _JITTER)
        root = cholesky(curvature)
        aim = solve_triangular(root, design.T @ (weight * log_odds + labels - chance), trans="T")
        step = lsq_linear(root, aim, bounds=(low, high), method="bvls").x - at
        while (moved := _loss(design, labels, ridge, at + step)) > loss and np.abs(step).max() > _TOLERANCE:
            step = step / 2.0
        at, gained, loss = at + step, loss - moved, moved
        if gained < _TOLERANCE:
            break
    return at


def _loss(design: Floats, labels: Floats, ridge: Floats, at: Floats) -> float:
    log_odds = design @ at
    return float(np.sum(np.logaddexp(0.0, log_odds) - labels * log_odds) + 0.5 * (ridge * at) @ at)
