"""A history in memory that a shock is put on, for the tests of shocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forbear.apps.package_data import shipped
from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.events import Event
from forbear.engine.backfill import BookAt, Feed
from forbear.engine.ports import Scanned
from forbear.engine.shocked import Shocked, book_under
from forbear.engine.shocked_onset import onset_at
from forbear.engine.shocked_survey import Surveyed, survey
from forbear.engine.shocked_terms import Shock, parse_stress
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, EventKind, columns_of, joined
from forbear.features.hashing import keys_of
from forbear.features.local_time import LocalTime, local_time
from forbear.testing.builders import START

TERMS = parse_stress(shipped("stress.toml"))


WINDOW = 60


@dataclass(frozen=True)
class Told:
    """A history in memory, with the names, in batches of so many events."""

    log: EventColumns
    size: int

    @property
    def next_offset(self) -> int:
        """How many events there are."""
        return len(self.log)

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed."""
        return int(self.log.day[self.log.kind == EventKind.DAY_CLOSED].max())

    def offset_since(self, received_us: int) -> int:
        """The first event received at or after an instant."""
        return int(np.searchsorted(np.maximum.accumulate(self.log.received_us), received_us))

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches from an offset on."""
        for first in range(start, len(self.log), self.size):
            part = self.log.take(slice(first, first + self.size))
            yield Scanned(first, part, batch_of(part, zone))

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """The same as columns."""
        yield self.log.take(slice(start, None))

    def customers(self) -> Mapping[int, str]:
        """Names by key."""
        names = np.unique(self.log.customer_id)
        return dict(zip(keys_of(names).tolist(), (name.decode() for name in names), strict=True))


@dataclass(frozen=True)
class Stressed:
    """A feed, its last closed day, and what a shock of its window makes of it."""

    feed: Feed
    day: int
    shocked: Shocked
    found: Surveyed

    @classmethod
    def of(cls, feed: Feed, shock: Shock, window: int = WINDOW, back: int = 0) -> Stressed:
        """The window that ends so many days before the last close."""
        day = (feed.archive.closed_day or 0) - back
        onset = onset_at(feed, day - window + 1, day)
        found = survey(feed, onset, shock, TERMS, day)
        return cls(feed, day, Shocked(feed.archive, onset, found, day), found)

    @property
    def zone(self) -> LocalTime:
        """The bank's."""
        return local_time(self.feed.deployment.time_zone)

    def book(self) -> BookAt:
        """The book under the shock."""
        return book_under(self.feed, self.shocked.onset, self.found, self.day)

    def parts(self) -> list[Scanned]:
        """All of the shocked history."""
        return list(self.shocked.scan(self.zone))

    def columns(self) -> EventColumns:
        """Its columns."""
        return joined([part.columns for part in self.parts()])

    @property
    def was(self) -> EventColumns:
        """The columns of the history that is shocked, up to the same close."""
        log = next(self.feed.archive.read())
        [end] = np.flatnonzero((log.kind == EventKind.DAY_CLOSED) & (log.day == self.day))
        return log.take(slice(0, int(end) + 1))


def feed_of(log: Sequence[Event], size: int = 1_000) -> Feed:
    """A feed of some events in the order in which they were received."""
    rules = Deployment(
        source="small", currency="EUR", time_zone="UTC", opens_on=START, miss=MissDefinition(kind="missed_payment")
    )
    ordered = sorted(log, key=lambda event: event.received_at)
    return Feed(Told(columns_of(ordered), size), rules, BankCalendar())
