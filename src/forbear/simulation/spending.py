"""Purchases: what the customer means to buy today, how much of it, and what the money allows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.accounts import at_hand, days_to_pay, instant_us, post_on, room_on_card
from forbear.simulation.dues import needed_within
from forbear.simulation.movements import (
    BACK_PAYMENT,
    CASH,
    DINING,
    ENTERTAINMENT,
    GAMBLE,
    GROCERIES,
    HEALTH,
    HOUSEHOLD,
    IN_CURRENT,
    MERCHANTS,
    MOVEMENTS,
    ON_CARD,
    REMOVAL,
    REPAIR,
    SCHOOL_THINGS,
    SHOPPING,
    SUBSCRIPTION,
    TRANSPORT,
    TRAVEL,
    TREATMENT,
    YEARLY_INSURANCE,
)
from forbear.simulation.randomness import normal, uniform
from forbear.simulation.records import Record
from forbear.simulation.seasons import SEASON
from forbear.simulation.shocks import gambling, spree
from forbear.simulation.world import NEVER


class Habit(NamedTuple):
    """One kind of purchase: times a month, share of the monthly budget, and how often on each weekday."""

    movement: int
    a_month: float
    budget_share: float
    essential: bool
    weekdays: tuple[float, ...]
    """Seven factors from Monday on; they average 1."""
    from_hour: int
    to_hour: int


_SHOP = (0.95, 0.95, 0.95, 1.05, 1.35, 1.65, 0.10)
_WORK = (1.20, 1.20, 1.20, 1.20, 1.20, 0.60, 0.40)
_OUT = (0.60, 0.60, 0.75, 0.95, 1.50, 1.70, 0.90)
_HOME = (0.95, 0.95, 0.95, 0.95, 0.95, 1.05, 1.20)
HABITS = (
    Habit(GROCERIES, 10.5, 0.34, True, _SHOP, 9, 21),
    Habit(TRANSPORT, 5.5, 0.12, True, _WORK, 9, 20),
    Habit(DINING, 5.0, 0.11, False, _OUT, 12, 23),
    Habit(SHOPPING, 4.0, 0.16, False, _HOME, 9, 23),
    Habit(CASH, 3.2, 0.12, False, _SHOP, 9, 22),
    Habit(HEALTH, 1.0, 0.04, True, _WORK, 9, 18),
    Habit(ENTERTAINMENT, 1.5, 0.04, False, _OUT, 12, 23),
    Habit(HOUSEHOLD, 1.3, 0.05, False, _SHOP, 9, 20),
    Habit(TRAVEL, 0.2, 0.02, False, _HOME, 9, 23),
)
_MOVEMENT = np.array([habit.movement for habit in HABITS])
_A_DAY = np.array([habit.a_month * 12 / 365.25 for habit in HABITS])
_SIZE = np.array([habit.budget_share / habit.a_month for habit in HABITS])
_ESSENTIAL = np.array([habit.essential for habit in HABITS])
_WEEKDAYS = np.array([habit.weekdays for habit in HABITS])
_HOURS = np.array([(habit.from_hour, habit.to_hour) for habit in HABITS])
_SPREAD = 0.55
"""Standard deviation of the logarithm of one purchase's size around its mean."""

# Half a basket is bought and half a bill is paid; half a gadget is not.
_DIVISIBLE = np.isin(
    np.arange(len(MOVEMENTS)), (GROCERIES, REPAIR, TREATMENT, BACK_PAYMENT, YEARLY_INSURANCE, REMOVAL, SCHOOL_THINGS)
)
_BY_CARD = np.isin(
    np.arange(len(MOVEMENTS)),
    (GROCERIES, TRANSPORT, DINING, SHOPPING, HEALTH, ENTERTAINMENT, HOUSEHOLD, TRAVEL, REPAIR, TREATMENT),
)
LAST_PURCHASE = 86_400 - 121
"""The last second of a day on which anything is bought; the day's end is booked after it."""
_MONTH = 30
_HOUR = 3_600
_DAY = 24 * _HOUR
_MORNING = 5 * _HOUR
_SMALLEST = 100
_NOTE = 1_000
_MOST_A_DAY = 0.9
_LEANEST, _LAVISH = -0.80, 0.40
_BILL_PLACE, _GAMBLE_PLACE, _SUBSCRIPTION_PLACE = 12, 13, 14


