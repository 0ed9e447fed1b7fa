"""A worker on its log: started from what is there, run, recorded, kept.

Start and recovery are one path: the newest snapshot, then the log from there on. What is recorded already is worked
through again in silence, and must arrive at the same audit chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.domain.events import Instructed
from forbear.engine.backfill import Feed, Progress, earlier_misses
from forbear.engine.commits import START, records_behind, require_link
from forbear.engine.draft import behind
from forbear.engine.findings import Answered, Update
from forbear.engine.follower import Follower, changes_in
from forbear.engine.keeping import become, kept_of
from forbear.engine.misses import misses_in
from forbear.engine.outputs import Named, Outputs, Position
from forbear.engine.ports import Scanned, Snapshots, Source, Store
from forbear.engine.recovery import resume
from forbear.engine.worker import Worker
from forbear.features.columns import EventKind
from forbear.features.local_time import local_time

KEEP_EVENTS = 500_000
"""A snapshot is taken at the first close of a day after so many events."""


class Stepped(NamedTuple):
    """What one step did. events: taken in.  predictions, decisions: recorded.  silent: it only caught up."""

    events: int
    predictions: int
    decisions: int
    silent: bool


@dataclass(slots=True)
class Running:
    """A worker with its log, its store and its snapshots.

    wait: returns when everything given to the store is recorded; a store that records at once needs none.
    """

    worker: Worker
    source: Source
    store: Store
    snapshots: Snapshots
    keep_events: int = KEEP_EVENTS
    wait: Callable[[], None] = lambda: None
    _kept_at: int = field(default=0, init=False)
    _position: Position = field(default=START, init=False)
    _linked: bool = field(default=False, init=False)
    _closed: bool = field(default=False, init=False)

    def start(
        self, feed: Feed, history: Snapshots, before: Sequence[Instructed] = (), progress: Progress | None = None
    ) -> None:
        """Bring the worker to where its newest snapshot stands, or through the history if there is none.

        history: snapshots of the archive's ledgers. Nothing of the history is scored, nobody is contacted for it.
        before: what was told before the first start; it is in force from the first event of the log on.
        Raises CorruptState where records exist of which neither snapshot nor beginning is known any more.
        """
        self._position = self.store.position()
        kept = self.snapshots.latest(self._position.offset)  # one that stands further tells of what the store forgot
        if kept is not None:
            become(self.worker, kept)
            self.worker.lane.recorder.follow(records_behind(self.store, self.worker.lane.recorder.head))
        elif self._position not in (START, Position(feed.archive.next_offset)):
            raise CorruptState(
                "the worker has recorded something, and all of its snapshots are gone",
                mend="restore the folder worker/ of the home from a backup",
            )
        else:
            begin(self.worker, feed, history, progress)
            self.worker.lane.recorder.follow(records_behind(self.store, self.worker.lane.recorder.head))
            first = behind(self.worker.told(before), self._position)
            if first is not None:
                self._record(replace(first, customers=_known(self.worker, feed)))
            self.keep()
        self._kept_at = self.worker.position
        self.source.seek(self.worker.position)

    def step(self, limit: int) -> Stepped | None:
        """Take in up to so many events and record what they give; None where there are none yet, all recorded."""
        scanned = self.source.poll(limit)
        if scanned is None:
            self.wait()
            return None
        predictions, decisions, silent = 0, 0, True
        for part in self._parted(scanned):
            for outputs in self.worker.process(part):
                fresh = behind(outputs, self._position)
                if fresh is not None:
                    silent = False
                    self._record(fresh)
                    predictions += len(fresh.predictions or ())
                    decisions += len(fresh.decisions)
            self._closed = bool(part.batch.kind[-1] == EventKind.DAY_CLOSED)
            if self._closed and not self.catching_up and self.worker.position - self._kept_at >= self.keep_events:
                self.keep()
        return Stepped(len(scanned.batch), predictions, decisions, silent)

    def keep(self) -> None:
        """Take a snapshot. The last event must have been the close of a day, or none."""
        self.store.settle()  # or a crash could leave a snapshot of what was never recorded
        self.snapshots.save(kept_of(self.worker))
        self._kept_at = self.worker.position

    @property
    def catching_up(self) -> bool:
        """Whether what comes next is recorded already."""
        return Position(self.worker.position) < self._position

    @property
    def at_close(self) -> bool:
        """Whether the last event was the close of a day: nothing is pending, and a snapshot may be taken."""
        return self._closed

    @property
    def kept_at(self) -> int:
        """The offset of the newest snapshot."""
        return self._kept_at

    @property
    def position(self) -> Position:
        """Up to where the log is recorded."""
        return self._position

    def _parted(self, scanned: Scanned) -> Iterator[Scanned]:
        """The events, parted behind each close of a day at which a snapshot is due."""
        start, end = 0, len(scanned.batch)
        closes = np.flatnonzero(scanned.batch.kind == EventKind.DAY_CLOSED) + 1
        while start < end:
            due = closes[(closes > start) & (closes + scanned.offset - self._kept_at >= self.keep_events)]
            stop = int(due[0]) if len(due) else end
            yield scanned.sliced(start, stop)
            start = stop

    def _record(self, outputs: Outputs) -> None:
        if outputs.audit and not self._linked:
            require_link(self.store, outputs.audit[0], "the log")
            self._linked = True
        if self._position == START:  # the first there is follows on nothing, wherever the log begins
            outputs = replace(outputs, after=START)
        self.store.commit(outputs)
        self._position = outputs.until


def _known(worker: Worker, feed: Feed) -> tuple[Named, ...]:
    """Those whom the history has met, in the order of their slots."""
    ids, last = feed.archive.customers(), worker.position - 1
    keys = worker.follower.scorer.book.keys.tolist()
    return tuple(Named(key, ids[key], slot, last) for slot, key in enumerate(keys))


def begin(worker: Worker, feed: Feed, history: Snapshots, progress: Progress | None = None) -> None:
    """Bring a new worker through the archive: ledgers, recent misses, and what is known of the customers."""
    for changes in begin_follower(worker.follower, feed, history, progress):
        worker.lane.grow(worker.follower.scorer.book.customers)
        worker.lane.intervenor.standing.heed(changes)


def begin_follower(
    follower: Follower, feed: Feed, history: Snapshots, progress: Progress | None = None
) -> Iterator[list[Update | Answered]]:
    """Bring a new follower through the archive; the updates and answers of customers on the way, in log order."""
    book, zone, archive = follower.scorer.book, local_time(feed.deployment.time_zone), feed.archive
    start = resume(book, history, archive.next_offset)
    if start and archive.closed_day is not None:
        for told in earlier_misses(feed, archive.closed_day, start):
            follower.scorer.misses.add(told)
    for offset, columns, batch in archive.scan(zone):
        past = offset + len(batch)
        if past > start:
            tail = slice(max(start - offset, 0), None)
            own = batch.slice(max(start - offset, 0), len(batch))
            book.fold(own)
            first = max(offset, start)
            follower.scorer.misses.add(misses_in(feed.deployment.miss, columns.take(tail), own, zone, first))
        yield list(changes_in(columns, batch, book, offset))
        follower.clock_us = max(follower.clock_us, int(batch.received_us.max()))
        if progress is not None:
            progress(past)
    follower.scorer.misses.forget_before(book.open_day)
    follower.position = archive.next_offset
