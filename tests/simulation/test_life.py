"""The laws of money: balances run, transfers conserve, and a missed payment has no cause but missing cash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from forbear.domain.terms import (
    AccountKind,
    Category,
    Direction,
    FailureReason,
    ObligationKind,
    OutcomeStatus,
    Status,
)
from forbear.features.columns import NO_AMOUNT, EventColumns, EventKind, codes_of, day_number, events_of
from forbear.simulation.calendar import calendar_of
from forbear.simulation.households import draw_households
from forbear.simulation.movements import CARD

if TYPE_CHECKING:
    from conftest import Bank

BOOKED = codes_of(Status)[Status.BOOKED]
CREDIT = codes_of(Direction)[Direction.CREDIT]
CURRENT = codes_of(AccountKind)[AccountKind.CURRENT]
OWN_TRANSFER = codes_of(Category)[Category.OWN_TRANSFER]


def transactions(bank: Bank) -> EventColumns:
    """Transactions by account, booked_us and sequence, without repeats."""
    rows = bank.log.take(bank.log.kind == EventKind.TRANSACTION)
    rows = rows.take(np.unique(rows.event_id, return_index=True)[1])
    return rows.take(np.lexsort((rows.sequence, rows.booked_us, rows.account_id)))


def test_balances_run(clean: Bank) -> None:
    """Along (booked_at, sequence) each account's balance changes by just the amount that was booked."""
    rows = transactions(clean)
    rows = rows.take(rows.status == BOOKED)
    signed = np.where(rows.direction == CREDIT, rows.amount_minor, -rows.amount_minor)
    same = rows.account_id[1:] == rows.account_id[:-1]
    assert np.array_equal(np.diff(rows.balance_after_minor)[same], signed[1:][same])


def test_balances_run_through_reversals(noisy: Bank) -> None:
    """Money given back is in the balance too; rows still under way at the end are the only gaps."""
    rows = transactions(noisy)
    rows = rows.take((rows.status == BOOKED) & (rows.booked_us < noisy.log.received_us[-1] - 4 * 86_400_000_000))
    signed = np.where(rows.direction == CREDIT, rows.amount_minor, -rows.amount_minor)
    same = rows.account_id[1:] == rows.account_id[:-1]
    assert np.array_equal(np.diff(rows.balance_after_minor)[same], signed[1:][same])


def test_sequences_follow_the_clock(clean: Bank) -> None:
    """The numbers of a customer's transactions rise with booked_at: order and numbering never disagree."""
    rows = clean.log.take(clean.log.kind == EventKind.TRANSACTION)
    rows = rows.take(np.lexsort((rows.sequence, rows.customer_id)))
    same = rows.customer_id[1:] == rows.customer_id[:-1]
    assert (np.diff(rows.booked_us)[same] >= 0).all()


def test_own_transfers_conserve_money(clean: Bank) -> None:
    """What leaves one account enters another of the customer's at the same instant, and one of the two is current."""
    rows = transactions(clean)
    rows = rows.take((rows.category == OWN_TRANSFER) & (rows.status == BOOKED))
    signed = np.where(rows.direction == CREDIT, rows.amount_minor, -rows.amount_minor)
    groups, place = np.unique(np.array([rows.customer_id, rows.booked_us.astype("S20")]).T, axis=0, return_inverse=True)
    place = place.ravel()
    assert len(groups) > 100
    assert not np.bincount(place, weights=signed).any()
    legs, at_current = np.bincount(place), np.bincount(place[rows.account_kind == CURRENT], minlength=len(groups))
    assert np.array_equal(legs, 2 * at_current)


def test_savings_are_never_overdrawn(clean: Bank) -> None:
    """A savings account has no overdraft: its balance stays at zero or above."""
    rows = transactions(clean)
    assert (rows.balance_after_minor[rows.account_kind == CURRENT + 1] >= 0).all()


def test_only_refusals_fail_and_they_say_why(clean: Bank) -> None:
    """A failed row is a collection for want of money, has no balance, and moves nothing."""
    rows = transactions(clean)
    failed = rows.status != BOOKED
    assert failed.any()
    assert (rows.failure_reason[failed] == codes_of(FailureReason)[FailureReason.INSUFFICIENT_FUNDS]).all()
    assert (rows.failure_reason[~failed] == -1).all()
    assert (rows.balance_after_minor[failed] == NO_AMOUNT).all()
    assert (rows.balance_after_minor[~failed] != NO_AMOUNT).all()


