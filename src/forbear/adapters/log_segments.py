"""The files of a log: segments named by their first offset, and the mark behind what is known to be on the disk.

A segment begins with a head frame that says what its frames mean, and what came before it. Frames are appended and
synced; then the mark is moved. Readers believe nothing behind the mark, so they never see what may yet be undone.
The mark itself is not synced: after a power cut it may lag, and whole frames behind it are found by looking.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import pyarrow as pa

from forbear.adapters.disk import nobody_holds, storage_errors
from forbear.adapters.log_frames import (
    HEADER_BYTES,
    MAGIC,
    NO_TOPIC,
    SCHEMA_SHA,
    WORDS,
    Header,
    Raw,
    framed,
    header_at,
    records_of,
    whole_at,
)
from forbear.domain.errors import CorruptState

FORMAT = 1
MARK, LOCK = "durable", ".lock"
_MARK_LAYOUT = struct.Struct("<4sIQQQ")
_MARK_MAGIC = b"fbMK"
MARK_BYTES = _MARK_LAYOUT.size
_TRIES = 100
_CHUNK = 2 << 20
"""What a reader asks of the disk at once: some frames of a full size."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a segment begins with.

    first: its first offset.  schema, words: what the frames' columns and codes mean.
    received_us: when the last event before it was received, 0 if there was none.  origins: offset behind the last
    message before it that came from a topic, by the number of the topic.
    """

    format: int
    first: int
    schema: str
    words: dict[str, list[str]]
    received_us: int
    origins: dict[int, int]

    @classmethod
    def of(cls, first: int, received_us: int, origins: dict[int, int]) -> Head:
        """The head that this version writes."""
        return cls(
            format=FORMAT, first=first, schema=SCHEMA_SHA, words=WORDS, received_us=received_us, origins=dict(origins)
        )

    @property
    def is_ours(self) -> bool:
        """Whether this version would write the same columns and codes."""
        return self.schema == SCHEMA_SHA and self.words == WORDS

    def framed(self) -> bytes:
        """The frame that it stands in."""
        text = msgspec.json.encode(self)
        text += b" " * (-len(text) % 8)
        header = Header(len(text), 0, self.first, self.first, self.received_us, 0, NO_TOPIC, 0)
        return framed(header, text)


class _Format(msgspec.Struct):
    """What every version's heads have in common."""

    format: int


class Mark(NamedTuple):
    """Up to where a log is known to be on the disk: first offset of its last segment, bytes of that, next offset.

    position: 0 for a log that has no segment yet.
    """

    segment: int
    position: int
    offset: int

    def packed(self) -> bytes:
        """The mark with its checksum."""
        body = _MARK_LAYOUT.pack(_MARK_MAGIC, 0, *self)[8:]
        return _MARK_LAYOUT.pack(_MARK_MAGIC, crc32(body), *self)


class Tail(NamedTuple):
    """The end of a log. torn: whether something stands behind it that was never published whole."""

    mark: Mark
    received_us: int
    origins: dict[int, int]
    torn: bool
    ours: bool


def segment_path(folder: Path, first: int) -> Path:
    """The file of a segment."""
    return folder / f"{first:020d}.log"


def segments_in(folder: Path) -> list[int]:
    """First offsets of the segments of a log, rising. Raises StorageError."""
    with storage_errors(f"cannot read {folder}"):
        stems = [path.stem for path in folder.glob("*.log")]
    return sorted(int(stem) for stem in stems if stem.isdecimal() and stem.isascii())


def marked_in(descriptor: int) -> Mark | None:
    """The mark as it stands; None where it is damaged. Raises OSError."""
    for _ in range(_TRIES):  # one that is being written may look damaged
        raw = os.pread(descriptor, MARK_BYTES, 0)
        if len(raw) == MARK_BYTES:
            magic, checksum, *places = _MARK_LAYOUT.unpack(raw)
            if magic == _MARK_MAGIC and crc32(raw[8:]) == checksum:
                return Mark(*places)
    return None


