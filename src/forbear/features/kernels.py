"""The fold: how one event changes its customer's ledger. Compiled, and shared by every path there is."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from forbear.compiled import compiled, inlined, move_words, natural
from forbear.features.batch import ACCOUNT, AMOUNT, BALANCE_AFTER, CODES, DAYS, IDENTITY, ORDER, OUTCOME
from forbear.features.columns import NO_AMOUNT, EventKind
from forbear.features.measures import AMOUNTS, COUNTS, MEASURES, Measure
from forbear.features.pool import (
    ACCOUNT_WORDS,
    ACCOUNTS,
    BALANCE_WORDS,
    BALANCES,
    COUNTS_BYTE,
    CURRENCY,
    DUE_WORDS,
    DUES,
    FIRST_DAY,
    FLOW_WORDS,
    FLOWS,
    HORIZON_DAYS,
    SEEN,
    TAG_BITS,
    reserve,
    room,
)

AMOUNT_UNIT = 1 << 31
COUNT_UNIT = 1 << 7
MOST_ACCOUNTS = 64


class Fold(IntEnum):
    """What became of an event. Everything from DUPLICATE on left the ledger as it was.

    INSTRUCTED: it concerns the deployment, and no customer.  NOTED: what a person said about a customer.
    """

    FOLDED = 0
    LATE = 1
    WAITING = 2
    DAY_CLOSED = 3
    DUPLICATE = 4
    CONFLICT = 5
    PARKED = 6
    WRONG_CURRENCY = 7
    WRONG_ACCOUNT_KIND = 8
    TOO_MANY_ACCOUNTS = 9
    OVERFLOW = 10
    INSTRUCTED = 11
    NOTED = 12


REFUSED = frozenset(
    {Fold.CONFLICT, Fold.WRONG_CURRENCY, Fold.WRONG_ACCOUNT_KIND, Fold.TOO_MANY_ACCOUNTS, Fold.OVERFLOW}
)
"""The sender must mend these: dead letters."""

_NOT_FOUND, _OUT_OF_ROOM = -1, -2
# Plain integers: the compiler treats them as constants.
_FOLDED, _LATE, _WAITING, _, _DUPLICATE, _CONFLICT, _PARKED, _WRONG_CURRENCY, _WRONG_KIND, _TOO_MANY, _OVERFLOW = (
    fold.value for fold in tuple(Fold)[: Fold.INSTRUCTED]
)
_TRANSACTION, _CUSTOMER = EventKind.TRANSACTION.value, EventKind.CUSTOMER.value
_PAYMENTS, _UNPAID, _LATE_PAYMENTS, _LATENESS = (
    Measure.PAYMENTS.value, Measure.UNPAID.value, Measure.LATE_PAYMENTS.value, Measure.LATENESS_DAYS.value,
)  # fmt: skip


@inlined
def _seen_at(pool: Any, slot: Any, key: Any) -> Any:
    """The row of a key in SEEN, or -1. The first loop has no exit, so that it runs many tags at a time."""
    start, used, rows = slot[3 * SEEN], slot[3 * SEEN + 1], room(SEEN, slot[3 * SEEN + 2])
    tag = np.uint16(key & TAG_BITS)
    first = natural(4 * start)
    hits = np.uint16(0)
    for row in range(used):
        hits |= np.uint16(pool.halves[first + row] == tag)
    if hits:
        for row in range(used):
            if pool.halves[first + row] == tag and (pool.words[start + rows // 2 + row] ^ key) & ~TAG_BITS == 0:
                return row
    return _NOT_FOUND


@inlined
def _check_seen(pool: Any, slot: Any, key: Any, content: Any, first_day: Any) -> Any:
    """_FOLDED for a key that is new (or so old that it counts as new), else _DUPLICATE or _CONFLICT."""
    row = _seen_at(pool, slot, key)
    if row < 0:
        return _FOLDED
    start, rows = slot[3 * SEEN], room(SEEN, slot[3 * SEEN + 2])
    if pool.words[start + rows // 2 + row] & TAG_BITS < first_day:
        pool.words[start + rows // 2 + row] = np.int64(0)  # expired: the id may be used anew
        return _FOLDED
    return _DUPLICATE if pool.halves[4 * start + rows + row] == content else _CONFLICT


@inlined
def _remember(pool: Any, slot: Any, key: Any, content: Any, day: Any) -> None:
    start, row, rows = slot[3 * SEEN], slot[3 * SEEN + 1], room(SEEN, slot[3 * SEEN + 2])
    pool.halves[4 * start + row] = key & TAG_BITS
    pool.halves[4 * start + rows + row] = content
    pool.words[start + rows // 2 + row] = (key & ~TAG_BITS) | (day & TAG_BITS)
    slot[3 * SEEN + 1] = row + 1


@inlined
def _flow_row(pool: Any, slot: Any, key: Any) -> Any:
    """First word of the flow row of a day (key: day * 2 + carry), made if it is not there. Room is reserved."""
    start, used = slot[3 * FLOWS], slot[3 * FLOWS + 1]
    row = used - 1
    while row >= 0 and pool.ints[2 * (start + row * FLOW_WORDS)] > key:
        row -= 1
    if row >= 0 and pool.ints[2 * (start + row * FLOW_WORDS)] == key:
        return start + row * FLOW_WORDS
    at = start + (row + 1) * FLOW_WORDS
    move_words(pool.words, at + FLOW_WORDS, pool.words, at, (used - row - 1) * FLOW_WORDS)
    for word in range(at, at + FLOW_WORDS):
        pool.words[word] = 0
    pool.ints[2 * at] = key
    slot[3 * FLOWS + 1] = used + 1
    return at


@compiled
def _fits(pool: Any, at: Any, deltas: Any) -> bool:
    """Whether some deltas fit one flow row."""
    fits = True
    for measure in range(AMOUNTS):
        total = np.int64(pool.ints[2 * at + 1 + measure]) + deltas[measure]
        fits &= (total >= -AMOUNT_UNIT) & (total < AMOUNT_UNIT)
    for count in range(COUNTS):
        total = np.int64(pool.octets[8 * at + COUNTS_BYTE + count]) + deltas[AMOUNTS + count]
        fits &= (total >= -COUNT_UNIT) & (total < COUNT_UNIT)
    return fits


@compiled
def _add_to(pool: Any, at: Any, deltas: Any) -> None:
    for measure in range(AMOUNTS):
        pool.ints[2 * at + 1 + measure] += deltas[measure]
    for count in range(COUNTS):
        pool.octets[8 * at + COUNTS_BYTE + count] += deltas[AMOUNTS + count]


@compiled
def _add(pool: Any, slot: Any, day: Any, deltas: Any) -> bool:
    """Add deltas, (MEASURES,) int64, to a day. False, and every sum as it was, if even the carry row overflows."""
    low = _flow_row(pool, slot, day * 2)
    if _fits(pool, low, deltas):
        _add_to(pool, low, deltas)
        return True
    high = _flow_row(pool, slot, day * 2 + 1)
    carries = np.zeros(MEASURES, dtype=np.int64)
    for measure in range(AMOUNTS):
        carries[measure] = (np.int64(pool.ints[2 * low + 1 + measure]) + deltas[measure]) >> 31
    for count in range(COUNTS):
        carries[AMOUNTS + count] = (np.int64(pool.octets[8 * low + COUNTS_BYTE + count]) + deltas[AMOUNTS + count]) >> 7
    if not _fits(pool, high, carries):
        return False
    _add_to(pool, high, carries)
    for measure in range(MEASURES):
        carries[measure] = deltas[measure] - carries[measure] * (AMOUNT_UNIT if measure < AMOUNTS else COUNT_UNIT)
    _add_to(pool, low, carries)
    return True


@inlined
def _account(pool: Any, slot: Any, key: Any, kind: Any) -> Any:
    """Number of an account in its customer's list, -1 if it is not there, -2 if it is there as another kind."""
    start = slot[3 * ACCOUNTS]
    for row in range(slot[3 * ACCOUNTS + 1]):
        if pool.words[start + row * ACCOUNT_WORDS] == key:
            return row if pool.words[start + row * ACCOUNT_WORDS + 1] == kind else -2
    return -1


