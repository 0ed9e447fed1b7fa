"""Two shares compared: the interval of their difference where what is counted is rare."""

from __future__ import annotations

import numpy as np

from forbear.models.evaluate import wilson
from forbear.models.results import Figure


def difference(first: tuple[int, int], second: tuple[int, int]) -> Figure:
    """First less second of two shares, each (hits, rows > 0), with its 95 % interval.

    Hybrid score interval: Newcombe (1998), "Interval estimation for the difference between independent proportions",
    method 10. Misses are rare, and there the Wald interval is too short, and of no length where nobody misses.
    """
    one, other = wilson(*first), wilson(*second)
    value = one.value - other.value
    below = np.hypot(one.value - one.low, other.high - other.value)
    above = np.hypot(one.high - one.value, other.value - other.low)
    return Figure(value, float(value - below), float(value + above))
