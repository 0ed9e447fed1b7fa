"""The book as a stressed window begins: folded once, and gone on from for every scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from forbear.engine.backfill import Feed
from forbear.engine.ports import Kept, Scanned
from forbear.features.batch import ORDER
from forbear.features.book import Book
from forbear.features.columns import EventKind, day_number
from forbear.features.compute import FeatureSet
from forbear.features.local_time import DAY_US, LocalTime, local_time


@dataclass(slots=True)
class Onset:
    """What is known as a window begins, kept in memory.

    day, since_us: the window's first day, bank-local, and its first instant.  kept: None where nothing was received
    before it.  updates: order and JSON of the newest customer update that was booked by then, by customer key.
    """

    day: int
    since_us: int
    kept: Kept | None = None
    updates: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    @property
    def offset(self) -> int:
        """Of the first event that the fold left out."""
        return self.kept.offset if self.kept else 0

    def save(self, kept: Kept) -> None:
        """Keep a book in the place of the one before."""
        self.kept = kept

    def latest(self, up_to: int | None = None) -> Kept | None:
        """The book, if it stands for no more than `up_to` events."""
        return self.kept if self.kept and (up_to is None or self.kept.offset <= up_to) else None

    def note(self, scanned: Scanned) -> None:
        """Take in the customer updates of a batch that were booked by the time the window begins."""
        columns, batch = scanned.columns, scanned.batch
        known = (columns.kind == EventKind.CUSTOMER) & (columns.booked_us <= self.since_us)
        for row in np.flatnonzero(known).tolist():
            key, order = int(batch.customer[row]), int(batch.record[row, ORDER])
            if key not in self.updates or self.updates[key][0] < order:
                self.updates[key] = (order, bytes(columns.payload[row]))


def onset_at(feed: Feed, first_day: int, closed: int) -> Onset:
    """Fold what was received before the first instant of a bank-local day.

    An update that was booked by then is noted if it was received by the close of a later day.
    """
    zone = local_time(feed.deployment.time_zone)
    onset = Onset(first_day, _utc_us(zone, first_day * DAY_US))
    book = Book(FeatureSet.standard(), day_number(feed.deployment.opens_on), feed.calendar)
    offset = 0
    for scanned in until_close(feed.archive.scan(zone), closed):
        rows = int(np.searchsorted(np.maximum.accumulate(scanned.batch.received_us), onset.since_us))
        if rows:
            book.fold(scanned.batch.slice(0, rows))
            offset = scanned.offset + rows
        onset.note(scanned)
    if offset:
        onset.save(Kept(book.state(), offset, book.layout_hash(), book.features.hash))
    return onset


def until_close(history: Iterable[Scanned], closed: int) -> Iterator[Scanned]:
    """What was received up to the close of a day, which is the last of it."""
    for scanned in history:
        batch = scanned.batch
        ends = np.flatnonzero((batch.kind == EventKind.DAY_CLOSED) & (batch.day >= closed))
        yield scanned.sliced(0, int(ends[0]) + 1) if len(ends) else scanned
        if len(ends):
            return


def _utc_us(zone: LocalTime, wanted_us: int) -> int:
    """The instant at which clocks show a local time; one that they skip counts from before the change."""
    found = wanted_us
    for _ in range(2):
        shown = int(zone.local_us(np.array([found]))[0])
        found = wanted_us - (shown - found)
    return found
