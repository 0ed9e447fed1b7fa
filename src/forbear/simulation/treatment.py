"""Help that can be offered, how a household answers to it, and what it then changes.

Help acts on attention, spending, limits and due dates, never on a payment: whether one is missed is up to the cash,
as it is without help. Every constant is an assumption; `docs/truth.md` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.domain.errors import ConfigError
from forbear.simulation import purposes as why
from forbear.simulation.accounts import PAID, at_hand, conclude, cost, holds, instant_us, pay
from forbear.simulation.dues import charge_interest, needed_within
from forbear.simulation.movements import CARD, LOAN, MORTGAGE
from forbear.simulation.randomness import uniform, uniforms
from forbear.simulation.records import Record, Records
from forbear.simulation.world import DUTIES, HELP_KINDS, MONTHLY, NEVER, NO_INDEX, OFFERS_AT_ONCE

Ints = NDArray[np.int64]


class Help(IntEnum):
    """Kinds of help.

    reminder: more attention to what falls due, and spending that allows for it, for two weeks.
    due_date_change: mortgage, loan and card are collected soon after the pay day, for good.
    payment_pause: the next instalment of mortgage, loan or card is put off to the end.
    spending_review: a larger buffer is aimed at, so less is spent on what can wait, for a month.
    early_collection: a link that takes the next instalments of mortgage, loan and card once the money is there.
    credit_line: a larger overdraft for three months.
    """

    REMINDER = 0
    DUE_DATE_CHANGE = 1
    PAYMENT_PAUSE = 2
    SPENDING_REVIEW = 3
    EARLY_COLLECTION = 4
    CREDIT_LINE = 5


ASTRAY, INDIFFERENT, SUITED = -1, 0, 1
"""Classes of response. The class says how a household behaves once it is helped, not what comes of it."""

# By kind: the share whom it suits, and the share that it leads astray; the others let it pass.
_SHARES = {
    Help.REMINDER: (0.60, 0.05),
    Help.DUE_DATE_CHANGE: (0.70, 0.00),
    Help.PAYMENT_PAUSE: (0.55, 0.15),
    Help.SPENDING_REVIEW: (0.35, 0.00),
    Help.EARLY_COLLECTION: (0.35, 0.35),
    Help.CREDIT_LINE: (0.50, 0.20),
}

_OWN = (MORTGAGE, LOAN, CARD)
"""Obligations to the lender itself: the only ones whose dates it can move."""
_MONTH_DAYS = 30
_REMINDED_DAYS = 14
_REMINDED, _TURNED_AWAY = 0.90, 0.50
_AFTER_PAY_DAYS, _LATEST_DUE, _EARLY_DUE = 3, 28, 3
_SOONER_DAYS, _LATER_DAYS = 14, 17
_FREED_FACTOR = 1.5
_REVIEWED_BUDGETS = 0.75
_RELIEVED_DAYS, _RELIEVED_FACTOR = 30, 2.5
_LINE_DAYS, _LINE_SHARE, _LINE_STEP = 90, 0.15, 1_000
_LINE_FACTOR, _LINE_SPREE_DAYS = 3.0, 60
_LOOKS_AHEAD_DAYS = 14
_AFTER_PAY = 6 * 3_600 + 26 * 60
_REMINDER, _DUE_DATE, _PAUSE, _REVIEW, _EARLY, _LINE = (int(kind) for kind in Help)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strengths:
    """How likely an offer of each kind is taken up by those who do not let it pass, [0, 1]; 0 switches it off.

    Raises ConfigError outside.
    """

    reminder: float = 1.0
    due_date_change: float = 1.0
    payment_pause: float = 1.0
    spending_review: float = 1.0
    early_collection: float = 1.0
    credit_line: float = 1.0

    def __post_init__(self) -> None:
        for kind in Help:
            if not 0.0 <= self.of(kind) <= 1.0:
                raise ConfigError(f"{kind.name.lower()}={self.of(kind)} lies outside [0, 1]", mend="choose another")

    def of(self, kind: Help) -> float:
        """The strength of one kind."""
        return float(getattr(self, kind.name.lower()))


@dataclass(frozen=True, slots=True)
class Plan:
    """Offers by customer, day and kind: three (n,) arrays that rise in this order. `day` is an index of the run.

    Raises ConfigError where they do not, where an offer stands twice, or where somebody has more than 8 in 30 days.
    """

    customer: Ints
    day: Ints
    kind: Ints
    strengths: Strengths = Strengths()

    def __post_init__(self) -> None:
        rows = np.stack([self.customer, self.day, self.kind])
        step = np.diff(rows)
        rises = (step[0] > 0) | (step[0] == 0) & ((step[1] > 0) | (step[1] == 0) & (step[2] > 0))
        if not rises.all() or (rows < 0).any() or (self.kind >= HELP_KINDS).any():
            raise ConfigError("the offers are not in order, or one is no offer", mend="sort by customer, day and kind")
        crowded = self.customer[OFFERS_AT_ONCE:] == self.customer[:-OFFERS_AT_ONCE]
        if (crowded & (self.day[OFFERS_AT_ONCE:] - self.day[:-OFFERS_AT_ONCE] < _MONTH_DAYS)).any():
            raise ConfigError(f"more than {OFFERS_AT_ONCE} offers to one customer in a month", mend="offer less")

    def hand_out(self, houses: Records, days: range) -> None:
        """Let each offer of these days, 30 at most, wait in its household for its day. houses: by customer number.

        Raises ConfigError for a customer whom the bank does not have.
        """
        if (self.customer >= len(houses)).any():
            raise ConfigError(
                f"an offer to a customer beyond the {len(houses)} of this bank", mend="offer it to another"
            )
        for row in np.flatnonzero((self.day >= days.start) & (self.day < days.stop)):
            kind, c = Help(int(self.kind[row])), int(self.customer[row])
            offer(houses[c : c + 1], kind, int(self.day[row]), self.strengths.of(kind))


def offer(houses: Records, kind: Help, day: int, strength: float) -> None:
    """Let one offer wait in each of these households for its day.

    houses: (n,) of HOUSE, written.  day: index of the run, not yet lived.  strength: [0, 1].
    Raises ConfigError where a household has no free place.
    """
    waiting = houses["help"]["offers"]
    free = waiting["day"] == NEVER
    if not free.any(axis=1).all():
        raise ConfigError(f"more than {OFFERS_AT_ONCE} offers wait for one customer", mend="offer less at a time")
    place = free.argmax(axis=1)[:, None]
    for name, value in (("day", day), ("kind", int(kind)), ("strength", strength)):
        np.put_along_axis(waiting[name], place, value, axis=1)
    houses["help"]["turns_on"] = np.minimum(houses["help"]["turns_on"], day)


def draw_responses(houses: Records) -> None:
    """Draw how each household answers to each kind of help, and note that none was offered yet.

    houses: (n,) of HOUSE with their traits. Those who gamble spend a credit line.
    """
    keys, aid = houses["traits"]["key"], houses["help"]
    for kind, (suited, astray) in _SHARES.items():
        drawn = uniforms(keys, np.zeros(len(keys), dtype=np.int64), why.HELP_RESPONSE + kind)
        aid["response"][:, kind] = np.select([drawn < suited, drawn < suited + astray], [SUITED, ASTRAY], INDIFFERENT)
    aid["response"][houses["traits"]["gambler"], Help.CREDIT_LINE] = ASTRAY
    aid["offers"]["day"] = NEVER
    aid["moves_on"] = NEVER
    aid["early_until"] = NO_INDEX
    for name in ("turns_on", "reminded_until", "reviewed_until", "line_until"):
        aid[name] = NEVER


@compiled
def help_along(house: Record, day: Record) -> None:
    """At the first instant of a day: end what help was for a while, begin what is offered, note the next such day."""
    _end(house, day)
    aid = house.help
    for place in range(OFFERS_AT_ONCE):
        if aid.offers[place].day <= day.t:
            aid.offers[place].day = NEVER
            _answer(house, day, place)
    turns_on = min(aid.reminded_until, aid.reviewed_until, aid.line_until)
    for place in range(OFFERS_AT_ONCE):
        turns_on = min(turns_on, aid.offers[place].day)
    for j in range(DUTIES):
        turns_on = min(turns_on, aid.moves_on[j])
    aid.turns_on = turns_on


@compiled
def _end(house: Record, day: Record) -> None:
    aid, traits = house.help, house.traits
    if day.t >= aid.reminded_until:
        aid.reminded_until = NEVER
        traits.attention = aid.attention_before
        traits.prudence = aid.prudence_before
    if day.t >= aid.reviewed_until:
        aid.reviewed_until = NEVER
        traits.buffer = aid.buffer_before
    if day.t >= aid.line_until:
        aid.line_until = NEVER
        traits.limit -= aid.line
    for j in range(DUTIES):
        if day.t >= aid.moves_on[j]:
            aid.moves_on[j] = NEVER
            house.duties[j].day = aid.day_to[j]


@compiled
def _answer(house: Record, day: Record, place: int) -> None:
    """Let an offer pass, or act on it by the household's class."""
    aid = house.help
    kind = int(aid.offers[place].kind)
    response = aid.response[kind]
    drawn = uniform(house.traits.key, day.t, why.HELP_TAKEN_UP + kind)
    if response == INDIFFERENT or drawn >= aid.offers[place].strength:
        return
    suited = response == SUITED
    if kind == _REMINDER:
        _remind(house, day, suited)
    elif kind == _DUE_DATE:
        for j in _OWN:
            _move_due_date(house, day, j)
    elif kind == _PAUSE:
        _pause(house, day, suited)
    elif kind == _REVIEW:
        _review(house, day)
    elif kind == _EARLY:
        aid.early_until = day.t + _MONTH_DAYS
    elif kind == _LINE:
        _lend(house, day, suited)


