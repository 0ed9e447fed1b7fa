"""Money that is moved rather than spent: put aside, drawn down, borrowed for a month."""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.accounts import at_hand, attention, days_to_pay, instant_us, post
from forbear.simulation.dues import needed_today, needed_within
from forbear.simulation.movements import (
    BORROWED,
    OVERDRAFT_INTEREST,
    RECEIVED_FROM_SAVINGS,
    RECEIVED_IN_SAVINGS,
    REPAID,
    SENT_TO_SAVINGS,
    TAKEN_FROM_SAVINGS,
)
from forbear.simulation.randomness import uniform
from forbear.simulation.records import Record
from forbear.simulation.world import NEVER

_TEN = 1_000
_WORTH_MOVING = 2_000
_BEFORE_COLLECTION = 6 * 3_600 + 45 * 60
_AFTER_COLLECTION = 8 * 3_600 + 20 * 60
_LATE_EVENING = 23 * 3_600 + 58 * 60
_MONTH = 30
_DEBT_COSTS = 1.12
_OVERDRAFT_RATE = 0.11
_DAYS_BETWEEN_PAYS = (_MONTH, 7, 14)  # monthly, weekly, fortnightly
_LOW_SHARE, _TOP_UP_SHARE = 0.08, 0.25


@compiled
def _draw(house: Record, book: Record, booked_us: int, wanted: int) -> None:
    """Move so much, rounded up to tens, from savings to the current account, or what there is."""
    amount = min(house.life.savings, -(-wanted // _TEN) * _TEN)
    if amount > 0:
        post(house, book, booked_us, TAKEN_FROM_SAVINGS, amount)
        post(house, book, booked_us, RECEIVED_FROM_SAVINGS, amount)


@compiled
def cover_collections(house: Record, day: Record, book: Record) -> None:
    """Before the creditors come: those who notice that the money will not do draw on savings, or borrow."""
    traits, life = house.traits, house.life
    short = needed_today(house, day) - at_hand(house)
    if short <= 0:
        return
    booked_us = instant_us(day, _BEFORE_COLLECTION)
    if uniform(traits.key, day.t, why.MINDS_SAVINGS) < attention(house):
        _draw(house, book, booked_us, short)
    short = needed_today(house, day) - at_hand(house)
    if short > 0 and traits.borrower and life.debt == 0 and uniform(traits.key, day.t, why.BORROWS) < attention(house):
        amount = (15 + int(45 * uniform(traits.key, day.t, why.BORROWED_AMOUNT))) * _TEN
        post(house, book, booked_us, BORROWED, amount)
        life.debt = int(amount * _DEBT_COSTS)
        life.debt_due = day.t + _MONTH


@compiled
def put_aside(house: Record, day: Record, book: Record) -> None:
    """On the morning of pay: what is left after the dues and the spending of the month goes to savings."""
    traits, life = house.traits, house.life
    if not traits.saver:
        return
    # Today's pay is in, so the money has to last until the next.
    days = days_to_pay(house, day)
    if days == 0:
        days = _DAYS_BETWEEN_PAYS[traits.rhythm]
    spare = life.balance - needed_within(house, day, days) - life.budget * days // _MONTH
    excess = life.balance - traits.buffer // 2 - 2 * traits.income
    amount = min(spare, max(int(traits.pay * traits.thrift), excess)) // _TEN * _TEN
    if amount >= _WORTH_MOVING:
        booked_us = instant_us(day, _AFTER_COLLECTION)
        post(house, book, booked_us, SENT_TO_SAVINGS, amount)
        post(house, book, booked_us, RECEIVED_IN_SAVINGS, amount)


@compiled
def repay(house: Record, day: Record, book: Record) -> None:
    """The small lender takes its money back on the first morning on which it is there."""
    life = house.life
    if day.t >= life.debt_due and at_hand(house) >= life.debt:
        post(house, book, instant_us(day, _AFTER_COLLECTION - 60), REPAID, life.debt)
        life.debt = 0
        life.debt_due = NEVER


@compiled
def end_day(house: Record, day: Record, book: Record) -> None:
    """Late in the evening: top the current account up if it has run low, and count what is overdrawn."""
    traits, life = house.traits, house.life
    low = life.balance < life.budget * _LOW_SHARE and life.savings > 0
    if low and uniform(traits.key, day.t, why.TOPS_UP) < attention(house) / 2:
        _draw(house, book, instant_us(day, _LATE_EVENING), int(life.budget * _TOP_UP_SHARE))
    life.overdrawn += max(0, -life.balance)
    if day.until_pay[1] == 0:
        interest = int(life.overdrawn * _OVERDRAFT_RATE / 365)
        life.overdrawn = 0
        if interest > 0:
            post(house, book, instant_us(day, _LATE_EVENING + 30), OVERDRAFT_INTEREST, interest)
