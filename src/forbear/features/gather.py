"""From one customer's regions to the numbers that the feature formulas ask for, in one compiled pass."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from forbear.compiled import compiled
from forbear.features.batch import MONTHLY, NO_OBLIGATION, WEEKLY
from forbear.features.civil import business_day, civil, on_day_of_month
from forbear.features.columns import NO_DAY
from forbear.features.income_pattern import income_pattern
from forbear.features.kernels import AMOUNT_UNIT, COUNT_UNIT, MOST_ACCOUNTS
from forbear.features.measures import AMOUNTS, MEASURES, Measure
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
_UNKNOWN = np.iinfo(np.int64).min


@compiled
def _cumulate(pool: Any, slot: Any, open_day: Any, sums: Any) -> None:
    """Fill sums (HORIZON_DAYS + 1, MEASURES): row d is the sum of the horizon's first d days."""
    first_day = open_day - (HORIZON_DAYS - 1)
    sums[:] = 0
    for row in range(slot[3 * FLOWS + 1]):
        at = slot[3 * FLOWS] + row * FLOW_WORDS
        day = pool.ints[2 * at] >> 1
        if day < first_day or day > open_day:
            continue
        carry = pool.ints[2 * at] & 1
        into = sums[day - first_day + 1]
        amount_unit = AMOUNT_UNIT if carry else 1
        for measure in range(AMOUNTS):
            into[measure] += pool.ints[2 * at + 1 + measure] * amount_unit
        count_unit = COUNT_UNIT if carry else 1
        for measure in range(AMOUNTS, MEASURES):
            into[measure] += pool.octets[8 * at + COUNTS_BYTE + measure - AMOUNTS] * count_unit
    for day in range(HORIZON_DAYS):
        for measure in range(MEASURES):
            sums[day + 1, measure] += sums[day, measure]


@compiled
def _fill_balances(pool: Any, slot: Any, open_day: Any, closing: Any, lowest: Any) -> None:
    """Fill closing and lowest, (HORIZON_DAYS,) int64 minor units over liquid accounts; _UNKNOWN before the first.

    closing: sum of each account's last balance up to that day.  lowest: sum of each account's lowest of the
    day, a lower bound where several accounts move on one day.
    """
    first_day = open_day - (HORIZON_DAYS - 1)
    last = np.zeros(MOST_ACCOUNTS, dtype=np.int64)
    total, known, filled = np.int64(0), False, 0
    start, used = slot[3 * BALANCES], slot[3 * BALANCES + 1]
    accounts = slot[3 * ACCOUNTS]
    row = 0
    while row < used and pool.ints[2 * (start + row * BALANCE_WORDS) + 6] <= open_day:
        day = pool.ints[2 * (start + row * BALANCE_WORDS) + 6]
        place = day - first_day
        while filled < place:
            closing[filled] = lowest[filled] = total if known else _UNKNOWN
            filled += 1
        low = total
        while row < used and pool.ints[2 * (start + row * BALANCE_WORDS) + 6] == day:
            at = start + row * BALANCE_WORDS
            account = pool.ints[2 * at + 7]
            if pool.words[accounts + account * ACCOUNT_WORDS + 1] < _LIQUID_KINDS:
                low += pool.words[at + 2] - last[account]
                total += pool.words[at + 1] - last[account]
                last[account] = pool.words[at + 1]
                known = True
            row += 1
        if place >= 0:
            closing[place] = total if known else _UNKNOWN
            lowest[place] = low if known else _UNKNOWN
            filled = place + 1
    while filled < HORIZON_DAYS:
        closing[filled] = lowest[filled] = total if known else _UNKNOWN
        filled += 1


@compiled
def _newest_update(pool: Any, slot: Any, open_day: Any) -> Any:
    """Order of the update in force on the open day, or -1."""
    newest = np.int64(-1)
    for row in range(slot[3 * DUES + 1]):
        at = slot[3 * DUES] + row * DUE_WORDS
        if pool.ints[2 * at + 6] <= open_day and pool.words[at] > newest:
            newest = pool.words[at]
    return newest


@compiled
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


@compiled
def _from_sums(ask: Any, measure: Any, days: Any, ago: Any, sums: Any) -> Any:
    end = HORIZON_DAYS - ago
    start = end - days
    if ask == _TOTAL:
        return float(sums[end, measure] - sums[start, measure])
    answer = np.int64(0)
    for day in range(start, end):
        value = sums[day + 1, measure] - sums[day, measure]
        if ask == _DAYS_WITH:
            answer += 1 if value != 0 else 0
        elif ask == _HIGHEST:
            answer = max(answer, value)
        else:
            answer += value * (HORIZON_DAYS - 1 - day)
    return float(answer)


@compiled
def _from_balances(ask: Any, days: Any, ago: Any, closing: Any, lowest: Any) -> Any:
    end = HORIZON_DAYS - ago
    if ask == _CLOSING:
        return np.nan if closing[end - 1] == _UNKNOWN else float(closing[end - 1])
    answer = np.int64(np.iinfo(np.int64).max)
    for day in range(end - days, end):
        if lowest[day] != _UNKNOWN:
            answer = min(answer, lowest[day])
    return np.nan if answer == np.iinfo(np.int64).max else float(answer)


@compiled
def gather(pool: Any, slot: Any, open_day: Any, asks: Any, business: Any, scratch: Any, answers: Any) -> None:
    """Answer every ask for one customer.

    slot: the customer's row of `slots`.  asks: (k, 4) int64 of (Ask, measure or part, days, ago).  business:
    (CALENDAR_DAYS,) uint8.  scratch: a Scratch.  answers: (k,) float64, NaN = not known.
    """
    _cumulate(pool, slot, open_day, scratch.sums)
    _fill_balances(pool, slot, open_day, scratch.closing, scratch.lowest)
    inferred = False
    for k in range(len(asks)):
        ask, part, days, ago = asks[k]
        if ask <= _AGED:
            answers[k] = _from_sums(ask, part, days, ago, scratch.sums)
        elif ask <= _LOWEST:
            answers[k] = _from_balances(ask, days, ago, scratch.closing, scratch.lowest)
        elif ask == _HISTORY:
            answers[k] = float(max(open_day - slot[FIRST_DAY] + 1, 0))
        elif ask <= _DUE_MONTHLY:
            answers[k] = _owed(pool, slot, open_day, days, business)
        else:
            if not inferred:
                named = scratch.sums[HORIZON_DAYS, _SALARY] > 0
                column = scratch.sums[:, _SALARY if named else _INCOME_MEASURE]
                for day in range(HORIZON_DAYS):
                    scratch.daily[day] = column[day + 1] - column[day]
                income_pattern(scratch.daily, open_day, business, scratch.income)
                inferred = True
            answers[k] = scratch.income[part]
