"""The feed: log order, day closes, what is late or double, and the strict door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from forbear.domain.events import CustomerUpdated, DayClosed, PaymentOutcome, Transaction, decode, encode
from forbear.features.columns import EventColumns, EventKind, columns_of, day_of, events_of, instant
from forbear.simulation.bank import simulate
from forbear.simulation.spec import BankSpec

if TYPE_CHECKING:
    from conftest import Bank

_KINDS = {
    EventKind.TRANSACTION: Transaction,
    EventKind.CUSTOMER: CustomerUpdated,
    EventKind.OUTCOME: PaymentOutcome,
    EventKind.DAY_CLOSED: DayClosed,
}


def transactions(log: EventColumns) -> EventColumns:
    """The transactions of a log, in its order."""
    return log.take(log.kind == EventKind.TRANSACTION)


def test_the_log_is_in_the_order_received(noisy: Bank) -> None:
    """received_us never falls, within chunks and from one to the next."""
    assert (np.diff(noisy.log.received_us) >= 0).all()


def test_every_day_is_closed_once_at_two_in_the_morning(noisy: Bank) -> None:
    """Each day has one DayClosed, in order, at 02:00 bank-local of the next day, summer and winter."""
    closes = noisy.log.take(noisy.log.kind == EventKind.DAY_CLOSED)
    days = [noisy.spec.start + timedelta(index) for index in range(noisy.spec.days)]
    assert days == [day_of(day) for day in closes.day]
    zone = ZoneInfo(noisy.spec.time_zone)
    expected = [datetime(d.year, d.month, d.day, 2, tzinfo=zone) for d in (day + timedelta(1) for day in days)]
    assert [at.timestamp() for at in expected] == [instant(us).timestamp() for us in closes.received_us]


def test_what_arrives_in_time_stands_before_its_day_closes(clean: Bank) -> None:
    """Without delays, every event of a day comes before the close of that day."""
    log, zone = clean.log, ZoneInfo(clean.spec.time_zone)
    closes = np.flatnonzero(log.kind == EventKind.DAY_CLOSED)
    facts = np.flatnonzero((log.kind == EventKind.TRANSACTION) | (log.kind == EventKind.OUTCOME))[::97]
    for row in facts:
        day = instant(log.booked_us[row]).astimezone(zone).date()
        assert row < closes[(day - clean.spec.start).days]


def test_late_transactions_come_one_to_three_days_late(noisy: Bank) -> None:
    """About as many as asked for are late; all others arrive within two minutes."""
    rows = transactions(noisy.log)
    first = np.unique(rows.event_id, return_index=True)[1]
    delay_days = (rows.received_us - rows.booked_us)[first] / 86_400e6
    late = delay_days > 0.5
    assert late.mean() == pytest.approx(noisy.spec.late_share, rel=0.5)
    assert ((delay_days[late] >= 1) & (delay_days[late] < 3.01)).all()
    assert (delay_days[~late] * 86_400 <= 120).all()


def test_a_duplicate_is_the_same_event_again(noisy: Bank) -> None:
    """A repeated transaction differs from its original in nothing but a later received_us."""
    rows = transactions(noisy.log)
    _, original, counts = np.unique(rows.event_id, return_index=True, return_counts=True)
    assert (counts.max(), (counts == 2).mean()) == (2, pytest.approx(noisy.spec.duplicate_share, rel=0.5))
    for at in original[counts == 2]:
        again = np.flatnonzero(rows.event_id == rows.event_id[at])[1]
        assert rows.received_us[again] > rows.received_us[at]
        for field in fields(EventColumns):
            if field.name != "received_us":
                assert getattr(rows, field.name)[again] == getattr(rows, field.name)[at]


def test_a_reversal_gives_back_what_an_earlier_purchase_took(noisy: Bank) -> None:
    """A reversal is a later credit of the same amount and category, and names the purchase."""
    rows = transactions(noisy.log)
    place = {event: row for row, event in enumerate(rows.event_id.tolist())}
    reversals = np.flatnonzero(rows.reverses != b"")
    assert len(reversals) > 0
    for row in reversals:
        bought = place[rows.reverses[row]]
        assert rows.booked_us[bought] < rows.booked_us[row]
        assert (rows.amount_minor[bought], rows.category[bought]) == (rows.amount_minor[row], rows.category[row])
        assert (rows.direction[bought], rows.direction[row]) == (1, 0)


def test_switches_at_zero_leave_a_perfect_feed(clean: Bank) -> None:
    """No share asked for, nothing late, double or taken back."""
    rows = transactions(clean.log)
    assert ((rows.received_us - rows.booked_us) <= 120e6).all()
    assert len(np.unique(rows.event_id)) == len(rows)
    assert not (rows.reverses != b"").any()


def test_delays_and_duplicates_change_nobodys_life(noisy: Bank, run: Callable[[BankSpec], Bank]) -> None:
    """The same things happen, however badly they are reported."""
    quiet = run(replace(noisy.spec, late_share=0.0, duplicate_share=0.0)).log
    told = set(noisy.log.event_id.tolist())
    happened = set(quiet.event_id.tolist())
    # What is still on its way when the run ends is the only thing that the noisy feed lacks.
    assert told <= happened
    assert len(happened - told) < 0.001 * len(happened)


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_passes_the_strict_door(noisy: Bank, kind: EventKind) -> None:
    """Events of each kind decode from their own JSON, and their columns come back as they were."""
    rows = np.flatnonzero(noisy.log.kind == kind)
    sample = noisy.log.take(rows[:: max(1, len(rows) // 3_000)])
    events = list(events_of(sample))
    assert len(events) > 50
    for event in events:
        assert isinstance(event, _KINDS[kind])
        assert decode(encode(event)) == event
    back = columns_of(events)
    for field in fields(EventColumns):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(sample, field.name), field.name)


def test_updates_come_first_and_when_a_rate_rises(clean: Bank) -> None:
    """Everyone is introduced before anything else; a later update raises an instalment and nothing falls."""
    updates = list(events_of(clean.log.take(clean.log.kind == EventKind.CUSTOMER)))
    firsts, later = updates[: clean.spec.customers], updates[clean.spec.customers :]
    assert (clean.log.kind[: clean.spec.customers] == EventKind.CUSTOMER).all()
    assert len(later) > 0
    before = {e.customer_id: e for e in firsts if isinstance(e, CustomerUpdated)}
    for event in later:
        assert isinstance(event, CustomerUpdated)
        old = {o.obligation_id: o.amount_minor for o in before[event.customer_id].obligations}
        changes = [o.amount_minor - old[o.obligation_id] for o in event.obligations]
        assert min(changes) >= 0 < max(changes)


def test_chunks_do_not_mix_updates_with_facts() -> None:
    """Texts have one width in a chunk, so the long updates come in chunks of their own."""
    for chunk in simulate(BankSpec(customers=30, days=120)):
        updates = chunk.kind == EventKind.CUSTOMER
        assert updates.all() or not updates.any()