@compiled
def mood(house: Record, day: Record) -> float:
    """Factor on discretionary spending, [0.2, 3.4]: how the money will stand at the next pay day.

    1 where dues and a usual month's spending leave just the buffer that this household is at ease with.
    """
    traits, life = house.traits, house.life
    days = days_to_pay(house, day)
    if day.t < life.jobless_until:
        days += _MONTH
    planned = life.budget * days // _MONTH + int(traits.prudence * needed_within(house, day, days))
    surplus = (life.balance + life.savings - planned - traits.buffer) / life.budget
    factor = 1.0 + traits.response * min(max(surplus, _LEANEST), _LAVISH)
    return float(factor * spree(house, day))


@compiled
def plan_day(house: Record, day: Record) -> int:
    """Fill the plan of today's purchases, in the order of the hour; how many they are."""
    traits, life = house.traits, house.life
    factor = mood(house, day)
    planned = 0
    for place in range(len(_MOVEMENT)):
        planned = _plan_habit(house, day, place, factor, planned)
    if traits.subscription > 0 and day.until_due[traits.subscription_on] == 0:
        planned = _insert(house, day, _SUBSCRIPTION_PLACE, (SUBSCRIPTION, traits.subscription), planned)
    if day.t >= life.bill_on:
        part = life.bill // life.bill_parts
        planned = _insert(house, day, _BILL_PLACE, (life.bill_movement, part), planned)
    if traits.gambler:
        planned = _plan_gamble(house, day, planned)
    return planned


