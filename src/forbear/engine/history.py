"""Archive and log as one history, of which any beginning can be read as if nothing had come behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cached_property

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.engine.ports import History, Scanned, Source
from forbear.features.columns import EventColumns, EventKind
from forbear.features.local_time import DAY_US, LocalTime

_AT_ONCE = 65_536
_MONTH_US = 31 * DAY_US


class ArchiveAndLog:
    """The events before an offset, wherever they are: in the archive, or in the log behind it.

    archive: opens it, as it is then.  log: opens a reader of it.  zone: whose days the batches count.
    next_offset: where the history ends; both together must reach so far.
    A worker may archive meanwhile, and let the log go of what it archived: the archive is then looked at again.
    Raises CorruptState for what neither of them holds.
    """

    def __init__(
        self, archive: Callable[[], History], log: Callable[[], Source], zone: LocalTime, next_offset: int
    ) -> None:
        self.next_offset = next_offset
        self._open_archive, self._open_log, self._zone = archive, log, zone
        self._archive = archive()
        self._ids: dict[int, str] | None = None

    def up_to(self, offset: int) -> ArchiveAndLog:
        """The history as it was when it ended at an offset. Raises CorruptState for one behind its end."""
        if not 0 <= offset <= self.next_offset:
            raise CorruptState(f"the history ends at offset {self.next_offset}, not {offset}", mend="check the offset")
        return ArchiveAndLog(self._open_archive, self._open_log, self._zone, offset)

    @cached_property
    def closed_day(self) -> int | None:
        """The last day that was closed [days since 1970]; None if none was."""
        if not self.next_offset:
            return None
        last_us = int(next(self.scan(self._zone, self.next_offset - 1)).batch.received_us[0])
        for start in (self.offset_since(last_us - _MONTH_US), 0):
            tails = (scanned.batch for scanned in self.scan(self._zone, start))
            closed = [int(batch.day[batch.kind == EventKind.DAY_CLOSED].max(initial=-1)) for batch in tails]
            if max(closed) >= 0:
                return max(closed)
        return None

    def offset_since(self, received_us: int) -> int:
        """An offset before which nothing was received at or after an instant [microseconds UTC]."""
        return min(self._archive.offset_since(received_us), self.next_offset)

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches in log order from an offset on. Those of the log have the customers' ids, those of the archive none.

        zone: the one that the log's reader was opened with.
        """
        at = start
        while at < self.next_offset:
            pieces = self._archive.scan(zone, at) if at < self._archive.next_offset else self._logged(at)
            for scanned in pieces:
                part = scanned.sliced(0, min(len(scanned.batch), self.next_offset - at))
                at += len(part.batch)
                yield part
                if at == self.next_offset:
                    return

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """The same, with every column."""
        at = start
        while at < self.next_offset:
            pieces = self._archive.read(at) if at < self._archive.next_offset else self._read_log(at)
            for columns in pieces:
                part = columns.take(slice(0, self.next_offset - at))
                at += len(part)
                yield part
                if at == self.next_offset:
                    return

    def customers(self) -> Mapping[int, str]:
        """Customer id by key: of everybody met before the end, and of some whom the archive met later."""
        if self._ids is None:
            ids: dict[int, str] = {}
            for scanned in self.scan(self._zone, self._archive.next_offset):
                keys, first = np.unique(scanned.batch.customer, return_index=True)
                names = scanned.columns.customer_id[first].tolist()
                ids.update((key, name.decode()) for key, name in zip(keys.tolist(), names, strict=True) if name)
            # Behind the scan: what the log has let go of meanwhile stands in the archive, which was opened again.
            self._ids = ids | dict(self._archive.customers())
        return self._ids

    # ---- inside

    def _logged(self, start: int) -> Iterator[Scanned]:
        """What the log holds from an offset on; nothing more once it has let go of what the archive took over."""
        at = start
        try:
            with closing(self._open_log()) as log:
                log.seek(at)
                while (scanned := log.poll(_AT_ONCE)) is not None:
                    at += len(scanned.batch)
                    yield scanned
        except CorruptState:
            if self._archived_meanwhile(at):
                return
            raise
        raise CorruptState(f"the log ends at offset {at}, before {self.next_offset}", mend="restore it")

    def _read_log(self, start: int) -> Iterator[EventColumns]:
        at = start
        try:
            with closing(self._open_log()) as log:
                while at < self.next_offset:
                    columns = log.read(at, min(at + _AT_ONCE, self.next_offset))
                    at += len(columns)
                    yield columns
        except CorruptState:
            if not self._archived_meanwhile(at):
                raise

    def _archived_meanwhile(self, offset: int) -> bool:
        """Look at the archive again: whether it holds an offset by now."""
        self._archive = self._open_archive()
        return self._archive.next_offset > offset


def offset_at(history: History, zone: LocalTime, received_us: int) -> int:
    """The offset of the first event that was received at or after an instant [microseconds UTC].

    The history's end where there is none.
    """
    for scanned in history.scan(zone, history.offset_since(received_us)):
        row = int(np.searchsorted(scanned.batch.received_us, received_us))
        if row < len(scanned.batch):
            return scanned.offset + row
    return history.next_offset
