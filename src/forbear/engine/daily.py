"""One day close after another: everybody's rows at each of many days, of which one is in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import HORIZON_DAYS
from forbear.engine.backfill import Feed, Progress, Rows, book_for
from forbear.engine.closing import Arrivals
from forbear.engine.misses import Misses, MissIndex, RecentMisses, Told, misses_in
from forbear.engine.ports import Scanned
from forbear.features.columns import EventKind
from forbear.features.compute import FeatureSet
from forbear.features.eligibility import LOWEST, Hurdle, extra, features_only, hurdles
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.features.local_time import DAY_US, local_time


@dataclass(frozen=True, slots=True)
class DayClose:
    """Everybody eligible at the close of one day. rows: without labels.  offset: of the close.

    received_day: bank-local day on which the last event before the close was received [days since 1970]; -1: none was.
    """

    rows: Rows
    day: int
    offset: int
    received_day: int


class DailyCloses:
    """A pass over a history that stops at the close of each of some days.

    What was told of misses is kept, so that labels can be asked for once the pass is over; so is what arrived by day.
    """

    def __init__(self, feed: Feed, cut_days: Collection[int]) -> None:
        self._feed, self._cut_days = feed, set(cut_days)
        self._zone = local_time(feed.deployment.time_zone)
        self._told: list[Told] = []
        self._recent = RecentMisses(feed.deployment.eligibility.clear_days)
        self.arrivals = Arrivals(self._zone)
        self.closed_day = -1
        self.received_day = -1

    def each(self, progress: Progress | None = None) -> Iterator[DayClose]:
        """Every one of the days that was closed, in order; the history is read up to where it ends.

        Whoever stops asking knows no more than was known then.
        """
        feed = self._feed
        book = book_for(feed, FeatureSet.standard(feed.deployment.unsupported))
        for scanned in feed.archive.scan(self._zone):
            for part in _until_each_close(scanned, self._cut_days):
                emitted: list[tuple[NDArray[np.int64], Floats]] = []
                book.replay(part.batch, self._cut_days, _into(emitted))
                self._take_in(part)
                closes = part.batch.day[part.batch.kind == EventKind.DAY_CLOSED]
                if len(closes):
                    self.closed_day = max(self.closed_day, int(closes.max()))
                if len(closes) and int(closes[-1]) in self._cut_days:
                    day, offset = int(closes[-1]), part.offset + len(part.batch) - 1
                    yield DayClose(self._rows(book.keys, emitted, day, offset), day, offset, self.received_day)
            if progress is not None:
                progress(scanned.offset + len(scanned.batch))

    def labels(self, customer: Keys, cut_day: int) -> NDArray[np.bool_]:
        """(n,) whether each customer missed a payment in the 30 days behind a close, by all that was told.

        Mature only if the history reaches beyond these days and those of reporting: `matured_until`.
        """
        start = np.full(len(customer), cut_day + 1, dtype=np.int64)
        first = MissIndex(Misses.of(self._told).standing).first_between(customer, start, start + HORIZON_DAYS - 1)
        return ~np.isnan(first)

    # ---- inside

    def _take_in(self, part: Scanned) -> None:
        told = misses_in(self._feed.deployment.miss, part.columns, part.batch, self._zone, part.offset)
        self._told.append(told)
        self._recent.add(told)
        self.arrivals.add(part)
        events = np.flatnonzero(part.batch.kind != EventKind.DAY_CLOSED)
        if len(events):
            (last_us,) = self._zone.local_us(part.batch.received_us[events[-1:]]).tolist()
            self.received_day = last_us // DAY_US

    def _rows(self, keys: Keys, emitted: list[tuple[NDArray[np.int64], Floats]], day: int, offset: int) -> Rows:
        """The rows of one close: eligible, and without a recent miss that was known at it."""
        self._recent.forget_before(day + 1)
        slots = np.concatenate([np.empty(0, np.int64), *(slots for slots, _ in emitted)])
        values = np.concatenate([values for _, values in emitted]) if emitted else np.empty((0, 0))
        if not len(slots):
            return Rows(np.empty((0, 0)), *(np.empty(0, kind) for kind in (np.uint64, np.int64, float, float)))
        customer = keys[slots]
        asked = hurdles(values, self._feed.deployment) == Hurdle.NONE
        asked &= ~self._recent.known(customer, day, np.full(len(slots), offset, dtype=np.int64))
        places = np.flatnonzero(asked)
        places = places[np.argsort(customer[places], kind="stable")]
        kept = values[places]
        days = np.full(len(places), day, dtype=np.int64)
        unknown = np.full(len(places), np.nan)
        return Rows(features_only(kept), customer[places], days, unknown, extra(kept, LOWEST))


def _into(found: list[tuple[NDArray[np.int64], Floats]]) -> Callable[[int, NDArray[np.int64], Floats], None]:
    return lambda _, slots, values: found.append((slots, values))


def _until_each_close(scanned: Scanned, cut_days: set[int]) -> Iterator[Scanned]:
    """A batch in parts, of which each but the last ends with the close of one of the days."""
    closes = np.flatnonzero(scanned.batch.kind == EventKind.DAY_CLOSED)
    ends = [int(row) + 1 for row in closes if int(scanned.batch.day[row]) in cut_days]
    start = 0
    for end in [*ends, len(scanned.batch)]:
        if end > start:
            yield scanned.sliced(start, end)
        start = end
