"""How one customer's score moves: where it stands, how fast it goes, and what each feature did to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from forbear.domain.errors import ModelMismatch
from forbear.models.dataset import Bools, Ints
from forbear.models.logistic import logit, sigmoid
from forbear.models.results import Figure, Floats

LEAST_POINTS = 3
"""Of a line: two fit any line exactly, and leave nothing to tell its error by."""
LEVEL_DAYS = 7
_LEVEL = 0.975
_TOGETHER = 16_384
"""Customers whose lines are drawn at once: what is needed meanwhile stays small."""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through the points of a window by least squares.

    slope: [log-odds per day] with its 95 % interval (Student's t, points - 2 degrees of freedom).
    slope_error: its standard error.  level: [log-odds] of the line on the last day of the window, with its interval.
    points: how many; below LEAST_POINTS, or all on one day, everything else is NaN.
    """

    slope: Figure
    slope_error: float
    level: Figure
    points: int


@dataclass(frozen=True, slots=True)
class Motion:
    """Velocity and acceleration over a window of some days that ends at the last point.

    velocity: slope of the window [log-odds per day].  velocity_error: its standard error.
    acceleration: that slope less the slope of the window before, by its days [log-odds per day, per day].
    points: in the window.  NaN where a window holds too few.
    """

    days: int
    velocity: Figure
    velocity_error: float
    acceleration: Figure
    points: int