@compiled
def _remind(house: Record, day: Record, suited: bool) -> None:
    """Most of the inattention and the imprudence goes; or half of the attention, since some look away."""
    aid, traits = house.help, house.traits
    if aid.reminded_until == NEVER:
        aid.attention_before, aid.prudence_before = traits.attention, traits.prudence
    if suited:
        traits.attention = aid.attention_before + _REMINDED * (1.0 - aid.attention_before)
        traits.prudence = aid.prudence_before + _REMINDED * (1.0 - aid.prudence_before)
    else:
        traits.attention = _TURNED_AWAY * aid.attention_before
    aid.reminded_until = day.t + _REMINDED_DAYS


@compiled
def _move_due_date(house: Record, day: Record, j: int) -> None:
    """From the next instalment on, obligation j falls due three days after a monthly pay day.

    No instalment comes more than 14 days sooner than it was due or more than 17 days later: one that would is
    collected on the old day, or waits for the next month.
    """
    aid, traits = house.help, house.traits
    if traits.rhythm != MONTHLY or not holds(house, j, day.t) or aid.moves_on[j] != NEVER:
        return
    new = traits.pay_on + _AFTER_PAY_DAYS
    if new > _LATEST_DUE:
        new = _EARLY_DUE
    was, would_be = day.until_due[house.duties[j].day], day.until_due[new]
    if would_be > was + _LATER_DAYS:
        aid.moves_on[j] = day.t + was + 1
    elif would_be < was - _SOONER_DAYS:
        house.duties[j].day = 0
        aid.moves_on[j] = day.t + would_be + 1
    else:
        house.duties[j].day = new
    aid.day_to[j] = new


