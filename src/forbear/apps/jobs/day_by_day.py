"""A bank's live days, one at a time: what happens between two closes can be done before the next day is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import NamedTuple

import msgspec
import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.adapters.log import FileSink, FileSource
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.running import running
from forbear.domain.errors import ConfigError
from forbear.domain.events import OfferAnswered
from forbear.engine.running import Running
from forbear.features.columns import EventKind, columns_of, instant
from forbear.features.local_time import local_time

AHEAD = "days-ahead"
"""In the home: what has not happened yet."""
_LIMIT = 16_384


class ClosedDay(NamedTuple):
    """A bank-local day that was closed, since 1970, and the instant from which on everybody knew [us UTC]."""

    day: int
    at_us: int


class DayByDay:
    """The live days of a home in their order; `days` gives each once what its close has decided is recorded."""

    def __init__(self, worker: Running, ahead: FileSource, sink: FileSink) -> None:
        self._worker, self._ahead, self._sink = worker, ahead, sink
        self._answers: list[OfferAnswered] = []

    def tell(self, answers: Sequence[OfferAnswered]) -> None:
        """Have answers come in right behind the next close: what came in before is younger than they are."""
        self._answers += answers

    def days(self) -> Iterator[ClosedDay]:
        """Let one day after the other happen, up to its close and with it."""
        first = self._sink.end  # nothing of the log was on it yet
        while (closed := self._next_close()) is not None:
            day, past = closed
            self._sink.publish(self._ahead.read(first, past))
            self._publish_answers()
            while self._worker.step(_LIMIT) is not None:
                pass
            yield ClosedDay(day, self._sink.received_us)
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

    def _publish_answers(self) -> None:
        if self._answers:
            now = instant(self._sink.received_us)
            stamped = [msgspec.structs.replace(one, received_at=max(one.received_at, now)) for one in self._answers]
            self._sink.publish(columns_of(sorted(stamped, key=lambda one: one.received_at)))
            self._answers = []


@contextmanager
def day_by_day(home: Home, console: Console) -> Iterator[DayByDay]:
    """The live days of a home whose worker has not begun: its log is put aside, and comes back day by day.

    Raises ConfigError for a home whose worker has recorded something already.
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
        sink = stack.enter_context(closing(home.sink()))
        with console.progress("Reading history", home.archive.next_offset) as progress:
            worker.start(home.feed, home.snapshots, told_before(home), progress)
        yield DayByDay(worker, ahead, sink)
        worker.wait()
        if worker.at_close:
            worker.keep()
        worker.store.settle()
