"""A shocked history: nothing shocked is nothing changed, and what is shocked stays a history that adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.shocked_history import WINDOW, Stressed, Told, feed_of

from forbear.domain.calendar import BankCalendar
from forbear.domain.events import CustomerUpdated, Event, checked
from forbear.domain.terms import Category, ObligationKind
from forbear.engine.backfill import BookAt, Feed, book_at
from forbear.engine.shocked import UPDATE_ID
from forbear.engine.shocked_terms import Shock
from forbear.features.batch import DAYS, EventBatch, batch_of
from forbear.features.columns import EventColumns, EventKind, events_of, joined
from forbear.features.figures import FIGURES
from forbear.features.local_time import DAY_US, local_time
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec
from forbear.testing.histories import histories

NOTHING = Shock(name="nothing")
ALL = Shock(name="all", salaries_late_days=10, prices_up_ratio=0.08, rates_up_bp=200.0)
SPEC = BankSpec(customers=80, days=150, seed=5, late_share=0.05, duplicate_share=0.03, reversal_share=0.02)


@pytest.fixture(scope="module")
def bank() -> Feed:
    """A small bank whose feed is late, repeats itself and takes purchases back."""
    return Feed(Told(joined(list(simulate(SPEC))), 20_000), deployment(SPEC), BankCalendar())


@pytest.fixture(scope="module")
def hard(bank: Feed) -> Stressed:
    """That bank under all three shocks."""
    return Stressed.of(bank, ALL)


def same_books(one: BookAt, other: BookAt) -> None:
    """Both are the same to the bit, in whatever order customers were met."""
    assert one.rows.values.tobytes() == other.rows.values.tobytes()
    assert one.rows.customer.tobytes() == other.rows.customer.tobytes()
    assert one.figures.tobytes() == other.figures.tobytes()
    for book in (one, other):
        assert len(np.unique(book.met)) == len(book.met)
    order, again = np.argsort(one.met), np.argsort(other.met)
    assert one.met[order].tobytes() == other.met[again].tobytes()
    assert one.hurdles[order].tobytes() == other.hurdles[again].tobytes()


def without_own(columns: EventColumns) -> EventColumns:
    """Columns without the updates that a shock has put in."""
    return columns.take(columns.event_id != UPDATE_ID.encode())


def same_columns(one: EventColumns, other: EventColumns) -> None:
    """Every column holds the same values."""
    for field in fields(EventColumns):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


# ---- laws


@pytest.mark.parametrize(("window", "back"), [(WINDOW, 0), (30, 20), (400, 0)])
def test_no_shock_changes_no_bit(bank: Feed, window: int, back: int) -> None:
    """Shocked by nothing, every event goes the whole way and comes out as it was, and so does the book."""
    stressed = Stressed.of(bank, NOTHING, window, back)
    same_columns(without_own(stressed.columns()), stressed.was)
    assert stressed.found.reached["salaries"].entries > 50
    assert (len(stressed.found.obliged) > 50) == (window < 400)
    same_books(stressed.book(), book_at(bank, stressed.day))


@settings(max_examples=30, deadline=None)
@given(histories, st.integers(1, 9), st.integers(1, 130), st.integers(1, 13))
def test_no_shock_changes_no_bit_of_any_history(log: list[Event], late: int, window: int, size: int) -> None:
    """The same holds for any history and size of batches; and under a shock each batch is what its columns say."""
    feed = feed_of(log, size)
    same_books(Stressed.of(feed, NOTHING, window).book(), book_at(feed, feed.archive.closed_day))
    shock = Shock(name="any", salaries_late_days=late, prices_up_ratio=0.3, rates_up_bp=300.0)
    for part in Stressed.of(feed, shock, window).parts():
        same_batches(part.batch, batch_of(part.columns, local_time("UTC")))


def same_batches(one: EventBatch, other: EventBatch) -> None:
    """Both tell the ledger the same."""
    assert one.kind.tobytes() == other.kind.tobytes()
    assert one.customer.tobytes() == other.customer.tobytes()
    assert one.day.tobytes() == other.day.tobytes()
    assert one.received_us.tobytes() == other.received_us.tobytes()
    ours, theirs = one.record.copy(), other.record.copy()
    for row in np.flatnonzero(one.kind == EventKind.CUSTOMER).tolist():
        assert owed_in(one, row) == owed_in(other, row)
    ours[:, DAYS] &= 0xFFFFFFFF
    theirs[:, DAYS] &= 0xFFFFFFFF
    np.testing.assert_array_equal(ours, theirs)


def owed_in(batch: EventBatch, row: int) -> list[tuple[Any, ...]]:
    """What an update of a batch says is owed, wherever its schedules keep it."""
    told, number = batch.schedules, int(batch.record[row, DAYS] >> 32)
    rows = slice(int(told.first[number]), int(told.first[number + 1]))
    columns = (told.amount_minor, told.due, told.ends, told.frequency)
    return list(zip(*(column[rows].tolist() for column in columns), strict=True))


def test_what_lies_before_the_window_stays(hard: Stressed) -> None:
    """No event that was booked or received before the window's first day differs in anything."""
    since = hard.shocked.onset.since_us

    def before(columns: EventColumns) -> EventColumns:
        return columns.take((columns.booked_us < since) | (columns.received_us < since))

    same_columns(before(hard.columns()), before(hard.was))


