"""Closing days: whether the feed of a day is complete, judged by what the weeks before it have brought.

A day that is closed while its salaries are still on their way has everybody seem to have lost theirs. So a day waits
until as much of it has come as such a day brings; days are counted by when they were booked, not received, and what
comes late makes them whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.engine.ports import Archive, Scanned
from forbear.features.columns import EventKind, day_of
from forbear.features.local_time import DAY_US, LocalTime

QUARTERS = 4
"""A day is counted in quarters of six hours, by the bank's clock: a feed that stops at noon leaves some empty."""
_QUARTER_US = DAY_US // QUARTERS
_MINUTE_US = 60_000_000
_WEEK = 7
_SUNDAY = 6
_NONE: NDArray[np.int64] = np.zeros(QUARTERS, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingRule:
    """When a day may be closed.

    grace_minutes: after its end, by the bank's clock.  share: of the typical count that must have come, [0, 1].
    weeks: how far back typical is looked for.  fewest_days: of the same kind, else nothing is typical yet, and a
    single transaction will do.  fewest_counted: a quarter whose typical count is below this says nothing by itself.
    """

    grace_minutes: int = 180
    share: float = 0.5
    weeks: int = 8
    fewest_days: int = 3
    fewest_counted: int = 100


class Reason(StrEnum):
    """Why a day waits. not_over: its end, or the grace behind it.  nothing_came, too_few: transactions of it."""

    NOT_OVER = "not_over"
    NOTHING_CAME = "nothing_came"
    TOO_FEW = "too_few"


class Complete(NamedTuple):
    """A day that may be closed. came: transactions of it.  typical: of such a day, None where that is not known."""

    came: int
    typical: float | None


class Waiting(NamedTuple):
    """A day that may not. quarter: the one that is too small, None for the day as a whole; counts are of it."""

    reason: Reason
    came: int
    typical: float | None
    quarter: int | None = None


Answer: TypeAlias = Complete | Waiting


class Arrivals:
    """Transactions that have come, by the bank-local day and quarter that they were booked in.

    closed_day: the last day that was closed, None before the first.  next_offset: of what has not been counted.
    """

    def __init__(self, zone: LocalTime, next_offset: int = 0, closed_day: int | None = None) -> None:
        self._zone = zone
        self._counts: dict[int, NDArray[np.int64]] = {}
        self._since: int | None = None
        self.next_offset = next_offset
        self.closed_day = closed_day

    @classmethod
    def archived(cls, archive: Archive, zone: LocalTime, rule: ClosingRule) -> Arrivals:
        """What an archive brought in the weeks before its last close, and since."""
        closed = archive.closed_day
        start = 0 if closed is None else archive.offset_since((closed - _WEEK * rule.weeks - 1) * DAY_US)
        arrivals = cls(zone, start, closed)
        for scanned in archive.scan(zone, start):
            arrivals.add(scanned)
        return arrivals

    def add(self, scanned: Scanned) -> None:
        """Count what comes next in the log."""
        columns = scanned.columns
        if not len(columns):
            return
        if self._since is None:
            (first_us,) = self._zone.local_us(columns.received_us[:1]).tolist()
            self._since = first_us // DAY_US + 1
        booked = columns.booked_us[columns.kind == EventKind.TRANSACTION]
        quarters, counts = np.unique(self._zone.local_us(booked) // _QUARTER_US, return_counts=True)
        for quarter, count in zip(quarters.tolist(), counts.tolist(), strict=True):
            day, part = divmod(quarter, QUARTERS)
            self._counts.setdefault(day, _NONE.copy())[part] += count
        closes = columns.day[columns.kind == EventKind.DAY_CLOSED]
        if len(closes):
            last = int(closes.max())
            self.closed_day = last if self.closed_day is None else max(self.closed_day, last)
        self.next_offset = scanned.offset + len(columns)

    def of(self, day: int) -> NDArray[np.int64]:
        """(QUARTERS,) transactions that were booked on a day [days since 1970] and have come."""
        return self._counts.get(day, _NONE)

    def knows(self, day: int) -> bool:
        """Whether all that came on a day was counted, from its first instant on."""
        return self._since is not None and day >= self._since


def is_due(day: int, now_us: int, zone: LocalTime, grace_minutes: int) -> bool:
    """Whether a day [days since 1970] and so many minutes after it are over at an instant [us UTC]."""
    (local_us,) = zone.local_us(np.array([now_us], dtype=np.int64)).tolist()
    return bool(local_us >= (day + 1) * DAY_US + grace_minutes * _MINUTE_US)


def assess(arrivals: Arrivals, day: int, calendar: BankCalendar, rule: ClosingRule) -> Answer:
    """Whether the feed of a day is complete: as a whole, and in each quarter that says something by itself.

    Typical is the median of the same weekday in the weeks before; a bank holiday is like a Sunday.
    """
    came = arrivals.of(day)
    count = int(came.sum())
    past = [arrivals.of(before) for before in _alike(day, calendar, rule.weeks) if arrivals.knows(before)]
    if len(past) < rule.fewest_days:
        return Complete(count, None) if count else Waiting(Reason.NOTHING_CAME, 0, None)
    known = np.array(past)
    typical = float(np.median(known.sum(axis=1)))
    if count < rule.share * typical:
        return Waiting(Reason.TOO_FEW if count else Reason.NOTHING_CAME, count, typical)
    for quarter, usual in enumerate(np.median(known, axis=0).tolist()):
        if usual >= rule.fewest_counted and came[quarter] < rule.share * usual:
            return Waiting(Reason.TOO_FEW, int(came[quarter]), usual, quarter)
    return Complete(count, typical)


def _alike(day: int, calendar: BankCalendar, weeks: int) -> Iterator[int]:
    """Days of the weeks before a day that are of its kind."""
    kind = _kind(day, calendar)
    return (before for before in range(day - _WEEK * weeks, day) if _kind(before, calendar) == kind)


def _kind(day: int, calendar: BankCalendar) -> int:
    date = day_of(day)
    return _SUNDAY if date in calendar.holidays else date.weekday()
