"""The feed of the bank: when each event arrives, what comes late, twice or wrong, and the order of the log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forbear.features.columns import EventKind
from forbear.simulation import purposes as why
from forbear.simulation.accounts import CURED, MISSED, PAID
from forbear.simulation.calendar import GRACE_DAYS, Calendar
from forbear.simulation.order import order_of
from forbear.simulation.randomness import keys_of, uniforms
from forbear.simulation.records import Records, joined
from forbear.simulation.spec import BankSpec
from forbear.simulation.world import NO_INDEX, ROW

_SECOND_US = 1_000_000
_HOUR_US = 3_600 * _SECOND_US
_DAY_US = 24 * _HOUR_US
_DELIVERED_WITHIN_US = 90 * _SECOND_US
_LATE_DAYS = 3
_REPEATED_WITHIN_US = 2 * _DAY_US
_BATCHES = 32
_BATCH_SALT = 0x6261746368
_MISREPORTED_AFTER_US = GRACE_DAYS * _DAY_US + 12 * _HOUR_US
_MENDED_DAYS = 3


def deliver(rows: Records, houses: Records, spec: BankSpec, days: Records) -> Records:
    """The rows of these days as the feed delivers them: received_us set, what comes again at the end.

    An event arrives within 90 seconds; a late transaction 1 to 3 whole days after that, a late batch of them a
    day, a duplicate within two days of its original. A payment that is misreported is told of as missed when its
    grace would have ended, and mended 1 to 3 days later. Draws depend on customer and row number only, those of a
    batch on seed and day.
    """
    keys = houses["traits"]["key"][rows["customer"]]
    steps = rows["sequence"].astype(np.int64)
    mends = _misreport(rows, keys, steps, spec)
    delay = uniforms(keys, steps, why.DELIVERY) * _DELIVERED_WITHIN_US
    rows["received_us"] = rows["booked_us"] + 1 + delay.astype(np.int64)
    transactions = np.flatnonzero(rows["kind"] == EventKind.TRANSACTION)

    def chosen(purpose: int, share: float) -> NDArray[np.int64]:
        if share == 0.0:
            return transactions[:0]
        return transactions[uniforms(keys[transactions], steps[transactions], purpose) < share]

    late = chosen(why.IS_LATE, spec.late_share)
    late_days = 1 + (uniforms(keys[late], steps[late], why.LATE_DAYS) * _LATE_DAYS).astype(np.int64)
    _hold_back_batches(rows, keys, spec, days)
    rows["received_us"][late] += late_days * _DAY_US
    twice = chosen(why.IS_DUPLICATE, spec.duplicate_share)
    again = rows[twice]
    repeated = uniforms(keys[twice], steps[twice], why.DUPLICATE_DELAY) * _REPEATED_WITHIN_US
    again["received_us"] += _SECOND_US + repeated.astype(np.int64)
    return joined([rows, again, mends])


def _hold_back_batches(rows: Records, keys: NDArray[np.uint64], spec: BankSpec, days: Records) -> None:
    """Let the transactions of some batches, each a fixed part of the customers, come a day late on some days."""
    if spec.burst_share == 0.0:
        return
    batches = keys_of(spec.seed ^ _BATCH_SALT, _BATCHES)
    for day in days:
        held = uniforms(batches, np.full(_BATCHES, day["number"]), why.BURST) < spec.burst_share
        if held.any():
            ends_us = day["midnight_us"] + day["length_us"]
            today = (rows["booked_us"] >= day["midnight_us"]) & (rows["booked_us"] < ends_us)
            today &= (rows["kind"] == EventKind.TRANSACTION) & held[(keys % np.uint64(_BATCHES)).astype(np.int64)]
            rows["received_us"][today] += _DAY_US


def _misreport(rows: Records, keys: NDArray[np.uint64], steps: NDArray[np.int64], spec: BankSpec) -> Records:
    """Tell of some payments made in time as missed; the rows that mend that, delivered."""
    in_time = (rows["kind"] == EventKind.OUTCOME) & (rows["status"] == PAID) & (rows["paid"] == rows["due"])
    paid = np.flatnonzero(in_time)
    wrong = paid[uniforms(keys[paid], steps[paid], why.IS_MISREPORTED) < spec.misreport_share]
    mends = rows[wrong]
    rows["status"][wrong] = MISSED
    rows["paid"][wrong] = NO_INDEX
    rows["booked_us"][wrong] += _MISREPORTED_AFTER_US
    waits = uniforms(keys[wrong], steps[wrong], why.CORRECTED_AFTER) * _MENDED_DAYS * _DAY_US
    mends["status"] = CURED
    mends["mends"] = True
    mends["booked_us"] += _MISREPORTED_AFTER_US + _DAY_US // 2 + waits.astype(np.int64)
    mends["received_us"] = mends["booked_us"] + _SECOND_US
    return mends


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
    return np.take(rows, order_of(rows))


def _blank(count: int, kind: EventKind) -> Records:
    """Rows that are about no customer, obligation or merchant yet."""
    rows = np.zeros(count, dtype=ROW)
    rows["kind"] = kind
    for name in ("customer", "reverses", "paid", "merchant", "duty"):
        rows[name] = NO_INDEX
    return rows
