"""Where the ledgers live: one pool of 8-byte words, five growing regions a customer.

A region that is full first lets go of what is past the horizon, then moves to a larger place at the end of
the pool; the place it leaves is garbage until `collect` copies what lives into a new pool. Kernels see the
pool three ways at once, as 64-, 32- and 8-bit integers.

Regions and their rows (in words):
  FLOWS     6  int32 day * 2 + carry, nine int32 amounts, eight int8 counts; sorted by the first
  BALANCES  4  order within the day, last, lowest, int32 day | int32 account
  ACCOUNTS  2  key, kind
  DUES      4  order of the update, amount, int32 due | int32 ends, int32 day | int32 frequency
  SEEN    1.5  key; after all keys of the region uint16 day | uint16 content check, as one int32 each

A day's amounts that leave 32 bits (counts: 8 bits) carry into a second row of that day, whose unit is 2^31
(2^7): sums stay exact, and what would leave even that is refused before anything is changed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled, inlined, move_words

FLOWS, BALANCES, ACCOUNTS, DUES, SEEN = range(5)
REGIONS = 5
FLOW_WORDS, BALANCE_WORDS, ACCOUNT_WORDS, DUE_WORDS = 6, 4, 2, 4
COUNTS_BYTE = 40
"""Where the counts of a flow row begin."""

# One row of `slots` a customer: (start, used, room) of every region, then these.
FIRST_DAY, CURRENCY, KEY = 15, 16, 17
SLOT_WORDS = 18
UNKNOWN_DAY = np.iinfo(np.int32).max

HORIZON_DAYS = 120


class Pool(NamedTuple):
    """One block of memory, seen three ways at once: 64-bit words, 32-bit integers, octets."""

    words: NDArray[np.int64]
    ints: NDArray[np.int32]
    octets: NDArray[np.int8]


def pool_of(words_held: NDArray[np.int64]) -> Pool:
    """The three views of some words."""
    return Pool(words_held, words_held.view(np.int32), words_held.view(np.int8))


SLACK = 8
"""A region that moves gets one part in so many spare."""


@inlined
def words(region: int, room: Any) -> Any:
    """How many words a region of so many rows takes. SEEN rooms are even."""
    if region == FLOWS:
        return room * FLOW_WORDS
    if region == BALANCES:
        return room * BALANCE_WORDS
    if region == ACCOUNTS:
        return room * ACCOUNT_WORDS
    if region == DUES:
        return room * DUE_WORDS
    return room + room // 2


@compiled
def _copy(
    pool: Any, region: int, source: Any, source_room: Any, target: Any, target_room: Any, used: Any, to: Any
) -> None:
    """Move the used rows of one region; only SEEN has two parts."""
    if region == SEEN:
        to.words[target : target + used] = pool.words[source : source + used]
        halves = (used + 1) // 2
        from_meta, to_meta = source + source_room, target + target_room
        to.words[to_meta : to_meta + halves] = pool.words[from_meta : from_meta + halves]
    else:
        size = words(region, used)
        to.words[target : target + size] = pool.words[source : source + size]


@compiled
def reserve(pool: Any, slot: Any, region: int, extra: int, first_day: int, top: Any) -> bool:
    """Make room for some more rows in a region of one slot. False: the pool itself is full, nothing changed.

    slot: the customer's row of `slots`.  first_day: first day of the horizon.  top: (1,) first free word.
    """
    used, room = slot[3 * region + 1], slot[3 * region + 2]
    if used + extra <= room:
        return True
    if used > 0:
        used = _prune(pool, slot, region, first_day)
        # Worth staying only if that freed enough not to come back at once.
        if used + extra + used // (2 * SLACK) <= room:
            return True
    room_wanted = used + extra + used // SLACK + 1
    room_wanted += room_wanted & 1
    size = words(region, room_wanted)
    if top[0] + size > len(pool.words):
        return False
    _copy(pool, region, slot[3 * region], room, top[0], room_wanted, used, pool)
    slot[3 * region] = top[0]
    slot[3 * region + 2] = room_wanted
    top[0] += size
    return True


@compiled
def _prune(pool: Any, slot: Any, region: int, first_day: int) -> Any:
    """Drop what is past the horizon and answer how many rows are left."""
    start, used, room = slot[3 * region], slot[3 * region + 1], slot[3 * region + 2]
    if region == FLOWS:
        left = _prune_flows(pool, start, used, first_day)
    elif region == BALANCES:
        left = _prune_balances(pool, start, used, first_day)
    elif region == DUES:
        left = _prune_dues(pool, start, used, first_day)
    elif region == SEEN:
        left = _prune_seen(pool, start, used, room, first_day)
    else:
        left = used
    slot[3 * region + 1] = left
    return left


@compiled
def _prune_flows(pool: Any, start: Any, used: Any, first_day: int) -> Any:
    gone = 0
    while gone < used and pool.ints[2 * (start + gone * FLOW_WORDS)] >> 1 < first_day:
        gone += 1
    if gone:
        move_words(pool.words, start, start + gone * FLOW_WORDS, (used - gone) * FLOW_WORDS)
    return used - gone


@compiled
def _prune_balances(pool: Any, start: Any, used: Any, first_day: int) -> Any:
    """Of the rows before the horizon each account keeps its last one: a balance stands until it moves."""
    old = 0
    while old < used and pool.ints[2 * (start + old * BALANCE_WORDS) + 6] < first_day:
        old += 1
    left = 0
    for row in range(old):
        at = start + row * BALANCE_WORDS
        keep = True
        for later in range(row + 1, old):
            keep &= pool.ints[2 * (start + later * BALANCE_WORDS) + 7] != pool.ints[2 * at + 7]
        if keep:
            move_words(pool.words, start + left * BALANCE_WORDS, at, BALANCE_WORDS)
            left += 1
    if left < old:
        move_words(pool.words, start + left * BALANCE_WORDS, start + old * BALANCE_WORDS, (used - old) * BALANCE_WORDS)
    return left + used - old


@compiled
def _prune_dues(pool: Any, start: Any, used: Any, first_day: int) -> Any:
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
            move_words(pool.words, start + left * DUE_WORDS, at, DUE_WORDS)
            left += 1
    return left


@compiled
def _prune_seen(pool: Any, start: Any, used: Any, room: Any, first_day: int) -> Any:
    left = 0
    for row in range(used):
        meta = pool.ints[2 * (start + room) + row]
        if (meta >> 16) & 0xFFFF >= first_day:
            pool.words[start + left] = pool.words[start + row]
            pool.ints[2 * (start + room) + left] = meta
            left += 1
    return left


@compiled
def collect(pool: Any, slots: Any, count: int, first_day: int, to: Any, spare: bool) -> Any:
    """Copy what lives of every slot into the pool `to`, in slot order, and answer how many words it took.

    spare: leave each region one part in 2 * SLACK of room, for a book that goes on growing.
    """
    top = np.int64(0)
    for index in range(count):
        slot = slots[index]
        for region in range(REGIONS):
            if slot[3 * region + 1] == 0:
                slot[3 * region + 2] = 0
                continue
            used = _prune(pool, slot, region, first_day)
            room = used + used // (2 * SLACK) if spare else used
            if region == SEEN:
                room += room & 1
            _copy(pool, region, slot[3 * region], slot[3 * region + 2], top, room, used, to)
            slot[3 * region] = top
            slot[3 * region + 2] = room
            top += words(region, room)
    return top


@compiled
def live_words(slots: Any, count: int) -> Any:
    """Words that the regions of all slots hold, room to grow included."""
    total = np.int64(0)
    for index in range(count):
        for region in range(REGIONS):
            total += words(region, slots[index, 3 * region + 2])
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