def test_shocked_columns_are_a_valid_log(hard: Stressed) -> None:
    """In the order received, of the same types, every event one that the door takes; offsets follow each other."""
    columns, was = hard.columns(), hard.was
    assert (np.diff(columns.received_us) >= 0).all()
    assert (np.diff(columns.received_us[columns.kind == EventKind.DAY_CLOSED]) > 0).all()
    for field in fields(EventColumns):
        assert getattr(columns, field.name).dtype.kind == getattr(was, field.name).dtype.kind, field.name
    for event in events_of(columns):
        checked(event)
    ends = [part.offset + len(part.batch) for part in hard.parts()]
    assert [part.offset for part in hard.parts()] == [0, *ends[:-1]]


def test_equal_shocks_give_equal_histories(hard: Stressed, bank: Feed) -> None:
    """Surveyed and read again, in batches of another size, the history is the same to the byte."""
    other = Feed(Told(hard.was, 7_777), bank.deployment, bank.calendar)
    same_columns(Stressed.of(other, ALL).columns(), hard.columns())


def test_reading_from_an_offset_is_the_rest(hard: Stressed) -> None:
    """A scan that starts within the window gives what a whole scan gives from there on."""
    start = hard.shocked.onset.offset + 2_345
    rest = joined([part.columns for part in hard.shocked.scan(hard.zone, start)])
    same_columns(rest, hard.columns().take(slice(start, None)))


def test_late_salaries_are_neither_made_nor_lost(hard: Stressed) -> None:
    """Every salary arrives once, in full, ten days later by the clock on the wall, but for those past the close."""
    before, after = salaries(hard.was, hard), salaries(hard.columns(), hard)
    for key, (amount, booked_us) in after.items():
        assert before[key][0] == amount
        shown = hard.zone.local_us(np.array([before[key][1], booked_us]))
        assert shown[1] - shown[0] == 10 * DAY_US
    missing = [before[key] for key in before.keys() - after.keys()]
    late = [one for one in before.values() if on_day(one, hard) + 10 > hard.day]
    assert 0 < hard.found.never == len(late) <= len(missing)
    assert all(on_day(one, hard) + 10 >= hard.day - 4 for one in missing), "received late, as it was without the shock"
    total = sum(amount for amount, _ in before.values())
    assert total == sum(amount for amount, _ in after.values()) + sum(amount for amount, _ in missing)
    assert hard.found.reached["salaries"].amount_minor == total


def on_day(one: tuple[int, int], stressed: Stressed) -> int:
    """The bank-local day of an amount and its booked instant."""
    return int(stressed.zone.local_us(np.array([one[1]]))[0] // DAY_US)


def salaries(columns: EventColumns, stressed: Stressed) -> dict[tuple[bytes, bytes], tuple[int, int]]:
    """Amount and booked instant of each salary of the window, once."""
    code = list(Category).index(Category.SALARY)
    rows = (columns.category == code) & (columns.booked_us >= stressed.shocked.onset.since_us)
    some = columns.take(rows & (columns.reverses == b""))
    names = zip(some.customer_id.tolist(), some.event_id.tolist(), strict=True)
    values = zip(some.amount_minor.tolist(), some.booked_us.tolist(), strict=True)
    return dict(zip(names, values, strict=True))


def test_an_update_of_the_window_is_dearer_as_well(bank: Feed) -> None:
    """What the bank tells in the window of mortgages and utilities costs more, rent and insurance do not."""
    hard = Stressed.of(bank, ALL, 140)
    was = {one.update_id: one for one in updates(hard.was)}
    now = {one.update_id: one for one in updates(hard.columns())}
    later = [name for name, one in was.items() if one.booked_at.date() > START_OF_BANK + timedelta(20)]
    assert later
    for name in later:
        for before, after in zip(was[name].obligations, now[name].obligations, strict=True):
            free = before.kind in {ObligationKind.RENT, ObligationKind.INSURANCE}
            assert (after.amount_minor == before.amount_minor) == free
            assert after.amount_minor >= before.amount_minor


START_OF_BANK = date(2023, 1, 1)


def updates(columns: EventColumns) -> Iterator[CustomerUpdated]:
    """The customer updates of a log."""
    for event in events_of(columns.take(columns.kind == EventKind.CUSTOMER)):
        assert isinstance(event, CustomerUpdated)
        yield event


def test_a_shock_reaches_the_features(hard: Stressed, bank: Feed) -> None:
    """Under all three the book owes more, spends more and holds less on average."""
    before, after = book_at(bank, hard.day), hard.book()
    _, first, last = np.intersect1d(before.rows.customer, after.rows.customer, return_indices=True)
    names = list(FIGURES)
    for name, sign in (("owed_a_month", 1), ("balance_now", -1), ("spending_30d", 1)):
        column = names.index(name)
        change = np.nanmean(after.figures[last, column] - before.figures[first, column])
        assert np.sign(change) == sign, name
