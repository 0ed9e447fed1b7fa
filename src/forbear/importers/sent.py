"""Events that are sent to a running deployment: forbear's own form, one a line, in the order received.

What an import refuses is refused here, and what would not follow upon the log. Unlike an import it takes the close
of a day, once that day is over: nobody else can say that a feed is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from forbear.domain.deployment import Deployment
from forbear.domain.errors import InvalidEvent
from forbear.domain.events import DayClosed, Event, checked
from forbear.importers.base import ImportReport, Place, Refusal
from forbear.importers.days import LocalDays
from forbear.importers.events import Door, Fact, own_event
from forbear.importers.lines import Line, Meter, lines_of


class SentEvents:
    """Reads events that are to be put behind a log.

    last: when the log's last event was received.  now: gives the instant that a record is stamped with, never before
    the last; None keeps what the records say, and refuses what goes back.
    """

    def __init__(self, deployment: Deployment, last: datetime, now: Callable[[], datetime] | None, door: Door) -> None:
        self._days = LocalDays(deployment.time_zone)
        self._door = door
        self._last = last
        self._now = now

    def read(self, path: Path, report: ImportReport, meter: Meter) -> Iterator[Event]:
        """The events of one file, in its order. Bad records go to `report`. Raises ConfigError for an unusable file."""
        report.rows[path.name] += 0
        for line in lines_of(path, meter):
            if not line.data:
                continue
            report.rows[path.name] += 1
            try:
                event = self._admitted(line)
            except InvalidEvent as error:
                report.refuse(Refusal.of(error, Place(path.name, line.number, line.data.decode("utf-8", "replace"))))
                continue
            self._last = event.received_at
            yield event

    def _admitted(self, line: Line) -> Fact | DayClosed:
        if self._now is None:
            event = own_event(line)
            if event.received_at < self._last:
                raise InvalidEvent(
                    f"received before {self._last.isoformat()}, when the event in front of it was",
                    field="received_at",
                    code="received_before",
                )
        else:
            at = max(self._now(), self._last)
            event = msgspec.structs.replace(_stamped(line, at), received_at=at)
            checked(event)
        if isinstance(event, DayClosed) and self._days.day(event.received_at) <= event.day:
            raise InvalidEvent(f"{event.day} was not over when this was received", field="day", code="not_over")
        return self._door.admit(event)


def _stamped(line: Line, at: datetime) -> Fact | DayClosed:
    """An event that may do without received_at."""
    try:
        return own_event(line)
    except InvalidEvent as error:
        if (error.code, error.field) != ("missing", "received_at"):
            raise
    stamp = f'{{"received_at":"{at.astimezone(UTC).isoformat()}",'.encode()
    return own_event(line._replace(data=line.data.replace(b"{", stamp, 1)))
