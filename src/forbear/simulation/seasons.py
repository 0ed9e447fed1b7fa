"""What the year brings round: more shopping in December, travel in summer, bills that come once a year."""

from __future__ import annotations

import numpy as np

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.accounts import cost, instant_us, post
from forbear.simulation.movements import (
    BACK_PAYMENT,
    DINING,
    ENTERTAINMENT,
    GROCERIES,
    HOUSEHOLD,
    MOVEMENTS,
    PAID_BACK,
    SCHOOL_THINGS,
    SHOPPING,
    TRAVEL,
    UTILITIES,
    YEARLY_INSURANCE,
)
from forbear.simulation.randomness import uniform
from forbear.simulation.records import Record

JUNE, NOVEMBER = 6, 11
_INSURED_IN, _HEATED_UNTIL, _SCHOOL_BEGINS = 1, 2, 9
_SCHOOL_COST = 14_000
# Months of advance payments by which the heating bill of a year is off, from and to: more often owed than paid back.
_HEATING_OFF = (-1.0, 2.0)

# How often each is bought, by month from January on; each averages about 1.
_SEASONS = {
    GROCERIES: (0.97, 0.97, 0.99, 1.01, 0.99, 0.99, 0.98, 0.98, 0.99, 1.00, 1.00, 1.13),
    DINING: (0.88, 0.90, 0.95, 1.00, 1.05, 1.07, 1.08, 1.08, 1.02, 0.97, 0.92, 1.08),
    SHOPPING: (0.82, 0.82, 0.93, 0.96, 0.98, 0.96, 0.93, 0.93, 0.97, 0.98, 1.22, 1.50),
    ENTERTAINMENT: (0.95, 0.95, 0.98, 0.98, 1.00, 1.02, 1.05, 1.05, 0.98, 0.98, 0.98, 1.08),
    HOUSEHOLD: (0.85, 0.85, 1.05, 1.12, 1.12, 1.05, 1.00, 0.98, 1.00, 1.02, 0.98, 0.98),
    TRAVEL: (0.60, 0.60, 0.80, 1.00, 1.10, 1.60, 2.00, 1.80, 0.90, 0.70, 0.40, 0.50),
}
SEASON = np.ones((len(MOVEMENTS), 13))
for _movement, _by_month in _SEASONS.items():
    SEASON[_movement, 1:] = _by_month


@compiled
def owe(house: Record, amount: int, movement: int) -> None:
    """Note a bill that will be paid as soon as no other bill is being paid."""
    house.life.waiting += amount
    house.life.waiting_movement = movement


@compiled
def bring_round(house: Record, day: Record, book: Record, second: int) -> None:
    """The bills of the year: heating in February, a car's insurance in January, things for school in September.

    A heating bill asks for what the advance payments did not cover, or pays back what they covered twice.
    """
    traits = house.traits
    if day.until_due[traits.settled_on] != 0:
        return
    if day.month == _INSURED_IN and traits.car_insurance > 0:
        owe(house, traits.car_insurance, YEARLY_INSURANCE)
    elif day.month == _SCHOOL_BEGINS and traits.children > 0:
        size = 0.5 + uniform(traits.key, day.t, why.SCHOOL)
        owe(house, int(_SCHOOL_COST * traits.children * size), SCHOOL_THINGS)
    elif day.month == _HEATED_UNTIL:
        low, high = _HEATING_OFF
        months = low + (high - low) * uniform(traits.key, day.t, why.HEATING)
        amount = int(cost(house, UTILITIES, day.t) * months)
        if amount > 0:
            owe(house, amount, BACK_PAYMENT)
        elif amount < 0:
            post(house, book, instant_us(day, second), PAID_BACK, -amount)
