"""The synthetic bank as a whole: repeatable, whatever its size and its chunks, and about right in its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.terms import OutcomeStatus
from forbear.features.columns import NO_DAY, EventColumns, EventKind, codes_of, day_number
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.calendar import calendar_of
from forbear.simulation.regions import Region
from forbear.simulation.spec import BankSpec

if TYPE_CHECKING:
    from conftest import Bank

SMALL = BankSpec(customers=40, days=100, late_share=0.01, duplicate_share=0.005, reversal_share=0.01)


def assert_same(expected: EventColumns, actual: EventColumns) -> None:
    """Every column is equal, whatever the widths of its texts."""
    for field in fields(EventColumns):
        np.testing.assert_array_equal(getattr(expected, field.name), getattr(actual, field.name), field.name)


def of_customer(log: EventColumns, customer: bytes) -> EventColumns:
    """What the log says of one customer."""
    return log.take(np.flatnonzero(log.customer_id == customer))


def test_same_seed_gives_the_same_log(run: Callable[[BankSpec], Bank]) -> None:
    """A spec is all there is to a bank: two runs are identical, column by column."""
    assert_same(run(SMALL).log, run(SMALL).log)


def test_another_seed_gives_another_log(run: Callable[[BankSpec], Bank]) -> None:
    """The seed decides who the customers are and what befalls them."""
    one, other = run(SMALL).log, run(replace(SMALL, seed=8)).log
    assert len(one) != len(other) or not np.array_equal(one.amount_minor, other.amount_minor)


@pytest.mark.parametrize("chunk_rows", [1, 700])
def test_chunking_changes_nothing(run: Callable[[BankSpec], Bank], chunk_rows: int) -> None:
    """The log is the same whether it comes a day or a month at a time."""
    assert_same(run(SMALL).log, run(replace(SMALL, chunk_rows=chunk_rows)).log)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(run: Callable[[BankSpec], Bank], threads: int) -> None:
    """The log is the same however many threads live it."""
    chunks = list(simulate(SMALL, threads=threads))
    whole = {f.name: np.concatenate([getattr(chunk, f.name) for chunk in chunks]) for f in fields(EventColumns)}
    assert_same(run(SMALL).log, EventColumns(**whole))


def test_a_life_does_not_depend_on_the_number_of_customers(noisy: Bank, run: Callable[[BankSpec], Bank]) -> None:
    """Customer 17 lives the same life among 18 customers as among 120."""
    few = run(replace(noisy.spec, customers=18))
    assert_same(of_customer(noisy.log, b"C0000017"), of_customer(few.log, b"C0000017"))


def test_a_shorter_run_is_the_beginning_of_a_longer_one(noisy: Bank, run: Callable[[BankSpec], Bank]) -> None:
    """Up to the midnight that ends it, nothing in the first hundred days knows how long the run will be."""
    spec = replace(noisy.spec, days=100)
    ends_us = calendar_of(noisy.spec).days["midnight_us"][spec.days]
    short = run(spec).log
    assert_same(short.take(short.received_us < ends_us), noisy.log.take(noisy.log.received_us < ends_us))


def test_a_downturn_changes_nothing_before_it_and_hurts_after(clean: Bank, run: Callable[[BankSpec], Bank]) -> None:
    """Up to its first midnight the log is the calm one's, bit by bit; from then on more is missed, and only then."""
    turn = 120
    spec = replace(clean.spec, downturn_on=clean.spec.start + timedelta(turn), hardship=12.0)
    hard = run(spec).log
    begins_us = calendar_of(spec).days["midnight_us"][turn]
    assert_same(clean.log.take(clean.log.received_us < begins_us), hard.take(hard.received_us < begins_us))

    def missed(log: EventColumns) -> int:
        outcomes = log.outcome_status[log.kind == EventKind.OUTCOME]
        return int(np.count_nonzero(outcomes == codes_of(OutcomeStatus)[OutcomeStatus.MISSED]))

    assert missed(hard) > 1.3 * missed(clean.log)
    assert_same(clean.log, run(replace(clean.spec, downturn_on=spec.downturn_on, hardship=1.0)).log)


def test_progress_counts_the_days_done() -> None:
    """Progress is told after each chunk and ends with the last day."""
    told: list[int] = []
    for _ in simulate(replace(SMALL, chunk_rows=3_000), progress=told.append):
        assert len(told) < SMALL.days
    assert told == sorted(set(told))
    assert told[-1] == SMALL.days


