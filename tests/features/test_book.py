"""What becomes of each event, and the edges of the horizon, of numbers and of memory."""

from __future__ import annotations

import numpy as np
import pytest

from forbear.domain.events import Event
from forbear.domain.terms import AccountKind, Category, Direction
from forbear.features.batch import batch_of
from forbear.features.book import Book
from forbear.features.columns import EventColumns, columns_of, day_number
from forbear.features.compute import FeatureSet
from forbear.features.definition import FREE, Feature
from forbear.features.kernels import Fold
from forbear.features.ledger import Floats, Ledger
from forbear.features.local_time import local_time
from forbear.features.measures import Measure
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec
from forbear.testing.builders import closed, outcome, transaction, update
from forbear.testing.histories import OPENS, ZONE


def spending_total(ledger: Ledger) -> Floats:
    """All spending of the horizon."""
    return ledger.total(Measure.SPENDING, 120)


def closing_balance(ledger: Ledger) -> Floats:
    """The liquid balance."""
    return ledger.closing()


def transactions_today(ledger: Ledger) -> Floats:
    """Transactions of the open day."""
    return ledger.total(Measure.TRANSACTIONS, 1)


def probe(*formulas: object) -> FeatureSet:
    """A feature set of bare formulas."""
    return FeatureSet(
        tuple(
            Feature(name=f.__name__, group="", unit="", low=0, high=0, direction=FREE, unknown="", formula=f)
            for f in formulas
        )
    )


PROBE = probe(spending_total, closing_balance, transactions_today)


def folded(log: list[Event], open_day: int = 0) -> tuple[Book, list[Fold]]:
    """A book after a log, and what became of each event."""
    book = Book(PROBE, OPENS)
    book.close_day(OPENS + open_day - 1)
    return book, [Fold(code) for code in book.fold(batch_of(columns_of(log), ZONE))]


def test_every_fate_has_its_code() -> None:
    """Folded, late, waiting, closed, duplicate, conflict, parked, wrong currency and kind are told apart."""
    log = [
        transaction(1, day=130),
        transaction(2, day=120),
        transaction(3, day=133),
        transaction(1, day=130),
        transaction(1, day=130, amount_minor=5),
        transaction(4, day=10),
        transaction(5, day=130, currency="USD"),
        transaction(6, day=130, account_kind=AccountKind.SAVINGS),
        closed(130),
    ]
    _, codes = folded(log, open_day=130)
    assert codes == [
        Fold.FOLDED,
        Fold.LATE,
        Fold.WAITING,
        Fold.DUPLICATE,
        Fold.CONFLICT,
        Fold.PARKED,
        Fold.WRONG_CURRENCY,
        Fold.WRONG_ACCOUNT_KIND,
        Fold.DAY_CLOSED,
    ]


def test_the_horizon_is_the_open_day_and_the_119_before_it() -> None:
    """An event of the horizon's first day counts, one of the day before is parked."""
    book, codes = folded([transaction(1, day=11), transaction(2, day=10)], open_day=130)
    assert codes == [Fold.LATE, Fold.PARKED]
    assert book.compute()[0, 0] == 1_000
    book.close_day(OPENS + 130)
    assert book.compute()[0, 0] == 0


def test_a_future_event_waits_for_its_day() -> None:
    """What is dated ahead shows nowhere until its day is open."""
    book, _ = folded([transaction(1, day=0), transaction(2, day=2, balance_after_minor=-9)])
    assert book.compute().tolist()[0][0] == 1_000
    assert np.isnan(book.compute()[0, 1])
    book.close_day(OPENS)
    book.close_day(OPENS + 1)
    assert book.compute().tolist() == [[2_000, -9, 1]]


def test_an_id_may_be_used_again_after_the_horizon() -> None:
    """A transaction id counts as new once its first use has left the horizon."""
    book, _ = folded([transaction(1, day=0)])
    book.close_day(OPENS + 129)
    assert book.fold(batch_of(columns_of([transaction(1, day=130)]), ZONE)).tolist() == [Fold.FOLDED]


@pytest.mark.parametrize("amount", [2**31 - 1, 2**31, 2**40, 10**15])
def test_sums_beyond_32_bits_are_exact(amount: int) -> None:
    """A day's amount carries into a second row rather than wrap around, and a reversal takes it back."""
    log: list[Event] = [transaction(n, amount_minor=amount) for n in range(1, 8)]
    book, codes = folded(log)
    assert set(codes) == {Fold.FOLDED}
    assert book.compute()[0, 0] == 7 * amount
    back = transaction(99, amount_minor=amount, direction=Direction.CREDIT, reverses="T1")
    book.fold(batch_of(columns_of([back]), ZONE))
    assert book.compute()[0, 0] == 6 * amount


