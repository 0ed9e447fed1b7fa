"""One bank-local day of one customer, hour by hour, and the loop over days and customers."""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.simulation.accounts import instant_us, take_back
from forbear.simulation.cards import state
from forbear.simulation.dues import collect, end_grace, settle_by_hand
from forbear.simulation.income import receive_income
from forbear.simulation.records import Record, Records
from forbear.simulation.savings import cover_collections, end_day, put_aside, repay
from forbear.simulation.seasons import bring_round
from forbear.simulation.shocks import befall, budget_today
from forbear.simulation.spending import LAST_PURCHASE, buy, plan_day
from forbear.simulation.treatment import help_along, pay_early
from forbear.simulation.world import BOOK_ROWS, NEVER, ROWS_PER_DAY

_HOUR, _MINUTE = 3_600, 60
_HALF_PAST_FIVE, _SIX, _QUARTER_TO_SEVEN, _EIGHT = 5 * _HOUR + 1_800, 6 * _HOUR, 6 * _HOUR + 2_700, 8 * _HOUR


@compiled
def live_day(house: Record, day: Record, book: Record) -> None:
    """Let a household live a day. The order below is the order of the clock, with purchases in between."""
    if day.t >= house.help.turns_on:
        help_along(house, day)
    befall(house, day)
    house.life.budget = budget_today(house, day)
    planned = plan_day(house, day)
    made = buy(house, day, book, (0, planned), (0, _HALF_PAST_FIVE))
    if day.t >= house.life.back_on:
        take_back(house, book, instant_us(day, _HALF_PAST_FIVE))
        house.life.back_on = NEVER
    bring_round(house, day, book, _HALF_PAST_FIVE + _MINUTE)
    state(house, day, book, _HALF_PAST_FIVE + 2 * _MINUTE)
    made = buy(house, day, book, (made, planned), (_HALF_PAST_FIVE + 3 * _MINUTE, _SIX))
    paid = receive_income(house, day, book)
    pay_early(house, day, book)
    made = buy(house, day, book, (made, planned), (_SIX + 27 * _MINUTE, _QUARTER_TO_SEVEN))
    cover_collections(house, day, book)
    collect(house, day, book)
    made = buy(house, day, book, (made, planned), (_QUARTER_TO_SEVEN + 25 * _MINUTE, _EIGHT))
    settle_by_hand(house, day, book)
    repay(house, day, book)
    if paid:
        put_aside(house, day, book)
    buy(house, day, book, (made, planned), (_EIGHT + 21 * _MINUTE, LAST_PURCHASE))
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
