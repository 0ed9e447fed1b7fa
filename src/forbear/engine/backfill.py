"""Training rows: one replay of the archive, paused at day closes, and the labels that time revealed afterwards.

A row knows what the log held at its pause and nothing else. Its label asks whether the first miss of the next
30 days happened, with everything that was known when the label had matured, but never past `until`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import HORIZON_DAYS, Deployment
from forbear.domain.errors import NotEnoughData
from forbear.engine.misses import Misses, MissIndex, Told, misses_in
from forbear.engine.ports import History, Scanned, Snapshots
from forbear.engine.recovery import resume
from forbear.features.book import Book
from forbear.features.columns import EventKind, day_number, day_of
from forbear.features.compute import FeatureSet
from forbear.features.eligibility import LOWEST, Hurdle, extra, features_only, hurdles, with_eligibility
from forbear.features.figures import with_figures
from forbear.features.hashing import Keys
from forbear.features.kernels import Fold
from forbear.features.ledger import Floats
from forbear.features.local_time import DAY_US, LocalTime, local_time

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Feed:
    """An archive, or a part of one, with what gives its events their meaning."""

    archive: History
    deployment: Deployment
    calendar: BankCalendar


@dataclass(frozen=True, slots=True)
class Rows:
    """n eligible customer-days, in order of day and customer.

    values: (n, features).  customer: (n,) keys.  cut_day: (n,) the closed day; the question is asked at 00:00
    of the next.  days_ahead: (n,) float64 days from then to the first miss, [0, 30), NaN if there was none.
    lowest_balance: (n,) of 90 days [minor units], NaN where no balance is known.
    """

    values: Floats
    customer: Keys
    cut_day: NDArray[np.int64]
    days_ahead: Floats
    lowest_balance: Floats

    @property
    def labels(self) -> NDArray[np.bool_]:
        """(n,) whether a payment was missed within the horizon."""
        return ~np.isnan(self.days_ahead)

    @property
    def as_of_day(self) -> NDArray[np.int64]:
        """(n,) the day at whose first instant the question is asked."""
        return self.cut_day + 1

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """The rows of a mask."""
        return Rows(*(getattr(self, f.name)[mask] for f in fields(self)))


@dataclass(slots=True)
class Replay:
    """What one pass over the archive found.

    fold_counts: how many events met each fate, by name of `Fold`.  closed_until: the last day closed.
    hurdles: by closed day, how many customers met each `Hurdle`, (6,) counts; NONE counts the rows.
    """

    rows: Rows
    fold_counts: dict[str, int]
    closed_until: int
    customers: int
    hurdles: dict[int, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BookAt:
    """The book at one day close, with what is needed to explain its scores.

    rows: of everybody eligible, without labels.  figures: (n, figures) beside them, in the order of
    `features.figures.FIGURES`.  day: the closed one.  met: (m,) keys of all customers of whom anything was known.
    hurdles: (m,) codes of `Hurdle`, NONE where the customer has a row.
    """

    rows: Rows
    figures: Floats
    day: int
    met: Keys
    hurdles: NDArray[np.uint8]


@dataclass(slots=True)
class _Collected:
    """What a pass gathers: the book at its end, values and slots of each cut, and where in the log the cuts were.

    met, hurdles: slots of everybody met at a cut, and what keeps them from being asked about.
    """

    book: Book
    values: list[Floats] = field(default_factory=list)
    slots: list[NDArray[np.int64]] = field(default_factory=list)
    days: list[NDArray[np.int64]] = field(default_factory=list)
    met: list[NDArray[np.int64]] = field(default_factory=list)
    hurdles: list[NDArray[np.uint8]] = field(default_factory=list)
    cut_offsets: dict[int, int] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    fold_counts: dict[str, int] = field(default_factory=dict)
    stopped: dict[int, NDArray[np.int64]] = field(default_factory=dict)


def last_cut(deployment: Deployment, until_day: int) -> int:
    """The last day whose close can be a row when nothing after the first instant of `until_day` may be used."""
    return until_day - HORIZON_DAYS - deployment.miss.reporting_days - 1


def training_rows(
    feed: Feed, cut_days: Collection[int], *, until_day: int | None = None, progress: Progress | None = None
) -> Replay:
    """Rows of all eligible customers at the close of each of cut_days.

    until_day: nothing received from the first instant of that day on is used, and only cuts are kept whose
    label had matured by then; None: the last closed day of the archive bounds the labels.
    """
    found = _Collected(book_for(feed, FeatureSet.standard(feed.deployment.unsupported)))
    _replay(feed, found, _Pass(cut_days=cut_days, until_day=until_day), progress)
    closed_until = found.book.open_day - 1
    limit = last_cut(feed.deployment, closed_until + 1 if until_day is None else min(until_day, closed_until + 1))
    rows = _labelled(found, feed.deployment, limit)
    stopped = {day: _with_recent(counts, rows, day) for day, counts in found.stopped.items() if day <= limit}
    return Replay(rows, found.fold_counts, closed_until, found.book.customers, stopped)


def rows_at(
    feed: Feed, cut_day: int | None, *, snapshots: Snapshots | None = None, progress: Progress | None = None
) -> tuple[Rows, int]:
    """Rows of all eligible customers at the close of one day, without labels, and that day.

    cut_day: None takes the last day that was closed, and folds only what came after the newest snapshot.
    Nothing received after the close is used.
    Raises NotEnoughData for a day that was never closed.
    """
    found = _Collected(book_for(feed, FeatureSet.standard(feed.deployment.unsupported)))
    closed = _pause(feed, found, cut_day, snapshots, progress)
    return _unlabelled(found, feed.deployment, closed), closed


def rows_on(feed: Feed, cut_days: Collection[int], *, progress: Progress | None = None) -> Rows:
    """What rows_at gives for each of some days, from one pass. Raises NotEnoughData for a day that was never closed."""
    found = _Collected(book_for(feed, FeatureSet.standard(feed.deployment.unsupported)))
    _replay(feed, found, _Pass(cut_days=cut_days, pauses_only=True), progress)
    if absent := set(cut_days) - found.cut_offsets.keys():
        raise NotEnoughData(f"{day_of(min(absent))} was never closed", mend="choose days of the history")
    return _unlabelled(found, feed.deployment, max(cut_days))


def book_at(
    feed: Feed, cut_day: int | None, *, snapshots: Snapshots | None = None, progress: Progress | None = None
) -> BookAt:
    """What rows_at gives, with the figures that sentences quote and with who is not asked about, and why.

    Raises NotEnoughData for a day that was never closed.
    """
    features = FeatureSet.standard(feed.deployment.unsupported)
    found = _Collected(book_for(feed, with_figures(features)))
    closed = _pause(feed, found, cut_day, snapshots, progress)
    rows, columns = _unlabelled(found, feed.deployment, closed), len(features.features)
    met = found.book.keys[_joined(found.met, np.int64)]
    codes = _joined(found.hurdles, np.uint8)
    codes[(codes == Hurdle.NONE) & ~np.isin(met, rows.customer)] = Hurdle.RECENT_MISS
    asked = replace(rows, values=np.ascontiguousarray(rows.values[:, :columns]))
    return BookAt(asked, rows.values[:, columns:], closed, met, codes)


def newest_close(archive: History) -> int:
    """The last closed day [days since 1970]. Raises NotEnoughData where none ever was."""
    closed = archive.closed_day
    if closed is None:
        raise NotEnoughData("no day was ever closed in this archive", mend="import at least one whole day")
    return closed


def _pause(
    feed: Feed, found: _Collected, cut_day: int | None, snapshots: Snapshots | None, progress: Progress | None
) -> int:
    """Replay until the close of one day, and answer which."""
    closed = newest_close(feed.archive) if cut_day is None else cut_day
    start = 0 if snapshots is None or cut_day is not None else resume(found.book, snapshots, feed.archive.next_offset)
    if start:
        found.told += earlier_misses(feed, closed, start)
    _replay(feed, found, _Pass(cut_days={closed}, start=start, pauses_only=True), progress)
    if closed not in found.cut_offsets:
        raise NotEnoughData(
            f"{day_of(closed)} was never closed", mend=f"the last closed day is {day_of(found.book.open_day - 1)}"
        )
    return closed


def book_for(feed: Feed, columns: FeatureSet) -> Book:
    """An empty book of a deployment that answers for some columns, and behind them for eligibility."""
    return Book(with_eligibility(columns, feed.deployment), day_number(feed.deployment.opens_on), feed.calendar)


def earlier_misses(feed: Feed, closed: int, before: int) -> list[Told]:
    """Misses recent enough to matter for eligibility that were told of before an offset.

    One that happened in the last clear_days was not told of earlier than that, so only the archive's tail is read.
    """
    zone = local_time(feed.deployment.time_zone)
    since = (closed - feed.deployment.eligibility.clear_days - 1) * DAY_US
    found = []
    for offset, columns, batch in feed.archive.scan(zone, feed.archive.offset_since(since)):
        told = misses_in(feed.deployment.miss, columns, batch, zone, offset)
        found.append(told.where(told.offset < before))
        if offset + len(batch) >= before:
            break
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """Which days to pause at, from which offset to read, and by when an event must have been received.

    pauses_only: keep everybody met at the pauses, and read no further than the last of them.
    """

    cut_days: Collection[int]
    start: int = 0
    until_day: int | None = None
    pauses_only: bool = False


def _replay(feed: Feed, found: _Collected, asked: _Pass, progress: Progress | None) -> None:
    deployment, zone = feed.deployment, local_time(feed.deployment.time_zone)
    counts = np.zeros(len(Fold), dtype=np.int64)

    def emit(day: int, slots: NDArray[np.int64], values: Floats) -> None:
        codes = hurdles(values, deployment)
        eligible = codes == Hurdle.NONE
        found.stopped[day] = found.stopped.get(day, 0) + np.bincount(codes, minlength=len(Hurdle))
        if asked.pauses_only:
            found.met.append(slots)
            found.hurdles.append(codes)
        found.values.append(values[eligible])
        found.slots.append(slots[eligible])
        found.days.append(np.full(int(eligible.sum()), day, dtype=np.int64))

    for scanned in feed.archive.scan(zone, asked.start):
        offset, columns, batch = scanned if asked.until_day is None else _known_by(scanned, asked.until_day, zone)
        closes = np.flatnonzero(batch.kind == EventKind.DAY_CLOSED)
        found.cut_offsets.update({int(batch.day[row]): offset + int(row) for row in closes})
        counts += np.bincount(found.book.replay(batch, asked.cut_days, emit), minlength=len(Fold))
        found.told.append(misses_in(deployment.miss, columns, batch, zone, offset))
        if progress is not None:
            progress(offset + len(batch))
        if asked.pauses_only and found.cut_offsets.keys() >= set(asked.cut_days):
            break
    found.fold_counts = {fold.name.lower(): int(counts[fold]) for fold in Fold}


def _with_recent(counts: NDArray[np.int64], rows: Rows, day: int) -> NDArray[np.int64]:
    """Counts of one day's hurdles once those with a recent miss are known: they are eligible, and have no row."""
    kept = int(np.count_nonzero(rows.cut_day == day))
    found = counts.copy()
    found[Hurdle.RECENT_MISS] = counts[Hurdle.NONE] - kept
    found[Hurdle.NONE] = kept
    return found


