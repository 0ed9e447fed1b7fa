"""Obligations: collected on the due day, tried again, settled by hand, missed, cured or lapsed.

What decides is the money at hand at that moment, and nothing else.
"""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.accounts import (
    CURED,
    MISSED,
    PAID,
    at_hand,
    attention,
    conclude,
    cost,
    expected_cost,
    instant_us,
    pay,
    post,
    refuse,
)
from forbear.simulation.calendar import GRACE_DAYS
from forbear.simulation.movements import CARD, LOAN, LOAN_INTEREST, RETURN_FEE
from forbear.simulation.randomness import uniform
from forbear.simulation.records import Record
from forbear.simulation.world import DUTIES, NEVER, NO_INDEX, OPEN_AT_ONCE

LAPSES_AFTER_DAYS = 60
_RETURN_FEE = 350
_KEPT_BACK_SHARE = 0.05
_CARE_LEARNT, _MOST_CARE = 0.10, 0.40
"""What a missed payment takes off the budget, and what all of them do at most."""
_SEVEN, _EIGHT = 7 * 3_600, 8 * 3_600
_GRACE_ENDS = 23 * 3_600 + 59 * 60


@compiled
def falls_due(house: Record, day: Record, j: int) -> bool:
    """Whether an instalment of obligation j falls due today."""
    return bool(cost(house, j, day.t) > 0 and day.until_due[house.duties[j].day] == 0)


@compiled
def needed_today(house: Record, day: Record) -> int:
    """What will be collected this morning, retries included [minor units]."""
    needed = 0
    for j in range(DUTIES):
        if falls_due(house, day, j):
            needed += cost(house, j, day.t)
        if house.life.open > 0:
            for place in range(OPEN_AT_ONCE):
                arrear = house.arrears[j, place]
                if arrear.due != NO_INDEX and arrear.retry_on == day.t:
                    needed += arrear.amount
    return needed


@compiled
def needed_within(house: Record, day: Record, days: int) -> int:
    """What falls due from today on within so many days, and what is in arrears [minor units]."""
    needed = 0
    for j in range(DUTIES):
        if day.until_due[house.duties[j].day] < days:
            needed += expected_cost(house, j, day.t)
        if house.life.open > 0:
            for place in range(OPEN_AT_ONCE):
                arrear = house.arrears[j, place]
                needed += arrear.amount if arrear.due != NO_INDEX else 0
    return needed


@compiled
def collect(house: Record, day: Record, book: Record) -> None:
    """Creditors collect what falls due today and try again what they could not collect before."""
    for j in range(DUTIES):
        second = _SEVEN + 60 * j
        if house.life.open > 0:
            for place in range(OPEN_AT_ONCE):
                arrear = house.arrears[j, place]
                if arrear.due != NO_INDEX and arrear.retry_on == day.t:
                    arrear.retry_on = NEVER
                    _attempt(house, day, book, second + place, (j, place))
        if falls_due(house, day, j):
            if j == LOAN:
                charge_interest(house, day, book, second)
            place = _open(house, day, j)
            _attempt(house, day, book, second + OPEN_AT_ONCE, (j, place))


@compiled
def charge_interest(house: Record, day: Record, book: Record, second: int) -> None:
    """The month's interest on a loan of this bank, before its instalment; a rise of the rate is all interest."""
    if not house.traits.loan_here:
        return
    duty = house.duties[LOAN]
    interest = int(-house.life.loan * house.traits.loan_rate / 12)
    if day.t >= duty.rises_on:
        interest += duty.risen - duty.amount
    if interest > 0:
        post(house, book, instant_us(day, second), LOAN_INTEREST, interest)


@compiled
def _open(house: Record, day: Record, j: int) -> int:
    """Note an instalment as owed; there is a free place, because what is 60 days old has lapsed."""
    place = 0
    while house.arrears[j, place].due != NO_INDEX:
        place += 1
    arrear = house.arrears[j, place]
    arrear.due = day.t
    arrear.amount = cost(house, j, day.t)
    arrear.retry_on = day.t + day.retried_after
    arrear.missed = False
    if j == CARD:
        house.life.billed = 0
    house.life.open += 1
    return place


@compiled
def _attempt(house: Record, day: Record, book: Record, second: int, at: tuple[int, int]) -> None:
    j, place = at
    amount = house.arrears[j, place].amount
    if at_hand(house) >= amount:
        _settle(house, day, book, second, (j, place, False))
        return
    booked_us = instant_us(day, second)
    refuse(house, book, booked_us, j, amount)
    post(house, book, booked_us, RETURN_FEE, _RETURN_FEE)


@compiled
def _settle(house: Record, day: Record, book: Record, second: int, how: tuple[int, int, bool]) -> None:
    j, place, by_hand = how
    arrear = house.arrears[j, place]
    booked_us = instant_us(day, second)
    pay(house, book, booked_us, (j, arrear.amount, by_hand))
    status = CURED if arrear.missed else PAID
    outcome = conclude(house, book, booked_us, (j, arrear.due, arrear.amount, status))
    book.rows[outcome].paid = day.t
    _close(house, j, place)


@compiled
def _close(house: Record, j: int, place: int) -> None:
    house.arrears[j, place].due = NO_INDEX
    house.life.open -= 1


@compiled
def settle_by_hand(house: Record, day: Record, book: Record) -> None:
    """Customers who mind their arrears settle them once there is money, and a little is left over."""
    traits = house.traits
    if house.life.open == 0 or uniform(traits.key, day.t, why.MINDS_ARREARS) > attention(house):
        return
    kept_back = int(house.life.budget * _KEPT_BACK_SHARE)
    for j in range(DUTIES):
        for place in range(OPEN_AT_ONCE):
            arrear = house.arrears[j, place]
            # On the due day itself the creditor has just tried: the customer learns of it later.
            if NO_INDEX < arrear.due < day.t and house.life.balance >= arrear.amount + kept_back:
                _settle(house, day, book, _EIGHT + OPEN_AT_ONCE * j + place, (j, place, True))


@compiled
def end_grace(house: Record, day: Record, book: Record) -> None:
    """Call missed what is unsettled when its grace is over, and let go of what has been so for long."""
    if house.life.open == 0:
        return
    for j in range(DUTIES):
        for place in range(OPEN_AT_ONCE):
            arrear = house.arrears[j, place]
            if arrear.due == NO_INDEX:
                continue
            if day.t == arrear.due + GRACE_DAYS:
                arrear.missed = True
                house.life.care = min(_MOST_CARE, house.life.care + _CARE_LEARNT)
                booked_us = instant_us(day, _GRACE_ENDS)
                conclude(house, book, booked_us, (j, arrear.due, arrear.amount, MISSED))
            elif day.t >= arrear.due + LAPSES_AFTER_DAYS:
                _close(house, j, place)
