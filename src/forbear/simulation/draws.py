"""The traits of many customers, drawn one purpose at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.simulation.randomness import normals, uniforms

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Draws:
    """The traits of n customers: keys (n,), and each answer is (n,)."""

    keys: NDArray[np.uint64]

    def between(self, purpose: int, low: float, high: float) -> Floats:
        """Uniform in [low, high)."""
        steps = np.zeros(len(self.keys), dtype=np.int64)
        drawn: Floats = low + (high - low) * uniforms(self.keys, steps, purpose)
        return drawn

    def chance(self, purpose: int, share: float) -> Bools:
        """True for about this share of the customers."""
        return self.between(purpose, 0.0, 1.0) < share

    def lognormal(self, purpose: int, median: float, sigma: float) -> Floats:
        """Log-normal of this median; sigma is the deviation of the natural logarithm."""
        drawn: Floats = median * np.exp(sigma * normals(self.keys, purpose))
        return drawn

    def bell(self, purpose: int, mean: float, deviation: float) -> Floats:
        """Normal of this mean and standard deviation."""
        drawn: Floats = mean + deviation * normals(self.keys, purpose)
        return drawn

    def whole(self, purpose: int, low: int, high: int) -> NDArray[np.int64]:
        """A whole number of [low, high]."""
        return self.between(purpose, low, high + 1).astype(np.int64)
