"""The days that a synthetic bank was kept waiting for happen, at a pace, while somebody looks.

They are events of the same customers that `day_by_day` put aside; the worker of the home, the interface and their log
are those that run for a bank. Nothing is read twice: the log itself says how far they have happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np

from forbear.adapters.log import FileSource
from forbear.apps.home import Home
from forbear.apps.jobs.day_by_day import AHEAD, AHEAD_TOPIC, ClosedDay
from forbear.apps.telemetry import Journal
from forbear.domain.errors import ConfigError, StorageError
from forbear.engine.ports import Origin
from forbear.engine.router import received_from
from forbear.features.columns import EventKind
from forbear.features.local_time import local_time

_TURN_SECONDS = 0.25
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 86_400.0
_BUSY_TURNS = 240
"""So many turns in a row another process may be writing to the log."""
_LIMIT = 16_384


@dataclass(frozen=True, slots=True)
class FlowRequest:
    """How fast. day_seconds: that a day of the bank takes, [1, 86,400]. Raises ConfigError outside."""

    day_seconds: float = 180.0

    def __post_init__(self) -> None:
        if not _LEAST_SECONDS <= self.day_seconds <= _MOST_SECONDS:
            raise ConfigError(
                f"a day of {self.day_seconds} seconds", mend=f"choose {_LEAST_SECONDS:g} to {_MOST_SECONDS:g}"
            )


class Left(NamedTuple):
    """What has not happened yet. events: so many.  days: that end with a close."""

    events: int
    days: int


@dataclass(frozen=True, slots=True)
class FlowWorld:
    """What a flow asks of the world. seconds: a clock that never goes back.  wait: so long; whether it is to end.

    closed: told of each day whose close is in the log.
    """

    seconds: Callable[[], float]
    wait: Callable[[float], bool]
    closed: Callable[[ClosedDay], None] = lambda _: None


def flow(home: Home, request: FlowRequest, world: FlowWorld, journal: Journal) -> Left:
    """Have one day after the other happen, each with its close, until nothing is left or an end is asked for.

    Behind a close the world hears of it. Answers what is left. Events of a day are spread evenly over it. What others
    wrote to the log meanwhile stays; what would then have been received before it counts as received with it. Raises
    ConfigError for a home that has no such days, StorageError where another process keeps the log to itself.
    """
    with closing(_ahead(home)) as ahead:
        stretches = _stretches(ahead, _happened(home, ahead))
        pouring = _Pouring(home, ahead, world)
        for number, (first, past) in enumerate(stretches):
            left = _left(stretches[number:])
            journal.note("flowing", events=past - first, days_left=left.days)
            if (at := pouring.pour(first, past, request.day_seconds)) < past:
                return Left(left.events - (at - first), left.days)
            world.closed(_close_at(ahead, past))
    journal.note("used_up")
    return Left(0, 0)


def left_ahead(home: Home) -> Left:
    """What has not happened yet; nothing for a home without such days. To ask changes nothing but a torn end."""
    if not (home.folder / AHEAD).exists():
        return Left(0, 0)
    with closing(_ahead(home)) as ahead:
        return _left(_stretches(ahead, _happened(home, ahead)))


class _Pouring:
    """Moves events from the one log to the other."""

    def __init__(self, home: Home, ahead: FileSource, world: FlowWorld) -> None:
        self._home, self._ahead, self._world = home, ahead, world

    def pour(self, first: int, past: int, seconds: float) -> int:
        """The events from first to past over so many seconds; answers how far it came."""
        begun, at, busy = self._world.seconds(), first, 0
        while at < past:
            if self._world.wait(_TURN_SECONDS):
                return at
            share = min(1.0, (self._world.seconds() - begun) / seconds)
            until = min(first + ceil(share * (past - first)), at + _LIMIT)
            if until > at:
                try:
                    self._publish(at, until)
                    at, busy = until, 0
                except StorageError:  # somebody else writes; it is for a moment
                    busy += 1
                    if busy > _BUSY_TURNS:
                        raise
        return at

    def _publish(self, first: int, past: int) -> None:
        with closing(self._home.sink()) as sink:
            columns = received_from(self._ahead.read(first, past), sink.received_us)
            sink.publish(columns, Origin(AHEAD_TOPIC, past))


def _ahead(home: Home) -> FileSource:
    folder = home.folder / AHEAD
    if not folder.exists():
        raise ConfigError(
            f"{home.folder} has no days to come", mend="make one that has: `forbear dashboard --demo` with a new --home"
        )
    return FileSource(folder, local_time(home.deployment.time_zone))


def _happened(home: Home, ahead: FileSource) -> int:
    """The offset behind the last of them that has happened; the first of all where none has."""
    with closing(home.sink()) as sink:
        past = sink.past_of(AHEAD_TOPIC)
    if past:
        return past
    scanned = ahead.poll(1)
    return ahead.end if scanned is None else scanned.offset


def _stretches(ahead: FileSource, first: int) -> list[tuple[int, int]]:
    """From close to close: the first offset of each stretch, and the offset behind its close."""
    closes = list(_behind_closes(ahead, first))
    return list(pairwise([first, *closes]))


def _behind_closes(ahead: FileSource, first: int) -> Iterator[int]:
    ahead.seek(first)
    while (scanned := ahead.poll(_LIMIT)) is not None:
        for row in np.flatnonzero(scanned.batch.kind == EventKind.DAY_CLOSED).tolist():
            yield scanned.offset + row + 1


def _close_at(ahead: FileSource, past: int) -> ClosedDay:
    close = ahead.read(past - 1, past)
    return ClosedDay(int(close.day[0]), int(close.received_us[0]))


def _left(stretches: list[tuple[int, int]]) -> Left:
    return Left(stretches[-1][1] - stretches[0][0] if stretches else 0, len(stretches))
