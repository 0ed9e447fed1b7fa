"""The archive in a folder: Parquet segments in log order, listed with their checksums in one index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from forbear.adapters.disk import sha256_of, storage_errors, sync_folder, whole_file
from forbear.adapters.event_table import NUMBERS, columns_of_table, keys_of_table, stored_names, table_of
from forbear.domain.errors import CorruptState
from forbear.engine.ports import Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import VOCABULARIES, EventColumns, EventKind
from forbear.features.local_time import LocalTime

_FORMAT = 1


class _Format(msgspec.Struct):
    """What every version's lines begin with."""

    format: int


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the index: a file, which events it holds, and its checksum. seal: checksum of the line itself."""

    format: int
    file: str
    first: int
    rows: int
    sha256: str
    received_from_us: int
    received_to_us: int
    closed_day: int | None
    seal: str = ""

    def sealed(self) -> Segment:
        """The same with its seal."""
        bare = msgspec.structs.replace(self, seal="")
        return msgspec.structs.replace(bare, seal=_sha256(msgspec.json.encode(bare))[:16])


class FileArchive:
    """Archive over a folder. A segment counts once its line stands in the index: a torn write leaves no trace.

    Events keep their order; offsets count from 0. Readers verify checksums. One process at a time may append.
    gaps: whether offsets may be missing between segments, as they are in a topic whose messages were refused.
    Raises CorruptState for an index that is not what was written, but for a last line that was cut short.
    """

    def __init__(self, folder: Path, *, gaps: bool = False) -> None:
        self.folder = folder
        self._gaps = gaps
        self.segments: list[Segment] = []
        self._index_bytes = 0
        self._ids: dict[int, str] | None = None
        self._load()

    @property
    def next_offset(self) -> int:
        """The offset that the next event gets: without gaps, how many events the archive holds."""
        return self.segments[-1].first + self.segments[-1].rows if self.segments else 0

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed [days since 1970]; None if none was."""
        return max((s.closed_day for s in self.segments if s.closed_day is not None), default=None)

    @property
    def received_us(self) -> int:
        """When the last event was received [microseconds UTC]; 0 if there is none."""
        return self.segments[-1].received_to_us if self.segments else 0

    def digest(self) -> str:
        """SHA-256 over the checksums of all segments, in order: equal for archives of the same segments."""
        told = "".join(f"{segment.first} {segment.rows} {segment.sha256}\n" for segment in self.segments)
        return _sha256(told.encode())

    def offset_since(self, received_us: int) -> int:
        """An offset before which nothing was received at or after an instant [microseconds UTC]."""
        since = (segment.first for segment in self.segments if segment.received_to_us >= received_us)
        return next(since, self.next_offset)

    def append(self, columns: EventColumns, at: int | None = None) -> None:
        """Add one segment, at an offset: the next one, or with gaps any behind it.

        Raises StorageError, and has added nothing, if it cannot be kept whole; ValueError for any other offset.
        """
        if not len(columns):
            return
        first = self.next_offset if at is None else at
        if first != self.next_offset and not (self._gaps and first > self.next_offset):
            raise ValueError(f"offset {first} does not follow, {self.next_offset} does")
        table = table_of(columns, first)
        ids = _with_customers(dict(self.customers()), table)
        path = self.folder / _name(first)
        with whole_file(path) as file:
            pq.write_table(table, file, compression="lz4", use_dictionary=_REPEATING)
        with storage_errors(f"cannot write {path}"):
            segment = Segment(
                format=_FORMAT,
                file=path.name,
                first=first,
                rows=len(columns),
                sha256=sha256_of(path),
                received_from_us=int(columns.received_us[0]),
                received_to_us=int(columns.received_us[-1]),
                closed_day=_last_close(columns),
            ).sealed()
            self._write_line(msgspec.json.encode(segment) + b"\n")
        self.segments.append(segment)
        self._ids = ids

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches in log order from an offset on, one a segment."""
        for segment, table in self._tables(start, stored_names(NUMBERS)):
            skipped = max(start - segment.first, 0)
            tail = table.slice(skipped)
            columns = columns_of_table(tail, NUMBERS)
            yield Scanned(segment.first + skipped, columns, batch_of(columns, zone, keys_of_table(tail)))

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """Every column, in log order from an offset on, one segment at a time."""
        for segment, table in self._tables(start, None):
            columns = columns_of_table(table)
            yield columns.take(slice(max(start - segment.first, 0), None))

    def tables(self, start: int, names: list[str]) -> Iterator[pa.Table]:
        """Some columns as they are stored, in log order from an offset on, one segment at a time."""
        for segment, table in self._tables(start, names):
            yield table.slice(max(start - segment.first, 0))

    def customers(self) -> Mapping[int, str]:
        """Customer id by key."""
        if self._ids is None:
            ids: dict[int, str] = {}
            for _, table in self._tables(0, ["customer_id", "customer_key"]):
                _with_customers(ids, table)
            self._ids = ids
        return self._ids

    # ---- inside

    @property
    def _index(self) -> Path:
        return self.folder / "index.jsonl"

    def _load(self) -> None:
        with storage_errors(f"cannot read {self._index}"):
            if not self._index.exists():
                return
            lines = self._index.read_bytes().split(b"\n")
        for line in lines[:-1]:
            segment = self._segment(line)
            follows = segment.first >= self.next_offset if self._gaps else segment.first == self.next_offset
            if not follows or segment.rows < 1 or segment.file != _name(segment.first):
                raise CorruptState(f"{self._index} is damaged: a line is missing or out of place", mend=_RESTORE)
            self.segments.append(segment)
            self._index_bytes += len(line) + 1
        # What is left behind the last line end was cut off while it was written: that append never happened.
        # Unless it is whole but for its end: then the end was lost, and the events behind it must not be.
        if b"}" in lines[-1][:-1]:
            raise CorruptState(f"{self._index} is damaged: its last line has no end", mend=_RESTORE)

    def _segment(self, line: bytes) -> Segment:
        try:
            if (written := _FORMATS.decode(line).format) != _FORMAT:
                raise CorruptState(
                    f"{self._index} is of format {written}, this version reads {_FORMAT}",
                    mend="use the version of forbear that wrote it, or import the data again into a new home",
                )
            segment = _SEGMENTS.decode(line)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise CorruptState(f"{self._index} is damaged: {error}", mend=_RESTORE) from error
        if segment != segment.sealed():
            raise CorruptState(f"{self._index} is damaged: the checksum of a line differs", mend=_RESTORE)
        return segment

    def _write_line(self, line: bytes) -> None:
        """Put a line behind the last whole one, over whatever an append that failed may have left there."""
        fresh = not self._index.exists()
        with self._index.open("xb" if fresh else "r+b") as index:
            index.truncate(self._index_bytes)
            index.seek(self._index_bytes)
            index.write(line)
            index.flush()
            os.fsync(index.fileno())
        if fresh:
            sync_folder(self.folder)
        self._index_bytes += len(line)

    def _tables(self, start: int, names: list[str] | None) -> Iterator[tuple[Segment, pa.Table]]:
        for segment in self.segments:
            if segment.first + segment.rows > start:
                yield segment, self._table(segment, names)

    def _table(self, segment: Segment, names: list[str] | None) -> pa.Table:
        path = self.folder / segment.file
        try:
            content = path.read_bytes()
            if _sha256(content) != segment.sha256:
                raise CorruptState(f"{path} is not what was written: its checksum differs", mend=_RESTORE)
            return pq.read_table(pa.BufferReader(content), columns=names, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise CorruptState(f"{path} cannot be read: {error}", mend=_RESTORE) from error


def _with_customers(known: dict[int, str], table: pa.Table) -> dict[int, str]:
    """Customers, now with those of a table. Two customers with one key would share a ledger: refused."""
    unique = table.select(["customer_key", "customer_id"]).group_by(["customer_key", "customer_id"]).aggregate([])
    for key, customer in zip(unique["customer_key"].to_pylist(), unique["customer_id"].to_pylist(), strict=True):
        if customer is not None and known.setdefault(key, customer) != customer:
            raise CorruptState(f"customers {known[key]!r} and {customer!r} share the key {key}", mend="rename one")
    return known


def _name(first: int) -> str:
    return f"{first:020d}.parquet"


_RESTORE = "restore it from a backup, or import the data again into a new home"
_SEGMENTS = msgspec.json.Decoder(Segment)
_FORMATS = msgspec.json.Decoder(_Format)
# Everything else is nearly unique, and a dictionary of it would only be thrown away again.
_REPEATING: Any = [
    "customer_id",
    "account_id",
    "currency",
    "customer_key",
    "account_key",
    "counterparty",
    *VOCABULARIES,
]


def _last_close(columns: EventColumns) -> int | None:
    days = columns.day[columns.kind == EventKind.DAY_CLOSED]
    return int(days.max()) if len(days) else None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