@pytest.mark.parametrize(
    "wrong",
    [
        {"customers": 0},
        {"days": 0},
        {"seed": -1},
        {"currency": "euro"},
        {"time_zone": "Europe/Atlantis"},
        {"start": date(2099, 6, 1)},
        {"late_share": 1.5},
        {"duplicate_share": float("nan")},
        {"chunk_rows": 0},
        {"country": "DE"},
        {"holidays": frozenset({date(2023, 5, 1)})},
        {"regions": ()},
        {"regions": (Region(name="Nowhere", share=1.0, time_zone="Europe/Atlantis"),)},
        {"regions": (Region(name="Empty", share=0.0),)},
    ],
    ids=str,
)
def test_a_wrong_spec_is_refused(wrong: dict[str, object]) -> None:
    """A setting outside its range is a ConfigError at once, not a strange bank later."""
    with pytest.raises(ConfigError):
        BankSpec(**wrong)  # type: ignore[arg-type]


def test_deployment_speaks_of_the_same_bank() -> None:
    """Currency, zone, holidays and first day are the spec's, and a miss is a missed payment known within a week."""
    german = replace(SMALL, country="DE", holidays=frozenset({date(2023, 5, 1)}))
    told = deployment(german)
    assert (german.currency, german.time_zone, german.start) == (told.currency, told.time_zone, told.opens_on)
    assert told.country == "DE"
    assert (told.miss.kind, told.miss.reporting_days) == ("missed_payment", 7)


def first_miss_rates(bank: Bank) -> list[float]:
    """Share of clear customers (60 days known, no miss due in 30 days, no arrears) who miss within 30 days."""
    log, days = bank.log, bank.spec.days
    opened = day_number(bank.spec.start)
    misses = np.zeros((bank.spec.customers, days), dtype=np.bool_)
    owing = np.zeros_like(misses)
    status = {member: codes_of(OutcomeStatus)[member] for member in OutcomeStatus}
    is_outcome = log.kind == EventKind.OUTCOME
    cured = np.flatnonzero(is_outcome & (log.outcome_status == status[OutcomeStatus.CURED]))
    paid_on = {(log.account_id[row], log.day[row]): log.paid_on[row] for row in cured}
    for row in np.flatnonzero(is_outcome & (log.outcome_status == status[OutcomeStatus.MISSED])):
        customer, due = int(log.customer_id[row][1:]), log.day[row] - opened
        misses[customer, due] = True
        until = paid_on.get((log.account_id[row], log.day[row]), opened + days)
        owing[customer, due : until - opened] = True
    rates = []
    for at in range(60, days - 37, 30):
        clear = ~(misses[:, at - 29 : at + 1].any(axis=1) | owing[:, at])
        rates.append(float(misses[clear, at + 1 : at + 31].any(axis=1).mean()))
    return rates


def test_first_misses_are_rare_but_there(clean: Bank) -> None:
    """Over the run, 1.5 to 3.2 in a hundred clear customers miss a payment within 30 days."""
    assert 0.015 <= np.mean(first_miss_rates(clean)) <= 0.032


def test_customers_move_as_much_money_as_people_do(clean: Bank) -> None:
    """A customer has 35 to 45 transactions a month."""
    transactions = (clean.log.kind == EventKind.TRANSACTION).sum()
    assert 35 <= transactions / clean.spec.customers / (clean.spec.days * 12 / 365.25) <= 45


def test_outcomes_keep_their_dates(clean: Bank) -> None:
    """Paid within five days of the due day, missed without a day, cured after that and within sixty days."""
    outcomes = clean.log.take(clean.log.kind == EventKind.OUTCOME)
    late = outcomes.paid_on.astype(np.int64) - outcomes.day
    status = codes_of(OutcomeStatus)
    paid, cured, missed = (
        outcomes.outcome_status == status[s] for s in (OutcomeStatus.PAID, OutcomeStatus.CURED, OutcomeStatus.MISSED)
    )
    assert ((late[paid] >= 0) & (late[paid] <= 5)).all()
    assert (late[paid] > 0).any()
    assert ((late[cured] > 5) & (late[cured] <= 60)).all()
    assert (outcomes.paid_on[missed] == NO_DAY).all()
