"""What the households of a synthetic bank owe: rent and loans, bills, and the card and the loan of this bank.

Every constant is an assumption; `docs/simulator.md` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.simulation import purposes as why
from forbear.simulation.calendar import Calendar
from forbear.simulation.draws import Bools, Draws, Floats
from forbear.simulation.movements import CARD, INSURANCE, LOAN, MORTGAGE, RENT, UTILITIES
from forbear.simulation.records import Records
from forbear.simulation.world import DUTIES, NEVER


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
    CARD: _Terms(held=0.45, share=(0.02, 0.08), months=(6, 18)),
    UTILITIES: _Terms(held=0.92, share=(0.04, 0.08), months=(2, 2)),
    INSURANCE: _Terms(held=0.75, share=(0.015, 0.04), months=(1, 1)),
}
_HEAVIEST_SHARE = 0.62
_OWN_CARD_SHARE, _OWN_LOAN_SHARE = 0.65, 0.50
_IN_FULL_SHARE, _IN_FULL_SHARE_THIN = 0.70, 0.45
_BY_CARD_OF_BUDGET = 0.75
"""Part of a month's budget that goes on things a card can pay for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHabit:
    """Who has a card of this bank. held: (n,).  column: (DUTIES,) True at the obligation that it stands for."""

    held: Bools
    column: Bools


def draw_duties(houses: Records, draws: Draws, calendar: Calendar, housing: Floats) -> CardHabit:
    """Write down every household's obligations, and say whose card is of this bank. housing: (n,) factors."""
    duties, income = houses["duties"], houses["traits"]["income"]
    held, share = _held_shares(draws, housing)
    for kind, terms in _TERMS.items():
        duty = duties[:, kind]
        common = draws.between(why.DUTY_DAY + kind, 0.0, 1.0)
        spread = draws.whole(why.DUTY_MONTHS + kind, *terms.months)
        first_days = 1 + (common * 10).astype(np.int64)
        anywhere = 1 + ((common - 0.5) * 56).astype(np.int64)
        duty["day"] = np.where(held[kind], np.where(common < 0.5, first_days, anywhere), 0)
        duty["amount"] = np.where(held[kind], income * share[kind], 0) // 100 * 100
        duty["months"] = spread
        duty["last"] = (spread * 365.25 / 12).astype(np.int64) if terms.ends else NEVER
        _draw_rate_rise(duty, terms, draws, calendar)
    own = held[CARD] & draws.chance(why.OWN_CARD, _OWN_CARD_SHARE)
    return CardHabit(held=own, column=np.arange(DUTIES) == CARD)


def _held_shares(draws: Draws, housing: Floats) -> tuple[list[Bools], Floats]:
    """Who holds each obligation, and its share of the income: a list of (n,), and (DUTIES, n)."""
    home = draws.between(why.HOUSING, 0.0, 1.0)
    rented = _TERMS[RENT].held
    held = [draws.chance(why.DUTY_HELD + kind, terms.held) for kind, terms in _TERMS.items()]
    held[RENT] = home < rented
    held[MORTGAGE] = (home >= rented) & (home < rented + _TERMS[MORTGAGE].held)
    share = np.array([draws.between(why.DUTY_SHARE + kind, *terms.share) for kind, terms in _TERMS.items()])
    share[[RENT, MORTGAGE]] *= housing
    total = (share * held).sum(axis=0)
    return held, share * np.minimum(1.0, _HEAVIEST_SHARE / np.maximum(total, 1e-9))


def _draw_rate_rise(duty: Records, terms: _Terms, draws: Draws, calendar: Calendar) -> None:
    """A variable rate rises once, on the first of a month between the third month and the third year."""
    month = draws.whole(why.RATE_RISE_MONTH, 2, 35)
    starts = np.append(calendar.month_starts, np.full(36, NEVER))
    rises = draws.chance(why.RATE_RISE, terms.variable) & (duty["day"] > 0)
    rise = draws.between(why.RATE_RISE_SIZE, 1.06, 1.35)
    duty["rises_on"] = np.where(rises, starts[month], NEVER)
    duty["risen"] = (duty["amount"] * rise) // 100 * 100


def draw_card(houses: Records, draws: Draws, card: CardHabit, thin: Bools) -> None:
    """The card of this bank: its limit, how much is bought with it, and whether it is paid in full.

    What is told of its instalment is what usually falls due; what does fall due is what a statement asks for.
    """
    traits, duty = houses["traits"], houses["duties"][:, CARD]
    in_full = draws.between(why.PAYS_IN_FULL, 0.0, 1.0) < np.where(thin, _IN_FULL_SHARE_THIN, _IN_FULL_SHARE)
    limit = (traits["income"] * draws.between(why.CARD_LIMIT, 0.5, 1.6)) // 10_000 * 10_000
    share = draws.between(why.CARD_SHARE, 0.10, 0.70)
    pays = np.where(in_full, 1.0, draws.between(why.CARD_PAYS, 0.12, 0.50))
    usual = (share * _BY_CARD_OF_BUDGET * traits["budget"]).astype(np.int64)
    traits["card_limit"] = np.where(card.held, limit, 0)
    traits["card_share"] = np.where(card.held, share, 0.0)
    traits["card_pays"] = np.where(card.held, pays, 1.0)
    # A statement comes about two weeks before it falls due.
    traits["statement_on"] = (duty["day"] + 12) % 28 + 1
    duty["amount"] = np.where(card.held, np.maximum(usual // 100 * 100, 100), duty["amount"])
    duty["risen"] = duty["amount"]
    carried = np.minimum(usual / pays, 0.8 * limit) * draws.between(why.CARD_OPENING, 0.5, 1.0)
    houses["life"]["card"] = np.where(card.held, -carried.astype(np.int64), 0)


def draw_loan(houses: Records, draws: Draws) -> None:
    """Whose loan is an account of this bank, and what is left of it: the value of its instalments at its rate."""
    traits, duty = houses["traits"], houses["duties"][:, LOAN]
    here = (duty["day"] > 0) & draws.chance(why.OWN_LOAN, _OWN_LOAN_SHARE)
    rate = draws.between(why.LOAN_RATE, 0.03, 0.09)
    traits["loan_here"] = here
    traits["loan_rate"] = rate
    left: NDArray[np.float64] = (
        duty["amount"] * (1.0 - (1.0 + rate / 12) ** -duty["months"].astype(float)) / (rate / 12)
    )
    houses["life"]["loan"] = np.where(here, -left.astype(np.int64), 0)
