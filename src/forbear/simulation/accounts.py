"""The books: what is at hand, and how a movement, a refusal or an outcome is written down."""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.domain.terms import OutcomeStatus, Status
from forbear.features.columns import NO_AMOUNT, EventKind, codes_of
from forbear.simulation.movements import COLLECTED, IS_CREDIT, IS_SAVINGS
from forbear.simulation.records import Record
from forbear.simulation.world import FORTNIGHTLY, MONTHLY, NO_INDEX, WEEKLY

BOOKED = codes_of(Status)[Status.BOOKED]
FAILED = codes_of(Status)[Status.FAILED]
PAID = codes_of(OutcomeStatus)[OutcomeStatus.PAID]
MISSED = codes_of(OutcomeStatus)[OutcomeStatus.MISSED]
CURED = codes_of(OutcomeStatus)[OutcomeStatus.CURED]
_TRANSACTION = int(EventKind.TRANSACTION)
_OUTCOME = int(EventKind.OUTCOME)
_SECONDS = 86_400


@compiled
def instant_us(day: Record, second: int) -> int:
    """The instant of a second [0, 86399] of a day [microseconds UTC], rising with the second.

    A day of 23 or 25 hours is stretched, so that no second of it is missing or comes twice.
    """
    return int(day.midnight_us + second * day.length_us // _SECONDS)


@compiled
def days_to_pay(house: Record, day: Record) -> int:
    """Days until the customer is due to be paid, 0 on a pay day."""
    traits = house.traits
    if traits.rhythm == MONTHLY:
        return int(day.until_pay[traits.pay_on])
    if traits.rhythm == WEEKLY:
        return int((traits.pay_on - day.weekday) % 7)
    assert traits.rhythm == FORTNIGHTLY
    return int((traits.pay_on - day.number) % 14)


@compiled
def cost(house: Record, j: int, t: int) -> int:
    """What one instalment of obligation j costs on day t [minor units]; 0 if it is not held or has ended."""
    duty = house.duties[j]
    if duty.day == 0 or t > duty.last:
        return 0
    return int(duty.risen if t >= duty.rises_on else duty.amount)


@compiled
def at_hand(house: Record) -> int:
    """What the customer can pay from the current account, down to the overdraft limit [minor units]."""
    return int(house.life.balance + house.traits.limit)


@compiled
def _write(house: Record, book: Record, booked_us: int, amount: int) -> int:
    life = house.life
    index = int(book.filled)
    book.filled = index + 1
    row = book.rows[index]
    row.kind = _TRANSACTION
    row.customer = house.number
    row.sequence = life.sequence
    life.sequence += 1
    row.booked_us = booked_us
    row.amount = amount
    row.balance = NO_AMOUNT
    row.status = BOOKED
    row.duty = NO_INDEX
    row.merchant = NO_INDEX
    row.reverses = NO_INDEX
    row.due = NO_INDEX
    row.paid = NO_INDEX
    return index


@compiled
def post(house: Record, book: Record, booked_us: int, movement: int, amount: int) -> int:
    """Book one movement on the account that it belongs to, and return the place of its row."""
    life = house.life
    index = _write(house, book, booked_us, amount)
    row = book.rows[index]
    row.movement = movement
    change = amount if IS_CREDIT[movement] else -amount
    if IS_SAVINGS[movement]:
        life.savings += change
        row.balance = life.savings
    else:
        life.balance += change
        row.balance = life.balance
    return index


@compiled
def refuse(house: Record, book: Record, booked_us: int, j: int, amount: int) -> None:
    """Write down that a collection of obligation j found too little money; nothing moves."""
    row = book.rows[_write(house, book, booked_us, amount)]
    row.movement = COLLECTED + j
    row.status = FAILED
    row.duty = j


@compiled
def take_back(house: Record, book: Record, booked_us: int) -> None:
    """The merchant gives the money of an earlier purchase back."""
    life = house.life
    row = book.rows[_write(house, book, booked_us, life.back_amount)]
    row.movement = life.back_movement
    row.reverses = life.back_sequence
    life.balance += life.back_amount
    row.balance = life.balance


@compiled
def conclude(house: Record, book: Record, booked_us: int, what: tuple[int, int, int, int]) -> int:
    """Write down an outcome (obligation, due day, amount, code of its status); the place of its row."""
    j, due, amount, status = what
    index = _write(house, book, booked_us, amount)
    row = book.rows[index]
    row.kind = _OUTCOME
    row.status = status
    row.duty = j
    row.due = due
    return index
