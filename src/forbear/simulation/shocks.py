"""What befalls a household: how it begins, how hard it gets and how it passes.

A shock changes income, bills or spending, never a payment: whether one is missed is up to the cash.
"""

from __future__ import annotations

import numpy as np

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.accounts import cost
from forbear.simulation.movements import REMOVAL, REPAIR, TREATMENT
from forbear.simulation.randomness import uniform
from forbear.simulation.records import Record
from forbear.simulation.seasons import owe
from forbear.simulation.world import DUTIES, NEVER

_YEAR = 365.25
# Chances a year, all of them assumptions. Those of work and health are of a household of average risk.
_JOB_LOSS = 0.045 / _YEAR
_PAY_CUT = 0.08 / _YEAR
_LATE_PAYER = 0.20 / _YEAR
_ILLNESS = 0.25 / _YEAR
_EXPENSE = 1.25 / _YEAR
_SEPARATION = 0.025 / _YEAR
_SPREE = 0.30 / _YEAR
_GAMBLING = 0.60 / _YEAR
_WARNED_SHARE, _WARNED_PAY = 0.4, 0.85
# Six weeks of full pay, then sick pay: section 3 EFZG and section 47 SGB V, which asks for 70 % of gross pay.
_FULL_PAY_DAYS, _SICK_PAY_SHARE = 42, 0.75
# Of net pay, without children: section 149 SGB III. Who has no claim gets less, and up to three months later.
_BENEFIT_SHARE = 0.6
_WITHOUT_BENEFIT_SHARE, _SUPPORT_SHARE, _SUPPORT_AFTER_DAYS = 0.25, 0.4, 360
_CHILDREN_LEAVE_SHARE = 0.4
_SETTLING_DAYS = 365
_STICKS_SHARE = 0.5
"""Part of the former way of life that a separated household still pays for at first."""
_LEANEST_HALF = 0.4
_SLACKENS = 0.995


@compiled
def _between(house: Record, day: Record, purpose: int, limits: tuple[float, float]) -> float:
    low, high = limits
    return low + (high - low) * uniform(house.traits.key, day.t, purpose)


@compiled
def befall(house: Record, day: Record) -> None:
    """Let the shocks of the day begin, and what is over end."""
    if not house.traits.pensioner:
        _befall_work(house, day)
    _befall_health(house, day)
    _befall_couple(house, day)
    _befall_bills(house, day)
    _befall_spending(house, day)


@compiled
def _befall_work(house: Record, day: Record) -> None:
    traits, life = house.traits, house.life
    key = traits.key
    if day.t == life.jobless_until:
        life.pay_factor = max(0.6, life.pay_factor * _between(house, day, why.NEW_JOB, (0.80, 1.08)))
    if day.t < life.jobless_until:
        return
    if day.t == life.job_ends_on:
        life.jobless_until = day.t + int(_between(house, day, why.JOB_LOSS_LENGTH, (45.0, 270.0)))
        waits = _between(house, day, why.JOB_LOSS_BENEFIT, (0.0, 1.0))
        life.benefit_from = day.t + int((_SUPPORT_AFTER_DAYS if waits < _WITHOUT_BENEFIT_SHARE else 50) * waits)
        life.benefit_share = _SUPPORT_SHARE if waits < _WITHOUT_BENEFIT_SHARE else _BENEFIT_SHARE
    elif uniform(key, day.t, why.JOB_LOSS) < _JOB_LOSS * traits.job_risk * day.hardship and day.t > life.job_ends_on:
        life.job_ends_on = day.t + 1
        if uniform(key, day.t, why.WARNED) < _WARNED_SHARE:
            # Overtime goes first, then the job.
            life.job_ends_on = day.t + int(_between(house, day, why.WARNING_LENGTH, (30.0, 90.0)))
            _cut(house, day, (0, life.job_ends_on), _WARNED_PAY)
    if uniform(key, day.t, why.PAY_CUT) < _PAY_CUT * day.hardship:
        days = int(_between(house, day, why.PAY_CUT_LENGTH, (60.0, 240.0)))
        _cut(house, day, (0, day.t + days), _between(house, day, why.PAY_CUT_SIZE, (0.50, 0.85)))
    if uniform(key, day.t, why.LATE_PAYER) < _LATE_PAYER * day.hardship:
        life.late_payer_until = day.t + int(_between(house, day, why.LATE_PAYER_LENGTH, (20.0, 130.0)))


@compiled
def _cut(house: Record, day: Record, when: tuple[int, int], factor: float) -> None:
    """Lower the pay from so many days ahead until a day, unless it is lowered already."""
    life = house.life
    if day.t >= life.cut_until:
        life.cut_from = day.t + when[0]
        life.cut_until = when[1]
        life.cut_factor = factor


