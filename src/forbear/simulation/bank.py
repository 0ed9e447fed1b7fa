"""The synthetic bank: households whose missed payments follow from the cash that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from forbear.domain.deployment import SYNTHETIC, Deployment, MissDefinition
from forbear.features.columns import EventColumns
from forbear.simulation.calendar import calendar_of
from forbear.simulation.day import live_days
from forbear.simulation.emission import columns, pieces
from forbear.simulation.feed import closes_of, deliver, in_log_order, updates_of
from forbear.simulation.households import draw_households
from forbear.simulation.names import names_of
from forbear.simulation.profiles import Profiles
from forbear.simulation.records import Records, joined
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import Plan
from forbear.simulation.world import BOOK, ROW

_REPORTING_DAYS = 7
"""A miss is known when the grace of five days ends; two days more for the feed."""


def deployment(spec: BankSpec) -> Deployment:
    """What this bank is about: a missed payment in its currency, zone and country."""
    return Deployment(
        source=SYNTHETIC,
        currency=spec.currency,
        time_zone=spec.time_zone,
        country=spec.country,
        opens_on=spec.start,
        miss=MissDefinition(kind="missed_payment", reporting_days=_REPORTING_DAYS),
    )


def simulate(
    spec: BankSpec,
    progress: Callable[[int], None] | None = None,
    plan: Plan | None = None,
    *,
    threads: int = 2,
) -> Iterator[EventColumns]:
    """The events of the bank in log order, in chunks of nondecreasing received_us.

    The log ends with the close of the last day; what would arrive later is not in it. Customer 17 lives the
    same life whatever `customers`, `days` and `chunk_rows` are, and the log is the same for any `chunk_rows`.
    Memory holds the households (about 1.9 KB each) and two chunks; customer updates, whose texts are long,
    come in chunks of their own.  progress: called with the number of days done after each stretch of days.
    threads: >= 1, so many live a stretch of days while the one before it is written down; they change nothing.
    plan: help that is offered; None is nobody's. Customer updates keep to the due dates first agreed.
    """
    calendar = calendar_of(spec)
    houses = draw_households(spec, calendar)
    first_agreed = houses if plan is None else houses.copy()
    profiles = Profiles(spec=spec, calendar=calendar, houses=first_agreed, names=names_of(spec.customers))
    held = np.zeros(0, dtype=ROW)
    lives = _lives(spec, houses, calendar.days, threads, plan)
    for days, lived in lives:
        updates = updates_of(houses, calendar, days)
        rows = in_log_order(joined([held, updates, *lived, closes_of(calendar, days)]))
        last = days.stop == spec.days
        until_us = calendar.closes_us[-1] + 1 if last else calendar.days["midnight_us"][days.stop]
        cut = int(np.searchsorted(rows["received_us"], until_us))
        held = joined([rows[cut:]])
        for piece in pieces(rows[:cut]):
            yield columns(piece, profiles)
        if progress is not None:
            progress(days.stop)


def _lives(
    spec: BankSpec, houses: Records, days: Records, threads: int, plan: Plan | None
) -> Iterator[tuple[range, list[Records]]]:
    """Stretches of days with what the households leave behind on them, a part for each thread; one stretch ahead."""
    books = np.zeros(threads, dtype=BOOK)
    ends = np.linspace(0, len(houses), threads + 1).astype(int)
    stretches = [
        range(first, min(first + spec.chunk_days, spec.days)) for first in range(0, spec.days, spec.chunk_days)
    ]

    def live(stretch: range, worker: int) -> Records:
        own, these = houses[ends[worker] : ends[worker + 1]], days[stretch.start : stretch.stop]
        return deliver(_lived(own, these, books[worker : worker + 1]), houses, spec, these)

    def begin(stretch: range) -> list[Future[Records]]:
        if plan is not None:
            plan.hand_out(houses, stretch)
        return [pool.submit(live, stretch, worker) for worker in range(threads)]

    with ThreadPoolExecutor(threads) as pool:
        coming = begin(stretches[0])
        for place, stretch in enumerate(stretches):
            lived = [part.result() for part in coming]
            for following in stretches[place + 1 : place + 2]:
                coming = begin(following)
            yield stretch, lived


def _lived(houses: Records, days: Records, books: Records) -> Records:
    """What these households leave behind on these days, household by household."""
    parts = [np.zeros(0, dtype=ROW)]
    book, house = books[0], 0
    while house < len(houses):
        book["filled"] = 0
        house = live_days(houses, days, books, house)
        parts.append(joined([book["rows"][: book["filled"]]]))
    return joined(parts)
