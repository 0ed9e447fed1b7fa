"""Money that comes in: pay, pensions and benefits, and what becomes of them under a shock."""

from __future__ import annotations

import numpy as np

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.accounts import days_to_pay, instant_us, post
from forbear.simulation.calendar import AHEAD, MONTH_END
from forbear.simulation.movements import CHILD_BENEFIT, PENSION, SALARY, UNEMPLOYMENT_BENEFIT
from forbear.simulation.randomness import normal, uniform
from forbear.simulation.records import Record
from forbear.simulation.seasons import JUNE, NOVEMBER
from forbear.simulation.world import MONTHLY, NEVER

_SIX = 6 * 3_600
_CHILD_BENEFIT_DAY = 10
_MONTHLY_NOISE, _HOURLY_NOISE = 0.01, 0.10
_CATCHES_UP = 0.06
"""Part of the gap to the former pay that a new job makes good by each month's end."""


@compiled
def _earned(house: Record, day: Record) -> int:
    """What one pay day brings [minor units]; hours, and so pay, vary for those paid by the week."""
    traits, life = house.traits, house.life
    noise = _MONTHLY_NOISE if traits.rhythm == MONTHLY else _HOURLY_NOISE
    if traits.pensioner:
        noise = 0.0
    factor = life.pay_factor * (1.0 + noise * normal(traits.key, day.t, why.PAY_NOISE))
    if life.cut_from <= day.t < life.cut_until:
        factor *= life.cut_factor
    if day.month == NOVEMBER:
        factor *= 1.0 + traits.thirteenth
    elif day.month == JUNE:
        factor *= 1.0 + traits.holiday_pay
    return int(traits.pay * max(factor, 0.0))


@compiled
def _delay_days(house: Record, day: Record) -> int:
    """How many days a late payer is late this time: 3 to 10, and on to a bank day."""
    delay = 3 + int(8 * uniform(house.traits.key, day.t, why.PAY_DELAY))
    while delay < AHEAD - 1 and day.works[delay] == 0:
        delay += 1
    return delay


@compiled
def receive_income(house: Record, day: Record, book: Record) -> bool:
    """Credit what arrives this morning; True if the first earner's pay was among it."""
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
    if life.partner_pay > 0 and day.until_pay[traits.partner_on] == 0:
        post(house, book, instant_us(day, _SIX + 1_300), SALARY, life.partner_pay)
    _receive_benefits(house, day, book)
    if life.pay_factor < 1.0 and day.until_pay[MONTH_END] == 0:
        life.pay_factor += _CATCHES_UP * (1.0 - life.pay_factor)
    return bool(arrived > 0)


@compiled
def _receive_benefits(house: Record, day: Record, book: Record) -> None:
    traits, life = house.traits, house.life
    booked_us = instant_us(day, _SIX + 1_500)
    if life.child_benefit > 0 and day.until_pay[_CHILD_BENEFIT_DAY] == 0:
        post(house, book, booked_us, CHILD_BENEFIT, life.child_benefit)
    if life.benefit_from <= day.t < life.jobless_until and day.until_pay[MONTH_END] == 0:
        # Someone who first qualified within the month is paid for that part of it only.
        part = min(1.0, (day.t - life.benefit_from + 1) / 30.0)
        amount = int(np.floor(traits.income * life.pay_factor * life.benefit_share * part))
        post(house, book, booked_us, UNEMPLOYMENT_BENEFIT, amount)