def test_more_events_than_a_count_can_hold_are_refused_not_wrapped() -> None:
    """A day takes 16,255 transactions of one customer; the next is an overflow and changes nothing."""
    log: list[Event] = [transaction(n, amount_minor=1) for n in range(1, 16_400)]
    book, codes = folded(log)
    most = 127 * 128 + 127
    assert codes[:most] == [Fold.FOLDED] * most
    assert set(codes[most:]) == {Fold.OVERFLOW}
    assert book.compute()[0].tolist()[::2] == [most, most]


def test_the_last_balance_is_by_time_and_sequence_not_by_arrival() -> None:
    """Of two balances of one instant the higher sequence stands, whichever came first."""
    log: list[Event] = [
        transaction(1, sequence=2, balance_after_minor=222),
        transaction(2, sequence=1, balance_after_minor=111),
    ]
    for order in (log, log[::-1]):
        assert folded(order)[0].compute()[0, 1] == 222


def test_balances_are_per_account_and_loans_are_not_liquid() -> None:
    """The liquid balance adds current and savings accounts, each carried until it moves."""
    log: list[Event] = [
        transaction(1, day=0, balance_after_minor=100),
        transaction(2, day=1, account_id="S", account_kind=AccountKind.SAVINGS, balance_after_minor=50),
        transaction(3, day=1, account_id="L", account_kind=AccountKind.LOAN, balance_after_minor=-9_999),
    ]
    assert folded(log, open_day=3)[0].compute()[0, 1] == 150


def test_a_balance_stands_however_long_it_does_not_move() -> None:
    """An account that has been still for longer than the horizon keeps its balance, compacted or not."""
    book, _ = folded([transaction(1, balance_after_minor=70), transaction(2, balance_after_minor=60, sequence=1)])
    book.close_day(OPENS + 400)
    book.compact()
    later = transaction(3, day=401, account_id="A2", balance_after_minor=5)
    book.fold(batch_of(columns_of([later]), ZONE))
    assert book.compute()[0, 1] == 65


def test_updates_are_told_apart_by_content() -> None:
    """The same update again is a duplicate, with other obligations a conflict."""
    log: list[Event] = [update(1, owed_minor=5), update(1, owed_minor=5), update(1, owed_minor=6)]
    assert folded(log)[1] == [Fold.FOLDED, Fold.DUPLICATE, Fold.CONFLICT]
    assert folded([outcome(1), outcome(1), outcome(1, due=1)])[1] == [Fold.FOLDED, Fold.DUPLICATE, Fold.CONFLICT]


def test_an_id_belongs_to_its_kind() -> None:
    """A payment that carries the id of a transaction of the same customer is no duplicate of it."""
    assert folded([transaction(1), outcome(1, outcome_id="T1")])[1] == [Fold.FOLDED, Fold.FOLDED]


def test_a_close_of_a_closed_day_changes_nothing_and_a_gap_is_counted() -> None:
    """Only a later close moves the ring; days that were jumped over are on record."""
    book, _ = folded([closed(0), closed(0), closed(3)])
    assert book.open_day == OPENS + 4
    assert book.skipped_days == 2


def test_the_pool_may_be_rebuilt_in_the_middle_of_a_pass() -> None:
    """A pass that outgrows its memory again and again gives what folding day by day gives, at every cut."""
    spec = BankSpec(customers=150, days=260, seed=5)
    zone = local_time(spec.time_zone)
    chunks = list(simulate(spec))
    opens = day_number(deployment(spec).opens_on)
    cuts = [opens + day for day in range(100, 260, 3)]

    def run(parts: list[EventColumns]) -> dict[int, bytes]:
        found: dict[int, list[bytes]] = {}
        book = Book(FeatureSet.standard(), opens)

        def emit(day: int, slots: np.ndarray, values: np.ndarray) -> None:
            order = np.argsort(book.keys[slots])
            found.setdefault(day, []).append(values[order].tobytes())

        for part in parts:
            book.replay(batch_of(part, zone), cuts, emit)
        return {day: b"".join(rows) for day, rows in found.items()}

    small = [chunk.take(slice(start, start + 500)) for chunk in chunks for start in range(0, len(chunk), 500)]
    whole = EventColumns(
        **{name: np.concatenate([getattr(c, name) for c in chunks]) for name in EventColumns.__slots__}
    )
    assert run(small) == run([whole])


def test_a_reversal_takes_back_in_its_own_day() -> None:
    """A reversed purchase lowers the spending of the day of the reversal and is no income."""
    log: list[Event] = [
        transaction(1, day=0, category=Category.SHOPPING),
        transaction(2, day=2, category=Category.SHOPPING, direction=Direction.CREDIT, reverses="T1"),
    ]
    book, _ = folded(log, open_day=2)
    assert book.compute()[0, 0] == 0
    assert book.compute()[0, 2] == 0
