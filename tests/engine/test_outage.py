"""A feed that stops for two days around a pay day, and brings them afterwards: no wave of missing salaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from forbear.domain.events import DayClosed
from forbear.domain.terms import Category
from forbear.engine.closing import Arrivals, ClosingRule, Complete, assess, is_due
from forbear.engine.outputs import Outputs
from forbear.engine.ports import Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, EventKind, codes_of, columns_of, day_of, instant, joined
from forbear.features.local_time import DAY_US, LocalTime, local_time

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
HOUR_US = 3_600_000_000
RULE = ClosingRule(grace_minutes=60)
OUTAGE_DAYS = 2


class Gave(NamedTuple):
    """What a worker made of a log: (customer, day) of offers, the closes, and whose salary seemed overdue at them.

    closes: offset by closed day.  overdue: keys by closed day.  expected: misses, the sum of all PDs, by closed day.
    """

    offers: set[tuple[int, int]]
    closes: dict[int, int]
    overdue: dict[int, set[int]]
    expected: dict[int, float]


@dataclass(frozen=True)
class Outage:
    """The first day that nothing comes of, and what becomes of the log then."""

    day: int
    undisturbed: Gave
    naive: Gave
    closer: Gave


def stopped(log: EventColumns, zone: LocalTime, first: int) -> EventColumns:
    """The same log where nothing is received on some days from the first on, and all of that at their end."""
    local = zone.local_us(log.received_us)
    held = (local >= first * DAY_US) & (local < (first + OUTAGE_DAYS) * DAY_US)
    back = int(log.received_us[held][-1]) + HOUR_US // 2
    held &= log.kind != EventKind.INSTRUCTED
    received = np.where(held, back, log.received_us)
    order = np.argsort(received, kind="stable")
    return replace(log, received_us=received).take(order)


def closed_by(bank: SmallBank, bare: EventColumns, may_close: Callable[[Arrivals, int], bool]) -> EventColumns:
    """A log with the closes that somebody puts in who looks every six hours, at the due time or later."""
    zone = local_time(bank.deployment.time_zone)
    arrivals, parts, at = Arrivals(zone), list[EventColumns](), 0
    open_day = int(zone.local_us(bare.received_us[:1])[0] // DAY_US)
    now_us = int(bare.received_us[0]) // HOUR_US * HOUR_US + HOUR_US
    while now_us < int(bare.received_us[-1]):
        now_us += 6 * HOUR_US
        past = int(np.searchsorted(bare.received_us, now_us, side="right"))
        if past > at:
            part = bare.take(slice(at, past))
            parts.append(part)
            arrivals.add(Scanned(at, part, batch_of(part, zone)))
            at = past
        while is_due(open_day, now_us, zone, RULE.grace_minutes) and may_close(arrivals, open_day):
            parts.append(columns_of([DayClosed(partition=0, day=day_of(open_day), received_at=instant(now_us))]))
            open_day += 1
    return joined(parts)


def gave(bank: SmallBank, log: EventColumns, days: range) -> Gave:
    """What a worker makes of a log; whose salary is overdue is asked at the closes of some days."""
    batch, worker, told = batch_of(log, local_time(bank.deployment.time_zone)), bank.worker(), list[Outputs]()
    book, overdue, at = worker.follower.scorer.book, dict[int, set[int]](), 0
    rows = np.flatnonzero((log.kind == EventKind.DAY_CLOSED) & np.isin(log.day, list(days))).tolist()
    for past in [*rows, len(log)]:
        told += worker.process(Scanned(at, log.take(slice(at, past)), batch.slice(at, past)))
        if at := past % len(log):
            place = worker.follower.scorer.features.names.index("salary_delay_days")
            delay = book.compute(np.arange(book.customers))[:, place]
            overdue[int(log.day[past])] = set(book.keys[delay >= 1].tolist())
    return Gave(
        {(made.customer, made.day) for one in told for made in one.decisions if made.outcome == "offer"},
        {row.day: row.offset for one in told for row in one.days},
        overdue,
        {row.day: row.expected_misses for one in told for row in one.days},
    )


@pytest.fixture(scope="module")
def outage(small_bank: SmallBank) -> Outage:
    """Two days without a feed, the first of them the day after outreach began on which most salaries come."""
    zone, log, calendar = local_time(small_bank.deployment.time_zone), small_bank.log, small_bank.feed_parts[1]
    bare = log.take(log.kind != EventKind.DAY_CLOSED)
    days = zone.local_us(bare.booked_us) // DAY_US
    told = int(days[bare.kind == EventKind.INSTRUCTED][0])
    midweek = np.isin((days + 3) % 7, (0, 1, 2))  # day 0 was a Thursday; both days of the outage are to be working days
    paid = (
        (bare.category == codes_of(Category)[Category.SALARY]) & midweek & (days > told + 2) & (days < days.max() - 7)
    )
    first = int(np.bincount(days[paid]).argmax())

    def complete(arrivals: Arrivals, day: int) -> bool:
        return isinstance(assess(arrivals, day, calendar, RULE), Complete)

    def always(_arrivals: Arrivals, _day: int) -> bool:
        return True

    broken, looked_at = stopped(bare, zone, first), range(first, first + OUTAGE_DAYS)
    logs = ((bare, complete), (broken, always), (broken, complete))
    return Outage(first, *(gave(small_bank, closed_by(small_bank, log, rule), looked_at) for log, rule in logs))


def test_closing_by_the_clock_makes_a_wave(outage: Outage) -> None:
    """Closed when the clock says so, the pay day has many a salary seem overdue, and more people are offered help."""
    naive, undisturbed, day = outage.naive, outage.undisturbed, outage.day

    assert len(naive.overdue[day]) > len(undisturbed.overdue[day]) + 10
    assert naive.expected[day] > 1.2 * undisturbed.expected[day]
    assert len(naive.offers) > len(undisturbed.offers)


def test_a_closer_that_waits_makes_none(outage: Outage) -> None:
    """Closed when they are complete, the same days have the same salaries overdue, and nobody else is offered help.

    What stays different: whoever would have been offered help in those days is offered it a day earlier or later, and a
    day that is closed later knows a little more of what comes late on any day.
    """
    waited, undisturbed = outage.closer, outage.undisturbed

    assert all(waited.overdue[day] <= undisturbed.overdue[day] for day in waited.overdue)
    assert len(waited.offers) <= len(undisturbed.offers)
    assert {customer for customer, _ in waited.offers} <= {customer for customer, _ in undisturbed.offers}
    assert all({(who, day - 1), (who, day), (who, day + 1)} & undisturbed.offers for who, day in waited.offers)
    assert waited.expected == pytest.approx(undisturbed.expected, rel=0.02)


def test_every_day_is_closed_in_the_end(outage: Outage) -> None:
    """The first day of the outage waits for the feed, the days are closed in order, and none is left out."""
    waited, naive = outage.closer, outage.naive

    assert waited.closes.keys() == naive.closes.keys()
    assert list(waited.closes) == sorted(waited.closes)
    assert waited.closes[outage.day] > naive.closes[outage.day]
