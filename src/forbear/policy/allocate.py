"""The capacity of a day, spent at a cut: the same result for the same proposals, in whatever order they came."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.policy.choice import Wanted, priced, wanted_of
from forbear.policy.decide import Rules
from forbear.policy.hashing import Floats, Keys, chained, mixed
from forbear.policy.prices import NOT_AT_MARGIN, assign
from forbear.policy.proposals import OFFERED, Bools, Decisions, HoldReason, Ints, Proposals

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Where each of n choices stood when a cut spent its capacity: all that decided it beside its own row.

    day: (n,) of the cut.  book_size, offered_today: (n,), see `Cut`.  competing: (n,) offers that wanted a place on any
    channel, one a customer.  released: (n,) whether a person has let an abnormal volume pass.
    second: (n,) whether another offer to the same customer has priority.
    place: (n,) in the queue of its channel, from 0; -1 where it was not in one.
    room: (n,) places that the channel of the choice had left; 0 without a choice.
    price_minor: (n, c) of a place on each channel at the cut.  margin: (n,) the channel that was given to whoever was
    as well off with another or with nothing, see `prices.Assigned`. Both are None where the policy does not choose by
    value; where it does, there are no queues.
    """

    day: Ints
    book_size: Ints
    offered_today: Ints
    competing: Ints
    released: Bools
    second: Bools
    place: Ints
    room: Ints
    price_minor: Floats | None = None
    margin: Ints | None = None

    def take(self, rows: NDArray[Any]) -> Waiting:
        """Some of the rows, in the order given."""
        return Waiting(**{name: column[rows] for name, column in self.columns().items()})

    def columns(self) -> dict[str, NDArray[Any]]:
        """What is known of the rows, by name."""
        known = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: column for name, column in known if column is not None}


PRICED = ("price_minor", "margin")
"""Columns of `Waiting` that are there where the policy chooses by value, and nowhere else."""


@dataclass(frozen=True, slots=True)
class _Queue:
    """Offers in competition, by row of the proposals. worth: higher goes first.  tie: then the lower hash."""

    rows: Rows
    worth: Floats
    tie: Keys

    def take(self, places: NDArray[Any]) -> _Queue:
        return _Queue(self.rows[places], self.worth[places], self.tie[places])


def allocate(rules: Rules, proposals: Proposals, decisions: Decisions, cut: Cut) -> Decisions:
    """What stands of some decisions once the capacity of the cut is spent; see `allocated`."""
    return allocated(rules, proposals, decisions, cut)[0]


def allocated(rules: Rules, proposals: Proposals, decisions: Decisions, cut: Cut) -> tuple[Decisions, Waiting]:
    """What stands of some decisions once the capacity of the cut is spent, and where each of them stood.

    Of several proposals on one matter the last in the log stands. Offers past their last day have expired. A
    customer gets one offer, that of the highest priority. More offers than the policy's bound all wait. Then
    each channel takes its offers by priority, as many as it has places; equals are ordered by hash. Where the policy
    chooses by value, the priority is the value, and prices give the places, see `prices.assign`: an offer may then
    become one of another action, but for those that were drawn.
    Raises ValueError for a capacity that is negative or not by channel, for two proposals on one matter in
    the same place of the log, and for columns of different lengths.
    """
    capacity = np.array(_capacity(rules, cut), dtype=np.int64)
    if len(decisions) != len(proposals):
        raise ValueError(f"{len(decisions)} decisions on {len(proposals)} proposals")
    hold = decisions.hold.copy()
    hold[_superseded(proposals)] = HoldReason.SUPERSEDED.code
    decisions = replace(decisions, hold=hold)
    day = np.full(len(hold), cut.day, dtype=np.int64)
    wanted = wanted_of(rules, proposals, decisions, day) if rules.worth is not None else None
    in_time = decisions.expires_day >= cut.day if wanted is None else (wanted.value > 0.0).any(axis=1)
    rows = np.flatnonzero((hold == OFFERED) & in_time)
    worth = _priority(rules, proposals, rows) if wanted is None else wanted.value[rows].max(axis=1, initial=0.0)
    queue = _Queue(rows, worth, mixed(decisions.ids[rows, 0]))
    not_first = _not_first(proposals.customer[queue.rows], queue)
    second = np.zeros(len(hold), dtype=np.bool_)
    second[queue.rows[not_first]] = True
    queue = queue.take(~not_first)
    waiting = Waiting(
        day=day,
        book_size=np.full(len(hold), cut.book_size, dtype=np.int64),
        offered_today=np.full(len(hold), cut.offered_today, dtype=np.int64),
        competing=np.full(len(hold), len(queue.rows), dtype=np.int64),
        released=np.full(len(hold), cut.released, dtype=np.bool_),
        second=second,
        place=np.full(len(hold), -1, dtype=np.int64),
        room=day,
    )
    if wanted is None:
        waiting = _queued(rules, proposals, decisions, waiting, queue)
    else:
        waiting = _on_the_market(proposals, wanted, waiting, queue, capacity)
    standing, out = _chosen(rules, proposals, decisions, waiting)
    room = np.where(standing.choice >= 0, capacity[rules.channel_of[standing.choice]], 0)
    waiting = replace(waiting, room=room)
    return _stands(rules, standing, waiting, out), waiting


