"""Any bank's files into events, by a mapping: delimited text, Parquet, or JSON Lines in forbear's own form.

Files may be larger than memory and in any order: an external sort puts what was accepted into log order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import msgspec
import numpy as np

from forbear.domain.deployment import Deployment
from forbear.domain.errors import ConfigError, InvalidEvent, StorageError
from forbear.domain.events import (
    CustomerUpdated,
    DayClosed,
    Event,
    HelpRequested,
    Instructed,
    OfferAnswered,
    PaymentOutcome,
    Transaction,
    convert,
    decode,
    encode,
)
from forbear.features.columns import EventColumns, columns_of
from forbear.importers.base import CHUNK_ROWS, ImportReport, Place, Progress, Refusal, with_day_closes
from forbear.importers.days import LocalDays
from forbear.importers.lines import LONGEST_LINE, Line, Meter, lines_of
from forbear.importers.mapping import CustomerForm, Form, ImportMapping, TransactionForm
from forbear.importers.records import MOST_OBLIGATIONS, Row, RowReader
from forbear.importers.sources import Record, records_of
from forbear.importers.spool import Marks, Spool, partitions_for

_OWN_FORM = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_BATCH_ROWS = 10_000
_UNPACKED_TIMES = 8
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
_RANKS: dict[type[Any], int] = {CustomerUpdated: 0, Transaction: 1, PaymentOutcome: 2}
_RANK_BITS = 48


Fact: TypeAlias = Transaction | CustomerUpdated | PaymentOutcome
_Received = TypeVar("_Received", bound="Fact | DayClosed")


class _Accepted(NamedTuple):
    event: Fact
    line: int
    numbered: bool


class EventsImporter:
    """Imports files of transactions, customers and payments as a mapping describes them.

    files: each is either named *.jsonl or *.ndjson (plain or .gz: one event a line in forbear's own form) or
    fits a pattern of exactly one form.  scratch: a folder that exists, with about twice the room that the
    unpacked files take; it is left as it was.  today: what is received after this bank-local day is refused.
    Without a `sequence` of their own, transactions keep the order in which the files gave them.
    Raises ConfigError for a file that fits no form, or several.
    """

    def __init__(self, files: Sequence[Path], mapping: ImportMapping, *, scratch: Path, today: date) -> None:
        self.deployment = mapping.deployment
        self._sources = [(path, _form_of(path, mapping)) for path in files]
        self._scratch = scratch
        self._door = Door(mapping.deployment, today)

    def read(self, report: ImportReport, progress: Progress | None = None) -> Iterator[EventColumns]:
        """Every event in log order, as `Importer.read` says. At the same instant: customers, transactions, payments.

        Reads all files before it yields, so that a file which turns out broken stops the import with nothing done.
        Raises ConfigError, and StorageError where the scratch folder fails.
        """
        files = [path for path, _ in self._sources]
        meter = Meter(files, progress)
        try:
            scratch = TemporaryDirectory(dir=self._scratch, prefix="forbear-import-")
        except OSError as error:
            raise StorageError(f"{self._scratch}: {error.strerror}", mend="give another scratch folder") from error
        with scratch as folder:
            spool = Spool(Path(folder), partitions_for(sum(map(_size, files))), [path.name for path in files])
            ordinal = 0
            for number, (path, form) in enumerate(self._sources):
                for batch in _batches(self._accepted(path, form, report, meter)):
                    spool.add(*_marked(batch, number, ordinal))
                    ordinal += len(batch)
            yield from with_day_closes(spool.sorted_chunks(report, CHUNK_ROWS), self.deployment, report)

    def _accepted(self, path: Path, form: Form | None, report: ImportReport, meter: Meter) -> Iterator[_Accepted]:
        if form is None:
            return self._own(path, report, meter)
        if isinstance(form, CustomerForm):
            return self._customers(path, form, report, meter)
        return self._mapped(path, form, report, meter)

    def _own(self, path: Path, report: ImportReport, meter: Meter) -> Iterator[_Accepted]:
        report.rows[path.name] += 0
        for line in lines_of(path, meter):
            if not line.data:
                continue
            report.rows[path.name] += 1
            try:
                event = own_event(line)
                if isinstance(event, DayClosed):
                    report.set_aside["day_closed"] += 1
                    continue
                yield _Accepted(self._door.admit(event), line.number, numbered=True)
            except InvalidEvent as error:
                report.refuse(Refusal.of(error, Place(path.name, line.number, line.data.decode("utf-8", "replace"))))

    def _mapped(self, path: Path, form: Form, report: ImportReport, meter: Meter) -> Iterator[_Accepted]:
        reader = RowReader(form, self.deployment)
        kind, make = (
            (Transaction, reader.transaction) if isinstance(form, TransactionForm) else (PaymentOutcome, reader.outcome)
        )
        numbered = "sequence" in form.columns
        for record in records_of(path, form, report, meter):
            try:
                yield _Accepted(self._door.admit(_fact(make(record.cells), kind)), record.line, numbered)
            except InvalidEvent as error:
                report.refuse(Refusal.of(error, Place(path.name, record.line, record.raw)))

    def _customers(self, path: Path, form: CustomerForm, report: ImportReport, meter: Meter) -> Iterator[_Accepted]:
        for row, record in _updates(path, form, self.deployment, report, meter):
            try:
                yield _Accepted(self._door.admit(_fact(row, CustomerUpdated)), record.line, numbered=True)
            except InvalidEvent as error:
                report.refuse(Refusal.of(error, Place(path.name, record.line, record.raw)))


class Door:
    """What a deployment takes, beyond what an event must be by itself."""

    def __init__(self, deployment: Deployment, today: date) -> None:
        days = LocalDays(deployment.time_zone)
        self._currency = deployment.currency
        self._opens = days.start(deployment.opens_on)
        self._closes = days.start(today + timedelta(days=1))
        self._today = today

    def admit(self, event: _Received) -> _Received:
        """The event itself. Raises InvalidEvent "wrong_currency", "before_opening" or "in_future"."""
        if isinstance(event, Transaction) and event.currency != self._currency:
            raise InvalidEvent(
                f"currency {event.currency} is not the ledger's {self._currency}",
                field="currency",
                code="wrong_currency",
            )
        if event.received_at < self._opens:
            raise InvalidEvent("received before opens_on", field="received_at", code="before_opening")
        if event.received_at >= self._closes:
            raise InvalidEvent(f"received after {self._today}", field="received_at", code="in_future")
        return event


def own_event(line: Line) -> Fact | DayClosed:
    """The fact or the close of a day that stands in a line of forbear's own form. Raises InvalidEvent."""
    if line.too_long:
        raise InvalidEvent(f"the line is longer than {LONGEST_LINE} bytes", code="line_too_long")
    event = decode(line.data)
    if isinstance(event, Instructed | HelpRequested | OfferAnswered):
        raise InvalidEvent("what a person says is no fact of a feed: commands and the API say it", code="instruction")
    return event


def _updates(
    path: Path, form: CustomerForm, deployment: Deployment, report: ImportReport, meter: Meter
) -> Iterator[tuple[Row, Record]]:
    """Customers' rows; those that follow one another for the same customer and time as one, with its first record."""
    reader = RowReader(form, deployment)
    pending: tuple[Row, Record] | None = None
    for record in records_of(path, form, report, meter):
        try:
            row = reader.customer(record.cells)
        except InvalidEvent as error:
            report.refuse(Refusal.of(error, Place(path.name, record.line, record.raw)))
            continue
        if pending and _continues(pending[0], row):
            report.set_aside["joined_obligations"] += 1
            pending[0]["obligations"] += row["obligations"]
            continue
        if pending:
            yield pending
        pending = row, record
    if pending:
        yield pending


def _continues(pending: Row, row: Row) -> bool:
    same = all(pending[key] == row[key] for key in ("customer_id", "booked_at", "update_id"))
    both = "obligations" in pending and "obligations" in row
    return same and both and len(pending["obligations"]) < MOST_OBLIGATIONS


def _fact(row: Row, kind: type[Fact]) -> Fact:
    return cast("Fact", convert(row, kind))  # it gives back the kind that it is asked for


def _form_of(path: Path, mapping: ImportMapping) -> Form | None:
    if path.name.endswith(_OWN_FORM):
        return None
    fitting = [form for form in mapping.forms if any(fnmatchcase(path.name, pattern) for pattern in form.files)]
    if len(fitting) != 1:
        patterns = [pattern for form in mapping.forms for pattern in form.files]
        raise ConfigError(
            f"{path.name}: fits {len(fitting)} forms of the mapping; the patterns are {patterns}",
            mend="let `files` of exactly one form fit its name",
        )
    return fitting[0]


def _size(path: Path) -> int:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file", mend="check the path")
    return path.stat().st_size * (_UNPACKED_TIMES if path.suffix in (".gz", ".parquet") else 1)


def _batches(accepted: Iterator[_Accepted]) -> Iterator[list[_Accepted]]:
    batch: list[_Accepted] = []
    for one in accepted:
        batch.append(one)
        if len(batch) >= _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _marked(batch: list[_Accepted], file: int, ordinal: int) -> tuple[EventColumns, Marks]:
    events: list[Event] = []
    for place, one in enumerate(batch):
        numbered = one.numbered or not isinstance(one.event, Transaction)
        events.append(one.event if numbered else msgspec.structs.replace(one.event, sequence=ordinal + place))
    columns = columns_of(events)
    ranks = np.array([_RANKS[type(event)] for event in events], dtype=np.int64)
    return columns, Marks(
        ordinal=(ranks << _RANK_BITS) + np.arange(ordinal, ordinal + len(batch)),
        digest=np.array([_digest(one.event) for one in batch], dtype=np.int64),
        file=np.full(len(batch), file, dtype=np.int64),
        line=np.array([one.line for one in batch], dtype=np.int64),
    )


def _digest(event: Fact) -> int:
    """Hash of what an event says. When it was received is left out: a redelivery says the same again."""
    said = encode(msgspec.structs.replace(event, received_at=_LONG_AGO))
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "big", signed=True)
