"""The capacity of a day, spent at a cut: the same result for the same proposals, in whatever order they came."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.policy.decide import Rules
from forbear.policy.hashing import Floats, Keys, chained, mixed
from forbear.policy.proposals import OFFERED, Bools, Decisions, HoldReason, Proposals

Rows = NDArray[np.intp]

_MATTERS = 0x6D61747465727321
"""Seed of the keys by which proposals on one matter find each other; never stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """When capacity is spent, and how much there is.

    day: the bank-local day, since 1970.  book_size: customers in the book, >= 0.
    capacity: places left on each channel, in the order of the policy; None: a whole day's.
    offered_today: offers of earlier cuts of the day.  released: a person has let an abnormal volume pass.
    """

    day: int
    book_size: int
    capacity: tuple[int, ...] | None = None
    offered_today: int = 0
    released: bool = False


@dataclass(frozen=True, slots=True)
class _Queue:
    """Offers in competition, by row of the proposals. worth: higher goes first.  tie: then the lower hash."""

    rows: Rows
    worth: Floats
    tie: Keys

    def take(self, places: NDArray[Any]) -> _Queue:
        return _Queue(self.rows[places], self.worth[places], self.tie[places])


def allocate(rules: Rules, proposals: Proposals, decisions: Decisions, cut: Cut) -> Decisions:
    """What stands of some decisions once the capacity of the cut is spent.

    Of several proposals on one matter the last in the log stands. Offers past their last day have expired. A
    customer gets one offer, that of the highest priority. More offers than the policy's bound all wait. Then
    each channel takes its offers by priority, as many as it has places; equals are ordered by hash.
    Raises ValueError for a capacity that is negative or not by channel, for two proposals on one matter in
    the same place of the log, and for columns of different lengths.
    """
    capacity = _capacity(rules, cut)
    if len(decisions) != len(proposals):
        raise ValueError(f"{len(decisions)} decisions on {len(proposals)} proposals")
    hold = decisions.hold.copy()
    hold[_superseded(proposals)] = HoldReason.SUPERSEDED.code
    hold[(hold == OFFERED) & (decisions.expires_day < cut.day)] = HoldReason.EXPIRED.code
    queue = _queue(rules, proposals, decisions, np.flatnonzero(hold == OFFERED))
    second = _not_first(proposals.customer[queue.rows], queue)
    hold[queue.rows[second]] = HoldReason.COOL_DOWN.code
    queue = queue.take(~second)
    bound = rules.policy.allocation.abnormal_share * cut.book_size
    if len(queue.rows) and len(queue.rows) + cut.offered_today > bound and not cut.released:
        hold[queue.rows] = HoldReason.ABNORMAL_VOLUME.code
        return replace(decisions, hold=hold)
    channels = rules.channel_of[decisions.choice[queue.rows]]
    for channel, places in enumerate(capacity):
        mine = queue.take(channels == channel)
        hold[mine.rows[_beyond(mine, places, proposals)]] = HoldReason.CAPACITY.code
    return replace(decisions, hold=hold)


def _capacity(rules: Rules, cut: Cut) -> tuple[int, ...]:
    whole = tuple(channel.capacity_per_day for channel in rules.policy.channels)
    capacity = whole if cut.capacity is None else cut.capacity
    if len(capacity) != len(whole) or min(capacity) < 0 or cut.book_size < 0:
        raise ValueError(f"capacity {capacity} of {len(whole)} channels, a book of {cut.book_size}")
    return capacity


def _superseded(proposals: Proposals) -> Rows:
    """Rows to which a later one on the same matter of the same customer exists."""
    rows = _sharing(chained(_MATTERS, proposals.customer, proposals.matter))
    customer, matter, order = (column[rows] for column in (proposals.customer, proposals.matter, proposals.order))
    by = np.lexsort((order, matter, customer))
    same = (customer[by][1:] == customer[by][:-1]) & (matter[by][1:] == matter[by][:-1])
    if (same & (order[by][1:] == order[by][:-1])).any():
        raise ValueError("two proposals on one matter have the same place in the log")
    superseded: Rows = rows[by[:-1][same]]
    return superseded


def _queue(rules: Rules, proposals: Proposals, decisions: Decisions, rows: Rows) -> _Queue:
    worth = proposals.pd[rows]
    if rules.policy.allocation.priority != "pd":
        worth = worth * proposals.exposure_minor[rows]
    benefit = proposals.benefit_minor[rows]
    # One scale for one cut: a benefit is a small part of what is at stake, and would lose to every PD x exposure.
    if rules.policy.allocation.priority == "benefit" and not np.isnan(benefit).any():
        worth = benefit
    return _Queue(rows, worth, mixed(decisions.ids[rows, 0]))


def _not_first(customers: Keys, queue: _Queue) -> Bools:
    """(n,) whether another offer to the same customer has priority."""
    second = np.zeros(len(customers), dtype=np.bool_)
    places = _sharing(customers)
    by = places[np.lexsort((queue.tie[places], -queue.worth[places], customers[places]))]
    second[by[1:]] = customers[by][1:] == customers[by][:-1]
    return second


def _beyond(queue: _Queue, places: int, proposals: Proposals) -> Bools:
    """(n,) what `places` leave over, by worth, then hash; sorting only those who tie at the line."""
    beyond: Bools = np.zeros(len(queue.rows), dtype=np.bool_)
    if len(beyond) <= places:
        return beyond
    if places == 0:
        return ~beyond
    line = np.partition(queue.worth, len(beyond) - places)[len(beyond) - places]
    beyond = queue.worth < line
    tied = np.flatnonzero(queue.worth == line)
    rows = queue.rows[tied]
    by = np.lexsort((proposals.matter[rows], proposals.customer[rows], queue.tie[tied]))
    room = places - int(np.count_nonzero(queue.worth > line))
    beyond[tied[by[room:]]] = True
    return beyond


def _sharing(keys: Keys) -> Rows:
    """Rows whose key occurs more than once. Most batches have none, and pay for one sort of plain words."""
    ordered = np.sort(keys)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.flatnonzero(np.isin(keys, repeated)) if len(repeated) else np.zeros(0, dtype=np.intp)
