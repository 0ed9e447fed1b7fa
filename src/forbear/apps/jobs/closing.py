"""Close the days of a home: one producer of closes, which waits until the feed of a day is complete."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from forbear.adapters.disk import nobody_holds, storage_errors
from forbear.adapters.log_segments import LOCK
from forbear.apps.home import Home
from forbear.apps.jobs.orders import Order
from forbear.apps.telemetry import Journal
from forbear.domain.errors import ConfigError, StorageError
from forbear.domain.events import DayClosed, checked
from forbear.domain.terms import Instruction
from forbear.engine.closing import QUARTERS, Answer, Arrivals, ClosingRule, Complete, Reason, Waiting, assess, is_due
from forbear.engine.ports import Sink
from forbear.features.columns import columns_of, day_number, day_of, instant, micros
from forbear.features.local_time import local_time

_READ_AT_ONCE = 65_536
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Looked:
    """An open day as somebody found it. day: since 1970.  closed: whether its close stands behind the log now."""

    day: int
    answer: Answer
    closed: bool


class Closer:
    """Knows what has come, by days, from archive and log; publishes closes behind the log, and locks it only then.

    Raises what reading archive and log raises.
    """

    def __init__(self, home: Home, rule: ClosingRule) -> None:
        self._home, self._rule = home, rule
        self._zone, self._calendar = local_time(home.deployment.time_zone), home.feed.calendar
        self._arrivals = Arrivals.archived(home.archive, self._zone, rule)
        self._source = home.source()
        try:
            self._source.seek(self._arrivals.next_offset)
            self._catch_up()
        except BaseException:
            self.close()
            raise

    @property
    def open_day(self) -> int:
        """The day behind the last close [days since 1970]."""
        closed = self._arrivals.closed_day
        return day_number(self._home.deployment.opens_on) if closed is None else closed + 1

    def look(self, now: datetime) -> Looked:
        """The open day as it stands now."""
        self._catch_up()
        day = self.open_day
        if not is_due(day, micros(now), self._zone, self._rule.grace_minutes):
            return Looked(day, Waiting(Reason.NOT_OVER, int(self._arrivals.of(day).sum()), None), closed=False)
        return Looked(day, assess(self._arrivals, day, self._calendar, self._rule), closed=False)

    def close_next(self, now: datetime, forced_by: str = "") -> Looked:
        """Close the open day if its feed is complete, or somebody takes it upon them: who that is goes on the log too.

        Looked at once more under the lock, so that nothing comes between the look and the close. Raises ConfigError for
        a day by force that is not over, StorageError where another process writes to the log.
        """
        looked = self.look(now)
        if forced_by and not is_due(looked.day, micros(now), self._zone, 0):
            raise ConfigError(f"{day_of(looked.day)} is not over yet", mend="a day is closed after its end")
        if not (forced_by or isinstance(looked.answer, Complete)):
            return looked
        with closing(self._home.sink()) as sink:
            again = self.look(now)
            if again.day != looked.day or not (forced_by or isinstance(again.answer, Complete)):
                return again
            _publish(sink, again.day, now, forced_by)
        return Looked(again.day, again.answer, closed=True)

    def close(self) -> None:
        """Let go of the log."""
        self._source.close()

    # ---- inside

    def _catch_up(self) -> None:
        while (scanned := self._source.poll(_READ_AT_ONCE)) is not None:
            self._arrivals.add(scanned)


class Tending:
    """Closes due days while a worker runs. seconds: a clock that never goes back.  now: the time."""

    def __init__(
        self, closer: Closer, journal: Journal, seconds: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self._closer, self._journal, self._seconds, self._now = closer, journal, seconds, now
        self._next = seconds()
        self._noted: tuple[int, Reason] | None = None

    def tend(self, log_is_free: Callable[[], bool]) -> None:
        """Look, every few seconds, and close what may be closed; note in the journal what is waited for, once."""
        if self._seconds() < self._next or not log_is_free():
            return
        self._next = self._seconds() + _LOOK_SECONDS
        try:
            looked = self._closer.close_next(self._now())
        except StorageError as error:  # the close can wait, and the worker need not
            self._journal.note("close_failed", why=str(error))
            return
        if looked.closed:
            self._journal.note("closed", **told_of(looked))
            self._next = self._seconds()
            return
        if isinstance(looked.answer, Waiting) and looked.answer.reason is not Reason.NOT_OVER:
            if self._noted != (looked.day, looked.answer.reason):
                self._journal.note("waiting", **told_of(looked))
            self._noted = looked.day, looked.answer.reason


def log_is_free(home: Home) -> bool:
    """Whether nobody writes to the log just now. Raises StorageError."""
    with storage_errors(f"cannot read {home.log()}"), nobody_holds(home.log() / LOCK) as free:
        return free


def told_of(looked: Looked) -> dict[str, Any]:
    """An open day in facts, for the journal and for scripts."""
    answer = looked.answer
    waits = answer if isinstance(answer, Waiting) else None
    return {
        "day": day_of(looked.day).isoformat(),
        "closed": looked.closed,
        "waits_for": None if waits is None else str(waits.reason),
        "count": answer.came,
        "typical": answer.typical,
        "hours": None if waits is None or waits.quarter is None else _hours(waits.quarter),
    }


def in_words(looked: Looked) -> str:
    """Why an open day waits, in one sentence; "" where it does not."""
    answer = looked.answer
    match answer:
        case Waiting(Reason.NOT_OVER):
            return f"{day_of(looked.day)} is not over yet, or its grace is not"
        case Waiting(_, count, None):
            return f"{count:,} transactions of {day_of(looked.day)} have come, and nothing is known of such days yet"
        case Waiting(_, count, typical, quarter):
            when = "" if quarter is None else f" from {_hours(quarter)}"
            return f"{count:,} transactions of {day_of(looked.day)}{when} have come, on such days {typical:,.0f} do"
    return ""


def _hours(quarter: int) -> str:
    length = 24 // QUARTERS
    return f"{quarter * length:02}:00 to {(quarter + 1) * length:02}:00"


def _publish(sink: Sink, day: int, now: datetime, forced_by: str) -> None:
    """Put a close behind the log, and before it who forced it, both or neither."""
    received = max(now, instant(sink.received_us))
    close = DayClosed(partition=0, day=day_of(day), received_at=received)
    if not forced_by:
        sink.publish(columns_of([checked(close)]))
        return
    force = Order(instruction=Instruction.FORCE_CLOSE, by=forced_by, now=now).event(received, about=day)
    sink.publish(columns_of([force, checked(close)]))
