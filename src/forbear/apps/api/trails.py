"""Trails: the scores of everybody at the last closes of days, in memory, and how fast each one moves."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.apps.api.periodic import Periodic
from forbear.domain.errors import BackendUnavailable
from forbear.engine.desk import CloseScores, Desk
from forbear.engine.outputs import DayRow, Position
from forbear.engine.queries import MOST_ROWS
from forbear.features.hashing import Keys
from forbear.models.trajectory import Velocities, velocities

WINDOWS = (7, 30)
"""Days over which velocities are told."""
MOST_CLOSES, FEWEST_CLOSES = 60, 14
"""Both windows of 30 days, and at least both of 7."""
MOST_BYTES = 1 << 30
"""Of scores: a customer takes 8 at each close, so a million take 480 MB, and from 2.2 million on fewer closes are kept.
"""
EVERY_SECONDS = 1.0
_TOLD_AT = (8, 15, 31)
"""So many closes of each partition suffice for an answer while older ones are still being read."""
_FIRST_DAY, _LAST_DAY = -(2**31), 2**31 - 1
Row: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trail:
    """Scores of n customers at the last k closes of one partition; nothing of it ever changes.

    day: (k,) that the scores count for, rising.  closed: (k,) the day that each was the close of, the one before.
    customer: (n,) keys, rising.
    log_odds, pd: k rows of (n,), the former before calibration; NaN for no score.  pace: by window, each velocity.
    """

    partition: int
    day: NDArray[np.int64]
    closed: NDArray[np.int64]
    customer: Keys
    log_odds: tuple[Row, ...]
    pd: tuple[Row, ...]
    pace: Mapping[int, Velocities]


@dataclass(frozen=True, slots=True)
class Trails:
    """The trails of all partitions that have closed a day, as of some marks."""

    marks: Mapping[int, Position]
    trails: tuple[Trail, ...]

    @property
    def closes(self) -> int:
        """How many closes are held, of the partition that has the fewest."""
        return min((len(one.day) for one in self.trails), default=0)

    @property
    def last_day(self) -> int | None:
        """The newest close of the partition that is the furthest behind, None for none."""
        return min((int(one.closed[-1]) for one in self.trails), default=None)


@dataclass(slots=True)
class _Ring:
    """The closes of one partition, which come one at a time and in any order, and go from the oldest on."""

    partition: int
    closes: list[DayRow] = field(default_factory=list)
    day: list[int] = field(default_factory=list)
    customer: Keys = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    log_odds: list[Row] = field(default_factory=list)
    pd: list[Row] = field(default_factory=list)

    def add(self, close: DayRow, scores: CloseScores) -> None:
        """One close in its place; a day that was closed before is as it was closed now."""
        self._meet(scores.customer)
        at = np.searchsorted(self.customer, scores.customer)
        nth = bisect_left([one.day for one in self.closes], close.day)
        again = nth < len(self.closes) and self.closes[nth].day == close.day
        end = nth + 1 if again else nth
        self.closes[nth:end] = [close]
        self.day[nth:end] = [close.day + 1 if scores.day is None else scores.day]
        for rows, values in ((self.log_odds, scores.log_odds), (self.pd, scores.pd)):
            row = np.full(len(self.customer), np.nan, dtype=np.float32)
            row[at] = values
            rows[nth:end] = [row]

    def trim(self, most: int) -> None:
        """Let go of all but the newest closes."""
        for rows in (self.closes, self.day, self.log_odds, self.pd):
            del rows[:-most]

    def keep(self, there: NDArray[np.bool_]) -> None:
        """Let go of customers. there: (n,) who stays."""
        if not there.all():
            self.customer = self.customer[there]
            self.log_odds, self.pd = ([row[there] for row in rows] for rows in (self.log_odds, self.pd))

    def trail(self, before: Trail | None) -> Trail:
        """As it stands now. before: as it was told last."""
        if before is not None and [*map(id, before.pd)] == [*map(id, self.pd)]:
            return before
        day = np.array(self.day, dtype=np.int64)
        pace = {}
        for days in WINDOWS:
            first = int(np.searchsorted(day, day[-1] - days, side="right"))
            pace[days] = velocities(day[first:], np.stack(self.log_odds[first:]), days)
        closed = np.array([close.day for close in self.closes], dtype=np.int64)
        return Trail(self.partition, day, closed, self.customer, tuple(self.log_odds), tuple(self.pd), pace)

    def _meet(self, customers: Keys) -> None:
        if np.array_equal(self.customer, customers):
            return
        everybody = np.union1d(self.customer, customers)
        if len(everybody) > len(self.customer):
            at = np.searchsorted(everybody, self.customer)
            for rows in (self.log_odds, self.pd):
                for nth, row in enumerate(rows):
                    rows[nth] = np.full(len(everybody), np.nan, dtype=np.float32)
                    rows[nth][at] = row
            self.customer = everybody


class TrailKeeper:
    """Keeps trails up with a desk, in a thread. Readers take `now` and stay with it: it is swapped as a whole."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn, self._ends = Lock(), Event()
        self._rings: dict[int, _Ring] = {}
        self._marks: Mapping[int, Position] | None = None
        self._whole = False
        self._now: Trails | None = None
        self._keeping: Periodic | None = None

    @property
    def now(self) -> Trails:
        """The newest trails. Raises BackendUnavailable before the first closes are read."""
        if self._now is None:
            raise BackendUnavailable("the scores of the last closes are still being read")
        return self._now

    def refresh(self) -> bool:
        """Take in the days that were closed since; False where there are none. Raises what the desk raises.

        The newest closes are read first, and told before the older ones are there.
        """
        with self._turn:
            marks = dict(self._desk.marks())
            if marks == self._marks:
                return False
            self._forget(marks)
            due = {partition: self._due(partition, mark) for partition, mark in marks.items()}
            if any(due.values()):
                self._read(marks, due)
            else:
                self._tell(marks)
            if not self._ends.is_set():
                self._marks = marks
            return any(due.values())

    def start(self, seconds: float = EVERY_SECONDS) -> None:
        """Read and keep up in a thread; nobody waits for it."""
        self._keeping = Periodic("trails", self.refresh, seconds, at_once=True)
        self._keeping.start()

    def stop(self) -> None:
        """End the thread, also in the midst of reading."""
        self._ends.set()
        if self._keeping is not None:
            self._keeping.stop()

    # ---- inside

    def _forget(self, marks: Mapping[int, Position]) -> None:
        """Let go of partitions that are no more, or that were recorded anew from an earlier place on."""
        for partition, ring in list(self._rings.items()):
            if partition not in marks or any(close.offset >= marks[partition].offset for close in ring.closes):
                del self._rings[partition]

    def _due(self, partition: int, mark: Position) -> list[DayRow]:
        """Closes that may have to be read, the newest first; of a day that was closed twice the later one."""
        ring = self._rings.get(partition)
        first = ring.closes[-1].day if ring and self._whole else _FIRST_DAY
        known = {close.offset for close in ring.closes} if ring else set()
        rows = self._desk.of(partition).days(first, _LAST_DAY).value
        by_day = {row.day: row for row in sorted(rows, key=lambda row: row.offset) if row.offset < mark.offset}
        return [by_day[day] for day in sorted(by_day, reverse=True) if by_day[day].offset not in known]

    def _read(self, marks: Mapping[int, Position], due: Mapping[int, Sequence[DayRow]]) -> None:
        customers = self._desk.totals().value.customers
        most = min(MOST_CLOSES, max(FEWEST_CLOSES, MOST_BYTES // (8 * max(customers, 1))))
        self._whole = False  # where it is cut short, the next time looks for what is missing
        for nth in range(min(most, max(map(len, due.values())))):
            if nth in _TOLD_AT:
                self._tell(marks)
            for partition, rows in due.items():
                if self._ends.is_set():
                    return
                if nth < len(rows):
                    scores = self._desk.close_scores(partition, rows[nth]).value
                    self._rings.setdefault(partition, _Ring(partition)).add(rows[nth], scores)
        for partition in due.keys() & self._rings.keys():
            self._rings[partition].trim(most)
            self._rings[partition].keep(self._stays(self._rings[partition]))
        self._tell(marks)
        self._whole = True

    def _stays(self, ring: _Ring) -> NDArray[np.bool_]:
        """(n,) who has a score at the newest close, or had one before and was not erased since."""
        there = ~np.isnan(ring.pd[-1])
        for row in ring.pd[:-1]:
            there |= ~np.isnan(row)
        absent = np.flatnonzero(there & np.isnan(ring.pd[-1]))
        for start in range(0, len(absent), MOST_ROWS):
            some = absent[start : start + MOST_ROWS]
            known = self._desk.known(ring.customer[some].tolist()).value
            there[some] = [key in known for key in ring.customer[some].tolist()]
        return there

    def _tell(self, marks: Mapping[int, Position]) -> None:
        """Have readers see the rings as they are; a trail to which nothing has come stays the same."""
        old = {} if self._now is None else {one.partition: one for one in self._now.trails}
        self._now = Trails(marks, tuple(ring.trail(old.get(ring.partition)) for ring in self._rings.values()))
