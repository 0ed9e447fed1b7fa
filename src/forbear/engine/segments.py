"""Who of the book is in which segment, as it was found on one day: codes beside keys, and no names of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.engine.register import NOT_TOLD
from forbear.features.hashing import Keys

DIMENSIONS = ("product", "region", "tenure", "income")
MOST_NAMES = 200
"""Of one dimension, so that an answer by segment is bounded; the names of the fewest customers are told as one."""
THE_REST = "the rest"
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """n customers in segments. day: the closed one as of which, since 1970; None where nobody found it out.

    customer: (n,) keys, rising.  names: by dimension.  codes: by dimension, (n,) places in its names.
    """

    day: int | None
    customer: Keys
    names: Mapping[str, tuple[str, ...]]
    codes: Mapping[str, NDArray[np.int16]]

    def __len__(self) -> int:
        return len(self.customer)

    def of(self, customers: Keys, dimension: str) -> tuple[tuple[str, ...], NDArray[np.int16]]:
        """Names of a dimension, NOT_TOLD last, and the place in them of each of (m,) customers."""
        names = self.names.get(dimension, ())
        told = tuple(name for name in names if name != NOT_TOLD)
        places = np.array([*(told.index(name) if name in told else len(told) for name in names), len(told)])
        if not len(self):
            return (NOT_TOLD,), np.zeros(len(customers), dtype=np.int16)
        rows = np.minimum(np.searchsorted(self.customer, customers), len(self) - 1)
        codes = np.where(self.customer[rows] == customers, self.codes[dimension][rows], len(names))
        return (*told, NOT_TOLD), places[codes].astype(np.int16)


UNTOLD = Segmented(day=None, customer=np.empty(0, dtype=np.uint64), names={}, codes={})
"""Where nobody has found out who is in which segment."""


def segmented(
    day: int, customer: Keys, by: Mapping[str, Sequence[str]], order: Mapping[str, Sequence[str]]
) -> Segmented:
    """Customers by the names of their segments. customer: (n,) keys, rising.  by: dimension to (n,) names.

    order: names in the order in which they are to be told; any others follow it by the alphabet. Of more than
    MOST_NAMES those of the fewest customers become THE_REST.
    """
    names: dict[str, tuple[str, ...]] = {}
    codes: dict[str, NDArray[np.int16]] = {}
    for dimension, theirs in by.items():
        first = {name: place for place, name in enumerate(order.get(dimension, ()))}
        counted = Counter(theirs)
        kept = sorted(counted, key=lambda name: (-counted[name], name))
        rare = set(kept[MOST_NAMES - 1 :]) if len(kept) > MOST_NAMES else set()
        told = sorted({THE_REST if name in rare else name for name in kept}, key=lambda name: _place(name, first))
        place = {name: told.index(THE_REST if name in rare else name) for name in kept}
        names[dimension] = tuple(told)
        codes[dimension] = np.fromiter((place[name] for name in theirs), dtype=np.int16, count=len(theirs))
    return Segmented(day=day, customer=customer, names=names, codes=codes)


def _place(name: str, first: Mapping[str, int]) -> tuple[bool, int, str]:
    return name == THE_REST, first.get(name, len(first)), name
