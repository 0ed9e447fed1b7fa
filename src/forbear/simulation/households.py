"""The households of a synthetic bank: what each earns, owes, is used to, and starts with.

Every constant is an assumption; `docs/simulator.md` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.simulation import purposes as why
from forbear.simulation.calendar import MONTH_END, Calendar
from forbear.simulation.movements import CARD, INSURANCE, LOAN, MORTGAGE, RENT, UTILITIES
from forbear.simulation.randomness import keys_of, normals, uniforms
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import draw_responses
from forbear.simulation.world import FORTNIGHTLY, HOUSE, MONTHLY, NEVER, NO_INDEX, WEEKLY

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_PAY_DAYS = np.array([MONTH_END, MONTH_END, MONTH_END, 28, 27, 26, 25, 25, 15, 15, 1, 1])
_PAYS_A_MONTH = np.array([1.0, 365.25 / 12 / 7, 365.25 / 12 / 14])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """How an obligation is spread: who holds it, its share of the monthly income, what is left of it."""

    held: float
    share: tuple[float, float]
    months: tuple[int, int]
    ends: bool = False
    variable: float = 0.0


# Rent and mortgage exclude each other: `held` is the share of the households that they have between them.
_TERMS = {
    RENT: _Terms(held=0.58, share=(0.20, 0.36), months=(3, 3)),
    MORTGAGE: _Terms(held=0.25, share=(0.18, 0.34), months=(60, 300), ends=True, variable=0.45),
    LOAN: _Terms(held=0.35, share=(0.04, 0.12), months=(24, 84), ends=True, variable=0.20),
    CARD: _Terms(held=0.32, share=(0.02, 0.08), months=(6, 18)),
    UTILITIES: _Terms(held=0.92, share=(0.04, 0.08), months=(2, 2)),
    INSURANCE: _Terms(held=0.75, share=(0.015, 0.04), months=(1, 1)),
}
_HEAVIEST_SHARE = 0.62


@dataclass(frozen=True, slots=True)
class _Draws:
    """The traits of n customers, one purpose at a time: each answer is (n,)."""

    keys: NDArray[np.uint64]

    def between(self, purpose: int, low: float, high: float) -> Floats:
        """Uniform in [low, high)."""
        steps = np.zeros(len(self.keys), dtype=np.int64)
        drawn: Floats = low + (high - low) * uniforms(self.keys, steps, purpose)
        return drawn

    def chance(self, purpose: int, share: float) -> Bools:
        """True for about this share of the customers."""
        return self.between(purpose, 0.0, 1.0) < share

    def lognormal(self, purpose: int, median: float, sigma: float) -> Floats:
        """Log-normal of this median; sigma is the deviation of the natural logarithm."""
        drawn: Floats = median * np.exp(sigma * normals(self.keys, purpose))
        return drawn

    def bell(self, purpose: int, mean: float, deviation: float) -> Floats:
        """Normal of this mean and standard deviation."""
        drawn: Floats = mean + deviation * normals(self.keys, purpose)
        return drawn

    def whole(self, purpose: int, low: int, high: int) -> NDArray[np.int64]:
        """A whole number of [low, high]."""
        return self.between(purpose, low, high + 1).astype(np.int64)


def draw_households(spec: BankSpec, calendar: Calendar) -> Records:
    """The households on their first morning: (customers,) of HOUSE, by customer number; nobody is in arrears."""
    draws = _Draws(keys_of(spec.seed, spec.customers))
    houses = np.zeros(spec.customers, dtype=HOUSE)
    houses["number"] = np.arange(spec.customers)
    houses["arrears"]["due"] = NO_INDEX
    traits = houses["traits"]
    traits["key"] = draws.keys
    traits["reversal_share"] = spec.reversal_share
    _draw_income(traits, draws)
    _draw_duties(houses["duties"], traits, draws, calendar)
    _draw_habits(traits, draws, houses["duties"])
    _draw_life(houses["life"], traits, draws)
    draw_responses(houses)
    return houses


def _draw_income(traits: Records, draws: _Draws) -> None:
    pensioner = draws.chance(why.PENSION, 0.18)
    income = np.where(
        pensioner, draws.lognormal(why.INCOME, 158_000, 0.35), draws.lognormal(why.INCOME, 225_000, 0.45)
    ).clip(80_000, 1_500_000)
    kind = draws.between(why.PAY_RHYTHM, 0.0, 1.0)
    rhythm = np.where(pensioner | (kind < 0.86), MONTHLY, np.where(kind < 0.92, WEEKLY, FORTNIGHTLY))
    weekday = draws.whole(why.PAY_WEEKDAY, 3, 4)
    # Fortnights are counted in days since 1970, which began on a Thursday.
    fortnight = (weekday - 3) + 7 * draws.whole(why.PAY_DAY, 0, 1)
    month_day = np.where(pensioner, MONTH_END, _PAY_DAYS[draws.whole(why.PAY_DAY, 0, len(_PAY_DAYS) - 1)])
    traits["pensioner"] = pensioner
    traits["income"] = income
    traits["rhythm"] = rhythm
    traits["pay"] = income / _PAYS_A_MONTH[rhythm]
    traits["pay_on"] = np.choose(rhythm, [month_day, weekday, fortnight])
    children = np.where(pensioner, 0, draws.whole(why.CHILDREN, -7, 2)).clip(0)
    traits["child_benefit"] = 25_000 * children


def _draw_duties(duties: Records, traits: Records, draws: _Draws, calendar: Calendar) -> None:
    held, share = _held_shares(draws)
    for kind, terms in _TERMS.items():
        duty = duties[:, kind]
        common = draws.between(why.DUTY_DAY + kind, 0.0, 1.0)
        spread = draws.whole(why.DUTY_MONTHS + kind, *terms.months)
        first_days = 1 + (common * 10).astype(np.int64)
        anywhere = 1 + ((common - 0.5) * 56).astype(np.int64)
        duty["day"] = np.where(held[kind], np.where(common < 0.5, first_days, anywhere), 0)
        duty["amount"] = np.where(held[kind], traits["income"] * share[kind], 0) // 100 * 100
        duty["months"] = spread
        duty["last"] = (spread * 365.25 / 12).astype(np.int64) if terms.ends else NEVER
        _draw_rate_rise(duty, terms, draws, calendar)


def _held_shares(draws: _Draws) -> tuple[list[Bools], Floats]:
    """Who holds each obligation, and its share of the income: a list of (n,), and (DUTIES, n)."""
    housing = draws.between(why.HOUSING, 0.0, 1.0)
    rented = _TERMS[RENT].held
    held = [draws.chance(why.DUTY_HELD + kind, terms.held) for kind, terms in _TERMS.items()]
    held[RENT] = housing < rented
    held[MORTGAGE] = (housing >= rented) & (housing < rented + _TERMS[MORTGAGE].held)
    share = np.array([draws.between(why.DUTY_SHARE + kind, *terms.share) for kind, terms in _TERMS.items()])
    total = (share * held).sum(axis=0)
    return held, share * np.minimum(1.0, _HEAVIEST_SHARE / np.maximum(total, 1e-9))


def _draw_rate_rise(duty: Records, terms: _Terms, draws: _Draws, calendar: Calendar) -> None:
    """A variable rate rises once, on the first of a month between the third month and the third year."""
    month = draws.whole(why.RATE_RISE_MONTH, 2, 35)
    starts = np.append(calendar.month_starts, np.full(36, NEVER))
    rises = draws.chance(why.RATE_RISE, terms.variable) & (duty["day"] > 0)
    rise = draws.between(why.RATE_RISE_SIZE, 1.06, 1.35)
    duty["rises_on"] = np.where(rises, starts[month], NEVER)
    duty["risen"] = (duty["amount"] * rise) // 100 * 100


def _draw_habits(traits: Records, draws: _Draws, duties: Records) -> None:
    steady = traits["income"] + traits["child_benefit"]
    subscriptions = draws.whole(why.SUBSCRIPTIONS, 0, 4) * 1_299
    owed = duties["amount"].sum(axis=1) + subscriptions
    frugality = draws.bell(why.FRUGALITY, 0.95, 0.07).clip(0.75, 1.10)
    thin = draws.chance(why.THIN, 0.35)
    months = np.where(thin, draws.between(why.BUFFER, 0.0, 0.15), draws.lognormal(why.BUFFER, 0.8, 1.0)).clip(0.0, 12.0)
    traits["subscription"] = subscriptions
    traits["subscription_on"] = draws.whole(why.SUBSCRIPTION_DAY, 1, 28)
    traits["budget"] = ((steady - owed) * frugality).clip(15_000)
    traits["buffer"] = months * traits["income"]
    traits["limit"] = (
        np.where(draws.chance(why.HAS_OVERDRAFT, 0.50), traits["income"] * draws.between(why.OVERDRAFT, 0.2, 1.0), 0)
        // 10_000
        * 10_000
    )
    traits["saver"] = draws.chance(why.HAS_SAVINGS, 0.55) & ~thin
    traits["thrift"] = draws.between(why.THRIFT, 0.02, 0.15)
    traits["prudence"] = draws.between(why.PRUDENCE, 0.5, 1.0)
    traits["response"] = draws.between(why.RESPONSE, 0.25, 1.0)
    traits["attention"] = draws.between(why.ATTENTION, 0.3, 1.0)
    traits["activity"] = draws.lognormal(why.ACTIVITY, 1.0, 0.25).clip(0.5, 1.8)
    traits["cash_taste"] = draws.lognormal(why.CASH_TASTE, 0.9, 0.6).clip(0.1, 4.0)
    traits["night"] = draws.between(why.NIGHT, 0.0, 0.06)
    traits["gambler"] = draws.chance(why.GAMBLER, 0.06)
    traits["borrower"] = draws.chance(why.BORROWER, 0.25)


def _draw_life(life: Records, traits: Records, draws: _Draws) -> None:
    wealth = traits["buffer"] * draws.between(why.OPENING, 0.6, 1.4)
    aside = np.where(traits["saver"], 0.6, 0.0)
    life["savings"] = wealth * aside
    # The first pay day may be a month away: everybody starts with half a month's money to spend.
    life["balance"] = wealth * (1.0 - aside) + traits["income"] // 2
    life["pay_factor"] = 1.0
    for name in ("jobless_until", "benefit_from", "cut_until", "late_payer_until", "spree_until", "gambling_until"):
        life[name] = NO_INDEX
    for name in ("owed_on", "bill_on", "debt_due", "back_on"):
        life[name] = NEVER
