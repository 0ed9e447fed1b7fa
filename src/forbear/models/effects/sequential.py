"""Bounds that hold at every look: an experiment may be watched day by day and stopped at any time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.domain.errors import NotEnoughData
from forbear.models.dataset import Bools, Ints
from forbear.models.effects.effect import LEVEL
from forbear.models.effects.observations import Contrast
from forbear.models.results import Figure, Floats

LEAST_OF_ARM = 30
"""Observations of each arm before the first bound: the bounds lean on an estimated variance."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An effect after each observation, with bounds that all hold at once with probability 95 %.

    after: (m,) how many observations are in it, rising.  value, low, high: (m,).
    """

    after: Ints
    value: Floats
    low: Floats
    high: Floats

    @property
    def figure(self) -> Figure:
        """The newest effect with its bounds."""
        return Figure(float(self.value[-1]), float(self.low[-1]), float(self.high[-1]))

    @property
    def decided(self) -> int | None:
        """After how many observations the bounds first left 0 out; None while they hold it."""
        out = (self.low > 0.0) | (self.high < 0.0)
        return int(self.after[np.argmax(out)]) if out.any() else None


def watched(contrast: Contrast, *, tuned_at: int, level: float = LEVEL) -> Watched:
    """The effect as it becomes known, observations in the order in which they came.

    tuned_at: the number of observations, > 0, at which the bounds shall be tightest.
    Each observation's score is m1 - m0 + given (y - m1)/e1 - held (y - m0)/e0, with m1 and m0 the arms' means of the
    observations *before* it: unbiased for the effect, given everything earlier. Its running mean has the asymptotic
    confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), theorem 2.2, with Robbins's (1970)
    normal mixture. That theorem speaks of many observations. While misses are few the hold-out may show none, and the
    spread seen would be far too small; so the variance is never taken for less than that of one common share, two hits
    and two others added (Agresti and Coull 1998).
    Raises NotEnoughData before 30 observations of each arm, ValueError for an outcome outside [0, 1].
    """
    if not ((contrast.outcome >= 0.0) & (contrast.outcome <= 1.0)).all():
        raise ValueError("an outcome outside [0, 1] cannot be watched: its spread has no bound")
    first = _first(contrast)
    value, deviation = running(_scores(contrast))
    count = np.arange(1, len(contrast) + 1)
    deviation = np.maximum(deviation, _common_deviation(contrast))
    radius = deviation * mixture_radius(count, tuned_at=tuned_at, level=level)
    shown = slice(first - 1, None)
    return Watched(count[shown], value[shown], (value - radius)[shown], (value + radius)[shown])


def running(scores: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the scores so far, along the last axis. scores: (..., n)."""
    count = np.arange(1, scores.shape[-1] + 1)
    mean = np.cumsum(scores, axis=-1) / count
    variance = np.maximum(np.cumsum(scores**2, axis=-1) / count - mean**2, 0.0)
    return mean, np.sqrt(variance)


def mixture_radius(count: Ints, *, tuned_at: int, level: float = LEVEL) -> Floats:
    """By how many standard deviations a mean of t observations strays, at any t, with a chance of at most `level`.

    sqrt(2 (t r^2 + 1)/(t^2 r^2) log(sqrt(t r^2 + 1)/level)) with r^2 = (-2 log level + log(1 - 2 log level))/tuned_at:
    Robbins (1970), "Statistical methods related to the law of the iterated logarithm"; Howard, Ramdas, McAuliffe and
    Sekhon (2021), 3.5; the tuning: Waudby-Smith et al. (2021), B.2.
    count: (...,) of t > 0.  Exact for normal observations of known deviation.
    """
    tuning = (-2.0 * np.log(level) + np.log(1.0 - 2.0 * np.log(level))) / tuned_at
    spread = count * tuning + 1.0
    radius: Floats = np.sqrt(2.0 * spread / (count.astype(np.float64) ** 2 * tuning) * np.log(np.sqrt(spread) / level))
    return radius


def _scores(contrast: Contrast) -> Floats:
    given, held, outcome = contrast.given, contrast.held, contrast.outcome
    given_before, held_before = _mean_before(outcome, given), _mean_before(outcome, held)
    scores: Floats = (
        given_before
        - held_before
        + given * (outcome - given_before) / contrast.given_chance
        - held * (outcome - held_before) / contrast.held_chance
    )
    return scores


def _common_deviation(contrast: Contrast) -> Floats:
    """(n,) deviation of the scores so far if both arms had one share: p (1 - p) (1/e1 + 1/e0)."""
    compared = contrast.given | contrast.held
    share = (np.cumsum(compared * contrast.outcome) + 2.0) / (np.cumsum(compared) + 4.0)
    spread = 1.0 / contrast.given_chance + 1.0 / contrast.held_chance
    deviation: Floats = np.sqrt(share * (1.0 - share) * np.cumsum(spread) / np.arange(1, len(contrast) + 1))
    return deviation


def _mean_before(outcome: Floats, members: Bools) -> Floats:
    """Mean outcome of the members before each row; 0 before the first."""
    total = np.cumsum(members * outcome) - members * outcome
    count: Ints = np.cumsum(members) - members
    mean: Floats = total / np.maximum(count, 1)
    return mean


def _first(contrast: Contrast) -> int:
    """From which observation on both arms have enough."""
    enough = (np.cumsum(contrast.given) >= LEAST_OF_ARM) & (np.cumsum(contrast.held) >= LEAST_OF_ARM)
    if not enough.any():
        raise NotEnoughData(
            f"{int(contrast.given.sum())} observations of the action, {int(contrast.held.sum())} of the hold-out",
            mend=f"bounds begin at {LEAST_OF_ARM} of each: wait",
        )
    return int(np.argmax(enough)) + 1
