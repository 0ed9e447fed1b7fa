"""A history under a shock: the last days of another one, transformed as they are read; what came before is as it was.

Columns in, columns out: whatever folds a history folds this one, with the same kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

import msgspec
import numpy as np

from forbear.domain.events import CustomerUpdated, encode
from forbear.engine.backfill import BookAt, Feed, book_at
from forbear.engine.ports import History, Scanned
from forbear.engine.shocked_moments import Int64s, accounts_of
from forbear.engine.shocked_onset import Onset, until_close
from forbear.engine.shocked_rows import LARGEST_MINOR, SALARIES, Bools, Rule
from forbear.engine.shocked_survey import UPDATES, Surveyed
from forbear.features.batch import ACCOUNT, DAYS, IDENTITY, EventBatch, EventKeys, batch_of
from forbear.features.columns import NO_AMOUNT, EventColumns, EventKind, columns_of, instant, joined
from forbear.features.local_time import LocalTime

UPDATE_ID = "stress"
"""Of the updates that say what obligations cost from the window's first instant on."""
_UPDATES_AT_ONCE = 10_000
_ROWS_AT_ONCE = 1 << 16
"""Bounds the memory that a batch takes while it is transformed."""
_NOT_LATE = -1


@dataclass(frozen=True, slots=True)
class Shocked:
    """A history whose window is shocked. It ends with the close of a day.

    Its offsets are its own: an update for everybody with a shocked obligation comes in as the window begins, and what
    is late stands where it arrives, or nowhere if that is behind the end. `read` gives what was.
    """

    history: History
    onset: Onset
    found: Surveyed
    closed: int

    @property
    def next_offset(self) -> int:
        """An offset that no event of it has."""
        return self.history.next_offset + len(self.found.obliged)

    @property
    def closed_day(self) -> int | None:
        """The day whose close ends it."""
        return self.closed

    def offset_since(self, received_us: int) -> int:
        """An offset before which nothing was received at or after an instant [microseconds UTC]."""
        return min(self.history.offset_since(received_us), self.onset.offset)

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches in log order from an offset on."""
        begin = min(start, self.onset.offset)
        flow = _Flow(self.found, zone, begin)
        for scanned in until_close(self.history.scan(zone, begin), self.closed):
            for part in (given for piece in _pieces(scanned) for given in flow.take(piece)):
                skipped = max(start - part.offset, 0)
                if skipped < len(part.batch):
                    yield part.sliced(skipped, len(part.batch))

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """Every column of what was, unshocked."""
        return self.history.read(start)

    def customers(self) -> Mapping[int, str]:
        """Customer id by key."""
        return self.history.customers()


def _pieces(scanned: Scanned) -> Iterator[Scanned]:
    for first in range(0, len(scanned.batch), _ROWS_AT_ONCE):
        yield scanned.sliced(first, min(first + _ROWS_AT_ONCE, len(scanned.batch)))


def book_under(feed: Feed, onset: Onset, found: Surveyed, closed: int) -> BookAt:
    """The book at a close as it would be under a shock. Raises NotEnoughData for a day that was never closed."""
    shocked = Feed(Shocked(feed.archive, onset, found, closed), feed.deployment, feed.calendar)
    return book_at(shocked, None, snapshots=onset)


def dearer(update: CustomerUpdated, rule: Rule) -> CustomerUpdated:
    """The update with what its obligations cost under a shock."""
    return msgspec.structs.replace(
        update,
        obligations=tuple(
            msgspec.structs.replace(
                owed,
                amount_minor=min(
                    owed.amount_minor + round(owed.amount_minor * rule.terms.dearer(owed, rule.shock, rule.on)),
                    LARGEST_MINOR,
                ),
            )
            for owed in update.obligations
        ),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """n rows on their way.  due_us: (n,) when each is received.  origin: (n,) offset in the history that was."""

    columns: EventColumns
    batch: EventBatch
    due_us: Int64s
    origin: Int64s

    def take(self, rows: Int64s | Bools) -> _Part:
        """Some rows, in this order."""
        return _Part(self.columns.take(rows), _batch([self.batch], rows), self.due_us[rows], self.origin[rows])

    def then(self, other: _Part) -> _Part:
        """These rows and then others, in which there is no customer update."""
        return _Part(
            joined([self.columns, other.columns]),
            _batch([self.batch, other.batch], slice(None)),
            np.concatenate([self.due_us, other.due_us]),
            np.concatenate([self.origin, other.origin]),
        )


def _batch(parts: list[EventBatch], rows: Int64s | Bools | slice) -> EventBatch:
    """Some rows of batches put one behind the other; the schedules are those of the first."""
    names = [f.name for f in fields(EventBatch) if f.name != "schedules"]
    columns = {name: np.concatenate([getattr(part, name) for part in parts])[rows] for name in names}
    return EventBatch(**columns, schedules=parts[0].schedules)


@dataclass(slots=True)
class _Flow:
    """One reading of a shocked history.

    offset: of what it gives next.  reached_us: when the last row so far was received.  begun: whether the window has.
    waiting: late rows that have not arrived.
    """

    found: Surveyed
    zone: LocalTime
    offset: int
    reached_us: int = 0
    begun: bool = False
    waiting: _Part | None = None

    def take(self, scanned: Scanned) -> Iterator[Scanned]:
        """What a batch becomes: its rows, and those that were late, in the order in which they are received."""
        due = np.maximum(np.maximum.accumulate(scanned.batch.received_us), self.reached_us)
        if not len(due) or due[-1] < self.found.rule.since_us:
            yield self._given(scanned.columns, scanned.batch)
            return
        self.reached_us = int(due[-1])
        part, later = self._shocked(scanned, due)
        if not self.begun:
            self.begun = True
            head = int(np.searchsorted(due, self.found.rule.since_us))
            if head:
                yield self._given(scanned.columns.take(slice(0, head)), scanned.batch.slice(0, head))
            part, later = part.take(np.arange(head, len(due))), later[head:]
            for columns in self._obliged():
                yield self._given(columns, batch_of(columns, self.zone))
        whole = self._in_order(part, later != _NOT_LATE)
        yield self._given(whole.columns, whole.batch)

    def _given(self, columns: EventColumns, batch: EventBatch) -> Scanned:
        given = Scanned(self.offset, columns, batch)
        self.offset += len(batch)
        return given

    def _in_order(self, part: _Part, late: Bools) -> _Part:
        """What of a batch, and of all that was late before it, is here by its end; the rest waits."""
        if self.waiting is not None and len(self.waiting.due_us):
            late = np.append(late, np.ones(len(self.waiting.due_us), dtype=np.bool_))
            part = part.then(self.waiting)
        here = ~late | (part.due_us <= self.reached_us)
        self.waiting = part.take(np.flatnonzero(~here))
        rows = np.flatnonzero(here)
        return part.take(rows[np.lexsort((part.origin[rows], part.due_us[rows]))])

    def _shocked(self, scanned: Scanned, due: Int64s) -> tuple[_Part, Int64s]:
        """The rows as the shock leaves them, and (n,) by how much each is late, _NOT_LATE for those that are not."""
        columns, batch, rule = scanned.columns, scanned.batch, self.found.rule
        held = self.found.held(rule.changes(columns, batch))
        more, later = np.zeros(len(batch), dtype=np.int64), np.full(len(batch), _NOT_LATE, dtype=np.int64)
        more[held.row] = held.more_minor
        salaries = held.part == SALARIES
        later[held.row[salaries]] = held.later_us[salaries]
        by = np.maximum(later, 0)
        rows = rule.within(columns, EventKind.TRANSACTION)
        shocked = replace(
            columns,
            booked_us=columns.booked_us + by,
            received_us=columns.received_us + by,
            amount_minor=columns.amount_minor + more,
            balance_after_minor=self._balances(scanned, rows, later),
        )
        batch = self._rebuilt(shocked, batch, rows)
        shocked, batch = self._owing(shocked, batch)
        return _Part(shocked, batch, due + by, scanned.offset + np.arange(len(due))), later

    def _balances(self, scanned: Scanned, rows: Int64s, later: Int64s) -> Int64s:
        """(n,) balances: each is off its course by what its account has moved, and a late entry finds another one."""
        columns, found = scanned.columns, self.found
        account, booked, sequence = accounts_of(scanned.batch, rows), columns.booked_us[rows], columns.sequence[rows]
        told, late = columns.balance_after_minor[rows], later[rows] != _NOT_LATE
        by = np.maximum(later[rows], 0)
        base = told.copy()
        there, between = found.arrival(account[late], booked[late], sequence[late], by[late])
        base[late] = np.where(between, there, told[late])
        moved = np.clip(base + found.off_course(account, booked + by, sequence), -LARGEST_MINOR, LARGEST_MINOR)
        balances = columns.balance_after_minor.copy()
        balances[rows] = np.where(told == NO_AMOUNT, NO_AMOUNT, moved)
        return balances

    def _rebuilt(self, columns: EventColumns, batch: EventBatch, rows: Int64s) -> EventBatch:
        """The batch with what shocked columns say in some rows, which are transactions."""
        names = (batch.record[rows, name].view(np.uint64) for name in (IDENTITY, ACCOUNT))
        identity, account = names
        keys = EventKeys(customer=batch.customer[rows], identity=identity, account=account)
        fresh = batch_of(columns.take(rows), self.zone, keys)
        day, record = batch.day.copy(), batch.record.copy()
        day[rows], record[rows] = fresh.day, fresh.record
        return replace(batch, received_us=columns.received_us, day=day, record=record)

    def _owing(self, columns: EventColumns, batch: EventBatch) -> tuple[EventColumns, EventBatch]:
        """The same with what obligations cost in updates of the window."""
        rows = self.found.rule.within(columns, EventKind.CUSTOMER)
        if not len(rows):
            return columns, batch
        updates = [dearer(UPDATES.decode(columns.payload[row]), self.found.rule) for row in rows.tolist()]
        texts = np.array([encode(update) for update in updates])
        payload = columns.payload.astype(max(columns.payload.dtype, texts.dtype, key=lambda dtype: dtype.itemsize))
        payload[rows] = texts
        amounts = batch.schedules.amount_minor.copy()
        for number, update in zip((batch.record[rows, DAYS] >> 32).tolist(), updates, strict=True):
            after = int(batch.schedules.first[number]) + 1  # the first row marks the update itself
            amounts[after : after + len(update.obligations)] = [owed.amount_minor for owed in update.obligations]
        schedules = batch.schedules._replace(amount_minor=amounts)
        return replace(columns, payload=payload), replace(batch, schedules=schedules)

    def _obliged(self) -> Iterator[EventColumns]:
        """Updates that say what obligations cost as the window begins."""
        rule = self.found.rule
        at = instant(rule.since_us)
        for first in range(0, len(self.found.obliged), _UPDATES_AT_ONCE):
            some = self.found.obliged[first : first + _UPDATES_AT_ONCE]
            told = {"update_id": UPDATE_ID, "booked_at": at, "received_at": at}
            yield columns_of([msgspec.structs.replace(dearer(update, rule), **told) for update in some])
