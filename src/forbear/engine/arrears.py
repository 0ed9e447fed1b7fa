"""Which scheduled payments a history tells of as missed, until when each stood open, and days past due of customers.

Everything is as it was told at the time: a payment counts as missed from the day on which that was received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.domain.terms import OutcomeStatus
from forbear.engine.backfill import Feed
from forbear.features.columns import NO_DAY, EventKind, codes_of
from forbear.features.hashing import Keys, keys_of
from forbear.features.ledger import Floats
from forbear.features.local_time import DAY_US, local_time

NEVER = np.iinfo(np.int64).max
"""In place of a day that has not come."""
_CODES = codes_of(OutcomeStatus)
_MISSED, _CURED, _WAIVED = (
    _CODES[status] for status in (OutcomeStatus.MISSED, OutcomeStatus.CURED, OutcomeStatus.WAIVED)
)


@dataclass(frozen=True, slots=True)
class Arrears:
    """n scheduled payments that were told of as missed, and m customers of whom any payment was told.

    place: (n,) of the customer, below m.  due, told: (n,) the days on which each was due, and told of.
    settled: (n,) the day on which it was told of as paid or waived, NEVER if it was not.
    paid: (n,) the day on which it was paid, NEVER if it was not.
    customer: (m,) keys, rising.  since: (m,) the day on which the first payment of each was told of.
    All days are bank-local, since 1970.
    """

    place: NDArray[np.int64]
    due: NDArray[np.int64]
    told: NDArray[np.int64]
    settled: NDArray[np.int64]
    paid: NDArray[np.int64]
    customer: Keys
    since: NDArray[np.int64]

    @property
    def in_error(self) -> NDArray[np.bool_]:
        """(n,) told of as missed, and later as paid by the day it was due: it was not missed."""
        return self.paid <= self.due

    def days_past_due(self, day: int) -> Floats:
        """(m,) days since the oldest payment that stood open at the end of a day was due, 0 without one.

        NaN for a customer of whom no payment had been told by then.
        """
        found = np.zeros(len(self.customer))
        stands = (self.told <= day) & (self.settled > day)
        np.maximum.at(found, self.place[stands], (day - self.due[stands]).astype(np.float64))
        found[self.since > day] = np.nan
        return found


@dataclass(frozen=True, slots=True)
class _Words:
    """n words about payments in log order: whose, which one by obligation and due day, what, when, and paid when."""

    customer: Keys
    matter: Keys
    due: NDArray[np.int64]
    status: NDArray[np.int64]
    day: NDArray[np.int64]
    paid: NDArray[np.int64]


def arrears_at(feed: Feed, day: int) -> Arrears:
    """What was told of scheduled payments before the end of a bank-local day, from one pass over the history.

    A source's own count of days past due is not read. Nobody is in it where a history tells of no payments.
    """
    zone = local_time(feed.deployment.time_zone)
    parts = []
    for scanned in feed.archive.scan(zone):
        received = zone.local_us(scanned.batch.received_us) // DAY_US
        known = received <= day
        rows = np.flatnonzero(known & (scanned.batch.kind == EventKind.OUTCOME))
        if len(rows):
            columns = scanned.columns
            parts.append(
                _Words(
                    customer=scanned.batch.customer[rows],
                    matter=keys_of(columns.account_id[rows]),
                    due=columns.day[rows].astype(np.int64),
                    status=columns.outcome_status[rows].astype(np.int64),
                    day=received[rows],
                    paid=columns.paid_on[rows].astype(np.int64),
                )
            )
        if not known.all():
            break
    return _arrears(parts)


def _joined(parts: list[_Words]) -> _Words:
    def column(name: str, dtype: type[np.generic]) -> NDArray[Any]:
        return np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in parts)])

    keys = {name: column(name, np.uint64) for name in ("customer", "matter")}
    return _Words(**keys, **{name: column(name, np.int64) for name in ("due", "status", "day", "paid")})


def _arrears(parts: list[_Words]) -> Arrears:
    words = _joined(parts)
    customer, whose = np.unique(words.customer, return_inverse=True)
    since = np.full(len(customer), NEVER)
    np.minimum.at(since, whose, words.day)
    order = np.lexsort((np.arange(len(whose)), words.due, words.matter, words.customer))
    same = np.ones(len(order), dtype=np.bool_)
    for name in ("customer", "matter", "due"):
        column = getattr(words, name)[order]
        same[1:] &= column[1:] == column[:-1]
    same[:1] = False
    payment = np.cumsum(~same, dtype=np.int64)
    missed, ends = _first_missed_and_end(payment, words.status[order])
    ended = ends < len(order)
    last = order[ends[ended]]
    settled, paid = np.full(len(missed), NEVER), np.full(len(missed), NEVER)
    settled[ended] = words.day[last]
    paid[ended] = np.where(words.paid[last] == NO_DAY, NEVER, words.paid[last])
    first = order[missed]
    return Arrears(whose[first], words.due[first], words.day[first], settled, paid, customer, since)


def _first_missed_and_end(
    payment: NDArray[np.int64], status: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the first word of each payment that it was missed, and of the first after it that ends this.

    payment, status: (n,) in order of payment and log. Where nothing ends it the row is n.
    """
    missed = np.flatnonzero(status == _MISSED)
    _, first = np.unique(payment[missed], return_index=True)
    missed = missed[first]
    ends = np.append(np.flatnonzero((status == _CURED) | (status == _WAIVED)), len(payment))
    following = ends[np.searchsorted(ends, missed)]
    same = np.append(payment, -1)[following] == payment[missed]
    return missed, np.where(same, following, len(payment))
