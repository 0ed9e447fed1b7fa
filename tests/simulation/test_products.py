"""Card and loan of this bank, second pays, and lives that get hard and mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from forbear.domain.terms import AccountKind, Category, Direction
from forbear.features.columns import EventColumns, EventKind, codes_of
from forbear.features.measures import Measure, measures_of
from forbear.simulation.calendar import calendar_of
from forbear.simulation.day import live_days
from forbear.simulation.feed import updates_of
from forbear.simulation.households import draw_households
from forbear.simulation.movements import CARD_CREDITED, LOAN_CREDITED, MOVEMENTS, OWN_CARD_COLLECTED, OWN_CARD_SETTLED
from forbear.simulation.names import names_of
from forbear.simulation.profiles import Profiles
from forbear.simulation.records import Records
from forbear.simulation.shocks import budget_today, gambling, spree
from forbear.simulation.spec import BankSpec
from forbear.simulation.world import BOOK, NEVER

if TYPE_CHECKING:
    from conftest import Bank

KIND = codes_of(AccountKind)
CREDIT = codes_of(Direction)[Direction.CREDIT]
CATEGORY = codes_of(Category)
SPEC = BankSpec(customers=300, days=120)


def on(bank: Bank, kind: AccountKind) -> EventColumns:
    """Transactions on accounts of a kind, by account and in their order."""
    rows = bank.log.take((bank.log.kind == EventKind.TRANSACTION) & (bank.log.account_kind == KIND[kind]))
    return rows.take(np.lexsort((rows.sequence, rows.account_id)))


def test_a_repaid_card_is_not_spent_again() -> None:
    """What goes from the current account to the own card counts as nothing: it was spent when the card was used."""
    for movement, kind in (
        (OWN_CARD_COLLECTED, AccountKind.CURRENT),
        (OWN_CARD_SETTLED, AccountKind.CURRENT),
        (CARD_CREDITED, AccountKind.CARD),
        (LOAN_CREDITED, AccountKind.LOAN),
    ):
        told = MOVEMENTS[movement]
        assert not measures_of(told.direction, kind, told.channel, told.category) & {Measure.SPENDING, Measure.INCOME}


def test_a_card_buys_within_its_limit(clean: Bank) -> None:
    """No purchase leaves more owed than the limit, and a card never holds money."""
    limits = draw_households(clean.spec, calendar_of(clean.spec))["traits"]["card_limit"]
    rows = on(clean, AccountKind.CARD)
    bought = (rows.direction != CREDIT) & (rows.category != CATEGORY[Category.INTEREST])
    customer = np.array([int(name[1:]) for name in rows.customer_id])
    assert (rows.balance_after_minor[bought] >= -limits[customer[bought]]).all()
    assert (rows.balance_after_minor <= 0).all()
    assert bought.sum() > 1_000


def test_some_pay_their_card_in_full_and_some_carry_a_debt(clean: Bank) -> None:
    """Interest is charged to some cards and not to others, and never to one that is paid in full."""
    pays = draw_households(clean.spec, calendar_of(clean.spec))["traits"]["card_pays"]
    rows = on(clean, AccountKind.CARD)
    charged = np.unique(rows.customer_id[rows.category == CATEGORY[Category.INTEREST]])
    assert 0 < len(charged) < len(np.unique(rows.customer_id))
    assert (pays[[int(name[1:]) for name in charged]] < 1.0).all()


def test_a_loan_is_paid_down(clean: Bank) -> None:
    """Each credited instalment leaves less owed than the one before it, unless a payment was missed between."""
    rows = on(clean, AccountKind.LOAN)
    paid = rows.take(rows.direction == CREDIT)
    same = paid.account_id[1:] == paid.account_id[:-1]
    less_owed = np.diff(paid.balance_after_minor)[same]
    assert len(less_owed) > 300
    assert (less_owed > 0).mean() > 0.98
    assert (paid.balance_after_minor <= 0).all()


def test_some_households_have_two_pays(clean: Bank) -> None:
    """Salaries on two days of the month come to some customers, and to most on one."""
    rows = on(clean, AccountKind.CURRENT)
    paid = rows.take(rows.category == CATEGORY[Category.SALARY])
    counts = np.unique(paid.customer_id, return_counts=True)[1]
    months = clean.spec.days * 12 / 365.25
    assert ((counts > 1.5 * months) & (counts < 2.5 * months)).any()
    assert np.median(counts) < 1.2 * months


# ---- lives that get hard and mend


@pytest.fixture
def house() -> Records:
    """One household with a partner's pay, to be put into trouble by hand."""
    houses = draw_households(SPEC, calendar_of(SPEC))
    return houses[houses["traits"]["partner_pay"] > 0][:1]


