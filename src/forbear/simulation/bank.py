"""The synthetic bank: households whose missed payments follow from the cash that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from forbear.domain.deployment import Deployment, MissDefinition
from forbear.features.columns import EventColumns
from forbear.simulation.calendar import calendar_of
from forbear.simulation.day import live_days
from forbear.simulation.emission import columns, pieces
from forbear.simulation.feed import closes_of, deliver, in_log_order, updates_of
from forbear.simulation.households import draw_households
from forbear.simulation.names import names_of
from forbear.simulation.profiles import Profiles
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import Plan
from forbear.simulation.world import BOOK, ROW

_REPORTING_DAYS = 7
"""A miss is known when the grace of five days ends; two days more for the feed."""


def deployment(spec: BankSpec) -> Deployment:
    """What this bank is about: a missed payment in its currency and zone, weekends the only holidays."""
    return Deployment(
        source="simulation",
        currency=spec.currency,
        time_zone=spec.time_zone,
        opens_on=spec.start,
        miss=MissDefinition(kind="missed_payment", reporting_days=_REPORTING_DAYS),
    )


def simulate(
    spec: BankSpec, progress: Callable[[int], None] | None = None, plan: Plan | None = None
) -> Iterator[EventColumns]:
    """The events of the bank in log order, in chunks of nondecreasing received_us.

    The log ends with the close of the last day; what would arrive later is not in it. Customer 17 lives the
    same life whatever `customers`, `days` and `chunk_rows` are, and the log is the same for any `chunk_rows`.
    Memory holds the households (about 1.5 KB each) and one chunk; customer updates, whose texts are long,
    come in chunks of their own.  progress: called with the number of days done after each stretch of days.
    plan: help that is offered; None is nobody's. Customer updates keep to the due dates first agreed.
    """
    calendar = calendar_of(spec)
    houses = draw_households(spec, calendar)
    first_agreed = houses if plan is None else houses.copy()
    profiles = Profiles(spec=spec, calendar=calendar, houses=first_agreed, names=names_of(spec.customers))
    books = np.zeros(1, dtype=BOOK)
    held = np.zeros(0, dtype=ROW)
    for first in range(0, spec.days, spec.chunk_days):
        days = range(first, min(first + spec.chunk_days, spec.days))
        if plan is not None:
            plan.hand_out(houses, days)
        lived = deliver(_lived(houses, calendar.days[days.start : days.stop], books), houses, spec)
        updates = updates_of(houses, calendar, days)
        rows = in_log_order(np.concatenate([held, updates, lived, closes_of(calendar, days)]))
        last = days.stop == spec.days
        until_us = calendar.closes_us[-1] + 1 if last else calendar.days["midnight_us"][days.stop]
        cut = int(np.searchsorted(rows["received_us"], until_us))
        held = rows[cut:].copy()
        for piece in pieces(rows[:cut]):
            yield columns(piece, profiles)
        if progress is not None:
            progress(days.stop)


def _lived(houses: Records, days: Records, books: Records) -> Records:
    """What all households leave behind on these days, household by household."""
    parts = []
    book, house = books[0], 0
    while house < len(houses):
        book["filled"] = 0
        house = live_days(houses, days, books, house)
        parts.append(book["rows"][: book["filled"]].copy())
    return np.concatenate(parts)
