"""A shocked history: nothing shocked is nothing changed, and what is shocked stays a history that adds up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.apps.package_data import shipped
from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.errors import ConfigError
from forbear.domain.events import CustomerUpdated, Event, Obligation, Transaction, checked
from forbear.domain.terms import Category, Channel, Direction, Frequency, ObligationKind, Status
from forbear.engine.backfill import BookAt, Feed, book_at
from forbear.engine.ports import Scanned
from forbear.engine.shocked import UPDATE_ID, Shocked, book_under
from forbear.engine.shocked_onset import onset_at
from forbear.engine.shocked_survey import Surveyed, survey
from forbear.engine.shocked_terms import Shock, parse_stress
from forbear.features.batch import DAYS, EventBatch, batch_of
from forbear.features.columns import EventColumns, EventKind, columns_of, events_of, joined
from forbear.features.figures import FIGURES
from forbear.features.hashing import keys_of
from forbear.features.local_time import DAY_US, LocalTime, local_time
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec
from forbear.testing.builders import START, at, closed, outcome, transaction, update
from forbear.testing.histories import histories

TERMS = parse_stress(shipped("stress.toml"))
NOTHING = Shock(name="nothing")
ALL = Shock(name="all", salaries_late_days=10, prices_up_ratio=0.08, rates_up_bp=200.0)
SPEC = BankSpec(customers=80, days=150, seed=5, late_share=0.05, duplicate_share=0.03, reversal_share=0.02)
WINDOW = 60


@dataclass(frozen=True)
class Told:
    """A history in memory, with the names, in batches of so many events."""

    log: EventColumns
    size: int

    @property
    def next_offset(self) -> int:
        """How many events there are."""
        return len(self.log)

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed."""
        return int(self.log.day[self.log.kind == EventKind.DAY_CLOSED].max())

    def offset_since(self, received_us: int) -> int:
        """The first event received at or after an instant."""
        return int(np.searchsorted(np.maximum.accumulate(self.log.received_us), received_us))

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches from an offset on."""
        for first in range(start, len(self.log), self.size):
            part = self.log.take(slice(first, first + self.size))
            yield Scanned(first, part, batch_of(part, zone))

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """The same as columns."""
        yield self.log.take(slice(start, None))

    def customers(self) -> Mapping[int, str]:
        """Names by key."""
        names = np.unique(self.log.customer_id)
        return dict(zip(keys_of(names).tolist(), (name.decode() for name in names), strict=True))


@dataclass(frozen=True)
class Stressed:
    """A feed, its last closed day, and what a shock of its window makes of it."""

    feed: Feed
    day: int
    shocked: Shocked
    found: Surveyed

    @classmethod
    def of(cls, feed: Feed, shock: Shock, window: int = WINDOW, back: int = 0) -> Stressed:
        """The window that ends so many days before the last close."""
        day = (feed.archive.closed_day or 0) - back
        onset = onset_at(feed, day - window + 1, day)
        found = survey(feed, onset, shock, TERMS, day)
        return cls(feed, day, Shocked(feed.archive, onset, found, day), found)

    @property
    def zone(self) -> LocalTime:
        """The bank's."""
        return local_time(self.feed.deployment.time_zone)

    def book(self) -> BookAt:
        """The book under the shock."""
        return book_under(self.feed, self.shocked.onset, self.found, self.day)

    def parts(self) -> list[Scanned]:
        """All of the shocked history."""
        return list(self.shocked.scan(self.zone))

    def columns(self) -> EventColumns:
        """Its columns."""
        return joined([part.columns for part in self.parts()])

    @property
    def was(self) -> EventColumns:
        """The columns of the history that is shocked, up to the same close."""
        log = next(self.feed.archive.read())
        [end] = np.flatnonzero((log.kind == EventKind.DAY_CLOSED) & (log.day == self.day))
        return log.take(slice(0, int(end) + 1))


@pytest.fixture(scope="module")
def bank() -> Feed:
    """A small bank whose feed is late, repeats itself and takes purchases back."""
    return Feed(Told(joined(list(simulate(SPEC))), 20_000), deployment(SPEC), BankCalendar())


@pytest.fixture(scope="module")
def hard(bank: Feed) -> Stressed:
    """That bank under all three shocks."""
    return Stressed.of(bank, ALL)


