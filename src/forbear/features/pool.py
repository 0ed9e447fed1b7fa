"""Where the ledgers live: pools of 8-byte words, five growing regions a customer.

A region that is full first lets go of what is past the horizon, then moves to a larger place. Places come in
sizes an eighth apart; one that is left goes to the next region that wants its size. When neither a free place
nor the end of the pool serves, `collect` copies what lives into a new pool. Kernels see a pool several ways at
once, as 64-, 32-, 16- and 8-bit integers.

Regions and their rows (in words):
  FLOWS     6  int32 day * 2 + carry, nine int32 amounts, eight int8 counts; sorted by the first
  BALANCES  4  order within the day, last, lowest, int32 day | int32 account
  ACCOUNTS  2  key, kind
  DUES      4  order of the update, amount, int32 due | int32 ends, int32 day | int32 frequency
  SEEN    1.5  three columns, so that a search reads little: uint16 lowest part of the key (its tag), uint16
               content check, the rest of the key | uint16 day

A day's amounts that leave 32 bits (counts: 8 bits) carry into a second row of that day, whose unit is 2^31
(2^7): sums stay exact, and what would leave even that is refused before anything is changed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import borrowed, compiled, inlined, move_words

FLOWS, BALANCES, ACCOUNTS, DUES, SEEN = range(5)
REGIONS = 5
FLOW_WORDS, BALANCE_WORDS, ACCOUNT_WORDS, DUE_WORDS = 6, 4, 2, 4
COUNTS_BYTE = 40
"""Where the counts of a flow row begin."""
TAG_BITS = 0xFFFF

# One row of `slots` a customer: (start, rows used, words held) of every region, then these.
# TRANSACTIONS counts those that were folded, ever.
FIRST_DAY, CURRENCY, KEY, TRANSACTIONS = 15, 16, 17, 18
SLOT_WORDS = 19
UNKNOWN_DAY = np.iinfo(np.int32).max

HORIZON_DAYS = 120


class Pool(NamedTuple):
    """One block of memory, seen several ways at once, and its free places.

    words, ints, halves, octets: 64-bit words, 32-bit and unsigned 16-bit integers, octets.
    free: (1 + SIZES,) int64: the first word never used, then the first free place of every size, -1 = none; a
    free place holds the next of its size.
    """

    words: NDArray[np.int64]
    ints: NDArray[np.int32]
    halves: NDArray[np.uint16]
    octets: NDArray[np.int8]
    free: NDArray[np.int64]


SIZES = 256
"""Sizes of places: 8, 9 .. 15, 16, 18 .. 30, 32, 36 .. words."""
_TIGHT = 32
"""A region stays where it is while letting go of the old leaves one part in so many for the new."""


def pool_of(words_held: NDArray[np.int64]) -> Pool:
    """Some words as a pool in which no place is taken."""
    free = np.full(1 + SIZES, -1, dtype=np.int64)
    free[0] = 0
    return Pool(words_held, words_held.view(np.int32), words_held.view(np.uint16), words_held.view(np.int8), free)


@inlined
def at_hand(pool: Any) -> Any:
    """A pool for use within one kernel: its views count no references."""
    return Pool(
        borrowed(pool.words), borrowed(pool.ints), borrowed(pool.halves), borrowed(pool.octets), borrowed(pool.free)
    )


@inlined
def room(region: Any, held: Any) -> Any:
    """How many rows fit so many words. Of SEEN it is a multiple of four: its columns begin on words."""
    if region == FLOWS:
        return held // FLOW_WORDS
    if region == ACCOUNTS:
        return held // ACCOUNT_WORDS
    if region == SEEN:
        return held * 2 // 3 & ~3
    return held // DUE_WORDS


@inlined
def words(region: Any, rows: Any) -> Any:
    """How many words so many rows take."""
    if region == FLOWS:
        return rows * FLOW_WORDS
    if region == ACCOUNTS:
        return rows * ACCOUNT_WORDS
    if region == SEEN:
        return (rows + 3 & ~3) * 3 // 2
    return rows * DUE_WORDS


@compiled
def _size_of(wanted: Any) -> Any:
    """Number of the smallest size that holds so many words, and its words."""
    shift = 0
    while 15 << shift < wanted:
        shift += 1
    eighths = max(8, (wanted + (1 << shift) - 1) >> shift)
    return 8 * (shift - 1) + eighths, eighths << shift


@compiled
def reserve(pool: Any, slot: Any, region: int, extra: int, first_day: int) -> bool:
    """Make room for some more rows in a region of one slot. False: the pool itself is full, nothing changed.

    slot: the customer's row of `slots`.  first_day: first day of the horizon.
    """
    start, used, held = slot[3 * region], slot[3 * region + 1], slot[3 * region + 2]
    if used + extra <= room(region, held):
        return True
    if used > 0:
        used = keep(pool, region, start, used, held, first_day, pool, start, held)
        slot[3 * region + 1] = used
        if used + extra + used // _TIGHT <= room(region, held):
            return True
    size, held_wanted = _size_of(words(region, used + extra + used // _TIGHT + 1))
    place = pool.free[1 + size]
    if place >= 0:
        pool.free[1 + size] = pool.words[place]
    elif pool.free[0] + held_wanted <= len(pool.words):
        place = pool.free[0]
        pool.free[0] += held_wanted
    else:
        return False
    if used > 0:
        keep(pool, region, start, used, held, first_day, pool, place, held_wanted)
    if held > 0:
        left, _ = _size_of(held)
        pool.words[start] = pool.free[1 + left]
        pool.free[1 + left] = start
    slot[3 * region] = place
    slot[3 * region + 2] = held_wanted
    return True


@compiled
def keep(
    pool: Any, region: int, start: Any, used: Any, held: Any, first_day: int, to: Any, target: Any, target_held: Any
) -> Any:
    """Copy what the horizon still needs of a region to a place, maybe its own, and answer how many rows that is."""
    if region == FLOWS:
        return _keep_flows(pool, start, used, first_day, to, target)
    if region == BALANCES:
        return _keep_balances(pool, start, used, first_day, to, target)
    if region == DUES:
        return _keep_dues(pool, start, used, first_day, to, target)
    if region == SEEN:
        return _keep_seen(pool, start, used, room(SEEN, held), first_day, to, target, room(SEEN, target_held))
    move_words(to.words, target, pool.words, start, used * ACCOUNT_WORDS)
    return used


@inlined
def _keep_flows(pool: Any, start: Any, used: Any, first_day: int, to: Any, target: Any) -> Any:
    gone = 0
    while gone < used and pool.ints[2 * (start + gone * FLOW_WORDS)] >> 1 < first_day:
        gone += 1
    move_words(to.words, target, pool.words, start + gone * FLOW_WORDS, (used - gone) * FLOW_WORDS)
    return used - gone


@inlined
def _keep_balances(pool: Any, start: Any, used: Any, first_day: int, to: Any, target: Any) -> Any:
    """Of the rows before the horizon each account keeps its last one: a balance stands until it moves."""
    old = 0
    while old < used and pool.ints[2 * (start + old * BALANCE_WORDS) + 6] < first_day:
        old += 1
    left = 0
    for row in range(old):
        at = start + row * BALANCE_WORDS
        last = True
        for later in range(row + 1, old):
            last &= pool.ints[2 * (start + later * BALANCE_WORDS) + 7] != pool.ints[2 * at + 7]
        if last:
            move_words(to.words, target + left * BALANCE_WORDS, pool.words, at, BALANCE_WORDS)
            left += 1
    recent = start + old * BALANCE_WORDS
    move_words(to.words, target + left * BALANCE_WORDS, pool.words, recent, (used - old) * BALANCE_WORDS)
    return left + used - old


@inlined
def _keep_dues(pool: Any, start: Any, used: Any, first_day: int, to: Any, target: Any) -> Any:
    """An update dated before the horizon goes once a later one, also dated before it, has replaced it."""
    newest = np.int64(-1)
    for row in range(used):
        at = start + row * DUE_WORDS
        if pool.ints[2 * at + 6] < first_day and pool.words[at] > newest:
            newest = pool.words[at]
    left = 0
    for row in range(used):
        at = start + row * DUE_WORDS
        if pool.words[at] >= newest:
            move_words(to.words, target + left * DUE_WORDS, pool.words, at, DUE_WORDS)
            left += 1
    return left


@inlined
def _keep_seen(
    pool: Any, start: Any, used: Any, rows: Any, first_day: int, to: Any, target: Any, target_rows: Any
) -> Any:
    """rows, target_rows: for how many each place has room. A place of its own has the same room as before."""
    tags, target_tags = 4 * start, 4 * target
    rest, target_rest = start + rows // 2, target + target_rows // 2
    left = 0
    for row in range(used):
        word = pool.words[rest + row]
        if word & TAG_BITS >= first_day:
            to.halves[target_tags + left] = pool.halves[tags + row]
            to.halves[target_tags + target_rows + left] = pool.halves[tags + rows + row]
            to.words[target_rest + left] = word
            left += 1
    return left


@compiled
def _living(pool: Any, slot: Any, region: int, first_day: int) -> Any:
    """How many rows of a region the horizon still needs at most; exact for SEEN, whose columns depend on it."""
    used = slot[3 * region + 1]
    if region != SEEN:
        return used
    rest = slot[3 * SEEN] + room(SEEN, slot[3 * SEEN + 2]) // 2
    living = 0
    for row in range(used):
        living += 1 if pool.words[rest + row] & TAG_BITS >= first_day else 0
    return living


@compiled
def collect(source: Any, slots: Any, first_day: int, target: Any, spare: bool) -> None:
    """Copy what lives of some slots to the end of another pool, in slot order; the source stays as it was.

    spare: give each region a place of its own size, with room to grow; else just the words it needs.
    """
    pool, to = at_hand(source), at_hand(target)
    for index in range(len(slots)):
        slot = slots[index]
        for region in range(REGIONS):
            start, used, held = slot[3 * region], slot[3 * region + 1], slot[3 * region + 2]
            top = to.free[0]
            most = _living(pool, slot, region, first_day)
            held_wanted = _held(region, most, spare)
            left = keep(pool, region, start, used, held, first_day, to, top, held_wanted)
            slot[3 * region] = top
            slot[3 * region + 1] = left
            slot[3 * region + 2] = _held(region, left, spare)
            to.free[0] = top + slot[3 * region + 2]


@inlined
def _held(region: Any, rows: Any, spare: bool) -> Any:
    """Words for so many rows of a region, with or without room to grow."""
    if rows == 0 or not spare:
        return words(region, rows)
    return _size_of(words(region, rows + rows // _TIGHT + 1))[1]


@compiled
def words_needed(slots: Any, spare: bool) -> Any:
    """Words that `collect` takes at most for these slots."""
    total = np.int64(0)
    for index in range(len(slots)):
        for region in range(REGIONS):
            total += _held(region, slots[index, 3 * region + 1], spare)
    return total


@compiled
def assign(table: Any, table_slots: Any, slots: Any, count: Any, customers: Any, out: Any) -> Any:
    """The slot of every customer key, a new one for a key never met; answers how many rows were done.

    table: (2^k,) uint64 keys of an open-addressing directory, table_slots: (2^k,) int32 slot or -1.
    It stops early when either the directory is three quarters full or `slots` is out of rows.
    """
    mask = np.uint64(len(table) - 1)
    for row in range(len(customers)):
        key = customers[row]
        place = key & mask
        while table_slots[place] >= 0 and table[place] != key:
            place = (place + np.uint64(1)) & mask
        if table_slots[place] < 0:
            if count[0] >= len(slots) or 4 * (count[0] + 1) > 3 * len(table):
                return row
            table[place] = key
            table_slots[place] = count[0]
            slots[count[0], :] = 0
            slots[count[0], FIRST_DAY] = UNKNOWN_DAY
            slots[count[0], KEY] = np.int64(key)
            count[0] += 1
        out[row] = table_slots[place]
    return len(customers)
