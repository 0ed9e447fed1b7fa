"""From one customer's regions to the numbers that the feature formulas ask for, in one compiled pass."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from forbear.compiled import add_eight, compiled, inlined, move_words, natural
from forbear.features.batch import MONTHLY, NO_OBLIGATION, WEEKLY
from forbear.features.civil import business_day, civil, on_day_of_month
from forbear.features.columns import NO_DAY
from forbear.features.income_pattern import MOST_PAYS, income_pattern
from forbear.features.kernels import AMOUNT_UNIT, COUNT_UNIT, MOST_ACCOUNTS
from forbear.features.measures import AMOUNTS, COUNTS, MEASURES, Measure
from forbear.features.pool import (
    ACCOUNT_WORDS,
    ACCOUNTS,
    BALANCE_WORDS,
    BALANCES,
    COUNTS_BYTE,
    DUE_WORDS,
    DUES,
    FIRST_DAY,
    FLOW_WORDS,
    FLOWS,
    HORIZON_DAYS,
)


class Ask(IntEnum):
    """What a formula can ask of a ledger; each with (measure or part, days, ago)."""

    TOTAL = 0
    DAYS_WITH = 1
    HIGHEST = 2
    AGED = 3
    CLOSING = 4
    LOWEST = 5
    HISTORY = 6
    DUE = 7
    DUE_MONTHLY = 8
    INCOME = 9


_TOTAL, _DAYS_WITH, _HIGHEST, _AGED, _CLOSING, _LOWEST, _HISTORY, _DUE, _DUE_MONTHLY, _INCOME = (a.value for a in Ask)
_SALARY, _INCOME_MEASURE = Measure.SALARY.value, Measure.INCOME.value
_LIQUID_KINDS = 2
"""Account kinds below this code (current, savings) make up the liquid balance."""
_UNKNOWN = np.iinfo(np.int64).max


class Scratch(NamedTuple):
    """Room that one pass needs, made once and used for one customer after another.

    sums: (HORIZON_DAYS + 1, MEASURES) int64: row d is the sum of the horizon's first d days.  closing, lowest,
    daily: (HORIZON_DAYS,) int64.  last: (MOST_ACCOUNTS,) int64.  pays: (3, MOST_PAYS) int64.  income: (4,) float64.
    """

    sums: Any
    closing: Any
    lowest: Any
    daily: Any
    last: Any
    pays: Any
    income: Any


@compiled
def scratch_room() -> Any:
    """A new Scratch."""
    return Scratch(
        np.empty((HORIZON_DAYS + 1, MEASURES), dtype=np.int64),
        np.empty(HORIZON_DAYS, dtype=np.int64),
        np.empty(HORIZON_DAYS, dtype=np.int64),
        np.empty(HORIZON_DAYS, dtype=np.int64),
        np.empty(MOST_ACCOUNTS, dtype=np.int64),
        np.empty((3, MOST_PAYS), dtype=np.int64),
        np.empty(4, dtype=np.float64),
    )


@inlined
def _add_row(pool: Any, at: Any, sums: Any, base: Any, into: Any) -> None:
    """Sums from `into` on = those from `base` on and what one flow row says."""
    amount, count = natural(2 * at + 1), natural(8 * at + COUNTS_BYTE)
    if pool.ints[amount - 1] & 1:
        for measure in range(MEASURES):
            more = pool.ints[amount + measure] * AMOUNT_UNIT
            if measure >= AMOUNTS:
                more = pool.octets[count + measure - AMOUNTS] * COUNT_UNIT
            sums[into + measure] = sums[base + measure] + more
    else:  # written as it is read on the next day, lane by lane: otherwise each read would wait for the writes
        add_eight(sums, into, base, pool.ints, amount)
        sums[into + 8] = sums[base + 8] + pool.ints[amount + 8]
        add_eight(sums, into + AMOUNTS, base + AMOUNTS, pool.octets, count)


@inlined
def _cumulate(pool: Any, slot: Any, open_day: Any, sums: Any) -> None:
    """Fill sums as Scratch wants them, given flat."""
    first_day = open_day - (HORIZON_DAYS - 1)
    at = slot[3 * FLOWS]
    past = at + slot[3 * FLOWS + 1] * FLOW_WORDS
    while at < past and pool.ints[2 * at] >> 1 < first_day:
        at += FLOW_WORDS
    for measure in range(MEASURES):
        sums[measure] = 0
    for day in range(HORIZON_DAYS):
        base, into = day * MEASURES, (day + 1) * MEASURES
        if at >= past or pool.ints[2 * at] >> 1 != first_day + day:
            for lanes, width in ((0, 8), (8, 1), (AMOUNTS, COUNTS)):
                move_words(sums, into + lanes, sums, base + lanes, width)
        while at < past and pool.ints[2 * at] >> 1 == first_day + day:
            _add_row(pool, at, sums, base, into)
            base = into
            at += FLOW_WORDS


@inlined
def _fill_balances(pool: Any, slot: Any, open_day: Any, scratch: Any) -> None:
    """Fill closing and lowest [minor units] over liquid accounts; _UNKNOWN before the first.

    closing: sum of each account's last balance up to that day.  lowest: sum of each account's lowest of the
    day, a lower bound where several accounts move on one day.
    """
    closing, lowest, last = scratch.closing, scratch.lowest, scratch.last
    first_day = open_day - (HORIZON_DAYS - 1)
    total, known, filled = np.int64(0), _UNKNOWN, 0
    at, accounts = slot[3 * BALANCES], slot[3 * ACCOUNTS]
    past = at + slot[3 * BALANCES + 1] * BALANCE_WORDS
    last[: slot[3 * ACCOUNTS + 1]] = 0
    while at < past and pool.ints[2 * at + 6] <= open_day:
        day = pool.ints[2 * at + 6]
        place = day - first_day
        while filled < place:
            closing[filled] = lowest[filled] = known
            filled += 1
        low = total
        while at < past and pool.ints[2 * at + 6] == day:
            account = natural(pool.ints[2 * at + 7])
            if pool.words[accounts + account * ACCOUNT_WORDS + 1] < _LIQUID_KINDS:
                low += pool.words[at + 2] - last[account]
                total += pool.words[at + 1] - last[account]
                last[account] = pool.words[at + 1]
                known = total
            at += BALANCE_WORDS
        if place >= 0:
            closing[place] = known
            lowest[place] = low if known != _UNKNOWN else _UNKNOWN
            filled = place + 1
    while filled < HORIZON_DAYS:
        closing[filled] = lowest[filled] = known
        filled += 1


@inlined
def _newest_update(pool: Any, slot: Any, open_day: Any) -> Any:
    """Order of the update in force on the open day, or -1."""
    newest = np.int64(-1)
    for row in range(slot[3 * DUES + 1]):
        at = slot[3 * DUES] + row * DUE_WORDS
        if pool.ints[2 * at + 6] <= open_day and pool.words[at] > newest:
            newest = pool.words[at]
    return newest


@inlined
def _times_due(frequency: Any, due: Any, ends: Any, open_day: Any, days: Any, business: Any) -> Any:
    """How often a schedule falls due in (open_day, open_day + days], bank holidays moving it on."""
    until = open_day + days
    times = 0
    if frequency == MONTHLY:
        dom = civil(due)[2]
        year, month, _ = civil(open_day)
        for ahead in range(-1, days // 28 + 2):
            at = on_day_of_month(year, month + ahead, dom)
            if due <= at and (ends == NO_DAY or at <= ends) and open_day < business_day(at, business) <= until:
                times += 1
    elif frequency == WEEKLY:
        at = due + max(0, (open_day - 7 - due) // 7) * 7
        while at <= until and (ends == NO_DAY or at <= ends):
            if open_day < business_day(at, business) <= until:
                times += 1
            at += 7
    elif open_day < business_day(due, business) <= until:
        times = 1
    return times


@compiled
def _owed(pool: Any, slot: Any, open_day: Any, days: Any, business: Any) -> Any:
    """Scheduled payments falling due in the next `days` days, or in a usual month if days is 0 [minor units].

    NaN if no update ever said what the customer owes.
    """
    newest = _newest_update(pool, slot, open_day)
    if newest < 0:
        return np.nan
    total = np.int64(0)
    for row in range(slot[3 * DUES + 1]):
        at = slot[3 * DUES] + row * DUE_WORDS
        frequency = pool.ints[2 * at + 7]
        if pool.words[at] != newest or frequency == NO_OBLIGATION:
            continue
        due, ends = pool.ints[2 * at + 4], pool.ints[2 * at + 5]
        if days > 0:
            total += pool.words[at + 1] * _times_due(frequency, due, ends, open_day, days, business)
        elif due <= open_day + 31 and (ends == NO_DAY or ends > open_day):
            if frequency == MONTHLY:
                total += pool.words[at + 1]
            elif frequency == WEEKLY:
                total += pool.words[at + 1] * 13 // 3
    return float(total)


@inlined
def _from_days(ask: Any, measure: Any, start: Any, end: Any, sums: Any) -> Any:
    """What needs every day of a window: how many have the measure, the largest, the sum weighted by age.

    sums: those of Scratch, flat.
    """
    answer = np.int64(0)
    before = sums[natural(start * MEASURES + measure)]
    if ask == _DAYS_WITH:
        for day in range(start, end):
            now = sums[natural((day + 1) * MEASURES + measure)]
            answer += np.int64(now != before)
            before = now
    elif ask == _HIGHEST:
        for day in range(start, end):
            now = sums[natural((day + 1) * MEASURES + measure)]
            answer = max(answer, now - before)
            before = now
    else:
        for day in range(start, end):
            now = sums[natural((day + 1) * MEASURES + measure)]
            answer += (now - before) * (HORIZON_DAYS - 1 - day)
            before = now
    return float(answer)


@inlined
def _known(amount: Any) -> Any:
    return np.nan if amount == _UNKNOWN else float(amount)


@inlined
def _lowest_of(lowest: Any, start: Any, end: Any) -> Any:
    answer = np.int64(_UNKNOWN)
    for day in range(start, end):
        answer = min(answer, lowest[day])
    return _known(answer)


@compiled
def _infer_income(open_day: Any, business: Any, scratch: Any) -> None:
    """Fill scratch.income from salaries if there are any, else from all income."""
    named = scratch.sums[HORIZON_DAYS, _SALARY] > 0
    measure = _SALARY if named else _INCOME_MEASURE
    for day in range(HORIZON_DAYS):
        scratch.daily[day] = scratch.sums[day + 1, measure] - scratch.sums[day, measure]
    income_pattern(scratch.daily, open_day, business, scratch.pays, scratch.income)


@compiled
def gather(pool: Any, slot: Any, open_day: Any, asks: Any, business: Any, scratch: Any, answers: Any) -> None:
    """Answer every ask for one customer.

    slot: the customer's row of `slots`.  asks: (k, 4) int64 of (Ask, measure or part, days, ago).  business:
    (CALENDAR_DAYS,) uint8.  scratch: a Scratch.  answers: (k,) float64, NaN = not known.
    """
    sums, closing, lowest = scratch.sums, scratch.closing, scratch.lowest
    flat = sums.reshape(-1)
    _cumulate(pool, slot, open_day, flat)
    _fill_balances(pool, slot, open_day, scratch)
    inferred = False
    for k in range(len(asks)):
        ask, part, days, ago = asks[k, 0], natural(asks[k, 1]), asks[k, 2], asks[k, 3]
        end = natural(HORIZON_DAYS - ago)
        start = natural(end - days)
        if ask == _TOTAL:
            answers[k] = float(sums[end, part] - sums[start, part])
        elif ask == _CLOSING:
            answers[k] = _known(closing[end - 1])
        elif ask == _LOWEST:
            answers[k] = _lowest_of(lowest, start, end)
        elif ask <= _AGED:
            answers[k] = _from_days(ask, part, start, end, flat)
        elif ask == _HISTORY:
            answers[k] = float(max(open_day - slot[FIRST_DAY] + 1, 0))
        elif ask <= _DUE_MONTHLY:
            answers[k] = _owed(pool, slot, open_day, days, business)
        else:
            if not inferred:
                _infer_income(open_day, business, scratch)
                inferred = True
            answers[k] = scratch.income[part]