def feed_of(log: Sequence[Event], size: int = 1_000) -> Feed:
    """A feed of some events in the order in which they were received."""
    rules = Deployment(
        source="small", currency="EUR", time_zone="UTC", opens_on=START, miss=MissDefinition(kind="missed_payment")
    )
    ordered = sorted(log, key=lambda event: event.received_at)
    return Feed(Told(columns_of(ordered), size), rules, BankCalendar())


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


# ---- balances


@dataclass(frozen=True)
class Move:
    """One entry of an account: hours after the one before, what it is, and how much."""

    hours: int
    category: Category
    amount: int


moves = st.lists(
    st.builds(
        Move,
        hours=st.integers(0, 60),
        category=st.sampled_from([Category.SALARY, Category.GROCERIES, Category.DINING, Category.MORTGAGE]),
        amount=st.integers(0, 300_000),
    ),
    min_size=1,
    max_size=30,
)


def account_of(given_moves: list[Move], opening: int = 100_000) -> list[Transaction]:
    """The entries of one account, with balances that add up."""
    events, balance, hours = [], opening, 30
    for number, move in enumerate(given_moves, start=1):
        credit = move.category is Category.SALARY
        balance += move.amount if credit else -move.amount
        hours += move.hours
        events.append(
            transaction(
                number,
                booked_at=at(0, hours),
                received_at=at(0, hours + 0.25),
                direction=Direction.CREDIT if credit else Direction.DEBIT,
                category=move.category,
                amount_minor=move.amount,
                balance_after_minor=balance,
                sequence=number,
            )
        )
    return events


@settings(max_examples=30, deadline=None)
@given(moves, st.integers(0, 20), st.floats(0, 1), st.integers(1, 90))
def test_balances_still_add_up(given_moves: list[Move], late: int, prices: float, window: int) -> None:
    """Under any shock each balance is the one before plus what the entry moved, as the bank would have booked it."""
    owes = mortgage_update(100_000)
    feed = feed_of([owes, *account_of(given_moves), *map(closed, range(90))], 13)
    shock = Shock(name="any", salaries_late_days=late, prices_up_ratio=prices, rates_up_bp=250.0)
    stressed = Stressed.of(feed, shock, window)
    entries = [one for one in events_of(stressed.columns()) if isinstance(one, Transaction)]
    entries.sort(key=lambda one: (one.booked_at, one.sequence))
    balance = 100_000
    for entry in entries:
        balance += entry.amount_minor if entry.direction is Direction.CREDIT else -entry.amount_minor
        assert entry.balance_after_minor == balance
    assert len(entries) == len(given_moves) - sum(
        one.category is Category.SALARY
        and one.booked_at >= at(90 - window)
        and one.booked_at + timedelta(late) >= at(90)
        for one in account_of(given_moves)
    )


def mortgage_update(amount_minor: int) -> CustomerUpdated:
    """A customer who owes a mortgage of 20 years, a phone contract, and one thing once, told on the first day."""
    terms = {"amount_minor": amount_minor, "due_on": START}
    owed = (
        Obligation(obligation_id="M", kind=ObligationKind.MORTGAGE, **terms),
        Obligation(obligation_id="X", kind=ObligationKind.OTHER, **terms),
        Obligation(obligation_id="L", kind=ObligationKind.LOAN, frequency=Frequency.ONCE, **terms),
    )
    return update(1, day=0, obligations=owed)


# ---- each shock by hand


def entries_of(stressed: Stressed) -> dict[str, Transaction]:
    """Transactions of a shocked history up to the close, by id."""
    found = events_of(stressed.columns())
    return {one.transaction_id: one for one in found if isinstance(one, Transaction)}


def test_a_late_salary_leaves_a_gap_and_fills_it() -> None:
    """Until it arrives the account stands lower by it; from then on as it did."""
    log = [
        transaction(1, day=40, balance_after_minor=9_000, sequence=1),
        transaction(2, day=41, direction=Direction.CREDIT, category=Category.SALARY, amount_minor=50_000,
                    balance_after_minor=59_000, sequence=2),
        transaction(3, day=45, category=Category.DINING, balance_after_minor=58_000, sequence=3),
        transaction(4, day=52, category=Category.DINING, balance_after_minor=57_000, sequence=4),
    ]  # fmt: skip
    stressed = Stressed.of(feed_of([*log, *map(closed, range(60))]), Shock(name="late", salaries_late_days=10), 30)
    now = entries_of(stressed)
    assert [now[name].balance_after_minor for name in ("T1", "T3", "T2", "T4")] == [9_000, 8_000, 58_000, 57_000]
    assert now["T2"].booked_at == at(51)
    assert stressed.found.never == 0


