"""Misses: the facts that labels are made of, as they stand in the log, each with when it became known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import MissDefinition
from forbear.domain.terms import AccountKind, Category, OutcomeStatus, Status
from forbear.features.batch import EventBatch
from forbear.features.columns import NO_AMOUNT, NO_DAY, EventColumns, EventKind
from forbear.features.hashing import Keys, keys_of
from forbear.features.ledger import Floats
from forbear.features.local_time import DAY_US, LocalTime

STANDS = np.iinfo(np.int64).max
"""In place of the offset at which a miss was taken back: it never was."""
_CURED = list(OutcomeStatus).index(OutcomeStatus.CURED)
_MISSED = list(OutcomeStatus).index(OutcomeStatus.MISSED)
_CURRENT = list(AccountKind).index(AccountKind.CURRENT)
_BOOKED = list(Status).index(Status.BOOKED)


@dataclass(frozen=True, slots=True)
class Told:
    """What a part of the log tells of misses, in log order.

    customer: (n,) keys.  day: (n,) the bank-local day on which a miss happened.  matter: (n,) key of what was owed.
    offset: (n,) of the event that tells it.  mends: (n,) True where it says that there was no miss after all.
    """

    customer: Keys
    day: NDArray[np.int64]
    matter: Keys
    offset: NDArray[np.int64]
    mends: NDArray[np.bool_]

    def where(self, mask: NDArray[np.bool_]) -> Self:
        """The rows of a mask."""
        return type(self)(*(getattr(self, f.name)[mask] for f in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Told]) -> Self:
        """All parts as one, by customer, day, matter and offset."""
        columns = [np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)]
        customer, day, matter, offset, _ = columns
        order = np.lexsort((offset, matter, day, customer))
        return cls(*(column[order] for column in columns))


@dataclass(frozen=True, slots=True)
class Misses:
    """m misses, by customer and day. customer: (m,) keys.  day: (m,) bank-local.

    offset: (m,) where the log told of each.  mended: (m,) where it took that back, STANDS if it never did.
    """

    customer: Keys
    day: NDArray[np.int64]
    offset: NDArray[np.int64]
    mended: NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[Told]) -> Self:
        """The misses that some parts of a log tell of, each with the first word after it that takes it back."""
        if not parts:
            return cls(np.empty(0, np.uint64), *(np.empty(0, np.int64) for _ in range(3)))
        told = Told.joined(parts)
        missed, mends = np.flatnonzero(~told.mends), np.flatnonzero(told.mends)
        mended = np.full(len(missed), STANDS)
        place = np.searchsorted(mends, missed)
        has = np.flatnonzero(place < len(mends))
        following = mends[place[has]]
        same = np.ones(len(has), dtype=np.bool_)
        for name in ("customer", "day", "matter"):
            column = getattr(told, name)
            same &= column[following] == column[missed[has]]
        mended[has[same]] = told.offset[following[same]]
        return cls(told.customer[missed], told.day[missed], told.offset[missed], mended)

    @property
    def standing(self) -> Misses:
        """Those that were never taken back."""
        stands = self.mended == STANDS
        return Misses(self.customer[stands], self.day[stands], self.offset[stands], self.mended[stands])


def misses_in(
    definition: MissDefinition, columns: EventColumns, batch: EventBatch, zone: LocalTime, first_offset: int
) -> Told:
    """What a batch's events tell of misses, as the deployment defines one.

    A scheduled payment that was told of as missed, and later as paid on or before the day it was due, was not missed:
    the first report was wrong. One that is paid late, or waived, was.
    """
    mends = _is_mend(definition, columns)
    rows = np.flatnonzero(_is_miss(definition, columns) | mends)
    if definition.kind == "missed_payment":
        day = batch.day[rows].astype(np.int64)
    else:
        day = zone.local_us(columns.booked_us[rows]) // DAY_US
    return Told(batch.customer[rows], day, keys_of(columns.account_id[rows]), first_offset + rows, mends[rows])


def _is_mend(definition: MissDefinition, columns: EventColumns) -> NDArray[np.bool_]:
    cured = (columns.kind == EventKind.OUTCOME) & (columns.outcome_status == _CURED)
    in_time = (columns.paid_on != NO_DAY) & (columns.paid_on <= columns.day)
    return cured & in_time & (definition.kind == "missed_payment")  # type: ignore[no-any-return]


def _is_miss(definition: MissDefinition, columns: EventColumns) -> NDArray[np.bool_]:
    outcome = columns.kind == EventKind.OUTCOME
    match definition.kind:
        case "missed_payment":
            return outcome & (columns.outcome_status == _MISSED)  # type: ignore[no-any-return]
        case "days_past_due":
            return outcome & (columns.days_past_due >= definition.days_past_due_at_least)  # type: ignore[no-any-return]
        case "balance":
            current = (columns.kind == EventKind.TRANSACTION) & (columns.account_kind == _CURRENT)
            balance = columns.balance_after_minor
            below = (balance != NO_AMOUNT) & (balance < definition.balance_below_minor)
            codes = [list(Category).index(category) for category in definition.penalty_categories]
            penalty = np.isin(columns.category, codes) & (columns.status == _BOOKED)
            return current & (below | penalty)  # type: ignore[no-any-return]


class MissIndex:
    """Misses by customer and day, for looking up many windows at once."""

    def __init__(self, misses: Misses) -> None:
        self._misses = misses
        self._customers, first = np.unique(misses.customer, return_index=True)
        self._first = np.append(first, len(misses.customer))

    def first_between(self, customer: Keys, start: NDArray[np.int64], end: NDArray[np.int64]) -> Floats:
        """(n,) day of each customer's first miss in [start, end], NaN if there is none."""
        found = np.full(len(customer), np.nan)
        for row, low, high in self._windows(customer, start, end):
            if low < high:
                found[row] = self._misses.day[low]
        return found

    def known_between(
        self, customer: Keys, start: NDArray[np.int64], end: NDArray[np.int64], before: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(n,) whether a miss in [start, end] was told of, and not taken back, before a log offset."""
        found = np.zeros(len(customer), dtype=np.bool_)
        for row, low, high in self._windows(customer, start, end):
            told, mended = self._misses.offset[low:high], self._misses.mended[low:high]
            found[row] = bool(((told < before[row]) & (before[row] <= mended)).any())
        return found

    def _windows(self, customer: Keys, start: NDArray[np.int64], end: NDArray[np.int64]) -> list[tuple[int, int, int]]:
        """(row, first, past) of the misses of each row's window, for the rows whose customer has any."""
        if not len(self._customers):
            return []
        place = np.minimum(np.searchsorted(self._customers, customer), len(self._customers) - 1)
        windows = []
        for row in np.flatnonzero(self._customers[place] == customer):
            low, high = self._first[place[row]], self._first[place[row] + 1]
            days = self._misses.day[low:high]
            first, past = np.searchsorted(days, start[row], "left"), np.searchsorted(days, end[row], "right")
            windows.append((int(row), int(low + first), int(low + past)))
        return windows


class RecentMisses:
    """The misses that a running fold still needs: those of the last days, as the log told of them.

    keep_days: how far back somebody asks.
    """

    def __init__(self, keep_days: int) -> None:
        self._keep_days = keep_days
        self._parts: list[Told] = []
        self._index: MissIndex | None = None

    def add(self, told: Told) -> None:
        """Take in what a part of the log tells."""
        if len(told.customer):
            self._parts.append(told)
            self._index = None

    def shift(self, by: int) -> None:
        """Count the offsets of all that was told so far from another beginning."""
        if self._parts:
            told = Told.joined(self._parts)
            self._parts = [replace(told, offset=told.offset + by)]
            self._index = None

    def forget_before(self, open_day: int) -> None:
        """Let go of what nobody can ask for once a day is open."""
        if self._parts:
            told = Told.joined(self._parts)
            self._parts = [told.where(told.day >= open_day - self._keep_days - 1)]
            self._index = None

    def known(self, customer: Keys, day: int, before: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether each had a miss in the last keep_days up to a day, as told before an offset of its own."""
        if self._index is None:
            self._index = MissIndex(Misses.of(self._parts))
        last = np.full(len(customer), day, dtype=np.int64)
        return self._index.known_between(customer, last - self._keep_days + 1, last, before)

    @property
    def told(self) -> Told:
        """All that is kept, for a snapshot."""
        nothing = np.empty(0, np.int64)
        empty = Told(np.empty(0, np.uint64), nothing, np.empty(0, np.uint64), nothing, np.empty(0, np.bool_))
        return Told.joined(self._parts) if self._parts else empty
