"""The book: the ledgers of all customers of one partition, and the one way to change and read them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.features import passes, pool
from forbear.features.batch import EventBatch
from forbear.features.civil import CALENDAR_DAYS
from forbear.features.columns import EventKind, day_of
from forbear.features.compute import FeatureSet
from forbear.features.hashing import Keys
from forbear.features.kernels import Fold
from forbear.features.ledger import Floats
from forbear.features.measures import booked_masks, failed_masks
from forbear.features.streaming import Marks, Streamed, stream_block

LAYOUT_VERSION = 3
"""Raised whenever the meaning of a word in the pool changes."""

SHARD = 1 << 13
"""Customers that share a pool: making room copies one shard (some 50 MB), never the whole book."""

BLOCK = 2_048
"""Customers, or events of the open day, that one compiled pass takes in."""

ANSWERED = 256
"""Customers whose answers are made before their features are: few enough for the cache to hold."""

Emit = Callable[[int, NDArray[np.int64], Floats], None]
"""Takes a cut day, the slots known at it and their (n, features) values."""


@dataclass(slots=True)
class BookState:
    """All that a book is, as plain arrays: what a snapshot holds.

    pool: (words,) int64.  slots: (customers, SLOT_WORDS) int64, in order of first appearance.
    open_day: the day that is open.  skipped_days: days that were closed with a later one.
    """

    pool: NDArray[np.int64]
    slots: NDArray[np.int64]
    open_day: int
    skipped_days: int = 0


class Book:
    """The ledgers of one partition: the fold of its events in log order.

    open_day: the first open day, days since 1970.  calendar: moves due dates and pay days.
    features: the set whose day-close values `replay` and `features` give.
    """

    def __init__(self, features: FeatureSet, open_day: int, calendar: BankCalendar | None = None) -> None:
        self.features = features
        self.open_day = int(open_day)
        self.skipped_days = 0
        self.business = business_table(calendar or BankCalendar())
        self._count = np.zeros(1, dtype=np.int64)
        self._pools: list[pool.Pool] = []
        self._extended: set[int] = set()
        self._slots = np.empty((1 << 8, pool.SLOT_WORDS), dtype=np.int64)
        self._make_directory(1 << 9)

    # ---- reading

    @property
    def customers(self) -> int:
        """How many customers have a slot."""
        return int(self._count[0])

    @property
    def keys(self) -> Keys:
        """(customers,) uint64 customer keys, by slot."""
        return self._slots[: self.customers, pool.KEY].view(np.uint64)

    @property
    def resident_bytes(self) -> int:
        """Bytes held: the pools with their slack and free places, slots and directory."""
        held = (self._slots, self._table, self._table_slots)
        return sum(array.nbytes for array in held) + sum(one.words.nbytes + one.free.nbytes for one in self._pools)

    def compute(self, slots: NDArray[np.int64] | None = None, features: FeatureSet | None = None) -> Floats:
        """(n, features) values of some slots (all, if None) at the open day, that day's events so far included.

        features: of another set than the book's own.
        """
        if slots is None:
            slots = np.arange(self.customers)
        features = features or self.features
        values = np.empty((len(slots), len(features.features)))
        asks = features.asks
        answers = np.empty((ANSWERED, len(asks)))
        order = np.argsort(slots, kind="stable")
        for shard, begin, past in _pieces(slots[order], ANSWERED):
            rows = order[begin:past]
            own, into = self._pools[shard], answers[: len(rows)]
            passes.gather_many(own, self._slots, slots[rows], self.open_day, asks, self.business, into)
            values[rows] = features.evaluate(into)
        return values

    def slots_of(self, customers: Keys) -> NDArray[np.int64]:
        """(n,) slots of customer keys, -1 for one never met."""
        return passes.find(self._table, self._table_slots, np.ascontiguousarray(customers))

    def layout_hash(self) -> str:
        """sha256 of what gives the stored words their meaning: layout, measures, calendar."""
        digest = hashlib.sha256(repr((LAYOUT_VERSION, pool.HORIZON_DAYS, pool.SLOT_WORDS)).encode())
        digest.update(booked_masks().tobytes() + failed_masks().tobytes() + self.business.tobytes())
        return digest.hexdigest()

    # ---- folding

    def fold(self, batch: EventBatch) -> NDArray[np.uint8]:
        """Fold a batch in log order, whatever its size. Answers (n,) codes of `Fold`, one an event."""
        return self.replay(batch, (), _nothing)

    def replay(self, batch: EventBatch, cut_days: Collection[int], emit: Emit) -> NDArray[np.uint8]:
        """Fold a batch, pausing at the close of every day in cut_days to give all customers' features to emit.

        The pause comes before the ring moves: the closed day is the window's last, and what was received
        after the close is not in it.
        """
        codes = np.zeros(len(batch), dtype=np.uint8)
        open_days, places, days = self._closes(batch, cut_days)
        events = np.flatnonzero(batch.kind < EventKind.DAY_CLOSED)
        codes[batch.kind == EventKind.DAY_CLOSED] = Fold.DAY_CLOSED
        codes[batch.kind == EventKind.INSTRUCTED] = Fold.INSTRUCTED
        codes[batch.kind > EventKind.INSTRUCTED] = Fold.NOTED
        slots = self._assign(batch.customer[events])
        order, first = passes.by_slot(slots, self.customers)
        run = passes.Run(batch.record, batch.schedules, events[order], open_days, places, days)
        touched = np.arange(self.customers) if len(places) else np.flatnonzero(np.diff(first))
        first = np.append(first[touched], len(events))
        for shard, start, past in _pieces(touched, BLOCK if len(places) else SHARD):
            block = touched[start:past]
            answers = np.empty((len(places), len(block), len(self.features.asks)) if len(places) else (0, 0, 0))
            known = np.zeros((len(places), len(block)), dtype=np.bool_)
            self._run(shard, (run, block, first[start : past + 1]), (answers, known, codes))
            for cut in range(len(places)):
                seen = known[cut]
                if seen.any():
                    emit(int(days[cut]), block[seen], self.features.evaluate(answers[cut][seen]))
        # Only now: while the pass runs, nothing may be let go of that an earlier cut of it still looks at.
        for day in batch.day[batch.kind == EventKind.DAY_CLOSED].tolist():
            self.close_day(day)
        return codes

    def stream(self, batch: EventBatch, marks: Marks) -> Streamed:
        """Fold a batch of the open day in log order, answering for the customer of each event that triggers.

        Raises ValueError for a batch with a day close in it: that is a cut of its own.
        """
        if (batch.kind == EventKind.DAY_CLOSED).any():
            raise ValueError("a day close is no event of the open day")
        codes = np.full(len(batch), Fold.INSTRUCTED, dtype=np.uint8)
        events = np.flatnonzero(batch.kind < EventKind.DAY_CLOSED)
        slots = self._assign(batch.customer[events])
        order, first = passes.by_slot(slots, self.customers)
        open_days = np.full(len(batch), self.open_day, dtype=np.int32)
        none = np.empty(0, dtype=np.int64)
        run = passes.Run(batch.record, batch.schedules, events[order], open_days, none, none)
        touched = np.flatnonzero(np.diff(first))
        first = np.append(first[touched], len(events))
        parts = []
        for shard, start, past in _rows_pieces(touched, first):
            parts.append(self._stream(shard, (run, touched[start:past], first[start : past + 1]), marks, codes))
        asked = np.concatenate([np.empty((3, 0), dtype=np.int64), *(one for one, _ in parts)], axis=1)
        answers = np.concatenate([np.empty((0, len(self.features.asks))), *(one for _, one in parts)])
        order = np.argsort(asked[0])
        rows, bits, own = asked[:, order]
        values = self.features.evaluate(answers)[order]
        return Streamed(codes, rows, bits.astype(np.uint8), own, values, answers, order)

    def close_day(self, day: int) -> None:
        """Close a day without a batch: the ring moves on. A day already closed is left alone.

        Pools that were extended in the day are put in order now, when nobody waits for an answer.
        """
        if day >= self.open_day:
            self.skipped_days += day - self.open_day
            self.open_day = day + 1
            for shard in sorted(self._extended):
                self._collect(shard, 0)

    # ---- state

    def state(self) -> BookState:
        """A copy of everything, without slack: fold the rest of the log on top of it and nothing is lost."""
        slots = self._slots[: self.customers].copy()
        # Zeros, not what the memory held before: rooms have gaps, and a state goes to the disk.
        all_words = pool.pool_of(np.zeros(int(pool.words_needed(slots, False)), dtype=np.int64))
        for shard, own in enumerate(self._pools):
            pool.collect(own, _of_shard(slots, shard), self._first_day, all_words, False)
        return BookState(all_words.words[: all_words.free[0]], slots, self.open_day, self.skipped_days)

    def state_of(self, slot: int) -> BookState:
        """A copy of one customer's ledger: the state of a book that has nobody else."""
        slots = self._slots[slot : slot + 1].copy()
        words = pool.pool_of(np.zeros(int(pool.words_needed(slots, False)), dtype=np.int64))
        pool.collect(self._pools[slot // SHARD], slots, self._first_day, words, False)
        return BookState(words.words[: words.free[0]], slots, self.open_day, self.skipped_days)

    def restore(self, state: BookState) -> None:
        """Become the book that a state was taken of. The caller has checked the layout hash."""
        count = len(state.slots)
        self._count[0] = count
        self._slots = np.empty((max(count, 256), pool.SLOT_WORDS), dtype=np.int64)
        self._slots[:count] = state.slots
        self.open_day, self.skipped_days = state.open_day, state.skipped_days
        self._pools = [pool.pool_of(state.pool)] * _shards(count)
        self._extended.clear()
        self.compact()
        self._make_directory(_power_of_two(count * 2))

    def compact(self) -> None:
        """Let go of free places and of what is past the horizon, keeping a little room to grow."""
        for shard in range(len(self._pools)):
            self._collect(shard, 0)

    # ---- inside

    @property
    def _first_day(self) -> int:
        return self.open_day - (pool.HORIZON_DAYS - 1)

    def _closes(
        self, batch: EventBatch, cut_days: Collection[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
        """Open day of every row, and place and day of every cut in the batch."""
        open_days = np.empty(len(batch), dtype=np.int32)
        places: list[int] = []
        days: list[int] = []
        since, open_day, wanted = 0, self.open_day, frozenset(cut_days)
        for row in np.flatnonzero(batch.kind == EventKind.DAY_CLOSED).tolist():
            day = int(batch.day[row])
            open_days[since:row] = open_day
            since = row
            if day >= open_day:
                if day in wanted:
                    places.append(row)
                    days.append(day)
                open_day = day + 1
        open_days[since:] = open_day
        return open_days, np.array(places, dtype=np.int64), np.array(days, dtype=np.int64)

    def _run(self, shard: int, work: tuple[Any, Any, Any], results: tuple[Any, Any, Any]) -> None:
        """Run the compiled pass over a block of slots of one shard, making room whenever its pool is full."""
        progress = np.array([0, -1, 0], dtype=np.int64)
        arguments = (*work, self.features.asks, self.business, *results, progress)
        stuck, before = 0, -1
        while not passes.replay_block(self._pools[shard], self._slots, *arguments):
            stuck = stuck + 1 if progress[1] == before else 0
            before = int(progress[1])
            self._collect(shard, 1 << (12 + stuck))

    def _stream(
        self, shard: int, work: tuple[Any, Any, Any], marks: Marks, codes: NDArray[np.uint8]
    ) -> tuple[NDArray[np.int64], Floats]:
        """Run the compiled pass over a block of one shard; rows, bits and slots of what was asked, and the answers."""
        rows = int(work[2][-1] - work[2][0])
        answers = np.empty((rows, len(self.features.asks)))
        asked = np.empty((3, rows), dtype=np.int64)
        progress = np.array([0, -1, 0], dtype=np.int64)
        arguments = (*work, marks, self.features.asks, self.business, (answers, asked), codes, progress)
        while not stream_block(self._pools[shard], self._slots, *arguments):
            self._extend(shard)
        found = int(progress[2])
        return asked[:, :found], answers[:found].copy()

    def _extend(self, shard: int) -> None:
        """Give a shard a larger pool with everything in its place: one copy, a tenth of the time of a collection."""
        own = self._pools[shard]
        target = pool.pool_of(np.empty(len(own.words) + max(len(own.words) // 16, 1 << 14), dtype=np.int64))
        target.words[: len(own.words)] = own.words
        target.free[:] = own.free
        self._pools[shard] = target
        self._extended.add(shard)

    def _collect(self, shard: int, wanted: int) -> None:
        """Copy what lives of a shard into a new pool, with so many words and some slack free."""
        slots = _of_shard(self._slots[: self.customers], shard)
        needed = int(pool.words_needed(slots, True))
        slack = needed // (16 if needed > 1 << 22 else 2)
        target = pool.pool_of(np.empty(needed + slack + wanted, dtype=np.int64))
        pool.collect(self._pools[shard], slots, self._first_day, target, True)
        self._pools[shard] = target
        self._extended.discard(shard)

    def _assign(self, customers: Keys) -> NDArray[np.int64]:
        slots = np.empty(len(customers), dtype=np.int64)
        done = 0
        while True:
            done += pool.assign(
                self._table, self._table_slots, self._slots, self._count, customers[done:], slots[done:]
            )
            while len(self._pools) < _shards(self.customers):
                self._pools.append(pool.pool_of(np.empty(1 << 14, dtype=np.int64)))
            if done == len(customers):
                return slots
            if self.customers >= len(self._slots):
                grown = np.empty((len(self._slots) * 3 // 2, pool.SLOT_WORDS), dtype=np.int64)
                grown[: self.customers] = self._slots[: self.customers]
                self._slots = grown
            else:
                self._make_directory(2 * len(self._table))

    def _make_directory(self, size: int) -> None:
        self._table = np.zeros(size, dtype=np.uint64)
        self._table_slots = np.full(size, -1, dtype=np.int32)
        passes.enter(self._table, self._table_slots, self.keys)


@lru_cache(maxsize=4)
def business_table(calendar: BankCalendar) -> NDArray[np.uint8]:
    """(CALENDAR_DAYS,) uint8: 1 on days on which the bank works; nobody writes to it, for books share it."""
    weekday = (np.arange(CALENDAR_DAYS) + 3) % 7  # 1970-01-01 was a Thursday
    table = (weekday < 5).astype(np.uint8)
    for number in np.flatnonzero(table).tolist():
        if day_of(number) in calendar.holidays:
            table[number] = 0
    return table


def _shards(customers: int) -> int:
    return -(-customers // SHARD)


def _of_shard(slots: NDArray[np.int64], shard: int) -> NDArray[np.int64]:
    return slots[shard * SHARD : (shard + 1) * SHARD]


def _pieces(slots: NDArray[np.int64], most: int) -> Iterator[tuple[int, int, int]]:
    """Runs of slots of one shard, no longer than `most`: (shard, start, past)."""
    shards = slots // SHARD
    changes = np.flatnonzero(np.diff(shards)) + 1
    for start, past in pairwise([0, *changes.tolist(), len(slots)]):
        for begin in range(start, past, most):
            yield int(shards[begin]), begin, min(begin + most, past)


def _rows_pieces(slots: NDArray[np.int64], first: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Runs of slots of one shard with no more than BLOCK rows, or one slot's: (shard, start, past)."""
    shards = slots // SHARD
    start = 0
    while start < len(slots):
        past = int(np.searchsorted(first, first[start] + BLOCK, side="right")) - 1
        past = min(max(past, start + 1), int(np.searchsorted(shards, shards[start], side="right")))
        yield int(shards[start]), start, past
        start = past


def _nothing(day: int, slots: NDArray[np.int64], values: Floats) -> None:
    """A replay without cuts has nothing to give."""


def _power_of_two(at_least: int) -> int:
    return 1 << max(9, (at_least - 1).bit_length())