@pytest.fixture(scope="module")
def days() -> Records:
    """The days of the run."""
    return calendar_of(SPEC).days


def test_a_spree_rises_and_fades(house: Records, days: Records) -> None:
    """Its factor is 1 before and after, highest a third of the way, and never above what was drawn."""
    house["life"]["spree_from"], house["life"]["spree_until"], house["life"]["spree_factor"] = 10, 40, 2.0
    factors = [spree(house[0], day) for day in days[10:41]]
    assert factors[-1] == 1.0
    assert max(factors) == pytest.approx(2.0, abs=0.06)
    peak = int(np.argmax(factors))
    assert (np.diff(factors[: peak + 1]) > 0).all()
    assert (np.diff(factors[peak:]) <= 0).all()


def test_gambling_deepens_until_it_ends(house: Records, days: Records) -> None:
    """A spell never gets shallower while it lasts, reaches its depth, and is over at once."""
    house["life"]["gambling_from"], house["life"]["gambling_until"] = 10, 40
    depth = [gambling(house[0], day) for day in days[10:40]]
    assert (np.diff(depth) >= 0).all()
    assert (depth[0] < 0.1, depth[-1]) == (True, 1.0)
    assert gambling(house[0], days[40]) == 0.0


def test_a_separated_household_settles_lower(house: Records, days: Records) -> None:
    """Its budget falls at once, goes on falling for a year, and ends at what it can afford."""
    house["life"]["separated_on"], house["life"]["settles_at"] = 0, 0.6
    budgets = [budget_today(house[0], day) for day in days]
    assert (np.diff(budgets) <= 0).all()
    assert 0.6 < budgets[-1] / house["traits"]["budget"][0] < budgets[0] / house["traits"]["budget"][0] < 1.0


def test_missed_payments_teach_thrift(house: Records, days: Records) -> None:
    """Care lowers the budget, and wears off day by day."""
    house["life"]["care"] = 0.3
    budgets = [budget_today(house[0], day) for day in days]
    assert budgets[0] < 0.75 * house["traits"]["budget"][0]
    assert (np.diff(budgets) >= 0).all()


def test_another_key_is_another_future_of_the_same_person(days: Records) -> None:
    """With other keys, traits, obligations and profiles stay as they are, and what happens does not."""
    calendar = calendar_of(SPEC)
    one, other = (draw_households(SPEC, calendar) for _ in range(2))
    other["traits"]["key"] ^= np.uint64(0x5DEECE66D)
    updates = updates_of(one, calendar, range(1))
    told = [
        Profiles(spec=SPEC, calendar=calendar, houses=houses, names=names_of(SPEC.customers)).payloads(updates)
        for houses in (one, other)
    ]
    assert told[0] == told[1]
    for houses in (one, other):
        books = np.zeros(1, dtype=BOOK)
        first = 0
        while first < len(houses):
            books["filled"] = 0
            first = live_days(houses, days, books, first)
    for name in one["traits"].dtype.names:
        if name != "key":
            np.testing.assert_array_equal(one["traits"][name], other["traits"][name])
    np.testing.assert_array_equal(one["duties"], other["duties"])
    assert (one["life"]["balance"] != other["life"]["balance"]).mean() > 0.9


def test_couples_part_and_a_pay_goes(days: Records) -> None:
    """Within years some households separate: the second pay ends, and a removal is paid for."""
    spec = BankSpec(customers=400, days=700)
    houses = draw_households(spec, calendar_of(spec))
    books, first = np.zeros(1, dtype=BOOK), 0
    for start in range(0, spec.days, 20):
        first = 0
        while first < len(houses):
            books["filled"] = 0
            first = live_days(houses, calendar_of(spec).days[start : start + 20], books, first)
    parted = houses["life"]["separated_on"] != NEVER
    assert 0 < parted.sum() < 0.1 * len(houses)
    assert (houses["traits"]["partner_pay"][parted] > 0).all()
    assert (houses["life"]["partner_pay"][parted] == 0).all()