@inlined
def _balance(pool: Any, slot: Any, day: Any, account: Any, order: Any, balance: Any) -> None:
    """Merge one balance into its account and day: the last by total order, and the lowest."""
    start, used = slot[3 * BALANCES], slot[3 * BALANCES + 1]
    row = used - 1
    while row >= 0 and pool.ints[2 * (start + row * BALANCE_WORDS) + 6] >= day:
        at = start + row * BALANCE_WORDS
        if pool.ints[2 * at + 6] == day and pool.ints[2 * at + 7] == account:
            pool.words[at + 2] = min(pool.words[at + 2], balance)
            # Equal orders fall to the larger balance, so that the merge commutes whatever a feed does.
            if order > pool.words[at] or (order == pool.words[at] and balance > pool.words[at + 1]):
                pool.words[at], pool.words[at + 1] = order, balance
            return
        row -= 1
    row = used - 1
    while row >= 0 and pool.ints[2 * (start + row * BALANCE_WORDS) + 6] > day:
        row -= 1
    at = start + (row + 1) * BALANCE_WORDS
    move_words(pool.words, at + BALANCE_WORDS, pool.words, at, (used - row - 1) * BALANCE_WORDS)
    pool.words[at], pool.words[at + 1], pool.words[at + 2] = order, balance, balance
    pool.ints[2 * at + 6], pool.ints[2 * at + 7] = day, account
    slot[3 * BALANCES + 1] = used + 1


