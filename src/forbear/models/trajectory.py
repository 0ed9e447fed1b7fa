"""How one customer's score moves: where it stands, how fast it goes, and what each feature did to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from forbear.domain.errors import ModelMismatch
from forbear.models.dataset import Bools, Ints
from forbear.models.logistic import logit, sigmoid
from forbear.models.results import Figure, Floats

LEAST_POINTS = 3
"""Of a line: two fit any line exactly, and leave nothing to tell its error by."""
LEVEL_DAYS = 7
_LEVEL = 0.975


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
    count, centred = len(day), day - day.mean() if len(day) else day
    square = float(centred @ centred)
    if count < LEAST_POINTS or square == 0.0:
        return Line(unknown, np.nan, unknown, count)
    slope = float(centred @ values) / square
    left = values - values.mean() - slope * centred
    variance = float(left @ left) / (count - 2)
    slope_error = float(np.sqrt(variance / square))
    ahead = last - float(day.mean())
    level_error = float(np.sqrt(variance * (1.0 / count + ahead**2 / square)))
    times = float(stats.t.ppf(_LEVEL, count - 2))
    level = float(values.mean()) + slope * ahead
    return Line(_about(slope, times * slope_error), slope_error, _about(level, times * level_error), count)


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
        acceleration = _about(change, float(stats.t.ppf(_LEVEL, degrees)) * spread)
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


def _window(day: Ints, values: Floats, last: int, days: int) -> Line:
    inside = (day > last - days) & (day <= last)
    return line_of(day[inside].astype(np.float64), values[inside], float(last))


def _about(value: float, half: float) -> Figure:
    return Figure(value, value - half, value + half)
