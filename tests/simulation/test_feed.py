"""The feed: log order, day closes, what is late or double, and the strict door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from forbear.domain.calendar import BankCalendar
from forbear.domain.events import CustomerUpdated, DayClosed, PaymentOutcome, Transaction, decode, encode
from forbear.domain.terms import OutcomeStatus
from forbear.features.batch import batch_of
from forbear.features.book import Book
from forbear.features.columns import (
    EventColumns,
    EventKind,
    codes_of,
    columns_of,
    day_number,
    day_of,
    events_of,
    instant,
)
from forbear.features.compute import FeatureSet
from forbear.features.kernels import REFUSED, Fold
from forbear.features.local_time import local_time
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
    assert len(reversals) > 20
    for row in reversals:
        bought = place[rows.reverses[row]]
        assert rows.booked_us[bought] < rows.booked_us[row]
        assert (rows.amount_minor[bought], rows.category[bought]) == (rows.amount_minor[row], rows.category[row])
        assert (rows.direction[bought], rows.direction[row]) == (1, 0)
        assert rows.account_id[bought] == rows.account_id[row]


def test_a_wrong_booking_is_taken_back_and_booked_anew(noisy: Bank) -> None:
    """Some purchases are booked twice as large; a day or two later that is taken back and the right amount booked."""
    rows = transactions(noisy.log)
    rows = rows.take(np.unique(rows.event_id, return_index=True)[1])
    place = {
        (customer, number): row
        for row, (customer, number) in enumerate(zip(rows.customer_id, rows.sequence, strict=True))
    }
    mended = 0
    for row in np.flatnonzero(rows.reverses != b""):
        anew = place.get((rows.customer_id[row], rows.sequence[row] + 1))
        if anew is None or rows.booked_us[anew] != rows.booked_us[row]:
            continue
        mended += 1
        assert 2 * rows.amount_minor[anew] == rows.amount_minor[row]
        assert (rows.category[anew], rows.account_id[anew]) == (rows.category[row], rows.account_id[row])
        wrong = np.flatnonzero(rows.event_id == rows.reverses[row])[0]
        assert rows.counterparty[anew] == rows.counterparty[wrong]
        assert 0 < rows.booked_us[row] - rows.booked_us[wrong] < 3 * 86_400_000_000
    assert mended > 20


def test_a_payment_reported_missed_in_error_is_mended(noisy: Bank) -> None:
    """It was paid on its due day, is told of as missed and then as settled that day: one payment, nothing unpaid."""
    outcomes = noisy.log.take(noisy.log.kind == EventKind.OUTCOME)
    missed, cured = (codes_of(OutcomeStatus)[status] for status in (OutcomeStatus.MISSED, OutcomeStatus.CURED))
    of = list(zip(outcomes.account_id.tolist(), outcomes.day.tolist(), outcomes.outcome_status.tolist(), strict=True))
    told = {key: row for row, key in enumerate(of)}
    mends = np.flatnonzero((outcomes.outcome_status == cured) & (outcomes.paid_on == outcomes.day))
    assert len(mends) > 5
    for row in mends:
        error = told[outcomes.account_id[row], outcomes.day[row], missed]
        assert outcomes.received_us[error] < outcomes.received_us[row]
        assert outcomes.amount_minor[error] == outcomes.amount_minor[row]
    assert len(set(of)) == len(of)
    assert len(np.unique(outcomes.event_id)) == len(outcomes)


def test_a_batch_comes_a_day_late(run: Callable[[BankSpec], Bank], noisy: Bank) -> None:
    """On some days the transactions of a fixed part of the customers come 24 hours late, all of them and no others."""
    spec = replace(noisy.spec, late_share=0.0, duplicate_share=0.0, burst_share=0.01, days=60)
    rows = transactions(run(spec).log)
    late = rows.received_us - rows.booked_us > 43_200e6
    assert late.mean() == pytest.approx(spec.burst_share, rel=0.6)
    assert (rows.received_us[late] - rows.booked_us[late] <= 86_520e6).all()
    days = local_time(spec.time_zone).local_us(rows.booked_us) // 86_400_000_000
    pairs = set(zip(rows.customer_id[late].tolist(), days[late].tolist(), strict=True))
    again = np.array([pair in pairs for pair in zip(rows.customer_id.tolist(), days.tolist(), strict=True)])
    assert (late == again).all()


def test_switches_at_zero_leave_a_perfect_feed(clean: Bank) -> None:
    """No share asked for, nothing late, double or taken back."""
    rows = transactions(clean.log)
    assert ((rows.received_us - rows.booked_us) <= 120e6).all()
    assert len(np.unique(rows.event_id)) == len(rows)
    assert not (rows.reverses != b"").any()


def test_delays_and_duplicates_change_nobodys_life(noisy: Bank, run: Callable[[BankSpec], Bank]) -> None:
    """The same things happen, however badly they are reported."""
    quiet = run(replace(noisy.spec, late_share=0.0, duplicate_share=0.0, misreport_share=0.0)).log
    # What mends a report has an id of its own, which begins with an M.
    told = {event for event in noisy.log.event_id.tolist() if not event.startswith(b"M")}
    happened = set(quiet.event_id.tolist())
    # What is still on its way when the run ends is the only thing that the noisy feed lacks.
    assert told <= happened
    assert len(happened - told) < 0.001 * len(happened)


@pytest.mark.parametrize("kind", [*EventKind][: EventKind.INSTRUCTED])  # those behind it are written by people
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


def test_the_ledger_takes_every_event(noisy: Bank) -> None:
    """Folded as it comes, the feed has no conflict, no strange account and nothing past the horizon."""
    book = Book(FeatureSet.standard(), day_number(noisy.spec.start), BankCalendar(noisy.spec.holidays))
    fates = book.fold(batch_of(noisy.log, local_time(noisy.spec.time_zone)))
    assert not np.isin(fates, [Fold.PARKED, *REFUSED]).any()
    assert (fates == Fold.DUPLICATE).any()
    assert (fates == Fold.LATE).any()


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