@dataclass(frozen=True, slots=True)
class Velocities:
    """Slopes of n lines [log-odds per day] with their 95 % intervals, (n,) each. NaN where one is not known."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class _Fit:
    """n lines through points by least squares, (n,) each.

    day, mean: of the points.  square: squared distances of their days from `day`, summed.  variance: of what is left.
    slope, slope_error: NaN for fewer than LEAST_POINTS, or all on one day.
    """

    points: Ints
    day: Floats
    mean: Floats
    square: Floats
    slope: Floats
    slope_error: Floats
    variance: Floats


@dataclass(frozen=True, slots=True)
class Points:
    """n scores of one customer in the order of time.

    day: (n,) rising.  log_odds: (n,) before calibration.  pd: (n,) in [0, 1].  attributions: (n, k) [log-odds].
    model: (n,) which model made each.
    """

    day: Ints
    log_odds: Floats
    pd: Floats
    attributions: Floats
    model: Ints

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True)
class Moved:
    """Why a score moved from one point to another: change = sum of `by_feature` + sum of `by_model`.

    before, after: log-odds at either end.  by_feature: what each feature did, under one model at a time.
    by_model: the step from the last score of a model to the first of the next, one for each change of model. It holds
    what happened to the customer between those two scores as well, which nobody can tell from it.
    """

    before: float
    after: float
    by_feature: Mapping[str, float]
    by_model: tuple[float, ...]

    @property
    def change(self) -> float:
        """Log-odds at the end less those at the beginning."""
        return self.after - self.before


def line_of(day: Floats, values: Floats, last: float) -> Line:
    """The line through (n,) values at (n,) days.  last: the day on which its level is told.

    Ordinary least squares; the errors take the points as independent about the line. Scores of successive closes share
    most of their windows, so what they say is nearer than they are sure.
    """
    unknown = Figure(np.nan, np.nan, np.nan)
    fit = _fit(day, values[:, None])
    slope, slope_error, count = float(fit.slope[0]), float(fit.slope_error[0]), len(day)
    if np.isnan(slope):
        return Line(unknown, np.nan, unknown, count)
    ahead = last - float(fit.day[0])
    level_error = float(np.sqrt(fit.variance[0] * (1.0 / count + ahead**2 / fit.square[0])))
    times = float(stdtrit(count - 2, _LEVEL))
    level = float(fit.mean[0]) + slope * ahead
    return Line(_about(slope, times * slope_error), slope_error, _about(level, times * level_error), count)


def velocities(day: Ints, log_odds: Floats, days: int) -> Velocities:
    """How fast n customers move over so many days up to the last of (k,) rising days: for each what `motion` tells.

    log_odds: (k, n), NaN where a customer has no score. Whoever has none on the last day is not known, as is whoever
    has fewer than LEAST_POINTS in the window. Raises ValueError for no days.
    """
    if not len(day):
        raise ValueError("no days to move over")
    first = int(np.searchsorted(day, int(day[-1]) - days, side="right"))
    window, n = day[first:].astype(np.float64), log_odds.shape[1]
    times = np.full(max(len(window), 2) + 1, np.nan)
    times[LEAST_POINTS:] = stdtrit(np.arange(LEAST_POINTS, len(times)) - 2, _LEVEL)
    found = np.empty((3, n))
    for start in range(0, n, _TOGETHER):
        some = slice(start, start + _TOGETHER)
        values = log_odds[first:, some].astype(np.float64)
        fit = _fit(window, values)
        slope = np.where(np.isnan(values[-1]), np.nan, fit.slope)
        half = times[fit.points] * fit.slope_error
        found[:, some] = slope, slope - half, slope + half
    return Velocities(*found)


def motion(day: Ints, log_odds: Floats, days: int) -> Motion:
    """Velocity and acceleration of (n,) log-odds at (n,) rising days, over windows of so many days.

    The interval of the acceleration is Welch's for the difference of two slopes. Raises ValueError for no points.
    """
    if not len(day):
        raise ValueError("no points to move")
    last = int(day[-1])
    now, before = (_window(day, log_odds, last - ago, days) for ago in (0, days))
    change = (now.slope.value - before.slope.value) / days
    squares = np.array([now.slope_error, before.slope_error]) ** 2
    spread = float(np.sqrt(squares.sum())) / days
    if np.isnan(spread):
        acceleration = Figure(np.nan, np.nan, np.nan)
    else:
        freedom = np.array([now.points, before.points]) - 2
        shares = float((squares**2 / freedom).sum())
        degrees = float(squares.sum() ** 2 / shares) if shares > 0.0 else np.inf
        acceleration = _about(change, float(stdtrit(degrees, _LEVEL)) * spread)
    return Motion(days, now.slope, now.slope_error, acceleration, now.points)


def level_of(day: Ints, pd: Floats, days: int = LEVEL_DAYS) -> tuple[Figure, ...]:
    """The PD at each of (n,) rising days once its day-to-day noise is taken out, with a 95 % interval.

    It is the level of the line through the calibrated log-odds of the `days` days that end there. The interval speaks
    of the noise of one customer's score, not of what the model does not know. NaN where there are too few points.
    """
    odds = logit(pd)
    found = []
    for row in range(len(day)):
        level = _window(day[: row + 1], odds[: row + 1], int(day[row]), days).level
        known = not np.isnan(level.value)
        found.append(Figure(*sigmoid(np.array([level.value, level.low, level.high])).tolist()) if known else level)
    return tuple(found)


def moved(points: Points, features: Sequence[str]) -> Moved:
    """Why the score moved from the first point to the last. features: names of the attributions, (k,).

    Under one model the change of the score is the difference of two recorded attribution vectors: exactly so where
    attributions are whole units, else to the last bits. Raises ValueError for no points, ModelMismatch for attributions
    that are not there or of other features.
    """
    if not len(points):
        raise ValueError("no points to move")
    if points.attributions.shape[1] != len(features) or np.isnan(points.attributions).any():
        raise ModelMismatch(
            f"{points.attributions.shape[1]} attributions are recorded, or none, for {len(features)} features",
            mend="choose a day from which on the scores were made for these features",
        )
    switched: Bools = points.model[1:] != points.model[:-1]
    steps = np.diff(points.attributions, axis=0)
    by_feature = steps[~switched].sum(axis=0)
    by_model = np.diff(points.log_odds)[switched]
    first, last = float(points.log_odds[0]), float(points.log_odds[-1])
    named = dict(zip(features, by_feature.tolist(), strict=True))
    return Moved(first, last, named, tuple(by_model.tolist()))


def _fit(day: Floats, values: Floats) -> _Fit:
    """The lines through (k, n) values at (k,) days, NaN where there is no point."""
    known = ~np.isnan(values)
    points = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 is NaN: not known
        top = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        filled = np.where(known, values - top, 0.0)  # so that of a path that stays where it is the slope is 0 exactly
        middle, mean = (day @ known) / points, filled.sum(axis=0) / points
        centred = np.where(known, day[:, None] - middle, 0.0)
        square = (centred**2).sum(axis=0)
        enough = (points >= LEAST_POINTS) & (square > 0.0)
        slope = np.where(enough, (centred * filled).sum(axis=0) / square, np.nan)
        left = np.where(known, filled - mean - slope * centred, 0.0)
        variance = (left**2).sum(axis=0) / (points - 2)
        error = np.where(enough, np.sqrt(np.where(enough, variance, np.nan) / square), np.nan)
    return _Fit(points, middle, mean + top, square, slope, error, variance)


def _window(day: Ints, values: Floats, last: int, days: int) -> Line:
    inside = (day > last - days) & (day <= last)
    return line_of(day[inside].astype(np.float64), values[inside], float(last))


def _about(value: float, half: float) -> Figure:
    return Figure(value, value - half, value + half)
