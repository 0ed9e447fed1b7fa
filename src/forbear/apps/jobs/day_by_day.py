"""A bank's live days, one at a time: what happens between two closes can be done before the next day is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import NamedTuple

import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.adapters.log import FileSource
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.archiving import RETENTION_DAYS, compacted
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.running import running
from forbear.domain.errors import ConfigError
from forbear.engine.ports import Origin
from forbear.engine.running import Running
from forbear.features.columns import EventKind
from forbear.features.local_time import local_time

AHEAD = "days-ahead"
"""In the home: the log of what has not happened yet."""
AHEAD_TOPIC = 3
"""The number under which the home's log says how far that one has happened: behind those of `engine.router.TOPICS`."""
_LIMIT = 16_384


class ClosedDay(NamedTuple):
    """A bank-local day that was closed, since 1970, and the instant from which on everybody knew [us UTC]."""

    day: int
    at_us: int


class DayByDay:
    """The live days of a home in their order; `days` gives each once what its close has decided is recorded.

    Between two days anybody may write to the log, as of the instant of the close. events: in all of them.  done: of
    these, by now.
    """

    def __init__(self, home: Home, worker: Running, ahead: FileSource) -> None:
        self._home, self._worker, self._ahead = home, worker, ahead
        self.events, self.done = ahead.end - home.archive.next_offset, 0

    def days(self) -> Iterator[ClosedDay]:
        """Let one day after the other happen, up to its close and with it."""
        first = self._home.archive.next_offset
        while (closed := self._next_close()) is not None:
            day, past = closed
            with closing(self._home.sink()) as sink:
                sink.publish(self._ahead.read(first, past), Origin(AHEAD_TOPIC, past))
                at_us = sink.received_us
            while self._worker.step(_LIMIT) is not None:
                pass
            self.done += past - first
            yield ClosedDay(day, at_us)
            first = past

    def _next_close(self) -> tuple[int, int] | None:
        """The day of the next close, and the offset behind it."""
        while (scanned := self._ahead.poll(_LIMIT)) is not None:
            closes = np.flatnonzero(scanned.batch.kind == EventKind.DAY_CLOSED)
            if len(closes):
                past = scanned.offset + int(closes[0]) + 1
                self._ahead.seek(past)
                return int(scanned.batch.day[closes[0]]), past
        return None


@contextmanager
def day_by_day(home: Home, console: Console) -> Iterator[DayByDay]:
    """The live days of a home whose worker has not begun: its log is put aside, and comes back day by day.

    In the end the archive has what happened, so that reports speak of it too. Raises ConfigError for a home whose
    worker has recorded something already.
    """
    aside = home.folder / AHEAD
    if home.database.exists() or aside.exists():
        raise ConfigError(f"{home.folder} has been worked through already", mend="simulate another bank for it")
    with storage_errors(f"cannot write {home.folder}"):
        home.log().replace(aside)
    with ExitStack() as stack:
        ahead = FileSource(aside, local_time(home.deployment.time_zone), first=home.archive.next_offset)
        stack.enter_context(closing(ahead))
        worker = stack.enter_context(running(home))
        with console.progress("Reading history", home.archive.next_offset) as progress:
            worker.start(home.feed, home.snapshots, told_before(home), progress)
        yield DayByDay(home, worker, ahead)
        worker.wait()
        if worker.at_close:
            worker.keep()
        worker.store.settle()
        if worker.position.offset >= 0:
            compacted(home, worker.source, (worker.position.offset, worker.kept_at), RETENTION_DAYS)
