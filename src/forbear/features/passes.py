"""The compiled passes over many customers: fold and pause, gather, sort by slot, directory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import borrowed, compiled, inlined, prefetch
from forbear.features.batch import OUTCOME, RECORD_WORDS, Schedules
from forbear.features.columns import EventKind
from forbear.features.gather import gather, scratch_room
from forbear.features.kernels import Fold, fold_one
from forbear.features.measures import MEASURES
from forbear.features.pool import (
    ACCOUNTS,
    BALANCE_WORDS,
    BALANCES,
    DUES,
    FIRST_DAY,
    FLOW_WORDS,
    FLOWS,
    SEEN,
    SLOT_WORDS,
    TRANSACTIONS,
    UNKNOWN_DAY,
    at_hand,
    room,
)


class Run(NamedTuple):
    """One batch, ready to be folded customer by customer.

    record, schedules: of the batch.  rows: (n,) the rows of its events, by slot and within it in log order.
    open_days: by row of the batch.  places, days: (cuts,) row and day of each pause.
    """

    record: NDArray[np.int64]
    schedules: Any
    rows: NDArray[np.int64]
    open_days: NDArray[np.int32]
    places: NDArray[np.int64]
    days: NDArray[np.int64]


@inlined
def run_at_hand(run: Any) -> Any:
    """A run for use within one kernel: its views count no references."""
    told = run.schedules
    return Run(
        borrowed(run.record),
        Schedules(
            borrowed(told.first), borrowed(told.amount_minor),
            borrowed(told.due), borrowed(told.ends), borrowed(told.frequency),
        ),
        borrowed(run.rows),
        borrowed(run.open_days),
        borrowed(run.places),
        borrowed(run.days),
    )  # fmt: skip


_TAKEN, _TRANSACTION = Fold.WAITING.value, EventKind.TRANSACTION.value
"""Up to this code the ledger took the event."""
AHEAD_ROWS, AHEAD_SLOTS = 12, 6
"""How far ahead memory is asked for: a few hundred nanoseconds, the time that it takes to come."""


@inlined
def fetch_slot(slots: Any, index: Any) -> None:
    """Ask for the lines of a customer's slot."""
    first = index * SLOT_WORDS
    prefetch(slots, first)
    prefetch(slots, first + 8)
    prefetch(slots, first + 16)


