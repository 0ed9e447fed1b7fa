"""An external sort of events into log order, in bounded memory, that finds records which came twice.

Records are spilled by customer into partitions of a scratch folder; each partition is then read by itself,
freed of repeated ids and sorted, and the sorted partitions are merged. In memory at any time: one
partition, and one batch of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]

from forbear.domain.errors import InvalidEvent, StorageError
from forbear.domain.events import encode
from forbear.features.columns import DTYPES, Column, EventColumns, EventKind, events_of
from forbear.importers.base import ImportReport, Place, Refusal, distinct

Table: TypeAlias = Any
"""A pyarrow.Table or RecordBatch; pyarrow ships no types."""

MOST_PARTITIONS = 256
_PARTITION_BYTES = 64 << 20
_RUN_ROWS = 4_096
_LOG_ORDER = [("received_us", "ascending"), ("ordinal", "ascending")]
_MARKS = ("ordinal", "digest", "file", "line")
_NAMES = [field.name for field in fields(EventColumns)]
_ARROW = {"S": pa.binary(), "int64": pa.int64(), "int32": pa.int32(), "int8": pa.int8()}
_SCHEMA = pa.schema([*((name, _ARROW[DTYPES[name]]) for name in _NAMES), *((name, pa.int64()) for name in _MARKS)])


@dataclass(frozen=True, slots=True)
class Marks:
    """Beside each event: where it came from and what it said.

    ordinal: (n,) int64, its place among all records; orders what was received at the same instant.
    digest: (n,) int64, hash of the content, without what the importer itself added.
    file: (n,) int64 into the importer's files.  line: (n,) int64.
    """

    ordinal: Column
    digest: Column
    file: Column
    line: Column


def partitions_for(input_bytes: int) -> int:
    """How many partitions keep one partition's records at some hundred megabytes in memory."""
    return min(max(input_bytes // _PARTITION_BYTES, 1), MOST_PARTITIONS)


class Spool:
    """Takes events in any order and gives them back in log order, each id once.

    folder: empty, the caller's, on a disk with room for the events.  files: names, for dead letters.
    Raises StorageError where the folder cannot be written.
    """

    def __init__(self, folder: Path, partitions: int, files: Sequence[str]) -> None:
        self._files = files
        self._runs = [folder / f"sorted-{n}.arrow" for n in range(partitions)]
        self._spills = [folder / f"spilled-{n}.arrow" for n in range(partitions)]
        try:
            self._writers = [pa.ipc.new_stream(str(path), _SCHEMA) for path in self._spills]
        except OSError as error:
            raise _storage(folder, error) from error

    def add(self, columns: EventColumns, marks: Marks) -> None:
        """Spill some events."""
        arrays = [pa.array(getattr(columns, name)) for name in _NAMES]
        arrays += [pa.array(getattr(marks, name)) for name in _MARKS]
        table = pa.Table.from_arrays([a.cast(f.type) for a, f in zip(arrays, _SCHEMA, strict=True)], schema=_SCHEMA)
        partitions = np.array([crc32(name) % len(self._runs) for name in columns.customer_id.tolist()])
        for partition in np.unique(partitions).tolist():
            rows = np.flatnonzero(partitions == partition)
            try:
                self._writers[partition].write_table(table.take(pa.array(rows)))
            except OSError as error:
                raise _storage(self._spills[partition], error) from error

    def sorted_chunks(self, report: ImportReport, rows: int) -> Iterator[EventColumns]:
        """All events in log order, in chunks of about so many rows. Repeated ids go to the report."""
        try:
            for writer in self._writers:
                writer.close()
            for spill, run in zip(self._spills, self._runs, strict=True):
                self._settle(spill, run, report)
            batch: list[Table] = []
            for table in self._merged():
                batch.append(table)
                if sum(part.num_rows for part in batch) >= rows:
                    yield _columns(pa.concat_tables(batch))
                    batch = []
            if batch:
                yield _columns(pa.concat_tables(batch))
        except OSError as error:
            raise _storage(self._runs[0].parent, error) from error

    def _settle(self, spill: Path, run: Path, report: ImportReport) -> None:
        with pa.OSFile(str(spill)) as source:
            table = pa.ipc.open_stream(source).read_all()
        spill.unlink()
        table = table.take(pc.sort_indices(table, _LOG_ORDER))
        repeated = self._repeated(table, report)
        table = table.filter(pa.array(~repeated))
        customers, accounts = _texts(table, "customer_id"), _texts(table, "account_id")
        report.customers += distinct(customers)
        transactions = table["kind"].to_numpy() == EventKind.TRANSACTION
        report.accounts += distinct(customers[transactions], accounts[transactions])
        with pa.ipc.new_file(str(run), _SCHEMA) as writer:
            writer.write_table(table, max_chunksize=_RUN_ROWS)

    def _repeated(self, table: Table, report: ImportReport) -> Column:
        """(n,) bool: the same kind, customer and id stood further up, where it was received earlier."""
        keys = (table["kind"].to_numpy(), _texts(table, "customer_id"), _texts(table, "event_id"))
        order = np.lexsort((np.arange(len(keys[0])), *keys))
        same = np.ones(max(len(order) - 1, 0), dtype=bool)
        for key in keys:
            same &= key[order][1:] == key[order][:-1]
        later = np.concatenate(([False], same))[: len(order)]
        first = np.maximum.accumulate(np.where(later, 0, np.arange(len(order))))
        digest = table["digest"].to_numpy()[order]
        for place in np.flatnonzero(later).tolist():
            if digest[place] == digest[first[place]]:
                report.duplicates += 1
            else:
                self._conflict(table.slice(int(order[place]), 1), report)
        repeated = np.zeros(len(order), dtype=bool)
        repeated[order] = later
        return repeated

    def _conflict(self, row: Table, report: ImportReport) -> None:
        error = InvalidEvent("this id came before with other content", code="conflict")
        [event] = events_of(_columns(row))
        name, line = self._files[row["file"][0].as_py()], row["line"][0].as_py()
        report.refuse(Refusal.of(error, Place(name, line, encode(event).decode())))

    def _merged(self) -> Iterator[Table]:
        """The sorted runs as one: each time, what no unread row of any run can come before."""
        with ExitStack() as stack:
            runs = [_batches(stack.enter_context(pa.memory_map(str(path)))) for path in self._runs]
            live = [(head, run) for run in runs if (head := next(run, None)) is not None]
            while live:
                bound = min(_last(head) for head, _ in live)
                cuts = [_count_upto(head, *bound) for head, _ in live]
                ready = pa.concat_tables(head.slice(0, cut) for (head, _), cut in zip(live, cuts, strict=True))
                yield ready.take(pc.sort_indices(ready, _LOG_ORDER))
                rests = [
                    (head.slice(cut) if cut < head.num_rows else next(run, None), run)
                    for (head, run), cut in zip(live, cuts, strict=True)
                ]
                live = [(head, run) for head, run in rests if head is not None]


def _batches(source: Any) -> Iterator[Table]:
    reader = pa.ipc.open_file(source)
    for number in range(reader.num_record_batches):
        yield pa.Table.from_batches([reader.get_batch(number)])


def _last(table: Table) -> tuple[int, int]:
    return table["received_us"][-1].as_py(), table["ordinal"][-1].as_py()


def _count_upto(table: Table, received: int, ordinal: int) -> int:
    times, ordinals = table["received_us"].to_numpy(), table["ordinal"].to_numpy()
    return int(np.count_nonzero((times < received) | ((times == received) & (ordinals <= ordinal))))


def _texts(table: Table, name: str) -> Column:
    values = np.array(table[name].to_pylist(), dtype="S")
    return values if len(values) else np.array([], dtype="S1")


def _columns(table: Table) -> EventColumns:
    return EventColumns(
        **{name: _texts(table, name) if DTYPES[name] == "S" else table[name].to_numpy() for name in _NAMES}
    )


def _storage(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: {error.strerror or error}", mend="free room, or give another scratch folder")
