"""What a history says of who its customers are: since when, where, what they hold. No protected attribute is read."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.events import CustomerUpdated
from forbear.domain.terms import ObligationKind
from forbear.engine.backfill import Feed
from forbear.features.columns import EventKind
from forbear.features.hashing import Keys
from forbear.features.local_time import DAY_US, local_time

PRODUCTS = (ObligationKind.MORTGAGE, ObligationKind.LOAN, ObligationKind.CARD)
"""The kinds of credit, the largest first: a customer is counted by the first that is held."""
NO_CREDIT, NOT_TOLD = "no credit", "not told"


@dataclass(frozen=True, slots=True)
class Register:
    """n customers known before the end of a day.

    customer: (n,) keys, rising.  first_day: (n,) of their first event, bank-local.  region, product: (n,) names.
    """

    customer: Keys
    first_day: NDArray[np.int64]
    region: tuple[str, ...]
    product: tuple[str, ...]

    def rows_of(self, customers: Keys) -> NDArray[np.int64]:
        """(m,) rows of some customers. Raises KeyError for one who is not known."""
        rows = np.searchsorted(self.customer, customers)
        if (self.customer[np.minimum(rows, len(self.customer) - 1)] != customers).any():
            raise KeyError("a customer is not in the register")
        return rows.astype(np.int64)


def register_at(feed: Feed, day: int) -> Register:
    """Who is known from what was received before the end of a bank-local day, from one pass over the history."""
    zone = local_time(feed.deployment.time_zone)
    first: dict[int, int] = {}
    said: dict[int, CustomerUpdated] = {}
    for scanned in feed.archive.scan(zone):
        batch, payload = scanned.batch, scanned.columns.payload
        known = zone.local_us(batch.received_us) < (day + 1) * DAY_US
        about = known & np.isin(batch.kind, (EventKind.TRANSACTION, EventKind.CUSTOMER, EventKind.OUTCOME))
        keys, place = np.unique(batch.customer[about], return_inverse=True)
        earliest = np.full(len(keys), np.iinfo(np.int64).max)
        np.minimum.at(earliest, place, batch.day[about].astype(np.int64))
        for key, begun in zip(keys.tolist(), earliest.tolist(), strict=True):
            first[key] = min(begun, first.get(key, begun))
        for row in np.flatnonzero(known & (batch.kind == EventKind.CUSTOMER)).tolist():
            update = _UPDATES.decode(payload[row])
            before = said.get(int(batch.customer[row]))
            if before is None or update.booked_at >= before.booked_at:
                said[int(batch.customer[row])] = update
        if not known.all():
            break
    ordered = sorted(first)
    told = [said.get(key) for key in ordered]
    return Register(
        customer=np.array(ordered, dtype=np.uint64),
        first_day=np.array([first[key] for key in ordered], dtype=np.int64),
        region=tuple((update.region if update else "") or NOT_TOLD for update in told),
        product=tuple(_product(update) for update in told),
    )


def _product(update: CustomerUpdated | None) -> str:
    if update is None:
        return NOT_TOLD
    held = {owed.kind for owed in update.obligations}
    return next((str(kind) for kind in PRODUCTS if kind in held), NO_CREDIT)


_UPDATES = msgspec.json.Decoder(CustomerUpdated)
