"""One day of one customer, hour by hour, and the loop over days and customers."""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.simulation.accounts import instant_us, take_back
from forbear.simulation.dues import collect, end_grace, settle_by_hand
from forbear.simulation.income import receive_income
from forbear.simulation.records import Record, Records
from forbear.simulation.savings import cover_collections, end_day, put_aside, repay
from forbear.simulation.shocks import befall
from forbear.simulation.spending import buy, first_after_night, plan_day
from forbear.simulation.treatment import help_along, pay_early
from forbear.simulation.world import BOOK_ROWS, NEVER, ROWS_PER_DAY

_HALF_PAST_FIVE = 5 * 3_600 + 1_800


@compiled
def live_day(house: Record, day: Record, book: Record) -> None:
    """Let a household live a day. The order below is the order of the clock."""
    if day.t >= house.help.turns_on:
        help_along(house, day)
    befall(house, day)
    planned = plan_day(house, day)
    morning = first_after_night(house, planned)
    buy(house, day, book, (0, morning))
    if day.t >= house.life.back_on:
        take_back(house, book, instant_us(day, _HALF_PAST_FIVE))
        house.life.back_on = NEVER
    paid = receive_income(house, day, book)
    pay_early(house, day, book)
    cover_collections(house, day, book)
    collect(house, day, book)
    settle_by_hand(house, day, book)
    repay(house, day, book)
    if paid:
        put_aside(house, day, book)
    buy(house, day, book, (morning, planned))
    end_day(house, day, book)
    end_grace(house, day, book)


@compiled
def live_days(houses: Records, days: Records, books: Records, first: int) -> int:
    """Live these days in every household from the first-th on, until the book is full; the next household.

    houses: (customers,) of HOUSE.  days: (n,) of DAY.  books: (1,) of BOOK, written on from its `filled`.
    """
    book = books[0]
    for c in range(first, len(houses)):
        if book.filled + ROWS_PER_DAY * len(days) > BOOK_ROWS:
            return c
        for t in range(len(days)):
            live_day(houses[c], days[t], book)
    return len(houses)
