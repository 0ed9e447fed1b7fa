"""A log in a folder: one partition of a topic, written by one process and read by any number.

Publishing is durable, and whole or not at all; a reader that follows sees an event once it is on the disk, and
then always. docs/log.md has the format, and what happens when.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from time import sleep
from typing import Any, NamedTuple

from forbear.adapters.disk import alone, forget_drafts, storage_errors, whole_file
from forbear.adapters.log_frames import POLLED, columns_of_records, frames_of
from forbear.adapters.log_segments import (
    LOCK,
    MARK,
    Cursor,
    Head,
    Mark,
    durable_end,
    marked_in,
    read_head,
    segment_path,
    segments_in,
    tail_of,
)
from forbear.domain.errors import ConflictError, CorruptState, StorageError
from forbear.engine.log_order import require_order
from forbear.engine.ports import Origin, Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, columns_of
from forbear.features.local_time import LocalTime

SEGMENT_BYTES = 64 << 20
_TRIES, _PAUSE_SECONDS = 50, 0.01
"""A reader that opens may hold the lock for a moment: the writer asks again."""


class Beginning(NamedTuple):
    """Where a log begins: its first offset, and when what lies before it was received [microseconds UTC]."""

    offset: int = 0
    received_us: int = 0


_NOTHING = Beginning()


class FileSink:
    """The one writer of a log. Cuts off what a writer before it left unfinished.

    before: where a log begins that is not there yet.  segment_bytes: a segment this long grows no further.
    Raises StorageError where the folder cannot be written or another writer is at it, CorruptState where what was
    published is not there.
    """

    def __init__(self, folder: Path, *, before: Beginning = _NOTHING, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._open = ExitStack()
        self._file = self._mark_file = -1
        self._mark, self._received_us = Mark(before.offset, 0, before.offset), before.received_us
        self._origins: dict[int, int] = {}
        try:
            with storage_errors(f"cannot write {folder}"):
                folder.mkdir(parents=True, exist_ok=True)
                self._lock()
                forget_drafts(folder)
                self._resume()
        except BaseException:
            self.close()
            raise

    @property
    def received_us(self) -> int:
        """When the last event was received [microseconds UTC]; 0 if there is none."""
        return self._received_us

    @property
    def end(self) -> int:
        """The offset that the next event gets."""
        return self._mark.offset

    def publish(self, columns: EventColumns, origin: Origin | None = None) -> int:
        """Add events behind all others, as `Sink.publish` says; a segment that is long enough is followed by a new."""
        if not len(columns):
            return self.end
        require_order(columns, self._received_us)
        if origin is not None and origin.past <= self.past_of(origin.topic):
            raise ConflictError(f"topic {origin.topic} is here up to {self.past_of(origin.topic)} already")
        frames = frames_of(columns, self.end, origin)
        with storage_errors(f"cannot write {segment_path(self.folder, self._mark.segment)}"):
            self._cut_off()
            if self._mark.position >= self._segment_bytes:
                self._begin()
            before = self._mark
            try:
                _write(self._file, frames, before.position)
                os.fsync(self._file)
                self._move_mark(Mark(before.segment, before.position + len(frames), before.offset + len(columns)))
            except BaseException:
                # Readers first, so that none is sent behind the end. What cannot be undone now is before the next one.
                with suppress(OSError):
                    self._move_mark(before)
                    self._cut_off()
                self._mark = before
                raise
        self._received_us = int(columns.received_us[-1])
        if origin is not None:
            self._origins[origin.topic] = origin.past
        return self.end

    def past_of(self, topic: int) -> int:
        """The offset behind the last message that came from another topic; 0 if none did."""
        return self._origins.get(topic, 0)

    def close(self) -> None:
        """Let go of the files, and of the lock."""
        self._close_segment()
        if self._mark_file >= 0:
            os.close(self._mark_file)
            self._mark_file = -1
        self._open.close()

    # ---- inside

    def _lock(self) -> None:
        for _ in range(_TRIES):
            holding = ExitStack()
            if holding.enter_context(alone(self.folder / LOCK)):
                self._open = holding
                return
            holding.close()
            sleep(_PAUSE_SECONDS)
        raise StorageError(f"another process writes to {self.folder}", mend="stop it, or wait until it has ended")

    def _resume(self) -> None:
        self._mark_file = os.open(self.folder / MARK, os.O_RDWR | os.O_CREAT, 0o666)
        tail = tail_of(self.folder, marked_in(self._mark_file))
        if tail is None:
            self._move_mark(self._mark)
            self._begin()
            return
        self._mark, self._received_us, self._origins = tail.mark, tail.received_us, tail.origins
        self._file = os.open(segment_path(self.folder, tail.mark.segment), os.O_RDWR)
        # What a writer that was killed had written, and not synced, is whole: from now on it counts.
        self._cut_off()
        os.fsync(self._file)
        self._move_mark(tail.mark)
        if not tail.ours:
            self._begin()

    def _begin(self) -> None:
        """Begin a new segment. Raises OSError or StorageError, and goes on with the old one."""
        content = Head.of(self.end, self._received_us, self._origins).framed()
        path = segment_path(self.folder, self.end)
        with whole_file(path) as draft:
            draft.write(content)
        file, before = os.open(path, os.O_RDWR), self._mark
        try:
            self._move_mark(Mark(self.end, len(content), self.end))
        except BaseException:
            os.close(file)
            with suppress(OSError):
                self._move_mark(before)
            raise
        self._close_segment()
        self._file = file

    def _close_segment(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _cut_off(self) -> None:
        """Take away what stands behind the mark."""
        if os.fstat(self._file).st_size > self._mark.position:
            os.ftruncate(self._file, self._mark.position)

    def _move_mark(self, mark: Mark) -> None:
        _write(self._mark_file, mark.packed(), 0)
        self._mark = mark


class FileSource:
    """A reader of a log, which may follow it while it is written. Changes nothing.

    zone: whose days the batches count.  first: the offset at which a log begins that is not there yet.
    Frames that are longer than a poll are sliced, shorter ones joined.
    """

    def __init__(self, folder: Path, zone: LocalTime, *, first: int = 0) -> None:
        self.folder = folder
        self._zone = zone
        self._mark_file = -1
        self._held: Scanned | None = None
        self._cursor: Cursor | None = None
        self._known = durable_end(folder) or Mark(first, 0, first)
        self._next = min(segments_in(folder), default=first)

    @property
    def end(self) -> int:
        """The offset that the next event gets."""
        return self._until().offset

    def poll(self, limit: int) -> Scanned | None:
        """Up to so many events from where the last poll ended, or None if there are none yet."""
        held = self._held or self._gathered(limit)
        if held is None:
            return None
        start, rows = self._next - held.offset, len(held.batch)
        stop = min(start + limit, rows)
        self._held = held if stop < rows else None
        self._next = held.offset + stop
        return held.sliced(start, stop)

    def seek(self, offset: int) -> None:
        """Go on from an offset. Raises CorruptState for one that the log does not hold, and stays where it was."""
        if offset == self._next:
            return
        cursor = self._cursor_at(offset)
        self._drop_cursor()
        self._cursor, self._held, self._next = cursor, None, offset

    def read(self, first: int, past: int) -> EventColumns:
        """Every column of the events first..past, wherever the polls are. Raises CorruptState for what is not there."""
        until, records, rows = self._until(), [], 0
        cursor = self._cursor_at(first)
        if cursor is not None:
            try:
                while rows < past - first and (found := cursor.take(until)) is not None:
                    records.append(found.slice(0, past - first - rows))
                    rows += records[-1].num_rows
            finally:
                cursor.close()
        if rows < past - first:
            raise CorruptState(f"{self.folder} ends at offset {until.offset}, before {past}", mend="check the offset")
        return columns_of_records(records)[0] if records else columns_of([])

    def close(self) -> None:
        """Let go of the files."""
        self._drop_cursor()
        if self._mark_file >= 0:
            os.close(self._mark_file)
            self._mark_file = -1

    # ---- inside

    def _gathered(self, limit: int) -> Scanned | None:
        """What the next frames hold that are no more than so many events together, or the one that is more."""
        until, records, rows = self._until(), list[Any](), 0
        if self._next >= until.offset:
            return None
        if self._cursor is None:
            self._cursor = self._cursor_at(self._next)
        # The first frame is taken whatever its length; the poll slices it.
        while self._cursor and (found := self._cursor.take(until, limit - rows if records else None)) is not None:
            records.append(found)
            rows += found.num_rows
        columns, keys = columns_of_records(records, POLLED)
        return Scanned(self._next, columns, batch_of(columns, self._zone, keys))

    def _cursor_at(self, offset: int) -> Cursor | None:
        """A cursor at an offset; None for the beginning of a log that is not there yet."""
        until = self._until()
        return None if (until.position, until.offset) == (0, offset) else Cursor(self.folder, offset, until)

    def _drop_cursor(self) -> None:
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def _until(self) -> Mark:
        """Up to where the log may be read now."""
        with storage_errors(f"cannot read {self.folder / MARK}"):
            if self._mark_file < 0:
                try:
                    self._mark_file = os.open(self.folder / MARK, os.O_RDONLY)
                except FileNotFoundError:
                    return self._known
            mark = marked_in(self._mark_file)
        # After a power cut the mark may lag behind what was found when this reader opened.
        self._known = max(self._known, mark or self._known)
        return self._known


def retain(folder: Path, past: int, older_than_us: int) -> int:
    """Delete the segments of a log that hold nothing from offset `past` on, nor what was received since an instant.

    past: up to where the archive holds the events.  older_than_us: [microseconds UTC].  The segment that is written
    to stays. Answers how many went. Raises StorageError.
    """
    segments, gone = segments_in(folder), 0
    for first, following in pairwise(segments):
        if following > past or read_head(segment_path(folder, following)).received_us >= older_than_us:
            break
        with storage_errors(f"cannot delete {segment_path(folder, first)}"):
            segment_path(folder, first).unlink(missing_ok=True)
        gone += 1
    return gone


def _write(descriptor: int, content: bytes, position: int) -> None:
    """Write at a place, however often the system takes only a part. Raises OSError."""
    rest = memoryview(content)
    while rest:
        written = os.pwrite(descriptor, rest, position)
        rest, position = rest[written:], position + written