@compiled
def _next_own(house: Record, day: Record) -> int:
    """Which obligation to the lender falls due next, among those whose dates are not under way; NO_INDEX for none."""
    found, soonest = NO_INDEX, NEVER
    for j in _OWN:
        if cost(house, j, day.t) > 0 and house.help.moves_on[j] == NEVER:
            until = int(day.until_due[house.duties[j].day])
            if until < soonest:
                found, soonest = j, until
    return found


@compiled
def _skip(house: Record, day: Record, j: int) -> None:
    """Let the next instalment of obligation j not be collected."""
    aid, duty = house.help, house.duties[j]
    aid.day_to[j] = duty.day
    aid.moves_on[j] = day.t + day.until_due[duty.day] + 1
    aid.turns_on = min(aid.turns_on, aid.moves_on[j])
    duty.day = 0


@compiled
def _pause(house: Record, day: Record, suited: bool) -> None:
    """The next instalment moves to the end of the contract; some take what it frees for money to spend."""
    j = _next_own(house, day)
    if j == NO_INDEX:
        return
    _skip(house, day, j)
    if house.duties[j].last != NEVER:
        house.duties[j].last += _MONTH_DAYS
    if not suited:
        _splurge(house, day, _MONTH_DAYS, _FREED_FACTOR)