@inlined
def fetch_regions(pool: Any, slot: Any) -> None:
    """Ask for what the fold of an event reads: the tags of SEEN, and where the regions grow."""
    start, used, rows = slot[3 * SEEN], slot[3 * SEEN + 1], room(SEEN, slot[3 * SEEN + 2])
    for word in range(start, start + used // 4 + 1, 8):
        prefetch(pool.words, word)
    prefetch(pool.words, start + (rows + used) // 4)
    prefetch(pool.words, start + rows // 2 + used)
    prefetch(pool.words, slot[3 * ACCOUNTS])
    for region, size in ((FLOWS, FLOW_WORDS), (BALANCES, BALANCE_WORDS)):
        past = slot[3 * region] + slot[3 * region + 1] * size
        prefetch(pool.words, past)
        prefetch(pool.words, past - size)


@inlined
def _fetch_starts(pool: Any, slot: Any) -> None:
    """Ask for the first lines of what a gather reads from one end to the other; the rest follows by itself."""
    for region in (FLOWS, BALANCES, ACCOUNTS, DUES):
        prefetch(pool.words, slot[3 * region])
        prefetch(pool.words, slot[3 * region] + 8)


@inlined
def count_transaction(slot: Any, record: Any, code: Any) -> None:
    """Count what was folded just now, if it is a transaction and the ledger took it."""
    if code <= _TAKEN and record[OUTCOME] & 0xFF == _TRANSACTION:
        slot[TRANSACTIONS] += 1


@compiled
def replay_block(
    pool: Any, slots: Any, run: Any, block: Any, first: Any,
    asks: Any, business: Any, answers: Any, known: Any, codes: Any, progress: Any,
) -> bool:  # fmt: skip
    """Fold each slot's rows in log order and answer the asks at each pause on the way.

    first: (slots of the block + 1,) where in run.rows each slot's begin.  answers: (cuts, slots of the block,
    k).  known: (cuts, slots of the block).  progress: (3,) int64 of slot in the block, row (-1: at the slot's
    first) and pause, from which to go on. False: the pool must grow first.
    """
    scratch = scratch_room()
    deltas = np.empty(MEASURES, dtype=np.int64)
    pool, slots, flat = at_hand(pool), borrowed(slots), borrowed(slots.reshape(-1))
    run, first, flat_record = run_at_hand(run), borrowed(first), borrowed(run.record.reshape(-1))
    rows, codes, block = run.rows, borrowed(codes), borrowed(block)
    for n in range(progress[0], len(block)):
        slot = slots[block[n]]
        fetch_slot(flat, block[min(n + 2 * AHEAD_SLOTS, len(block) - 1)])
        fetch_regions(pool, slots[block[min(n + AHEAD_SLOTS, len(block) - 1)]])
        past = first[n + 1]
        at = progress[1] if progress[1] >= 0 else first[n]
        pause = progress[2]
        while at < past or pause < len(run.places):
            if pause < len(run.places) and (at == past or rows[at] > run.places[pause]):
                if slot[FIRST_DAY] != UNKNOWN_DAY:
                    gather(pool, slot, run.days[pause], asks, business, scratch, answers[pause, n])
                    known[pause, n] = True
                pause += 1
                continue
            row = rows[at]
            prefetch(flat_record, rows[min(at + AHEAD_ROWS, len(rows) - 1)] * RECORD_WORDS)
            code = fold_one(pool, slot, run.record[row], run.schedules, run.open_days[row], deltas)
            if code < 0:
                progress[0], progress[1], progress[2] = n, at, pause
                return False
            codes[row] = code
            count_transaction(slot, run.record[row], code)
            at += 1
        progress[1], progress[2] = -1, 0
    return True


@compiled
def gather_many(pool: Any, slots: Any, block: Any, open_day: Any, asks: Any, business: Any, answers: Any) -> None:
    """Answer the asks for each slot of a block: answers (>= len(block), k) float64."""
    scratch = scratch_room()
    pool, flat, slots = at_hand(pool), borrowed(slots.reshape(-1)), borrowed(slots)
    for n in range(len(block)):
        fetch_slot(flat, block[min(n + 4, len(block) - 1)])
        _fetch_starts(pool, slots[block[min(n + 2, len(block) - 1)]])
        gather(pool, slots[block[n]], open_day, asks, business, scratch, answers[n])


@compiled
def _counting_sort(slots: Any, count: Any, order: Any, first: Any) -> None:
    for slot in slots:
        first[slot + 1] += 1
    for slot in range(count):
        first[slot + 1] += first[slot]
    place = first[:-1].copy()
    for row in range(len(slots)):
        order[place[slots[row]]] = row
        place[slots[row]] += 1


def by_slot(slots: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) rows in stable order of slot, and (count + 1,) where each slot's rows begin."""
    order = np.empty(len(slots), dtype=np.int64)
    first = np.zeros(count + 1, dtype=np.int64)
    _counting_sort(slots, count, order, first)
    return order, first


@compiled
def enter(table: Any, table_slots: Any, keys: Any) -> None:
    """Put keys 0..n into an empty directory."""
    mask = np.uint64(len(table) - 1)
    for slot in range(len(keys)):
        place = keys[slot] & mask
        while table_slots[place] >= 0:
            place = (place + np.uint64(1)) & mask
        table[place], table_slots[place] = keys[slot], slot


@compiled
def _find(table: Any, table_slots: Any, keys: Any, out: Any) -> None:
    mask = np.uint64(len(table) - 1)
    for row in range(len(keys)):
        place = keys[row] & mask
        while table_slots[place] >= 0 and table[place] != keys[row]:
            place = (place + np.uint64(1)) & mask
        out[row] = table_slots[place]


def find(table: Any, table_slots: Any, keys: Any) -> NDArray[np.int64]:
    """(n,) slots of keys, -1 where one is not in the directory."""
    out = np.empty(len(keys), dtype=np.int64)
    _find(table, table_slots, keys, out)
    return out
