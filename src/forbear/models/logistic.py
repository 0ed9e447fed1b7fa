"""Logistic regression: the link, a fit with sign constraints, and the two-parameter recalibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Bools
from forbear.models.results import Floats

# The smallest PD that is told apart from zero: beyond it a single row would outweigh all others.
SMALLEST_PD = 1e-12
_NEWTON_STEPS = 50
_NEWTON_TOLERANCE = 1e-9
_STEEPEST_SLOPE = 1e4


def sigmoid(log_odds: Floats) -> Floats:
    """PD in [0, 1] of natural log-odds, any shape; exact in both tails, NaN stays NaN."""
    probability: Floats = np.exp(-np.logaddexp(0.0, -log_odds))
    return probability


def logit(probability: Floats) -> Floats:
    """Natural log-odds of a PD, any shape; PDs are first drawn into [1e-12, 1 - 1e-12]."""
    inside = np.clip(probability, SMALLEST_PD, 1.0 - SMALLEST_PD)
    log_odds: Floats = np.log(inside) - np.log1p(-inside)
    return log_odds


def fit_nonnegative(
    design: Floats, labels: Bools, penalty: float, weights: Floats | None = None
) -> tuple[float, Floats]:
    """Intercept and coefficients >= 0 of a ridge logistic regression.

    design: (n, k), finite.  labels: (n,), both classes present.  penalty: weight of half the squared
    coefficients against the summed log-loss, >= 0; the intercept is free of it.  weights: (n,) > 0 of the rows'
    losses, None: all 1.
    Minimised with bounded L-BFGS (Byrd, Lu, Nocedal and Zhu 1995).
    """
    target = labels.astype(np.float64)
    counted = np.ones(len(target)) if weights is None else weights
    total = float(counted.sum())

    def loss(parameters: Floats) -> tuple[float, Floats]:
        coefficients = parameters[1:]
        log_odds = parameters[0] + design @ coefficients
        residual = counted * (sigmoid(log_odds) - target)
        value = np.sum(counted * (np.logaddexp(0.0, log_odds) - target * log_odds))
        value += 0.5 * penalty * float(coefficients @ coefficients)
        gradient = np.concatenate([[residual.sum()], design.T @ residual + penalty * coefficients])
        # Per row, so that the optimiser's tolerances mean the same for any number of rows.
        return float(value) / total, gradient / total

    start = np.concatenate([logit(np.array([(counted * target).sum() / total])), np.full(design.shape[1], 0.5)])
    return _least(loss, start)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known of an intercept and k coefficients, in that order. mean, precision: (k + 1,), the latter > 0."""

    mean: Floats
    precision: Floats


def fit_from(design: Floats, labels: Bools, prior: Prior, weights: Floats) -> tuple[float, Floats]:
    """The most probable intercept and coefficients >= 0 of a logistic regression under a normal prior.

    design: (n, k), finite; n may be 0, which leaves the prior's mean.  labels: (n,).  weights: (n,) >= 0.
    """
    target = labels.astype(np.float64)
    scale = float(weights.sum()) + 1.0

    def loss(parameters: Floats) -> tuple[float, Floats]:
        log_odds = parameters[0] + design @ parameters[1:]
        residual, away = weights * (sigmoid(log_odds) - target), parameters - prior.mean
        value = np.sum(weights * (np.logaddexp(0.0, log_odds) - target * log_odds))
        value += 0.5 * float(prior.precision @ away**2)
        gradient = np.concatenate([[residual.sum()], design.T @ residual]) + prior.precision * away
        return float(value) / scale, gradient / scale

    return _least(loss, prior.mean)


def _least(loss: Callable[[Floats], tuple[float, Floats]], start: Floats) -> tuple[float, Floats]:
    """Intercept and coefficients >= 0 where a loss, answered with its gradient, is least."""
    from scipy.optimize import minimize  # noqa: PLC0415  # whoever only scores needs none of it

    bounds = [(None, None)] + [(0.0, None)] * (len(start) - 1)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9}
    best = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options).x
    return float(best[0]), np.asarray(best[1:], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The line intercept + slope x log-odds that fits the outcomes best; (0, 1) is perfect calibration."""

    intercept: float
    slope: float


UNDEFINED = Recalibration(np.nan, np.nan)


def recalibrate(log_odds: Floats, labels: Floats, weights: Floats, start: Recalibration | None = None) -> Recalibration:
    """Cox's (1958) logistic recalibration: the maximum-likelihood line through outcome against log-odds.

    log_odds, labels (0 or 1), weights (>= 0): (n,).  start: where Newton's method sets out, by default the
    line that predicts the prevalence for everybody.  NaN where one class has no weight, all log-odds
    are equal, or the classes are separable so that no finite line is best.
    """
    total, hits = float(weights.sum()), float(weights @ labels)
    if not 0.0 < hits < total:
        return UNDEFINED
    null = np.array([np.log(hits / (total - hits)), 0.0])
    if start is not None and np.isfinite(start.slope):
        warm = _newton(log_odds, labels, weights, np.array([start.intercept, start.slope]))
        if np.isfinite(warm.slope):
            return warm
    return _newton(log_odds, labels, weights, null)


def _newton(log_odds: Floats, labels: Floats, weights: Floats, start: Floats) -> Recalibration:
    line = start
    for _ in range(_NEWTON_STEPS):
        step = _newton_step(log_odds, labels, weights, line)
        line = line + step
        if not np.isfinite(line).all() or abs(line[1]) > _STEEPEST_SLOPE:
            return UNDEFINED
        if np.abs(step).max() < _NEWTON_TOLERANCE * (1.0 + np.abs(line).max()):
            return Recalibration(float(line[0]), float(line[1]))
    return UNDEFINED


def _newton_step(log_odds: Floats, labels: Floats, weights: Floats, line: Floats) -> Floats:
    with np.errstate(over="ignore"):
        probability = 1.0 / (1.0 + np.exp(-(line[0] + line[1] * log_odds)))
    residual = weights * (labels - probability)
    curvature = weights * probability * (1.0 - probability)
    tilt = curvature * log_odds
    a, b, c = curvature.sum(), tilt.sum(), tilt @ log_odds
    determinant = a * c - b * b
    if not determinant > 1e-12 * a * c:
        return np.full(2, np.nan)
    up, across = residual.sum(), residual @ log_odds
    step: Floats = np.array([c * up - b * across, a * across - b * up]) / determinant
    return step
