"""What befalls a household: when it begins, how hard it is and how long it lasts.

A shock changes income, bills or spending, never a payment: whether one is missed is up to the cash.
"""

from __future__ import annotations

from forbear.compiled import compiled
from forbear.simulation import purposes as why
from forbear.simulation.movements import REPAIR, TREATMENT
from forbear.simulation.randomness import uniform
from forbear.simulation.records import Record
from forbear.simulation.world import NEVER

_YEAR = 365.25
# Chances a year, all of them assumptions.
_JOB_LOSS = 0.05 / _YEAR
_PAY_CUT = 0.06 / _YEAR
_LATE_PAYER = 0.15 / _YEAR
_EXPENSE = 0.90 / _YEAR
_SPREE = 0.25 / _YEAR
_GAMBLING = 0.60 / _YEAR
_ILL_SHARE = 0.35
_ILL_PAY_SHARE = 0.70
_WITHOUT_BENEFIT_SHARE = 0.25


@compiled
def _between(house: Record, day: Record, purpose: int, limits: tuple[float, float]) -> float:
    low, high = limits
    return low + (high - low) * uniform(house.traits.key, day.t, purpose)


@compiled
def befall(house: Record, day: Record) -> None:
    """Let the shocks of the day begin, and a job search that is over end."""
    if not house.traits.pensioner:
        _befall_work(house, day)
    _befall_bills(house, day)
    _befall_spending(house, day)


@compiled
def _befall_work(house: Record, day: Record) -> None:
    key, life = house.traits.key, house.life
    if day.t == life.jobless_until:
        life.pay_factor = max(0.6, life.pay_factor * _between(house, day, why.NEW_JOB, (0.80, 1.08)))
    if day.t < life.jobless_until:
        return
    if uniform(key, day.t, why.JOB_LOSS) < _JOB_LOSS:
        life.jobless_until = day.t + int(_between(house, day, why.JOB_LOSS_LENGTH, (45.0, 270.0)))
        waits = _between(house, day, why.JOB_LOSS_BENEFIT, (0.0, 1.0))
        life.benefit_from = NEVER if waits < _WITHOUT_BENEFIT_SHARE else day.t + int(50 * waits)
    if uniform(key, day.t, why.PAY_CUT) < _PAY_CUT:
        life.cut_until = day.t + int(_between(house, day, why.PAY_CUT_LENGTH, (60.0, 240.0)))
        life.cut_factor = _between(house, day, why.PAY_CUT_SIZE, (0.50, 0.85))
    if uniform(key, day.t, why.LATE_PAYER) < _LATE_PAYER:
        life.late_payer_until = day.t + int(_between(house, day, why.LATE_PAYER_LENGTH, (20.0, 130.0)))


@compiled
def _befall_bills(house: Record, day: Record) -> None:
    traits, life = house.traits, house.life
    if life.bill > 0 or uniform(traits.key, day.t, why.EXPENSE) >= _EXPENSE:
        return
    size = _between(house, day, why.EXPENSE_SIZE, (0.0, 1.0))
    life.bill = int(traits.income * (0.15 + 1.8 * size * size))
    life.bill_parts = 1 + int(_between(house, day, why.EXPENSE_PARTS, (0.0, 3.0)))
    life.bill_on = day.t
    ill = _between(house, day, why.ILLNESS, (0.0, 1.0)) < _ILL_SHARE
    life.bill_movement = TREATMENT if ill else REPAIR
    if ill and not traits.pensioner and day.t >= life.cut_until:
        life.cut_until = day.t + int(_between(house, day, why.PAY_CUT_LENGTH, (30.0, 120.0)))
        life.cut_factor = _ILL_PAY_SHARE


@compiled
def _befall_spending(house: Record, day: Record) -> None:
    traits, life = house.traits, house.life
    if uniform(traits.key, day.t, why.SPREE) < _SPREE:
        life.spree_until = day.t + int(_between(house, day, why.SPREE_LENGTH, (15.0, 70.0)))
        life.spree_factor = _between(house, day, why.SPREE_SIZE, (1.3, 2.0))
    if traits.gambler and uniform(traits.key, day.t, why.GAMBLING) < _GAMBLING:
        life.gambling_until = day.t + int(_between(house, day, why.GAMBLING_LENGTH, (10.0, 50.0)))