@compiled
def _befall_health(house: Record, day: Record) -> None:
    traits = house.traits
    if uniform(traits.key, day.t, why.ILLNESS) >= _ILLNESS * traits.health_risk:
        return
    size = _between(house, day, why.ILLNESS_LENGTH, (0.0, 1.0))
    days = 10 + int(230 * size * size)
    owe(house, int(traits.income * (0.05 + 0.9 * size * size)), TREATMENT)
    if days > _FULL_PAY_DAYS and not traits.pensioner:
        _cut(house, day, (_FULL_PAY_DAYS, day.t + days), _SICK_PAY_SHARE)


@compiled
def _befall_couple(house: Record, day: Record) -> None:
    """A separation: a pay and perhaps the children leave, a removal is to be paid, and the rent stays."""
    traits, life = house.traits, house.life
    if life.partner_pay == 0 or uniform(traits.key, day.t, why.SEPARATION) >= _SEPARATION:
        return
    owed = 0
    for j in range(DUTIES):
        owed += cost(house, j, day.t)
    before = traits.income + life.partner_pay + life.child_benefit - owed
    if uniform(traits.key, day.t, why.CHILDREN_LEAVE) < _CHILDREN_LEAVE_SHARE:
        life.child_benefit = 0
    after = traits.income + life.child_benefit - owed
    life.partner_pay = 0
    life.separated_on = day.t
    life.settles_at = max(_LEANEST_HALF, min(1.0, after / max(before, 1)))
    owe(house, int(traits.income * _between(house, day, why.MOVING_COST, (0.3, 1.2))), REMOVAL)


@compiled
def _befall_bills(house: Record, day: Record) -> None:
    traits, life = house.traits, house.life
    if life.bill > 0:
        return
    if life.waiting > 0:
        life.bill = life.waiting
        life.bill_movement = life.waiting_movement
        life.waiting = 0
    elif uniform(traits.key, day.t, why.EXPENSE) < _EXPENSE * np.sqrt(day.hardship):
        size = _between(house, day, why.EXPENSE_SIZE, (0.0, 1.0))
        life.bill = int(traits.income * (0.15 + 1.8 * size * size))
        life.bill_movement = REPAIR
    else:
        return
    life.bill_parts = 1 + int(_between(house, day, why.EXPENSE_PARTS, (0.0, 3.0)))
    life.bill_on = day.t


@compiled
def _befall_spending(house: Record, day: Record) -> None:
    traits, life = house.traits, house.life
    if uniform(traits.key, day.t, why.SPREE) < _SPREE and day.t >= life.spree_until:
        life.spree_from = day.t
        life.spree_until = day.t + int(_between(house, day, why.SPREE_LENGTH, (20.0, 90.0)))
        life.spree_factor = _between(house, day, why.SPREE_SIZE, (1.4, 2.4))
    if traits.gambler and uniform(traits.key, day.t, why.GAMBLING) < _GAMBLING and day.t >= life.gambling_until:
        life.gambling_from = day.t
        life.gambling_until = day.t + int(_between(house, day, why.GAMBLING_LENGTH, (20.0, 70.0)))


@compiled
def spree(house: Record, day: Record) -> float:
    """Factor on discretionary spending, >= 1: up over the first third of a spree, down again over the rest."""
    life = house.life
    if day.t >= life.spree_until:
        return 1.0
    part = (day.t - life.spree_from + 1) / (life.spree_until - life.spree_from)
    strength = 3.0 * part if part < 1.0 / 3.0 else 1.5 * (1.0 - part)
    return float(1.0 + (life.spree_factor - 1.0) * max(0.0, strength))


@compiled
def gambling(house: Record, day: Record) -> float:
    """How far a gambling spell has got, [0, 1]: it grows over its first half and ends at once."""
    life = house.life
    if day.t >= life.gambling_until:
        return 0.0
    return float(min(1.0, 2.0 * (day.t - life.gambling_from + 1) / (life.gambling_until - life.gambling_from)))


@compiled
def budget_today(house: Record, day: Record) -> int:
    """What the household spends in a month besides its dues; a separated one takes a year to settle lower.

    Whoever missed payments lives more cheaply, and slackens again over the next year.
    """
    traits, life = house.traits, house.life
    life.care *= _SLACKENS
    budget = traits.budget * (1.0 - life.care)
    if life.separated_on != NEVER:
        left = max(0.0, 1.0 - (day.t - life.separated_on) / _SETTLING_DAYS)
        budget *= life.settles_at + (1.0 - life.settles_at) * _STICKS_SHARE * left
    return int(budget)