def test_a_payment_that_would_overdraw_is_still_made() -> None:
    """A collected payment that the late salary would have covered takes the account below zero; none fails."""
    log = [
        transaction(1, day=41, direction=Direction.CREDIT, category=Category.SALARY, amount_minor=50_000,
                    balance_after_minor=51_000, sequence=1),
        transaction(2, day=42, category=Category.RENT, channel=Channel.STANDING_ORDER, amount_minor=30_000,
                    balance_after_minor=21_000, sequence=2),
    ]  # fmt: skip
    stressed = Stressed.of(feed_of([*log, *map(closed, range(60))]), Shock(name="late", salaries_late_days=10), 30)
    now = entries_of(stressed)
    assert now["T2"].balance_after_minor == -29_000
    assert {one.status for one in now.values()} == {Status.BOOKED}
    assert stressed.found.overdrawn == 1


def test_what_is_taken_back_was_dearer_only_if_it_was_shocked() -> None:
    """A purchase of the window is taken back at its new price, one from before it at the old."""
    back: dict[str, Any] = {"direction": Direction.CREDIT}
    log = [
        transaction(1, day=10, balance_after_minor=9_000, sequence=1),
        transaction(2, day=40, balance_after_minor=8_000, sequence=2),
        transaction(3, day=41, **back, reverses="T1", balance_after_minor=9_000, sequence=3),
        transaction(4, day=42, **back, reverses="T2", balance_after_minor=10_000, sequence=4),
    ]
    stressed = Stressed.of(feed_of([*log, *map(closed, range(60))]), Shock(name="p", prices_up_ratio=0.08), 30)
    now = entries_of(stressed)
    assert [now[f"T{n}"].amount_minor for n in (1, 2, 3, 4)] == [1_000, 1_080, 1_000, 1_080]
    assert [now[f"T{n}"].balance_after_minor for n in (1, 2, 3, 4)] == [9_000, 7_920, 8_920, 10_000]


def test_an_instalment_rises_like_an_annuity() -> None:
    """240 instalments at 3.5 % cost 18.6 % more at 5.5 %, and so do the payments of the window and what is owed."""
    log = [
        mortgage_update(100_000),
        outcome(1, due=5),
        transaction(1, day=20, category=Category.MORTGAGE, amount_minor=100_000, sequence=1),
        transaction(2, day=50, category=Category.MORTGAGE, amount_minor=100_000, sequence=2),
        transaction(3, day=50, category=Category.LOAN_REPAYMENT, amount_minor=100_000, sequence=3),
    ]
    stressed = Stressed.of(feed_of([*log, *map(closed, range(90))]), Shock(name="r", rates_up_bp=200.0), 60)
    now = entries_of(stressed)
    assert [now[f"T{n}"].amount_minor for n in (1, 2, 3)] == [100_000, 118_609, 100_000]
    told = {one.update_id: one for one in events_of(stressed.columns()) if isinstance(one, CustomerUpdated)}
    assert [owed.amount_minor for owed in told["U1"].obligations] == [100_000] * 3
    assert [owed.amount_minor for owed in told[UPDATE_ID].obligations] == [118_609, 100_000, 100_000]
    assert told[UPDATE_ID].booked_at == at(30, 0)


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


# ---- the assumptions


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2"),
        ({"prices": {"categories": ["salary"], "source": "x"}}, "shocked twice"),
        ({"prices": {"categories": ["health"], "obligations": ["loan"], "source": "x"}}, "loan obligations"),
        ({"rates": {"rent": {"rate": 0.1, "months": 3, "pass_through": 1.0, "source": "x"}}}, "no interest"),
        ({"scenarios": [{"name": "a"}, {"name": "a"}]}, "share a name"),
        ({"scenarios": [{"name": "a", "wages": 3}]}, "wages"),
        ({"scenarios": [{"name": "a", "salaries_late_days": -1}]}, ">= 0"),
    ],
)
def test_wrong_assumptions_are_refused(change: dict[str, Any], message: str) -> None:
    """Each wrong document is refused with what is wrong."""
    with pytest.raises(ConfigError, match=message):
        parse_stress({**shipped("stress.toml"), **change})
