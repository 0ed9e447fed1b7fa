"""The compiled passes over many customers: fold and pause, gather, sort by slot, directory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.features.gather import gather
from forbear.features.kernels import fold_one
from forbear.features.measures import MEASURES
from forbear.features.pool import FIRST_DAY, HORIZON_DAYS, UNKNOWN_DAY


class Run(NamedTuple):
    """One batch, ready to be folded customer by customer.

    record: (n, 8) of the events by slot and within it in log order.  schedules: of the batch's updates.
    rows: (n,) each event's row in the batch.  first: (slots + 1,) where each slot's events begin.  open_days:
    by row of the batch.  places, days: (cuts,) row and day of each pause.
    """

    record: NDArray[np.int64]
    schedules: Any
    rows: NDArray[np.int64]
    first: NDArray[np.int64]
    open_days: NDArray[np.int32]
    places: NDArray[np.int64]
    days: NDArray[np.int64]


class Scratch(NamedTuple):
    """Room that one pass needs, made once and used for one customer after another."""

    sums: Any
    closing: Any
    lowest: Any
    daily: Any
    income: Any


@compiled
def _scratch() -> Any:
    return Scratch(
        np.empty((HORIZON_DAYS + 1, MEASURES), dtype=np.int64),
        np.empty(HORIZON_DAYS, dtype=np.int64),
        np.empty(HORIZON_DAYS, dtype=np.int64),
        np.empty(HORIZON_DAYS, dtype=np.int64),
        np.empty(4, dtype=np.float64),
    )


@compiled
def replay_block(
    pool: Any, slots: Any, top: Any, run: Any, block: Any,
    asks: Any, business: Any, answers: Any, known: Any, codes: Any, progress: Any,
) -> bool:  # fmt: skip
    """Fold each slot's rows in log order and answer the asks at each pause on the way.

    answers: (cuts, slots of the block, k).  known: (cuts, slots of the block).  progress: (3,) int64 of slot
    in the block, row (-1: at the slot's first) and pause, from which to go on. False: the pool must grow first.
    """
    scratch = _scratch()
    deltas = np.empty(MEASURES, dtype=np.int64)
    for n in range(progress[0], len(block)):
        slot = slots[block[n]]
        past = run.first[block[n] + 1]
        at = progress[1] if progress[1] >= 0 else run.first[block[n]]
        pause = progress[2]
        while at < past or pause < len(run.places):
            if pause < len(run.places) and (at == past or run.rows[at] > run.places[pause]):
                if slot[FIRST_DAY] != UNKNOWN_DAY:
                    gather(pool, slot, run.days[pause], asks, business, scratch, answers[pause, n])
                    known[pause, n] = True
                pause += 1
                continue
            row = run.rows[at]
            code = fold_one(pool, slot, run.record[at], run.schedules, run.open_days[row], deltas, top)
            if code < 0:
                progress[0], progress[1], progress[2] = n, at, pause
                return False
            codes[row] = code
            at += 1
        progress[1], progress[2] = -1, 0
    return True


@compiled
def gather_many(pool: Any, slots: Any, block: Any, open_day: Any, asks: Any, business: Any, answers: Any) -> None:
    """Answer the asks for each slot of a block: answers (>= len(block), k) float64."""
    scratch = _scratch()
    for n in range(len(block)):
        gather(pool, slots[block[n]], open_day, asks, business, scratch, answers[n])


@compiled
def _permuted(record: Any, rows: Any, out: Any) -> None:
    for at in range(len(rows)):
        row = rows[at]
        for word in range(record.shape[1]):
            out[at, word] = record[row, word]


def permuted(record: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of a table in another order."""
    out = np.empty((len(rows), record.shape[1]), dtype=np.int64)
    _permuted(record, rows, out)
    return out


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
