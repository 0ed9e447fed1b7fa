"""Randomness without a stream: every draw is a hash of who, when and what for.

So a draw depends on no other draw: not on how many customers share the run, nor on how it is cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled

# The finaliser and increment of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
# number generators").
_INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_BY_30, _BY_27, _BY_31, _BY_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_PURPOSES = np.uint64(1 << 16)
_OTHER_HALF = np.uint64(0xD1B54A32D192ED03)
_UNIT = 2.0**-53


@compiled
def mixed(word: np.uint64) -> np.uint64:
    """A 64-bit word well mixed: a bijection, so that different words stay different."""
    word = (word ^ (word >> _BY_30)) * _FIRST
    word = (word ^ (word >> _BY_27)) * _SECOND
    return word ^ (word >> _BY_31)


@compiled
def uniform(key: np.uint64, step: int, purpose: int) -> float:
    """A number in [0, 1) for one key (a customer), step (a day, a row) and purpose [0, 65535]."""
    counter = np.uint64(step) * _PURPOSES + np.uint64(purpose)
    return float(mixed(key ^ mixed(counter * _INCREMENT)) >> _BY_11) * _UNIT


@compiled
def normal(key: np.uint64, step: int, purpose: int) -> float:
    """A standard normal number for one key, step and purpose (Box and Muller 1958)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(key, step, purpose)))
    return float(radius * np.cos(2.0 * np.pi * uniform(key ^ _OTHER_HALF, step, purpose)))


@compiled
def keys_of(seed: int, customers: int) -> NDArray[np.uint64]:
    """The key of each customer of a run: (customers,) uint64."""
    keys = np.empty(customers, dtype=np.uint64)
    for customer in range(customers):
        keys[customer] = mixed(mixed(np.uint64(seed) * _INCREMENT) ^ np.uint64(customer))
    return keys


@compiled
def uniforms(keys: NDArray[np.uint64], steps: NDArray[np.int64], purpose: int) -> NDArray[np.float64]:
    """`uniform` of each (key, step): keys (n,), steps (n,) -> (n,) in [0, 1)."""
    drawn = np.empty(len(keys))
    for row in range(len(keys)):
        drawn[row] = uniform(keys[row], steps[row], purpose)
    return drawn


@compiled
def normals(keys: NDArray[np.uint64], purpose: int) -> NDArray[np.float64]:
    """`normal` of each key at step 0: keys (n,) -> (n,)."""
    drawn = np.empty(len(keys))
    for row in range(len(keys)):
        drawn[row] = normal(keys[row], 0, purpose)
    return drawn