@compiled
def _plan_habit(house: Record, day: Record, place: int, factor: float, planned: int) -> int:
    traits = house.traits
    # The response is shared between how often and how much; food and fares give way half as much.
    lean = factor**0.25 if _ESSENTIAL[place] else factor**0.5
    often = traits.activity * (traits.cash_taste if _MOVEMENT[place] == CASH else 1.0)
    often *= SEASON[_MOVEMENT[place], day.month]
    chance = min(_MOST_A_DAY, _A_DAY[place] * often * _WEEKDAYS[place, day.weekday] * lean)
    if uniform(traits.key, day.t, why.BUYS + place) >= chance:
        return planned
    around = np.exp(_SPREAD * normal(traits.key, day.t, why.BUYS_AMOUNT + place) - 0.5 * _SPREAD * _SPREAD)
    amount = int(house.life.budget * _SIZE[place] / traits.activity * lean * around)
    if _MOVEMENT[place] == CASH:
        amount = max(_NOTE, amount // _NOTE * _NOTE)
    return _insert(house, day, place, (_MOVEMENT[place], amount), planned)


@compiled
def _plan_gamble(house: Record, day: Record, planned: int) -> int:
    traits = house.traits
    depth = gambling(house, day)
    if uniform(traits.key, day.t, why.BUYS + _GAMBLE_PLACE) >= 0.10 + 0.70 * depth:
        return planned
    around = uniform(traits.key, day.t, why.BUYS_AMOUNT + _GAMBLE_PLACE)
    share = 0.005 + (0.01 + 0.06 * depth) * around
    return _insert(house, day, _GAMBLE_PLACE, (GAMBLE, int(traits.income * share)), planned)


@compiled
def _insert(house: Record, day: Record, place: int, what: tuple[int, int], planned: int) -> int:
    """Put one purchase into the plan at its second; how many the plan holds now."""
    movement, amount = what
    key = house.traits.key
    second = _second(house, day, place)
    slot = planned
    while slot > 0 and house.plan[slot - 1].second > second:
        house.plan[slot] = house.plan[slot - 1]
        slot -= 1
    entry = house.plan[slot]
    entry.second = second
    entry.amount = max(amount, _SMALLEST)
    entry.movement = movement
    entry.merchant = int(MERCHANTS * uniform(key, day.t, why.BUYS_MERCHANT + place) ** 2)
    entry.by_card = _BY_CARD[movement] and uniform(key, day.t, why.BUYS_BY_CARD + place) < house.traits.card_share
    return planned + 1


@compiled
def _second(house: Record, day: Record, place: int) -> int:
    """When, as the bank's clock counts, with the customer's own clock in mind.

    In shop hours, or in the night for the restless and those on a spell.
    """
    traits, life = house.traits, house.life
    share = traits.night
    if day.t < life.spree_until or day.t < life.gambling_until:
        share += 0.15
    within = uniform(traits.key, day.t, why.BUYS_SECOND + place)
    usual = place < len(_MOVEMENT)
    if (not usual or not _ESSENTIAL[place]) and uniform(traits.key, day.t, why.BUYS_AT_NIGHT + place) < share:
        local = 600 + int(within * (_MORNING - 1_200))
    else:
        low, high = (_HOURS[place, 0], _HOURS[place, 1]) if usual else (9, 22)
        local = int(low * _HOUR + within * (high - low) * _HOUR)
    # An hour before midnight in the west is an hour after it here: it is bought in this day's first hours.
    return min(LAST_PURCHASE, int((local - day.ahead_s[traits.region]) % _DAY))


@compiled
def buy(house: Record, day: Record, book: Record, entries: tuple[int, int], between: tuple[int, int]) -> int:
    """Make the planned purchases of a stretch of the day, in their order; the first entry that comes after it.

    entries: from which on, and how many are planned.  between: no second before the first is written down, and
    none after the last is made.
    """
    slot, planned = entries
    earliest, latest = between
    while slot < planned and house.plan[slot].second <= latest:
        _buy_one(house, day, book, (slot, max(earliest, house.plan[slot].second)))
        slot += 1
    return slot


@compiled
def _buy_one(house: Record, day: Record, book: Record, at: tuple[int, int]) -> None:
    """One purchase on the card or from the current account; what does not fit is bought in part, or not at all."""
    life = house.life
    entry = house.plan[at[0]]
    amount, account = entry.amount, IN_CURRENT
    on_credit = house.traits.card_pays < 1.0 and at_hand(house) < amount and _BY_CARD[entry.movement]
    if (entry.by_card or on_credit) and room_on_card(house) >= amount:
        account = ON_CARD
    else:
        amount = min(amount, at_hand(house))
        if amount < _SMALLEST or (amount < entry.amount and not _DIVISIBLE[entry.movement]):
            return
    booked = _mistyped(house, day, (amount, account, entry.second))
    row = post_on(house, book, instant_us(day, at[1]), (entry.movement, account), booked)
    book.rows[row].merchant = entry.merchant
    if day.t >= life.bill_on and entry.movement == life.bill_movement:
        _pay_bill(house, day, amount)
    _note_return(house, day, book, (row, amount))


@compiled
def _mistyped(house: Record, day: Record, what: tuple[int, int, int]) -> int:
    """The amount that is booked: now and then twice what was meant, if there is as much."""
    amount, account, second = what
    if house.life.back_on != NEVER or house.traits.correction_share == 0.0:
        return amount
    room = room_on_card(house) if account == ON_CARD else at_hand(house)
    wrong = uniform(house.traits.key, day.t * _DAY + second, why.MISTYPED) < house.traits.correction_share
    return 2 * amount if wrong and room >= 2 * amount else amount


@compiled
def _pay_bill(house: Record, day: Record, amount: int) -> None:
    """What is left of a bill comes in one to two weeks; less than one unit of money is let go."""
    life = house.life
    life.bill -= amount
    life.bill_parts = max(1, life.bill_parts - 1)
    life.bill_on = day.t + 7 + int(8 * uniform(house.traits.key, day.t, why.EXPENSE_GAP))
    if life.bill < _SMALLEST:
        life.bill = 0
        life.bill_on = NEVER


@compiled
def _note_return(house: Record, day: Record, book: Record, what: tuple[int, int]) -> None:
    """Remember a purchase that will be taken back: because it was mistyped, or now and then because it did not suit."""
    life, key = house.life, house.traits.key
    row, meant = book.rows[what[0]], what[1]
    anew = meant if row.amount != meant else 0
    if life.back_on != NEVER:
        return
    if anew == 0 and uniform(key, row.sequence, why.TAKEN_BACK) >= house.traits.reversal_share:
        return
    wait = 2 + int(5 * uniform(key, day.t, why.TAKEN_BACK_DELAY))
    life.back_on = day.t + (1 + wait % 2 if anew > 0 else wait)
    life.back_amount = row.amount
    life.back_movement = row.movement
    life.back_sequence = row.sequence
    life.back_account = row.account
    life.back_merchant = row.merchant
    life.back_anew = anew
