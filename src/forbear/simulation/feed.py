"""The feed of the bank: when each event arrives, what comes late or twice, and the order of the log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forbear.features.columns import EventKind
from forbear.simulation import purposes as why
from forbear.simulation.calendar import Calendar
from forbear.simulation.randomness import uniforms
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.world import NO_INDEX, ROW

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_DELIVERED_WITHIN_US = 90 * _SECOND_US
_LATE_DAYS = 3
_REPEATED_WITHIN_US = 2 * _DAY_US


def deliver(rows: Records, houses: Records, spec: BankSpec) -> Records:
    """The rows as the feed delivers them: received_us set, and the duplicates at the end.

    An event arrives within 90 seconds; a late transaction 1 to 3 whole days after that, a duplicate within
    two days of its original. Draws depend on customer and row number only.
    """
    keys = houses["traits"]["key"][rows["customer"]]
    steps = rows["sequence"].astype(np.int64)

    def drawn(purpose: int) -> NDArray[np.float64]:
        return uniforms(keys, steps, purpose)

    is_transaction = rows["kind"] == EventKind.TRANSACTION
    rows["received_us"] = rows["booked_us"] + 1 + (drawn(why.DELIVERY) * _DELIVERED_WITHIN_US).astype(np.int64)
    late = np.flatnonzero(is_transaction & (drawn(why.IS_LATE) < spec.late_share))
    late_days = 1 + (uniforms(keys[late], steps[late], why.LATE_DAYS) * _LATE_DAYS).astype(np.int64)
    rows["received_us"][late] += late_days * _DAY_US
    twice = np.flatnonzero(is_transaction & (drawn(why.IS_DUPLICATE) < spec.duplicate_share))
    again = rows[twice]
    delay = uniforms(keys[twice], steps[twice], why.DUPLICATE_DELAY) * _REPEATED_WITHIN_US
    again["received_us"] += _SECOND_US + delay.astype(np.int64)
    return np.concatenate([rows, again])


def closes_of(calendar: Calendar, days: range) -> Records:
    """The close of each of these days: (len(days),) of ROW."""
    closes = _blank(len(days), EventKind.DAY_CLOSED)
    closes["received_us"] = closes["booked_us"] = calendar.closes_us[days.start : days.stop]
    closes["due"] = days
    return closes


def updates_of(houses: Records, calendar: Calendar, days: range) -> Records:
    """What the bank knows of its customers, on day 0 and whenever a rate rises on one of these days.

    A row each, at the day's first instant; `due` is the day. No other event falls on that instant.
    """
    rises_on = houses["duties"]["rises_on"].min(axis=1)
    risen = np.flatnonzero((rises_on >= days.start) & (rises_on < days.stop))
    everyone = np.arange(len(houses) if days.start == 0 else 0)
    updates = _blank(len(everyone) + len(risen), EventKind.CUSTOMER)
    updates["customer"] = np.concatenate([everyone, risen])
    updates["due"] = np.concatenate([np.zeros_like(everyone), rises_on[risen]])
    updates["sequence"] = updates["due"]
    updates["received_us"] = updates["booked_us"] = calendar.days["midnight_us"][updates["due"]]
    return updates


def in_log_order(rows: Records) -> Records:
    """The rows by received_us, then customer and row number: a total order, however they were put together."""
    order: NDArray[np.int64] = np.lexsort((rows["sequence"], rows["customer"], rows["received_us"]))
    ordered: Records = rows[order]
    return ordered


def _blank(count: int, kind: EventKind) -> Records:
    """Rows that are about no customer, obligation or merchant yet."""
    rows = np.zeros(count, dtype=ROW)
    rows["kind"] = kind
    for name in ("customer", "reverses", "paid", "merchant", "duty"):
        rows[name] = NO_INDEX
    return rows
