"""What each shock does to an account, worked out by hand, and assumptions that are refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.shocked_history import Stressed, feed_of

from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError
from forbear.domain.events import CustomerUpdated, Obligation, Transaction
from forbear.domain.terms import Category, Channel, Direction, Frequency, ObligationKind, Status
from forbear.engine.shocked import UPDATE_ID
from forbear.engine.shocked_terms import Shock, parse_stress
from forbear.features.columns import events_of
from forbear.testing.builders import START, at, closed, outcome, transaction, update

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