def refusals(bank: Bank) -> dict[bytes, list[tuple[int, int, int]]]:
    """By obligation: (booked_us, amount, balance of the current account just before) of each failed collection."""
    rows = transactions(bank)
    rows = rows.take(rows.account_kind == CURRENT)
    found: dict[bytes, list[tuple[int, int, int]]] = {}
    balance: dict[bytes, int] = {}
    for row in range(len(rows)):
        account = rows.account_id[row]
        if rows.status[row] == BOOKED:
            balance[account] = int(rows.balance_after_minor[row])
        elif account in balance:
            refusal = (int(rows.booked_us[row]), int(rows.amount_minor[row]), balance[account])
            found.setdefault(rows.counterparty[row], []).append(refusal)
    return found


def test_a_refusal_means_too_little_cash(clean: Bank) -> None:
    """At every failed collection, balance and overdraft together were less than the amount."""
    limits = draw_households(clean.spec, calendar_of(clean.spec))["traits"]["limit"]
    for obligation, found in refusals(clean).items():
        for _, amount, balance in found:
            assert balance + limits[int(obligation[1:8])] < amount


def test_every_miss_emerges_from_refused_collections(clean: Bank) -> None:
    """No payment is missed unless its collection failed on the due day and again within the grace."""
    log, found = clean.log, refusals(clean)
    missed = codes_of(OutcomeStatus)[OutcomeStatus.MISSED]
    misses = np.flatnonzero((log.kind == EventKind.OUTCOME) & (log.outcome_status == missed))
    assert len(misses) > 50
    midnight_us = calendar_of(clean.spec).days["midnight_us"]
    for row in misses:
        due = log.day[row] - day_number(clean.spec.start)
        days = [int(np.searchsorted(midnight_us, at, side="right")) - 1 for at, *_ in found[log.account_id[row]]]
        assert due in days
        assert any(due < day <= due + 5 for day in days)
        assert int(np.searchsorted(midnight_us, log.booked_us[row], side="right")) - 1 == due + 5


def test_a_collection_that_finds_the_money_is_never_refused(clean: Bank) -> None:
    """Each instalment is paid, or else has a refusal: nothing else keeps a payment from being made."""
    log, found = clean.log, refusals(clean)
    outcomes = log.take(log.kind == EventKind.OUTCOME)
    on_time = (outcomes.outcome_status == codes_of(OutcomeStatus)[OutcomeStatus.PAID]) & (
        outcomes.paid_on == outcomes.day
    )
    assert set(outcomes.account_id[~on_time].tolist()) <= found.keys()


@pytest.mark.parametrize(
    "category", [Category.SALARY, Category.GAMBLING, Category.LENDING, Category.OVERDRAFT_INTEREST]
)
def test_the_signs_of_stress_are_in_the_feed(clean: Bank, category: Category) -> None:
    """Pay, gambling, small loans and overdraft interest are there for features to find."""
    assert (clean.log.category == codes_of(Category)[category]).any()


def test_obligations_are_what_is_collected(clean: Bank) -> None:
    """Each outcome is of an obligation that the customer was introduced with or that an update raised."""
    known: dict[str, set[int]] = {}
    for event in events_of(clean.log.take(clean.log.kind == EventKind.CUSTOMER)):
        for obligation in getattr(event, "obligations", ()):
            assert obligation.kind in ObligationKind
            known.setdefault(obligation.obligation_id, set()).add(obligation.amount_minor)
    limits = draw_households(clean.spec, calendar_of(clean.spec))["traits"]["card_limit"]
    outcomes = clean.log.take(clean.log.kind == EventKind.OUTCOME)
    for obligation_id, amount in zip(outcomes.account_id.tolist(), outcomes.amount_minor.tolist(), strict=True):
        if limit := limits[int(obligation_id[1:8])] if obligation_id.endswith(b"-%d" % CARD) else 0:
            assert 0 < amount <= 1.2 * limit  # what a statement asks for, interest above the limit included
        else:
            assert amount in known[obligation_id.decode()]
