"""The books: what is at hand, and how a movement, a refusal or an outcome is written down."""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.domain.terms import OutcomeStatus, Status
from forbear.features.columns import NO_AMOUNT, EventKind, codes_of
from forbear.simulation.movements import (
    ACCOUNT_OF,
    CARD,
    CARD_CREDITED,
    COLLECTED,
    IN_CURRENT,
    IN_SAVINGS,
    IS_CREDIT,
    LOAN,
    LOAN_CREDITED,
    ON_CARD,
    OWN_CARD_COLLECTED,
    OWN_CARD_SETTLED,
    SETTLED,
)
from forbear.simulation.records import Record
from forbear.simulation.world import FORTNIGHTLY, MONTHLY, NO_INDEX, OPEN_AT_ONCE, WEEKLY

BOOKED = codes_of(Status)[Status.BOOKED]
FAILED = codes_of(Status)[Status.FAILED]
PAID = codes_of(OutcomeStatus)[OutcomeStatus.PAID]
MISSED = codes_of(OutcomeStatus)[OutcomeStatus.MISSED]
CURED = codes_of(OutcomeStatus)[OutcomeStatus.CURED]
_TRANSACTION = int(EventKind.TRANSACTION)
_OUTCOME = int(EventKind.OUTCOME)
_SECONDS = 86_400
_STILL_CARES, _AWAKE = 0.03, 0.5


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
        return int(day.until_weekday[traits.pay_on])
    assert traits.rhythm == FORTNIGHTLY
    return int(day.until_fortnight[traits.pay_on])


@compiled
def holds(house: Record, j: int, t: int) -> bool:
    """Whether instalments of obligation j may fall due on day t: it is held, collected, and has not ended."""
    duty = house.duties[j]
    return bool(duty.day != 0 and t <= duty.last)


@compiled
def cost(house: Record, j: int, t: int) -> int:
    """What one instalment of obligation j costs on day t [minor units]; 0 if it is not held or has ended.

    For a card of this bank: what its statement asks for, 0 once that has fallen due.
    """
    duty = house.duties[j]
    if not holds(house, j, t):
        return 0
    if j == CARD and house.traits.card_limit > 0:
        return int(house.life.billed)
    amount = int(duty.risen if t >= duty.rises_on else duty.amount)
    if j == LOAN and house.traits.loan_here:
        return min(amount, int(-house.life.loan))
    return amount


@compiled
def expected_cost(house: Record, j: int, t: int) -> int:
    """What obligation j will cost the next time that it falls due, as the customer reckons on day t."""
    if j == CARD and house.traits.card_limit > 0 and house.life.billed == 0:
        return int(house.traits.card_pays * unbilled(house))
    return cost(house, j, t)


@compiled
def unbilled(house: Record) -> int:
    """What is owed on the card besides the statements that are in arrears [minor units]."""
    owed = -house.life.card
    if house.life.open > 0:
        for place in range(OPEN_AT_ONCE):
            arrear = house.arrears[CARD, place]
            owed -= arrear.amount if arrear.due != NO_INDEX else 0
    return max(0, int(owed))


@compiled
def at_hand(house: Record) -> int:
    """What the customer can pay from the current account, down to the overdraft limit [minor units]."""
    return int(house.life.balance + house.traits.limit)


@compiled
def attention(house: Record) -> float:
    """The chance that this household notices today what its account asks for: a missed payment wakes people up."""
    awake = house.life.care > _STILL_CARES
    return float(max(house.traits.attention, _AWAKE)) if awake else float(house.traits.attention)


@compiled
def room_on_card(house: Record) -> int:
    """What can still be bought on the card of this bank [minor units]."""
    return int(house.traits.card_limit + house.life.card) if house.traits.card_limit > 0 else 0


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
    row.account = IN_CURRENT
    row.mends = False
    row.duty = NO_INDEX
    row.merchant = NO_INDEX
    row.reverses = NO_INDEX
    row.due = NO_INDEX
    row.paid = NO_INDEX
    return index


@compiled
def post(house: Record, book: Record, booked_us: int, movement: int, amount: int) -> int:
    """Book one movement on the account that it belongs to, and return the place of its row."""
    return post_on(house, book, booked_us, (movement, ACCOUNT_OF[movement]), amount)


@compiled
def post_on(house: Record, book: Record, booked_us: int, what: tuple[int, int], amount: int) -> int:
    """Book a movement on an account, and return the place of its row."""
    movement, account = what
    index = _write(house, book, booked_us, amount)
    row = book.rows[index]
    row.movement = movement
    row.account = account
    row.balance = _moved(house, account, amount if IS_CREDIT[movement] else -amount)
    return index


@compiled
def _moved(house: Record, account: int, change: int) -> int:
    """The balance of an account after a change."""
    life = house.life
    if account == IN_CURRENT:
        life.balance += change
        return int(life.balance)
    if account == IN_SAVINGS:
        life.savings += change
        return int(life.savings)
    if account == ON_CARD:
        life.card += change
        return int(life.card)
    life.loan += change
    return int(life.loan)


@compiled
def _payment_of(house: Record, j: int, by_hand: bool) -> int:
    """The movement by which obligation j leaves the current account."""
    if j == CARD and house.traits.card_limit > 0:
        return OWN_CARD_SETTLED if by_hand else OWN_CARD_COLLECTED
    return SETTLED + j if by_hand else COLLECTED + j


@compiled
def pay(house: Record, book: Record, booked_us: int, what: tuple[int, int, bool]) -> None:
    """Book the payment of an obligation (which, amount, by hand?), on both accounts if this bank is the creditor."""
    j, amount, by_hand = what
    payment = post(house, book, booked_us, _payment_of(house, j, by_hand), amount)
    book.rows[payment].duty = j
    if j == CARD and house.traits.card_limit > 0:
        post(house, book, booked_us, CARD_CREDITED, amount)
    elif j == LOAN and house.traits.loan_here:
        post(house, book, booked_us, LOAN_CREDITED, amount)


@compiled
def refuse(house: Record, book: Record, booked_us: int, j: int, amount: int) -> None:
    """Write down that a collection of obligation j found too little money; nothing moves."""
    row = book.rows[_write(house, book, booked_us, amount)]
    row.movement = _payment_of(house, j, False)
    row.status = FAILED
    row.duty = j


@compiled
def take_back(house: Record, book: Record, booked_us: int) -> None:
    """The merchant gives the money of an earlier purchase back; one that was mistyped is booked anew."""
    life = house.life
    row = book.rows[_write(house, book, booked_us, life.back_amount)]
    row.movement = life.back_movement
    row.account = life.back_account
    row.reverses = life.back_sequence
    row.balance = _moved(house, life.back_account, life.back_amount)
    if life.back_anew > 0:
        anew = post_on(house, book, booked_us, (life.back_movement, life.back_account), life.back_anew)
        book.rows[anew].merchant = life.back_merchant


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
