"""Folding as it happens: after each event that triggers, its customer's questions are answered at once.

An event that triggers takes part in its own answer, as do the earlier ones of its batch, and no later one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import borrowed, compiled, prefetch
from forbear.features.batch import OUTCOME, RECORD_WORDS
from forbear.features.columns import EventKind
from forbear.features.gather import gather, scratch_room
from forbear.features.kernels import Fold, fold_one
from forbear.features.ledger import Floats
from forbear.features.measures import MEASURES
from forbear.features.passes import (
    AHEAD_ROWS,
    AHEAD_SLOTS,
    count_transaction,
    fetch_regions,
    fetch_slot,
    run_at_hand,
)
from forbear.features.pool import TRANSACTIONS, at_hand

_TAKEN, _TRANSACTION = Fold.WAITING.value, EventKind.TRANSACTION.value


class Marks(NamedTuple):
    """Which events of a batch have their customer asked about.

    bits: (n,) uint8, not 0 where the event itself says so.  nth: each nth transaction of a customer does, 0 = none.
    nth_bit: what such a one adds to its bits.
    """

    bits: NDArray[np.uint8]
    nth: int
    nth_bit: int


class Streamed(NamedTuple):
    """What a batch gave.

    codes: (n,) of `Fold`, one an event.  rows: (m,) rows of the batch, rising, whose customer was asked about.
    bits: (m,) why.  slots: (m,) of those customers.  values: (m, features), each right after its event.
    answers: (m, questions) that the values were made of, in an order of their own.  places: (m,) where in them each
    row's are.
    """

    codes: NDArray[np.uint8]
    rows: NDArray[np.int64]
    bits: NDArray[np.uint8]
    slots: NDArray[np.int64]
    values: Floats
    answers: Floats
    places: NDArray[np.int64]


@compiled
def stream_block(
    pool: Any, slots: Any, run: Any, block: Any, first: Any, marks: Any,
    asks: Any, business: Any, found: Any, codes: Any, progress: Any,
) -> bool:  # fmt: skip
    """Fold each slot's rows in log order and answer the asks after each row that triggers.

    Of one open day, that of run.open_days.  first: (slots of the block + 1,) where in run.rows each slot's begin.
    found: answers (rows of the block, k) and asked (3, rows of the block) int64, each answer's row, bits and slot.
    progress: (3,) int64 of slot in the block, row (-1: at the slot's first) and answers given, from which to go
    on. False: the pool must grow first.
    """
    bits, nth, nth_bit = marks
    answers, asked = found
    scratch = scratch_room()
    deltas = np.empty(MEASURES, dtype=np.int64)
    pool, slots, flat = at_hand(pool), borrowed(slots), borrowed(slots.reshape(-1))
    run, first, flat_record = run_at_hand(run), borrowed(first), borrowed(run.record.reshape(-1))
    rows, codes, block = run.rows, borrowed(codes), borrowed(block)
    for n in range(progress[0], len(block)):
        slot = slots[block[n]]
        fetch_slot(flat, block[min(n + 2 * AHEAD_SLOTS, len(block) - 1)])
        fetch_regions(pool, slots[block[min(n + AHEAD_SLOTS, len(block) - 1)]])
        for at in range(progress[1] if progress[1] >= 0 else first[n], first[n + 1]):
            row = rows[at]
            prefetch(flat_record, rows[min(at + AHEAD_ROWS, len(rows) - 1)] * RECORD_WORDS)
            code = fold_one(pool, slot, run.record[row], run.schedules, run.open_days[row], deltas)
            if code < 0:
                progress[0], progress[1] = n, at
                return False
            codes[row] = code
            if code > _TAKEN:
                continue
            count_transaction(slot, run.record[row], code)
            why = np.int64(bits[row])
            if nth and run.record[row, OUTCOME] & 0xFF == _TRANSACTION and slot[TRANSACTIONS] % nth == 0:
                why |= nth_bit
            if why:
                place = progress[2]
                gather(pool, slot, run.open_days[row], asks, business, scratch, answers[place])
                asked[0, place], asked[1, place], asked[2, place] = row, why, block[n]
                progress[2] = place + 1
        progress[1] = -1
    return True