def mark_of(folder: Path) -> Mark | None:
    """The mark of a log; None where there is none that could be read. Raises StorageError."""
    with storage_errors(f"cannot read {folder / MARK}"):
        try:
            descriptor = os.open(folder / MARK, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return marked_in(descriptor)
        finally:
            os.close(descriptor)


def durable_end(folder: Path) -> Mark | None:
    """Up to where a reader may believe a log; None where there is none yet. Changes nothing.

    While somebody writes that is the mark. Else everything whole counts: no publish can fail any more.
    Raises CorruptState for damage.
    """
    with nobody_holds(folder / LOCK) as nobody:
        if nobody:
            tail = tail_of(folder, mark_of(folder))
            return None if tail is None else tail.mark
    mark = mark_of(folder)
    if mark is None and segments_in(folder):
        raise CorruptState(f"{folder / MARK} is damaged or gone", mend="stop who writes to the log and start it again")
    return mark


def tail_of(folder: Path, mark: Mark | None) -> Tail | None:
    """Where a log ends, found in its last segment; None where there is no segment.

    Raises CorruptState where a whole group stands behind a broken one, or where what the mark vouches for is not there:
    that was published, and is damaged.
    """
    segments = segments_in(folder)
    if not segments:
        if mark is not None and mark.position:
            raise CorruptState(f"{folder} has lost its segments", mend=RESTORE)
        return None
    first = segments[-1]
    path = segment_path(folder, first)
    with storage_errors(f"cannot read {path}"):
        raw = path.read_bytes()
    head, position = head_in(path, raw)
    place, end = position, Mark(first, position, first)
    offset, received_us, origins = first, head.received_us, dict(head.origins)
    while (frame := whole_at(raw, place)) is not None and frame.first == offset:
        place, offset = place + HEADER_BYTES + frame.length, offset + frame.rows
        if frame.left == 0:
            end, received_us = Mark(first, place, offset), frame.received_us
            if frame.topic != NO_TOPIC:
                origins[frame.topic] = frame.past
    torn = end.position < len(raw)
    if (torn and _published_behind(raw, place, end.offset)) or (mark is not None and mark.offset > end.offset):
        raise CorruptState(f"{path} is damaged at byte {place}, behind offset {end.offset}", mend=RESTORE)
    return Tail(end, received_us, origins, torn, head.is_ours)


def _published_behind(raw: bytes, place: int, group: int) -> bool:
    """Whether a whole frame of a later group follows: each group was on the disk before the next was written."""
    while (place := raw.find(MAGIC, place)) >= 0:
        frame = whole_at(raw, place)
        if frame is not None and frame.group != group:
            return True
        place += len(MAGIC)
    return False


def head_in(path: Path, raw: Raw) -> tuple[Head, int]:
    """The head of a segment and where its frames begin. Raises CorruptState for one that this version cannot read."""
    header = whole_at(raw, 0)
    if header is None or header.rows:
        raise CorruptState(f"{path} is damaged at byte 0: it has no head", mend=RESTORE)
    text = raw[HEADER_BYTES : HEADER_BYTES + header.length]
    try:
        if (written := msgspec.json.decode(text, type=_Format).format) != FORMAT:
            raise CorruptState(f"{path} is of format {written}, this version reads {FORMAT}", mend=OTHER_VERSION)
        head = msgspec.json.decode(text, type=Head)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CorruptState(f"{path} is damaged at byte {HEADER_BYTES}: {error}", mend=RESTORE) from error
    # Words that were added since at the end take nothing of their meaning from the others.
    known = {name: WORDS.get(name, [])[: len(words)] for name, words in head.words.items()}
    if head.schema != SCHEMA_SHA or known != head.words:
        raise CorruptState(f"{path} has columns or codes of another version", mend=OTHER_VERSION)
    if head.first != header.first or head.first != int(path.stem):
        raise CorruptState(f"{path} holds another segment than it is named for", mend=RESTORE)
    return head, HEADER_BYTES + header.length


def read_head(path: Path) -> Head:
    """The head of a segment, and no more of the file."""
    with storage_errors(f"cannot read {path}"), path.open("rb") as file:
        raw = file.read(HEADER_BYTES)
        header = header_at(raw, 0)
        raw += b"" if header is None else file.read(header.length)
    return head_in(path, raw)[0]


class Cursor:
    """Reads the frames of a log one after the other, over as many segments as there are.

    offset: of the next frame.  skipped: events of that frame that lie before what was sought.
    """

    def __init__(self, folder: Path, offset: int, until: Mark) -> None:
        """At the frame that holds an offset. Raises CorruptState for one that the log does not hold."""
        self._folder = folder
        self._descriptor = -1
        kept = [first for first in segments_in(folder) if first <= until.segment]
        before = [first for first in kept if first <= offset]
        if not before or offset > until.offset:
            raise CorruptState(
                f"{folder} holds offsets {kept[0] if kept else until.offset} to {until.offset}, not {offset}",
                mend="take what is older from the archive; if it is not there either, restore the log from a backup",
            )
        try:
            self._open(before[-1])
            while self.offset < offset and (header := self._header(until)) and header.first + header.rows <= offset:
                self._pass(header)
        except CorruptState:
            self.close()
            raise
        self.skipped = offset - self.offset

    def take(self, until: Mark, room: int | None = None) -> Any:
        """The record batch of the next frame; None where the log ends, or where it holds more events than `room`.

        Raises CorruptState for damage.
        """
        header = self._header(until)
        if header is None or (room is not None and header.rows > room):
            return None
        size = HEADER_BYTES + header.length
        raw, at = self._at_least(size, until)
        if whole_at(raw, at) is None:
            raise self._damage()
        try:
            records = records_of(raw[at + HEADER_BYTES : at + size])
        except pa.ArrowException as error:
            raise self._damage() from error
        if records.num_rows != header.rows:
            raise self._damage()
        if self.skipped:
            records, self.skipped = records.slice(self.skipped), 0
        self._pass(header)
        return records

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    # ---- inside

    def _header(self, until: Mark) -> Header | None:
        """The header of the next frame, None where the log ends. Raises CorruptState for damage."""
        if self.offset >= until.offset:
            return None
        if self._segment < until.segment and self._position == self._limit(until):
            self._follow()
        raw, at = self._at_least(HEADER_BYTES, until)
        header = header_at(raw, at)
        if header is None or header.first != self.offset or header.rows == 0:
            raise self._damage()
        return header

    def _open(self, segment: int) -> None:
        path = segment_path(self._folder, segment)
        with storage_errors(f"cannot read {path}"):
            descriptor = os.open(path, os.O_RDONLY)
        self.close()
        self._descriptor, self._path, self._segment = descriptor, path, segment
        self._raw, self._base = memoryview(b""), 0
        self.offset, self.skipped = segment, 0
        header = header_at(os.pread(descriptor, HEADER_BYTES, 0), 0)
        length = 0 if header is None else header.length
        self._position = head_in(path, os.pread(descriptor, HEADER_BYTES + length, 0))[1]

    def _follow(self) -> None:
        following = next((first for first in segments_in(self._folder) if first > self._segment), None)
        if following != self.offset:
            raise CorruptState(
                f"{self._folder} has no segment from offset {self.offset} on", mend="restore the file from a backup"
            )
        self._open(following)

    def _pass(self, header: Header) -> None:
        self._position += HEADER_BYTES + header.length
        self.offset += header.rows

    def _limit(self, until: Mark) -> int:
        """How many bytes of this segment may be read."""
        return until.position if self._segment == until.segment else os.fstat(self._descriptor).st_size

    def _at_least(self, size: int, until: Mark) -> tuple[memoryview, int]:
        """So many bytes from the next frame on, and more behind them if they are there: the bytes, and its place."""
        at = self._position - self._base
        if at + size > len(self._raw):
            room = self._limit(until) - self._position
            with storage_errors(f"cannot read {self._path}"):
                raw = os.pread(self._descriptor, min(max(size, _CHUNK), room), self._position) if room > 0 else b""
            self._raw, self._base, at = memoryview(raw), self._position, 0
            if len(raw) < size:
                raise self._damage()
        return self._raw, at

    def _damage(self) -> CorruptState:
        return CorruptState(
            f"{self._path} is damaged at byte {self._position}, from offset {self.offset} on", mend=RESTORE
        )


RESTORE = "restore the file from a backup; what the archive holds already can be replayed from there"
OTHER_VERSION = "use the version of forbear that wrote it until all of it is in the archive"
