"""The households of a synthetic bank: what each earns, is used to, and starts with.

Every constant is an assumption; `docs/simulator.md` lists them. What people are decides what becomes likely for
them; what they are is not written down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.simulation import purposes as why
from forbear.simulation.calendar import MONTH_END, Calendar
from forbear.simulation.contracts import CardHabit, draw_card, draw_duties, draw_loan
from forbear.simulation.draws import Bools, Draws, Floats
from forbear.simulation.people import FEMALE, OLDER, RETIRED, YOUNG, Codes, People, draw_people, regions_of
from forbear.simulation.randomness import keys_of
from forbear.simulation.records import Records
from forbear.simulation.regions import Region
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import draw_responses
from forbear.simulation.world import FORTNIGHTLY, HOUSE, MONTHLY, NEVER, NO_INDEX, WEEKLY

_PAY_DAYS = np.array([MONTH_END, MONTH_END, MONTH_END, 28, 27, 26, 25, 25, 15, 15, 1, 1])
_PAYS_A_MONTH = np.array([1.0, 365.25 / 12 / 7, 365.25 / 12 / 14])
_CONSENT_SHARES = (0.96, 0.85, 0.70, 0.55)
_OWN_PENSION, _EARLY_PENSION = 0.92, 0.05
_CHILD_BENEFIT = 25_000
# Shares of employees in Germany: WSI 2011 (Christmas), Hans Boeckler Foundation's Lohnspiegel (holidays).
_CHRISTMAS_PAID, _HOLIDAY_PAID = 0.55, 0.46


@dataclass(frozen=True, slots=True, kw_only=True)
class _Background:
    """What lies behind a household. region: (n,) places in `regions`.  single_parent: (n,)."""

    people: People
    region: Codes
    regions: tuple[Region, ...]
    children: Codes

    @property
    def single_parent(self) -> Bools:
        return (self.children > 0) & ~self.people.partnered

    def by_region(self, name: str) -> Floats:
        """A figure of each household's region: (n,)."""
        return np.array([getattr(region, name) for region in self.regions])[self.region]


def draw_households(spec: BankSpec, calendar: Calendar) -> Records:
    """The households on their first morning: (customers,) of HOUSE, by customer number; nobody is in arrears."""
    draws = Draws(keys_of(spec.seed, spec.customers))
    people = draw_people(spec, draws)
    behind = _Background(
        people=people, region=regions_of(spec, draws), regions=spec.regions, children=_children(people, draws)
    )
    houses = np.zeros(spec.customers, dtype=HOUSE)
    houses["number"] = np.arange(spec.customers)
    houses["arrears"]["due"] = NO_INDEX
    traits = houses["traits"]
    traits["key"] = draws.keys
    traits["region"] = behind.region
    traits["children"] = behind.children
    traits["reversal_share"] = spec.reversal_share
    traits["correction_share"] = spec.correction_share
    traits["consents"] = sum(
        draws.chance(why.CONSENT + place, share).astype(np.int8) << place for place, share in enumerate(_CONSENT_SHARES)
    )
    _draw_income(traits, draws, behind)
    _draw_risks(traits, draws, behind)
    thin = _thin(draws, behind, traits)
    card = draw_duties(houses, draws, calendar, behind.by_region("housing"))
    _draw_habits(houses, draws, card, thin)
    _draw_life(houses["life"], traits, draws)
    draw_card(houses, draws, card, thin)
    draw_loan(houses, draws)
    draw_responses(houses)
    return houses


def _children(people: People, draws: Draws) -> Codes:
    held = draws.between(why.CHILDREN, 0.0, 1.0) < np.array([0.12, 0.48, 0.22, 0.0])[people.age_band]
    count: Codes = np.where(held, draws.whole(why.MANY_CHILDREN, 1, 2), 0)
    return count


def _draw_income(traits: Records, draws: Draws, behind: _Background) -> None:
    people = behind.people
    retires = np.where(people.age_band == RETIRED, _OWN_PENSION, np.where(people.age_band == OLDER, _EARLY_PENSION, 0))
    pensioner = draws.between(why.PENSION, 0.0, 1.0) < retires
    standing = (
        np.array([0.86, 1.02, 1.06, 1.0])[people.age_band]
        * np.where(people.sex == FEMALE, 0.93, 1.07)
        * np.where(people.minority, 0.90, 1.0)
        * np.where(people.disabled, 0.88, 1.0)
        * behind.by_region("income")
    )
    usual = np.where(pensioner, draws.lognormal(why.INCOME, 158_000, 0.33), draws.lognormal(why.INCOME, 225_000, 0.42))
    income = (usual * standing).clip(80_000, 1_500_000)
    by_hour = 0.05 + 0.05 * (people.age_band == YOUNG) + 0.06 * people.minority
    kind = draws.between(why.PAY_RHYTHM, 0.0, 1.0)
    rhythm = np.where(pensioner | (kind >= 2.2 * by_hour), MONTHLY, np.where(kind < by_hour, WEEKLY, FORTNIGHTLY))
    weekday = draws.whole(why.PAY_WEEKDAY, 3, 4)
    # Fortnights are counted in days since 1970, which began on a Thursday.
    fortnight = (weekday - 3) + 7 * draws.whole(why.PAY_DAY, 0, 1)
    month_day = np.where(pensioner, MONTH_END, _PAY_DAYS[draws.whole(why.PAY_DAY, 0, len(_PAY_DAYS) - 1)])
    salaried = (rhythm == MONTHLY) & ~pensioner
    earns = people.partnered & ~pensioner & draws.chance(why.PARTNER_EARNS, 0.55)
    traits["pensioner"] = pensioner
    traits["income"] = income
    traits["rhythm"] = rhythm
    traits["pay"] = income / _PAYS_A_MONTH[rhythm]
    traits["pay_on"] = np.choose(rhythm, [month_day, weekday, fortnight])
    traits["partner_pay"] = np.where(earns, draws.lognormal(why.PARTNER_PAY, 130_000, 0.45).clip(40_000, 600_000), 0)
    traits["partner_on"] = _PAY_DAYS[draws.whole(why.PARTNER_DAY, 0, len(_PAY_DAYS) - 1)]
    traits["thirteenth"] = np.where(
        salaried & draws.chance(why.THIRTEENTH, _CHRISTMAS_PAID), draws.between(why.THIRTEENTH_SIZE, 0.3, 1.0), 0.0
    )
    traits["holiday_pay"] = np.where(salaried & draws.chance(why.HOLIDAY_PAY, _HOLIDAY_PAID), 0.3, 0.0)