@inlined
def _reserve_event(pool: Any, slot: Any, first_day: Any) -> bool:
    """Room for whatever one transaction or outcome may add. False: the pool is full, nothing changed but places."""
    if (
        slot[3 * FLOWS + 1] + 2 <= room(FLOWS, slot[3 * FLOWS + 2])
        and slot[3 * BALANCES + 1] < room(BALANCES, slot[3 * BALANCES + 2])
        and slot[3 * SEEN + 1] < room(SEEN, slot[3 * SEEN + 2])
        and slot[3 * ACCOUNTS + 1] < room(ACCOUNTS, slot[3 * ACCOUNTS + 2])
    ):
        return True  # nearly always, and much cheaper than four calls
    return (
        reserve(pool, slot, FLOWS, 2, first_day)
        and reserve(pool, slot, BALANCES, 1, first_day)
        and reserve(pool, slot, SEEN, 1, first_day)
        and reserve(pool, slot, ACCOUNTS, 1, first_day)
    )


@inlined
def _add_masked(pool: Any, slot: Any, day: Any, mask: Any, amount: Any) -> bool:
    """Add an amount and counts of one to the measures of a mask, if the day's first row has room for all of them."""
    at = _flow_row(pool, slot, day * 2)
    first, first_count = natural(2 * at + 1), natural(8 * at + COUNTS_BYTE)
    fits = True
    for measure in range(AMOUNTS):
        total = pool.ints[first + measure] + (amount if mask >> measure & 1 else np.int64(0))
        fits &= total == np.int64(np.int32(total))
    for count in range(COUNTS):
        fits &= pool.octets[first_count + count] + (mask >> AMOUNTS + count & 1) < COUNT_UNIT
    if fits:
        for measure in range(AMOUNTS):
            pool.ints[first + measure] += amount if mask >> measure & 1 else np.int64(0)
        for count in range(COUNTS):
            pool.octets[first_count + count] += mask >> AMOUNTS + count & 1
    return fits


@compiled
def _carry_masked(pool: Any, slot: Any, day: Any, mask: Any, amount: Any, deltas: Any) -> bool:
    for measure in range(MEASURES):
        deltas[measure] = (mask >> measure & 1) * (amount if measure < AMOUNTS else 1)
    return _add(pool, slot, day, deltas)


@inlined
def _fold_transaction(pool: Any, slot: Any, record: Any, day: Any, first_day: Any, deltas: Any) -> Any:
    kind, currency = (record[OUTCOME] >> 8) & 0xFF, (record[CODES] >> 48) & 0xFFFF
    content = (record[CODES] >> 32) & 0xFFFF
    if slot[CURRENCY] != 0 and slot[CURRENCY] != currency:
        return _WRONG_CURRENCY
    account = _account(pool, slot, record[ACCOUNT], kind)
    if account == -2:
        return _WRONG_KIND
    if account == -1 and slot[3 * ACCOUNTS + 1] >= MOST_ACCOUNTS:
        return _TOO_MANY
    seen = _check_seen(pool, slot, record[IDENTITY], content, first_day)
    if seen != _FOLDED:
        return seen
    mask, amount = record[CODES] & 0xFFFFFFFF, record[AMOUNT]
    added = mask == 0 or _add_masked(pool, slot, day, mask, amount)
    if not added and not _carry_masked(pool, slot, day, mask, amount, deltas):
        return _OVERFLOW
    if account == -1:
        account = slot[3 * ACCOUNTS + 1]
        at = slot[3 * ACCOUNTS] + account * ACCOUNT_WORDS
        pool.words[at], pool.words[at + 1] = record[ACCOUNT], kind
        slot[3 * ACCOUNTS + 1] = account + 1
    if record[BALANCE_AFTER] != NO_AMOUNT:
        _balance(pool, slot, day, account, record[ORDER], record[BALANCE_AFTER])
    slot[CURRENCY] = currency
    _remember(pool, slot, record[IDENTITY], content, day)
    return _FOLDED


