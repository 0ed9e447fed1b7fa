"""The gain by share of customers offered, the best first: the uplift or Qini curve with its band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from forbear.models.dataset import Ints
from forbear.models.effects.effect import LEVEL, cluster_sums, mean_of
from forbear.models.results import Figure, Floats

POINTS = 100


@dataclass(frozen=True, slots=True)
class GainCurve:
    """Gain of a customer of the book, by the share that is offered help in the order of a score.

    share: (m,) rising from 0 to 1.  gain, low, high: (m,) with pointwise 95 % bounds.
    area: mean height over the straight line of offers drawn at random, with its 95 % interval; above 0 the order
    knows something. (The Qini coefficient of Radcliffe 2007, with unbiased scores for the differences of counts.)
    """

    share: Floats
    gain: Floats
    low: Floats
    high: Floats
    area: Figure

    @property
    def at_random(self) -> Floats:
        """(m,) the gain of as many offers to customers drawn at random."""
        line: Floats = self.share * self.gain[-1]
        return line


def gain_curve(order: Floats, scores: Floats, customers: Ints) -> GainCurve:
    """The curve of n customers that nothing was learnt from.

    order: (n,) the highest is offered first; equal ones are taken in the order of the rows.
    scores: (n,) unbiased scores of the gain by an offer.  customers: (n,).
    With r the place of a row as a share of all, the area is the mean of score (1/2 - r): the integral of both lines.
    Raises NotEnoughData for fewer than two customers.
    """
    rows = len(scores)
    ranked = np.argsort(-order, kind="stable")
    place = np.empty(rows)
    place[ranked] = (np.arange(rows) + 0.5) / rows
    area = mean_of(scores * (0.5 - place), customers)
    share = np.linspace(0.0, 1.0, min(POINTS, rows) + 1)
    gain, error = np.empty(len(share)), np.empty(len(share))
    for at, one in enumerate(share):
        offered = np.where(place <= one, scores, 0.0)
        gain[at] = offered.mean()
        sums = cluster_sums(offered - gain[at], customers)
        error[at] = np.sqrt(len(sums) / (len(sums) - 1) * (sums @ sums)) / rows
    reach = float(ndtri(1.0 - LEVEL / 2.0)) * error
    return GainCurve(share, gain, gain - reach, gain + reach, area)
