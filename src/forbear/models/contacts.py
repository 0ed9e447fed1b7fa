"""Who is contacted when each scoring date has capacity for only a share of its customers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Days, Ints
from forbear.models.results import Floats

# Shares of 100 rows must not round up for lack of an exact binary fraction: 0.07 x 100 > 7.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class ContactQueue:
    """Rows of each date from the most to the least alarming: sorted once, reweighted many times.

    order: (n,) row numbers, dates one after another.  date: (n,) index of each place's date.
    starts: (d,) place at which each date begins.
    """

    order: Ints
    date: Ints
    starts: Ints

    def contacted(self, share: float, weights: Floats) -> Floats:
        """How many copies of each row are contacted, (n,) in queue order, each between 0 and its weight.

        share: of each date's rows, (0, 1]; the capacity is rounded up, so a date with rows has at least one
        contact.  weights: (n,) in queue order, whole numbers >= 0: copies of each row.
        """
        running = np.cumsum(weights)
        before = running[self.starts] - weights[self.starts]
        totals = np.add.reduceat(weights, self.starts) if len(weights) else weights
        capacity = np.ceil(share * totals - _ROUNDING) + before
        taken: Floats = np.clip(capacity[self.date] - (running - weights), 0.0, weights)
        return taken


def contact_queue(scores: Floats, as_of: Days, customers: Ints) -> ContactQueue:
    """Queue rows by date, falling score, then customer number, so that ties fall the same way every time.

    scores, as_of, customers: (n,); larger scores come first.
    """
    order = np.lexsort((customers, -scores, as_of.astype(np.int64))).astype(np.int64)
    _, starts, date = np.unique(as_of[order], return_index=True, return_inverse=True)
    return ContactQueue(order, date.astype(np.int64), starts.astype(np.int64))
