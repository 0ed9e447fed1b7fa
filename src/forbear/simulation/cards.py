"""The card of this bank: its statement once a month, and how much of it the customer lets be collected."""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.simulation.accounts import instant_us, post, unbilled
from forbear.simulation.movements import CARD_INTEREST
from forbear.simulation.records import Record

_MINIMUM_SHARE, _MINIMUM = 0.05, 2_500
_RATE = 0.16
_EASE_SHARE = 0.25


@compiled
def state(house: Record, day: Record, book: Record, second: int) -> None:
    """On its day, draw up the statement: interest for those who carry a debt, and what will be collected.

    Some pay all of it. Those who pay a share fall back on the minimum when less than a week's budget is at hand.
    """
    traits, life = house.traits, house.life
    if traits.card_limit == 0 or day.until_due[traits.statement_on] != 0:
        return
    in_full = traits.card_pays >= 1.0
    if not in_full and life.card < 0:
        interest = int(-life.card * _RATE / 12)
        if interest > 0:
            post(house, book, instant_us(day, second), CARD_INTEREST, interest)
    owed = unbilled(house)
    asked = owed
    if not in_full:
        minimum = max(_MINIMUM, int(owed * _MINIMUM_SHARE))
        at_ease = life.balance + life.savings > _EASE_SHARE * life.budget
        asked = max(minimum, int(owed * traits.card_pays)) if at_ease else minimum
    life.billed = min(owed, asked)
