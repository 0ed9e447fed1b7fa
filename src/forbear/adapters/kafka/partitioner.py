"""Which partition a key goes to: the rule of Kafka's Java clients, which ours follow too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SEED = 0x9747B28C
_MIX = np.uint32(0x5BD1E995)
_POSITIVE = np.uint32(0x7FFFFFFF)


def partition_of(customer_ids: Sequence[bytes], partitions: int) -> NDArray[np.int64]:
    """(n,) numbers of partitions, [0, partitions), of n keys.

    Source: murmur2 with 32 bits and the seed of `org.apache.kafka.common.utils.Utils`, its sign dropped.
    """
    hashes = np.empty(len(customer_ids), dtype=np.uint32)
    lengths = np.fromiter(map(len, customer_ids), dtype=np.int64, count=len(customer_ids))
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        joined = b"".join([customer_ids[row] for row in rows.tolist()])
        hashes[rows] = _murmur2(np.frombuffer(joined, dtype=np.uint8).reshape(len(rows), length))
    return (hashes & _POSITIVE).astype(np.int64) % partitions


def _murmur2(keys: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(n,) hashes of (n, length) bytes: four bytes a step, little-endian, then what is left, then a last mixing."""
    rows, length = keys.shape
    found = np.full(rows, _SEED ^ length, dtype=np.uint32)
    whole = length - length % 4
    words = np.ascontiguousarray(keys[:, :whole]).view("<u4").reshape(rows, whole // 4)
    for step in range(whole // 4):
        word = words[:, step] * _MIX
        found = (found * _MIX) ^ ((word ^ (word >> np.uint32(24))) * _MIX)
    if length > whole:
        left = np.zeros((rows, 4), dtype=np.uint8)
        left[:, : length - whole] = keys[:, whole:]
        found = (found ^ left.view("<u4").reshape(rows)) * _MIX
    found = (found ^ (found >> np.uint32(13))) * _MIX
    return found ^ (found >> np.uint32(15))
