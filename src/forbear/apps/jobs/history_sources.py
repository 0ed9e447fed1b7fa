"""Where a feed takes events from, in the order received: a home's archive and log, or a table of a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import dropwhile, takewhile
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from forbear.adapters.event_rows import EventTable
from forbear.apps.home import Home
from forbear.domain.events import Event
from forbear.features.columns import events_of, instant, micros

_LONGEST_ID = 64
_IDS = ("transaction_id", "update_id", "outcome_id", "instruction_id", "reverses")
_TIMES = ("booked_at", "received_at", "day", "due_on", "paid_on")


class Past(Protocol):
    """What happened, to be told again."""

    def read(self, at: int) -> Iterator[tuple[int, Event]]:
        """Events from a position on, each with the position behind it."""
        ...

    def bounds(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of all were received; None if there are none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """Which events are meant: received from the first instant of a day to the last of another; None for no bound."""

    zone: ZoneInfo
    first: date | None = None
    last: date | None = None

    @property
    def start(self) -> datetime | None:
        """From when on."""
        return None if self.first is None else datetime.combine(self.first, time(), self.zone)

    @property
    def end(self) -> datetime | None:
        """Before when."""
        return None if self.last is None else datetime.combine(self.last + timedelta(days=1), time(), self.zone)

    def of(self, events: Iterator[tuple[int, Event]]) -> Iterator[tuple[int, Event]]:
        """Those of events in the order received."""
        start, end = self.start, self.end
        if start is not None:
            events = dropwhile(lambda one: one[1].received_at < start, events)
        if end is not None:
            events = takewhile(lambda one: one[1].received_at < end, events)
        return events

    def clipped(self, first: datetime, last: datetime) -> tuple[datetime, datetime]:
        """The bounds of those of events that were received from `first` to `last`."""
        return max(first, self.start or first), min(last, self.end or last)


@dataclass(frozen=True, slots=True)
class PastOfHome:
    """Archive and log of a home. A position is an offset."""

    home: Home
    between: Between

    def read(self, at: int) -> Iterator[tuple[int, Event]]:
        """Events from an offset on."""
        history = self.home.history
        start = self.between.start
        first = max(at, 0 if start is None else history.offset_since(micros(start)))
        return self.between.of(self._from(first))

    def bounds(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of all were received."""
        past = self.home.history.next_offset
        if not past:
            return None
        with closing(self.home.source()) as source:
            live = source.end > self.home.archive.next_offset
            last_us = int(source.read(past - 1, past).received_us[0]) if live else self.home.archive.received_us
        first_us = int(next(self.home.history.read(0)).received_us[0])
        return self.between.clipped(instant(first_us), instant(last_us))

    def _from(self, offset: int) -> Iterator[tuple[int, Event]]:
        for columns in self.home.history.read(offset):
            for event in events_of(columns):
                offset += 1
                yield offset, event


@dataclass(frozen=True, slots=True)
class PastOfTable:
    """A table of a database. A position is a number of rows."""

    url: str
    table: str
    between: Between

    def read(self, at: int) -> Iterator[tuple[int, Event]]:
        """Events from a row on."""
        with closing(EventTable(self.url, self.table)) as rows:
            yield from self.between.of(enumerate(rows.read(at), at + 1))

    def bounds(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of all were received."""
        with closing(EventTable(self.url, self.table)) as rows:
            found = rows.bounds()
        return None if found is None else self.between.clipped(*found)


def told_again(event: Event, turn: int, days: int) -> Event:
    """An event as it would have happened so many days later, under ids of its own: the turn's, 1 for the first.

    Days are of 24 hours. An id that would grow too long is replaced by a hash. Turn 0 is the event itself.
    """
    if turn == 0:
        return event
    changed: dict[str, Any] = {}
    for name in _TIMES:
        if (value := getattr(event, name, None)) is not None:
            changed[name] = value + timedelta(days=days)
    for name in _IDS:
        if (value := getattr(event, name, None)) is not None:
            longer = f"{value}~{turn}"
            changed[name] = longer if len(longer) <= _LONGEST_ID else sha256(longer.encode()).hexdigest()
    return msgspec.structs.replace(event, **changed)


def days_of(first: datetime, last: datetime) -> int:
    """Days from one telling of a stretch to the next: whole weeks, so that days of the week stay what they are."""
    return -(-((last.astimezone(UTC).date() - first.astimezone(UTC).date()).days + 1) // 7) * 7