def spent(rules: Rules, decisions: Decisions, waiting: Waiting, proposals: Proposals | None = None) -> Decisions:
    """What stands of decisions that stood so when their cuts spent their capacity, each by its own row alone.

    proposals: that were decided; they are asked where the policy chooses by value.
    Raises ValueError without them there.
    """
    standing, out = _chosen(rules, proposals, decisions, waiting)
    return _stands(rules, standing, waiting, out)


def _chosen(
    rules: Rules, proposals: Proposals | None, decisions: Decisions, waiting: Waiting
) -> tuple[Decisions, Bools]:
    """The decisions with the actions that prices give them, and (n,) who is priced out of all of them."""
    out = np.zeros(len(decisions), dtype=np.bool_)
    if waiting.price_minor is None or waiting.margin is None:
        return decisions, out
    if proposals is None:
        raise ValueError("a choice by value is made again from its proposals")
    rows = np.flatnonzero(decisions.offered & ~waiting.second)
    mine = Decisions(**{field.name: getattr(decisions, field.name)[rows] for field in fields(decisions)})
    at = waiting.day[rows], waiting.price_minor[rows], waiting.margin[rows]
    changed, out[rows] = priced(rules, proposals.take(rows), mine, at)
    columns = {name: getattr(decisions, name).copy() for name in ("choice", "expires_day", "propensity")}
    for name, column in columns.items():
        column[rows] = getattr(changed, name)
    return replace(decisions, **columns), out


def _stands(rules: Rules, decisions: Decisions, waiting: Waiting, out: Bools) -> Decisions:
    hold = decisions.hold.copy()
    hold[(hold == OFFERED) & (decisions.expires_day < waiting.day)] = HoldReason.EXPIRED.code
    hold[(hold == OFFERED) & waiting.second] = HoldReason.COOL_DOWN.code
    bound = rules.policy.allocation.abnormal_share * waiting.book_size
    abnormal = (waiting.competing + waiting.offered_today > bound) & ~waiting.released
    hold[(hold == OFFERED) & abnormal] = HoldReason.ABNORMAL_VOLUME.code
    hold[(hold == OFFERED) & ((waiting.place >= waiting.room) | out)] = HoldReason.CAPACITY.code
    return replace(decisions, hold=hold)


def _queued(rules: Rules, proposals: Proposals, decisions: Decisions, waiting: Waiting, queue: _Queue) -> Waiting:
    """Each in the queue of the channel of its choice, by priority."""
    place = waiting.place.copy()
    channels = rules.channel_of[decisions.choice[queue.rows]]
    for channel in range(len(rules.policy.channels)):
        mine = queue.take(channels == channel)
        place[mine.rows[_by_priority(mine, proposals)]] = np.arange(len(mine.rows))
    return replace(waiting, place=place)


def _on_the_market(proposals: Proposals, wanted: Wanted, waiting: Waiting, queue: _Queue, capacity: Ints) -> Waiting:
    """The prices at which there is a place for whoever wants one, and what was given to those who were indifferent."""
    among = replace(queue, worth=np.zeros(len(queue.rows)))
    given = assign(wanted.value[queue.rows], capacity, _by_priority(among, proposals))
    margin = np.full(len(waiting.day), NOT_AT_MARGIN, dtype=np.int64)
    margin[queue.rows] = given.margin
    return replace(waiting, price_minor=np.tile(given.price_minor, (len(margin), 1)), margin=margin)


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


def _priority(rules: Rules, proposals: Proposals, rows: Rows) -> Floats:
    worth = proposals.pd[rows]
    if rules.policy.allocation.priority != "pd":
        worth = worth * proposals.exposure_minor[rows]
    benefit = proposals.benefit_minor[rows]
    # One scale for one cut: a benefit is a small part of what is at stake, and would lose to every PD x exposure.
    if rules.policy.allocation.priority == "benefit" and not np.isnan(benefit).any():
        worth = benefit
    return worth


def _not_first(customers: Keys, queue: _Queue) -> Bools:
    """(n,) whether another offer to the same customer has priority."""
    second = np.zeros(len(customers), dtype=np.bool_)
    places = _sharing(customers)
    by = places[np.lexsort((queue.tie[places], -queue.worth[places], customers[places]))]
    second[by[1:]] = customers[by][1:] == customers[by][:-1]
    return second


def _by_priority(queue: _Queue, proposals: Proposals) -> NDArray[np.intp]:
    """The offers of a queue by worth, then hash."""
    matter, customer = proposals.matter[queue.rows], proposals.customer[queue.rows]
    order: NDArray[np.intp] = np.lexsort((matter, customer, queue.tie, -queue.worth))
    return order


def _sharing(keys: Keys) -> Rows:
    """Rows whose key occurs more than once. Most batches have none, and pay for one sort of plain words."""
    ordered = np.sort(keys)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.flatnonzero(np.isin(keys, repeated)) if len(repeated) else np.zeros(0, dtype=np.intp)
