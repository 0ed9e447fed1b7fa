"""Money that comes in: pay, pensions and benefits, and what becomes of them under a shock."""

from __future__ import annotations

import numpy as np

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.accounts import days_to_pay, instant_us, post
from forbear.simulation.calendar import MONTH_END
from forbear.simulation.movements import CHILD_BENEFIT, PENSION, SALARY, UNEMPLOYMENT_BENEFIT
from forbear.simulation.randomness import normal, uniform
from forbear.simulation.records import Record
from forbear.simulation.world import MONTHLY, NEVER

_SIX = 6 * 3_600
_BENEFIT_SHARE = 0.6
_CHILD_BENEFIT_DAY = 10
_MONTHLY_NOISE, _HOURLY_NOISE = 0.01, 0.10
_SATURDAY = 5


@compiled
def _earned(house: Record, day: Record) -> int:
    """What one pay day brings [minor units]; hours, and so pay, vary for those paid by the week."""
    traits, life = house.traits, house.life
    noise = _MONTHLY_NOISE if traits.rhythm == MONTHLY else _HOURLY_NOISE
    if traits.pensioner:
        noise = 0.0
    factor = life.pay_factor * (1.0 + noise * normal(traits.key, day.t, why.PAY_NOISE))
    if day.t < life.cut_until:
        factor *= life.cut_factor
    return int(traits.pay * max(factor, 0.0))


@compiled
def _delay_days(house: Record, day: Record) -> int:
    """How many days a late payer is late this time: 3 to 12, ending on a bank day."""
    delay = 3 + int(8 * uniform(house.traits.key, day.t, why.PAY_DELAY))
    weekday = (day.weekday + delay) % 7
    return delay + max(0, 7 - weekday) if weekday >= _SATURDAY else delay


@compiled
def receive_income(house: Record, day: Record, book: Record) -> bool:
    """Credit what arrives this morning; True if pay was among it."""
    traits, life = house.traits, house.life
    arrived = 0
    if days_to_pay(house, day) == 0 and day.t >= life.jobless_until:
        if day.t < life.late_payer_until:
            life.owed_pay += _earned(house, day)
            life.owed_on = min(life.owed_on, day.t + _delay_days(house, day))
        else:
            arrived += _earned(house, day)
    if day.t >= life.owed_on:
        arrived += life.owed_pay
        life.owed_pay = 0
        life.owed_on = NEVER
    second = _SIX + int(1_200 * uniform(traits.key, day.t, why.MOVING_SECOND))
    if arrived > 0:
        post(house, book, instant_us(day, second), PENSION if traits.pensioner else SALARY, arrived)
    _receive_benefits(house, day, book)
    return bool(arrived > 0)


@compiled
def _receive_benefits(house: Record, day: Record, book: Record) -> None:
    traits, life = house.traits, house.life
    booked_us = instant_us(day, _SIX + 1_500)
    if traits.child_benefit > 0 and day.until_pay[_CHILD_BENEFIT_DAY] == 0:
        post(house, book, booked_us, CHILD_BENEFIT, traits.child_benefit)
    if life.benefit_from <= day.t < life.jobless_until and day.until_pay[MONTH_END] == 0:
        # Someone who first qualified within the month is paid for that part of it only.
        part = min(1.0, (day.t - life.benefit_from + 1) / 30.0)
        amount = int(np.floor(traits.income * life.pay_factor * _BENEFIT_SHARE * part))
        post(house, book, booked_us, UNEMPLOYMENT_BENEFIT, amount)