@compiled
def _fold_outcome(pool: Any, slot: Any, record: Any, day: Any, first_day: Any, deltas: Any) -> Any:
    content = (record[CODES] >> 32) & 0xFFFF
    seen = _check_seen(pool, slot, record[IDENTITY], content, first_day)
    if seen != _FOLDED:
        return seen
    lateness = record[OUTCOME] >> 32
    deltas[:] = 0
    deltas[_PAYMENTS] = np.int8((record[OUTCOME] >> 16) & 0xFF)
    deltas[_UNPAID] = np.int8((record[OUTCOME] >> 24) & 0xFF)
    deltas[_LATENESS] = lateness
    deltas[_LATE_PAYMENTS] = 1 if lateness > 0 else 0
    if not _add(pool, slot, day, deltas):
        return _OVERFLOW
    _remember(pool, slot, record[IDENTITY], content, day)
    return _FOLDED


@compiled
def _same_update(pool: Any, at: Any, rows: Any, schedules: Any, first: Any, past: Any) -> Any:
    """_DUPLICATE if the rows from here on say what rows first..past of the schedules say, else _CONFLICT."""
    count = past - first
    if count > rows or (count < rows and pool.words[at + count * DUE_WORDS] == pool.words[at]):
        return _CONFLICT
    for row in range(first, past):
        here = at + (row - first) * DUE_WORDS
        same = pool.words[here + 1] == schedules.amount_minor[row]
        same &= pool.ints[2 * here + 4] == schedules.due[row] and pool.ints[2 * here + 5] == schedules.ends[row]
        if not (same and pool.ints[2 * here + 7] == schedules.frequency[row]):
            return _CONFLICT
    return _DUPLICATE


@compiled
def _fold_update(pool: Any, slot: Any, record: Any, schedules: Any, first_day: Any) -> Any:
    """Append the obligations of a customer update; an update met before, by its total order, is a duplicate."""
    update, day = record[DAYS] >> 32, record[DAYS] & 0xFFFFFFFF
    first, past = schedules.first[update], schedules.first[update + 1]
    if not reserve(pool, slot, DUES, past - first, first_day):
        return _OUT_OF_ROOM
    start, used = slot[3 * DUES], slot[3 * DUES + 1]
    for row in range(used):
        if pool.words[start + row * DUE_WORDS] == record[ORDER]:
            return _same_update(pool, start + row * DUE_WORDS, used - row, schedules, first, past)
    for row in range(first, past):
        at = start + (used + row - first) * DUE_WORDS
        pool.words[at], pool.words[at + 1] = record[ORDER], schedules.amount_minor[row]
        pool.ints[2 * at + 4], pool.ints[2 * at + 5] = schedules.due[row], schedules.ends[row]
        pool.ints[2 * at + 6], pool.ints[2 * at + 7] = day, schedules.frequency[row]
    slot[3 * DUES + 1] = used + past - first
    return _FOLDED


@inlined
def fold_one(pool: Any, slot: Any, record: Any, schedules: Any, open_day: Any, deltas: Any) -> Any:
    """Fold one event into its customer's ledger. Answers a Fold code, or -2 if the pool must grow first.

    slot: the customer's row of `slots`.  record: the event's row of `EventBatch.record`.  open_day: as of its
    place in the log.  deltas: (MEASURES,) int64 of scratch.
    """
    kind, day = record[OUTCOME] & 0xFF, record[DAYS] & 0xFFFFFFFF
    first_day = open_day - (HORIZON_DAYS - 1)
    if kind == _CUSTOMER:
        code = _fold_update(pool, slot, record, schedules, first_day)
    else:
        if day < first_day:
            return _PARKED
        if not _reserve_event(pool, slot, first_day):
            return _OUT_OF_ROOM
        if kind == _TRANSACTION:
            code = _fold_transaction(pool, slot, record, day, first_day, deltas)
        else:
            code = _fold_outcome(pool, slot, record, day, first_day, deltas)
    if code != _FOLDED:
        return code
    slot[FIRST_DAY] = min(slot[FIRST_DAY], day)
    return _LATE if day < open_day else (_WAITING if day > open_day else _FOLDED)