def _draw_risks(traits: Records, draws: Draws, behind: _Background) -> None:
    people = behind.people
    traits["job_risk"] = (
        np.array([1.4, 0.95, 0.8, 0.8])[people.age_band]
        * np.where(people.minority, 1.4, 1.0)
        * np.where(people.disabled, 1.3, 1.0)
        * behind.by_region("job_loss")
    )
    traits["health_risk"] = np.array([0.6, 0.8, 1.15, 1.3])[people.age_band] * np.where(people.disabled, 2.0, 1.0)
    traits["settled_on"] = draws.whole(why.SETTLED_ON, 1, 28)
    insured = draws.between(why.CAR_INSURANCE, 0.10, 0.30) * traits["income"]
    traits["car_insurance"] = np.where(draws.chance(why.CAR, 0.35), insured, 0)


def _thin(draws: Draws, behind: _Background, traits: Records) -> Bools:
    """Who puts next to nothing by."""
    people = behind.people
    share = (
        0.28
        + 0.08 * (people.age_band == YOUNG)
        + 0.14 * behind.single_parent
        + 0.10 * people.minority
        + 0.07 * people.disabled
        - 0.08 * (traits["partner_pay"] > 0)
    )
    thin: Bools = draws.between(why.THIN, 0.0, 1.0) < share
    return thin


def _draw_habits(houses: Records, draws: Draws, card: CardHabit, thin: Bools) -> None:
    traits, duties = houses["traits"], houses["duties"]
    benefit = _CHILD_BENEFIT * traits["children"].astype(np.int64)
    steady = traits["income"] + traits["partner_pay"] + benefit
    subscriptions = draws.whole(why.SUBSCRIPTIONS, 0, 4) * 1_299
    # What is spent by the own card is part of the budget: paying it is no further due.
    owed = np.where(card.held[:, None] & card.column, 0, duties["amount"]).sum(axis=1) + subscriptions
    frugality = draws.bell(why.FRUGALITY, 0.95, 0.06).clip(0.75, 1.0)
    months = np.where(thin, draws.between(why.BUFFER, 0.0, 0.15), draws.lognormal(why.BUFFER, 0.8, 1.0)).clip(0.0, 12.0)
    traits["subscription"] = subscriptions
    traits["subscription_on"] = draws.whole(why.SUBSCRIPTION_DAY, 1, 28)
    traits["budget"] = ((steady - owed - traits["car_insurance"] // 12) * frugality).clip(15_000)
    traits["buffer"] = months * traits["income"]
    limit = np.where(
        draws.chance(why.HAS_OVERDRAFT, 0.50), traits["income"] * draws.between(why.OVERDRAFT, 0.2, 1.0), 0
    )
    traits["limit"] = limit // 10_000 * 10_000
    traits["saver"] = draws.chance(why.HAS_SAVINGS, 0.55) & ~thin
    traits["thrift"] = draws.between(why.THRIFT, 0.02, 0.15)
    traits["prudence"] = draws.between(why.PRUDENCE, 0.5, 1.0)
    traits["response"] = draws.between(why.RESPONSE, 0.25, 1.0)
    absent = draws.chance(why.ABSENT_MINDED, 0.45)
    traits["attention"] = np.where(
        absent, draws.between(why.ATTENTION, 0.02, 0.15), draws.between(why.ATTENTION, 0.3, 1.0)
    )
    traits["activity"] = draws.lognormal(why.ACTIVITY, 1.0, 0.25).clip(0.5, 1.8)
    traits["cash_taste"] = draws.lognormal(why.CASH_TASTE, 0.9, 0.6).clip(0.1, 4.0)
    traits["night"] = draws.between(why.NIGHT, 0.0, 0.06)
    traits["gambler"] = draws.chance(why.GAMBLER, 0.06)
    traits["borrower"] = draws.chance(why.BORROWER, 0.25)


def _draw_life(life: Records, traits: Records, draws: Draws) -> None:
    wealth = traits["buffer"] * draws.between(why.OPENING, 0.6, 1.4)
    aside = np.where(traits["saver"], 0.6, 0.0)
    life["savings"] = wealth * aside
    # The first pay day may be a month away: everybody starts with half a month's money to spend.
    life["balance"] = wealth * (1.0 - aside) + (traits["income"] + traits["partner_pay"]) // 2
    life["budget"] = traits["budget"]
    life["partner_pay"] = traits["partner_pay"]
    life["child_benefit"] = _CHILD_BENEFIT * traits["children"].astype(np.int64)
    life["pay_factor"] = 1.0
    life["settles_at"] = 1.0
    for name in ("jobless_until", "benefit_from", "cut_from", "cut_until", "late_payer_until", "job_ends_on"):
        life[name] = NO_INDEX
    for name in ("spree_from", "spree_until", "gambling_from", "gambling_until"):
        life[name] = NO_INDEX
    for name in ("owed_on", "bill_on", "debt_due", "back_on", "separated_on"):
        life[name] = NEVER