@compiled
def _splurge(house: Record, day: Record, days: int, factor: float) -> None:
    life = house.life
    life.spree_factor = max(factor, life.spree_factor) if day.t < life.spree_until else factor
    life.spree_until = max(life.spree_until, day.t + days)


@compiled
def _review(house: Record, day: Record) -> None:
    aid, traits = house.help, house.traits
    if aid.reviewed_until == NEVER:
        aid.buffer_before = traits.buffer
    traits.buffer = aid.buffer_before + int(_REVIEWED_BUDGETS * traits.budget)
    aid.reviewed_until = day.t + _MONTH_DAYS
    house.life.spree_until = min(house.life.spree_until, day.t)


@compiled
def _lend(house: Record, day: Record, suited: bool) -> None:
    """A reserve for those who keep it as one; others live on it until it is gone, and still have to pay it back."""
    aid, traits = house.help, house.traits
    if aid.line_until != NEVER:
        return
    aid.line = int(traits.income * _LINE_SHARE) // _LINE_STEP * _LINE_STEP
    aid.line_until = day.t + _LINE_DAYS
    traits.limit += aid.line
    if not suited:
        _splurge(house, day, _LINE_SPREE_DAYS, _LINE_FACTOR)
        if traits.gambler:
            house.life.gambling_until = max(house.life.gambling_until, day.t + _MONTH_DAYS)


@compiled
def pay_early(house: Record, day: Record, book: Record) -> None:
    """On the first morning on which the money is there, who took the link pays instalments before they are due.

    Those whom it suits first see that the dues of the next fortnight are covered too. The others press the button and
    feel free of bills, whatever else is due.
    """
    if day.t >= house.help.early_until:
        return
    suited = house.help.response[_EARLY] == SUITED
    for j in _OWN:
        amount = cost(house, j, day.t)
        until = int(day.until_due[house.duties[j].day])
        if amount == 0 or until == 0 or house.help.moves_on[j] != NEVER:
            continue
        asked = amount
        if suited:
            asked = needed_within(house, day, _LOOKS_AHEAD_DAYS) + (amount if until >= _LOOKS_AHEAD_DAYS else 0)
        if at_hand(house) >= asked:
            if j == LOAN:
                charge_interest(house, day, book, _AFTER_PAY)
            booked_us = instant_us(day, _AFTER_PAY + j)
            pay(house, book, booked_us, (j, amount, False))
            if j == CARD:
                house.life.billed = 0
            book.rows[conclude(house, book, booked_us, (j, day.t + until, amount, PAID))].paid = day.t
            _skip(house, day, j)
            house.help.early_until = NO_INDEX
    if house.help.early_until == NO_INDEX and not suited:
        _splurge(house, day, _RELIEVED_DAYS, _RELIEVED_FACTOR)