def _known_by(scanned: Scanned, until_day: int, zone: LocalTime) -> Scanned:
    """The part of a batch that was received before the first instant of a day."""
    rows = int(np.searchsorted(zone.local_us(scanned.batch.received_us), until_day * DAY_US, side="left"))
    return Scanned(scanned.offset, scanned.columns.take(slice(0, rows)), scanned.batch.slice(0, rows))


def _labelled(found: _Collected, deployment: Deployment, limit: int) -> Rows:
    """Put labels to the collected rows, drop those with a recent known miss and those whose label is not mature."""
    if not found.values:
        return Rows(np.empty((0, 0)), np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0), np.empty(0))
    values, slots = np.concatenate(found.values), np.concatenate(found.slots)
    days, customer = np.concatenate(found.days), found.book.keys[slots]
    order = np.lexsort((customer, days))
    lowest = extra(values, LOWEST)
    rows = Rows(features_only(values)[order], customer[order], days[order], np.full(len(days), np.nan), lowest[order])
    rows = rows.where(rows.cut_day <= limit)
    misses = Misses.of(found.told)
    cut_offset = np.array([found.cut_offsets[int(day)] for day in rows.cut_day], dtype=np.int64)
    recent = MissIndex(misses).known_between(
        rows.customer, rows.cut_day - deployment.eligibility.clear_days + 1, rows.cut_day, cut_offset
    )
    first = MissIndex(misses.standing).first_between(rows.customer, rows.as_of_day, rows.cut_day + HORIZON_DAYS)
    return replace(rows, days_ahead=first - rows.as_of_day).where(~recent)


def _unlabelled(found: _Collected, deployment: Deployment, limit: int) -> Rows:
    """The collected rows as of their close: what the log holds of the days after it is not told."""
    rows = _labelled(found, deployment, limit)
    return replace(rows, days_ahead=np.full(len(rows.days_ahead), np.nan))


def _joined(parts: list[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
