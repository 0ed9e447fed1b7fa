"""Chance by hash of content: the same customer, matter, policy and day give the same draw on any machine, any time.

The layer reads without the ledger, so it has its own mixing; a test holds it to the bits of `features.hashing`.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Keys: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mixed(values: Keys) -> Keys:
    """(n,) uint64, each by the finaliser of splitmix64 (Steele, Lea, Flood 2014): a permutation of all words."""
    words = values ^ (values >> np.uint64(30))
    words *= _FIRST
    words ^= words >> np.uint64(27)
    words *= _SECOND
    words ^= words >> np.uint64(31)
    return words


def chained(seed: int, *columns: NDArray[Any]) -> Keys:
    """(n,) one key for each row of (n,) integer columns; the order of the columns counts.

    seed: a 64-bit word, such as `seed_of` a text. Two rows that differ share a key once in 2^64.
    """
    keys = np.full(len(columns[0]), seed, dtype=np.uint64)
    for column in columns:
        keys = mixed((keys + _GOLDEN) ^ column.astype(np.uint64, copy=False))
    return keys


def seed_of(text: str) -> int:
    """The first 64 bits of the SHA-256 of a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def uniform(keys: Keys) -> Floats:
    """Keys as numbers in [0, 1), by their upper 53 bits."""
    return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53
