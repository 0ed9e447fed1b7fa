"""The archive in a folder: Parquet segments in log order, listed with their checksums in one index."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from forbear.adapters.disk import sha256_of, storage_errors, whole_file
from forbear.adapters.event_table import NUMBERS, columns_of_table, keys_of_table, stored_names, table_of
from forbear.domain.errors import CorruptState
from forbear.engine.ports import Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import VOCABULARIES, EventColumns, EventKind
from forbear.features.local_time import LocalTime

_FORMAT = 1


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the index: a file, which events it holds, and its checksum."""

    format: int
    file: str
    first: int
    rows: int
    sha256: str
    received_from_us: int
    received_to_us: int
    closed_day: int | None


class FileArchive:
    """Archive over a folder. A segment counts once its line stands in the index: a torn write leaves no trace.

    Events keep their order; offsets count from 0. Readers verify checksums.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.segments = self._load()
        self._ids: dict[int, str] | None = None

    @property
    def next_offset(self) -> int:
        """How many events the archive holds."""
        return self.segments[-1].first + self.segments[-1].rows if self.segments else 0

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed [days since 1970]; None if none was."""
        return max((s.closed_day for s in self.segments if s.closed_day is not None), default=None)

    def append(self, columns: EventColumns) -> None:
        """Add one segment. Raises StorageError, and has added nothing, if it cannot be kept whole."""
        if not len(columns):
            return
        table = table_of(columns, self.next_offset)
        self._remember(table)
        path = self.folder / f"{self.next_offset:020d}.parquet"
        with whole_file(path) as file:
            pq.write_table(table, file, compression="zstd", compression_level=1, use_dictionary=_REPEATING)
        with storage_errors(f"cannot write {path}"):
            segment = Segment(
                format=_FORMAT,
                file=path.name,
                first=self.next_offset,
                rows=len(columns),
                sha256=sha256_of(path),
                received_from_us=int(columns.received_us[0]),
                received_to_us=int(columns.received_us[-1]),
                closed_day=_last_close(columns),
            )
            with self._index.open("ab") as index:
                index.write(msgspec.json.encode(segment) + b"\n")
                index.flush()
                os.fsync(index.fileno())
        self.segments.append(segment)

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

    def customers(self) -> Mapping[int, str]:
        """Customer id by key."""
        if self._ids is None:
            self._ids = {}
            for _, table in self._tables(0, ["customer_id", "customer_key"]):
                self._remember(table)
        return self._ids

    # ---- inside

    @property
    def _index(self) -> Path:
        return self.folder / "index.jsonl"

    def _load(self) -> list[Segment]:
        if not self._index.exists():
            return []
        with storage_errors(f"cannot read {self._index}"):
            lines = self._index.read_bytes().split(b"\n")
        whole, torn = lines[:-1], lines[-1]
        try:
            segments = [_SEGMENTS.decode(line) for line in whole]
        except msgspec.MsgspecError as error:
            raise CorruptState(f"{self._index} is damaged: {error}", mend="import the data again") from error
        if torn:  # the crash came between the file and its line: that append never happened
            with storage_errors(f"cannot write {self._index}"), whole_file(self._index) as file:
                file.writelines(line + b"\n" for line in whole)
        return segments

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
            return pq.read_table(io.BytesIO(content), columns=names, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise CorruptState(f"{path} cannot be read: {error}", mend=_RESTORE) from error

    def _remember(self, table: pa.Table) -> None:
        """Note the customers of a table. Two customers with one key would share a ledger: refused."""
        known = self.customers() if self._ids is None else self._ids
        assert isinstance(known, dict)
        unique = table.select(["customer_key", "customer_id"]).group_by(["customer_key", "customer_id"]).aggregate([])
        for key, customer in zip(unique["customer_key"].to_pylist(), unique["customer_id"].to_pylist(), strict=True):
            if customer is not None and known.setdefault(key, customer) != customer:
                raise CorruptState(f"customers {known[key]!r} and {customer!r} share the key {key}", mend="rename one")


_RESTORE = "restore it from a backup, or import the data again into a new home"
_SEGMENTS = msgspec.json.Decoder(Segment)
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
