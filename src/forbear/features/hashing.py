"""64-bit keys of identifiers, and the mixing that they are made with.

A key stands for its identifier inside the ledger. At n keys of one kind the chance that any two collide is
n^2 / 2^65: 3e-8 for a million customers. The archive, which keeps the identifiers too, refuses a collision.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled, inlined

Keys: TypeAlias = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@inlined
def mixed(value: Any) -> Any:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit moves every output bit."""
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


@compiled
def _keys(text: Any, width: int, keys: Any) -> None:
    for row in range(len(keys)):
        start = row * width
        length = width
        while length > 0 and text[start + length - 1] == 0:
            length -= 1
        key = mixed(np.uint64(length) + _GOLDEN)
        for word in range((length + 7) // 8):
            value = np.uint64(0)
            for byte in range(min(8, length - 8 * word)):
                value |= np.uint64(text[start + 8 * word + byte]) << np.uint64(8 * byte)
            key = mixed(key ^ value) + _GOLDEN
        keys[row] = key


def key_of(identifier: str) -> int:
    """The key of one customer id."""
    return int(keys_of(np.array([identifier.encode()]))[0])


def keys_of(identifiers: NDArray[np.bytes_]) -> Keys:
    """(n,) uint64 keys of (n,) byte strings; independent of the width that the array happens to have."""
    keys = np.empty(len(identifiers), dtype=np.uint64)
    width = identifiers.dtype.itemsize
    if width and len(keys):
        _keys(np.ascontiguousarray(identifiers).view(np.uint8), width, keys)
    return keys
