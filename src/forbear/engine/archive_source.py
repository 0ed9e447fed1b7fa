"""A stretch of the archive as a source: what a replay reads in the place of the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.engine.ports import History, Scanned
from forbear.features.columns import EventColumns, columns_of, joined
from forbear.features.local_time import LocalTime


class ArchiveSource:
    """The events first..past of an archive. It ends at `past`, whatever the archive holds behind it.

    zone: whose days the batches count.  Raises CorruptState for a stretch that the archive does not hold.
    """

    def __init__(self, archive: History, zone: LocalTime, first: int, past: int) -> None:
        if not 0 <= first <= past <= archive.next_offset:
            raise CorruptState(
                f"the archive holds offsets 0 to {archive.next_offset}, not {first} to {past}", mend="check the offsets"
            )
        self._archive = archive
        self._zone = zone
        self._first, self._past = first, past
        self._next = first
        self._scan: Iterator[Scanned] | None = None
        self._held: Scanned | None = None
        self._read: tuple[int, EventColumns] = first, columns_of([])

    @property
    def end(self) -> int:
        """Where the stretch ends."""
        return self._past

    def poll(self, limit: int) -> Scanned | None:
        """Up to so many events from where the last poll ended, or None at the end. A poll ends with its segment."""
        if self._next >= self._past:
            return None
        held = self._held or self._named(next(self._scanned()))
        start = self._next - held.offset
        stop = min(start + limit, len(held.batch), self._past - held.offset)
        self._held = held if stop < len(held.batch) else None
        self._next = held.offset + stop
        return held.sliced(start, stop)

    def seek(self, offset: int) -> None:
        """Go on from an offset. Raises CorruptState for one outside the stretch."""
        if not self._first <= offset <= self._past:
            raise CorruptState(f"offset {offset} lies outside {self._first} to {self._past}", mend="check the offset")
        if offset != self._next:
            self._scan, self._held, self._next = None, None, offset

    def read(self, first: int, past: int) -> EventColumns:
        """Every column of the events first..past, wherever the polls are. Raises CorruptState outside the stretch."""
        if not self._first <= first <= past <= self._past:
            raise CorruptState(
                f"offsets {first} to {past} lie outside {self._first} to {self._past}", mend="check the offsets"
            )
        parts, at = [columns_of([])], first
        while at < past:
            start, columns = self._segment_at(at)
            parts.append(columns.take(slice(at - start, past - start)))
            at += len(parts[-1])
        return joined(parts)

    def close(self) -> None:
        """Forget what was read ahead."""
        self._scan, self._held = None, None

    # ---- inside

    def _scanned(self) -> Iterator[Scanned]:
        if self._scan is None:
            self._scan = self._archive.scan(self._zone, self._next)
        return self._scan

    def _segment_at(self, offset: int) -> tuple[int, EventColumns]:
        """Every column of the events from some offset up to the end of a segment, the one asked for among them."""
        start, columns = self._read
        if not start <= offset < start + len(columns):
            # Who asks for single events asks for the next ones soon: a segment is decoded once.
            self._read = offset, next(self._archive.read(offset))
        return self._read

    def _named(self, scanned: Scanned) -> Scanned:
        """The same with the customers' ids, which a scan leaves out."""
        known = self._archive.customers()
        keys, places = np.unique(scanned.batch.customer, return_inverse=True)
        names = np.array([known.get(int(key), "").encode() for key in keys.tolist()], dtype="S")
        return scanned._replace(columns=replace(scanned.columns, customer_id=names[places]))
