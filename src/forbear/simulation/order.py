"""The order of the log, by counting instead of comparing: the rows of a chunk differ in few bits of their time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.simulation.records import Records

_BITS = 11
_BUCKETS = 1 << _BITS
_MASK = _BUCKETS - 1


def order_of(rows: Records) -> NDArray[np.int64]:
    """Places of (n,) of ROW by received_us, then customer, then row number: (n,)."""
    received = np.ascontiguousarray(rows["received_us"])
    if not len(received):
        return np.zeros(0, dtype=np.int64)
    order: NDArray[np.int64] = _by_time(received - received.min())
    _settle_ties(order, received, rows["customer"], rows["sequence"])
    return order


@compiled
def _by_time(since: NDArray[np.int64]) -> Any:
    """A stable order by numbers >= 0, eleven bits at a time from the lowest."""
    order, other = np.arange(len(since)), np.empty(len(since), dtype=np.int64)
    most, shift = since.max(), 0
    while most >> shift > 0:
        ends = np.zeros(_BUCKETS + 1, dtype=np.int64)
        for number in since:
            ends[((number >> shift) & _MASK) + 1] += 1
        for bucket in range(_BUCKETS):
            ends[bucket + 1] += ends[bucket]
        for place in order:
            bucket = (since[place] >> shift) & _MASK
            other[ends[bucket]] = place
            ends[bucket] += 1
        order, other = other, order
        shift += _BITS
    return order


@compiled
def _settle_ties(order: Any, received: Any, customer: Any, sequence: Any) -> None:
    """Put rows received at one instant in the order of customer and row number; they are few and stand together."""
    for at in range(1, len(order)):
        place, slot = order[at], at
        while slot > 0 and received[order[slot - 1]] == received[place]:
            before = order[slot - 1]
            if (customer[before], sequence[before]) <= (customer[place], sequence[place]):
                break
            order[slot] = before
            slot -= 1
        order[slot] = place
