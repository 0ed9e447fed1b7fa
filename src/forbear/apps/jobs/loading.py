"""Bring events into a home: archive them, fold them once, and say what became of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from typing import IO, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.adapters.disk import storage_errors, write_whole
from forbear.adapters.holidays import bank_calendar
from forbear.apps.console import Console
from forbear.apps.home import Home, checked
from forbear.domain.deployment import Deployment
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.domain.events import encode
from forbear.engine.ports import Kept
from forbear.features.batch import EventBatch
from forbear.features.book import Book
from forbear.features.columns import EventColumns, EventKind, day_number, day_of, events_of, joined, micros
from forbear.features.compute import FeatureSet
from forbear.features.kernels import REFUSED, Fold
from forbear.features.local_time import local_time
from forbear.importers.base import Importer, ImportReport, Refusal
from forbear.importers.days import LocalDays

SEGMENT_ROWS = 400_000

Chunks = Callable[[Callable[[int], None]], Iterable[EventColumns]]
"""Yields events in log order and tells its progress."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a home holds after loading.

    events: in the archive; the rest of the figures is of these.  live_events: in the log, not folded yet.
    fold_counts: how many events met each fate, by name of `Fold`.
    """

    events: int
    live_events: int
    customers: int
    closed_until: str
    fold_counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Supply:
    """Events in log order for a deployment. total: of the progress that `chunks` tells.

    truth: files, by name, of what a synthetic bank knows and its feed does not tell; kept outside the archive.
    live_from: what is received from 00:00 of this bank-local day on goes to the log; None for nothing.
    """

    deployment: Deployment
    chunks: Chunks
    total: int
    truth: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    live_from: date | None = None


def load_importer(home: Home, importer: Importer, console: Console, *, replace: bool) -> dict[str, object]:
    """Import everything an importer reads; answers its validation report. Nothing is changed if it fails."""
    return load_files(home, lambda _: importer, console, replace=replace)


def load_files(
    home: Home,
    importer: Callable[[Path], Importer],
    console: Console,
    *,
    replace: bool,
    live_from: date | None = None,
) -> dict[str, object]:
    """The same with an importer that is made with a folder for its scratch files. live_from: as in `Supply`."""
    with home.importing(replace=replace) as draft:
        scratch = draft.folder / "scratch"
        with storage_errors(f"cannot write {scratch}"):
            scratch.mkdir()
        made = importer(scratch)
        with DeadLetters(draft.dead_letters / "import.jsonl") as letters:
            report = ImportReport(letters.refused)

            def chunks(progress: Callable[[int], None]) -> Iterable[EventColumns]:
                return made.read(report, lambda done, total: progress(done * 1000 // max(total, 1)))

            live = _archive(draft, Supply(made.deployment, chunks, 1000, live_from=live_from), console)
        if not draft.archive.next_offset:
            raise _nothing_accepted(report, letters.first)
        loaded = _fold(draft, made.deployment, live, console)
    return {**report.summary(), "ledger": asdict(loaded)}


def load_supply(home: Home, supply: Supply, console: Console, *, replace: bool) -> Loaded:
    """Archive and fold events that need no validation (a simulation's). Nothing is changed if it fails."""
    with home.importing(replace=replace) as draft:
        live = _archive(draft, supply, console)
        for name, content in supply.truth.items():
            write_whole(draft.truth / name, content())
        return _fold(draft, supply.deployment, live, console)


def _nothing_accepted(report: ImportReport, first: Refusal | None) -> NotEnoughData:
    read, refused = sum(report.rows.values()), sum(report.refused.values())
    if first is None:
        return NotEnoughData(f"no event was accepted: {read} rows were read", mend="give files that hold events")
    reasons = ", ".join(f"{code} {count}" for code, count in report.refused.most_common(5))
    return NotEnoughData(
        f"no event was accepted: {refused} of {read} rows were refused ({reasons}), the first at {first.file} line "
        f"{first.line}{f', {first.field}' if first.field else ''}: {first.message}",
        mend="correct the mapping or the files",
    )


def _archive(draft: Home, supply: Supply, console: Console) -> int:
    """Put the events into the archive and the log, once it is sure that they can be folded; answer how many live."""
    checked(supply.deployment)
    local_time(supply.deployment.time_zone)
    bank_calendar(supply.deployment.country)
    live: list[EventColumns] = []
    with console.progress("Reading", supply.total) as progress:
        chunks = iter(supply.chunks(progress))
        for segment in segments(_history(chunks, supply, live)):
            draft.archive.append(segment)
        if not live:
            return 0
        if not draft.archive.next_offset:
            raise ConfigError(
                f"nothing was received before {supply.live_from}, so there is no history",
                mend="give a later day to --live-from",
            )
        with closing(draft.sink()) as sink:
            for chunk in chain(live, chunks):
                sink.publish(chunk)
            return sink.end - draft.archive.next_offset


def _history(chunks: Iterator[EventColumns], supply: Supply, live: list[EventColumns]) -> Iterator[EventColumns]:
    """What was received before everything live. Ends in the first chunk that is live, whose rest goes to `live`."""
    if supply.live_from is None:
        yield from chunks
        return
    live_us = micros(LocalDays(supply.deployment.time_zone).start(supply.live_from))
    for chunk in chunks:
        rows = int(np.searchsorted(chunk.received_us, live_us))
        yield chunk.take(slice(0, rows))
        if rows < len(chunk):
            live.append(chunk.take(slice(rows, None)))
            return


def _fold(draft: Home, deployment: Deployment, live: int, console: Console) -> Loaded:
    zone, calendar = local_time(deployment.time_zone), bank_calendar(deployment.country)
    book = Book(FeatureSet.standard(deployment.unsupported), day_number(deployment.opens_on), calendar)
    counts = np.zeros(len(Fold), dtype=np.int64)
    troubled: list[tuple[int, int]] = []
    with console.progress("Folding", draft.archive.next_offset) as progress:
        for offset, _, batch in draft.archive.scan(zone):
            # The snapshot stands before the last close, so that scoring the closed day folds nothing but its tail.
            for part, at in _before_and_after(batch, offset, draft.archive.closed_day):
                codes = book.fold(part)
                counts += np.bincount(codes, minlength=len(Fold))
                troubled += _troubled(codes, at)
                if at + len(part) < offset + len(batch):
                    kept = Kept(book.state(), at + len(part), book.layout_hash(), book.features.hash)
                    draft.snapshots.save(kept)
            progress(offset + len(batch))
    _write_troubled(draft, dict(troubled))
    draft.found(deployment)
    return Loaded(
        events=draft.archive.next_offset,
        live_events=live,
        customers=book.customers,
        closed_until=day_of(book.open_day - 1).isoformat(),
        fold_counts={fold.name.lower(): int(counts[fold]) for fold in Fold},
    )


def _before_and_after(batch: EventBatch, offset: int, last_close: int | None) -> list[tuple[EventBatch, int]]:
    """A batch with its offset, in two parts where the last close of the log stands in it: before and from it on."""
    closes = np.flatnonzero((batch.kind == EventKind.DAY_CLOSED) & (batch.day == last_close))
    if not len(closes):
        return [(batch, offset)]
    row = int(closes[0])
    return [(batch.slice(0, row), offset), (batch.slice(row, len(batch)), offset + row)]


def segments(chunks: Iterable[EventColumns]) -> Iterator[EventColumns]:
    """The same events in fewer, larger pieces."""
    held: list[EventColumns] = []
    rows = 0
    for chunk in chunks:
        held.append(chunk)
        rows += len(chunk)
        if rows >= SEGMENT_ROWS:
            yield joined(held)
            held, rows = [], 0
    if held:
        yield joined(held)


def _troubled(codes: NDArray[np.uint8], offset: int) -> list[tuple[int, int]]:
    rows = np.flatnonzero(np.isin(codes, [Fold.PARKED, *REFUSED]))
    return [(offset + int(row), int(codes[row])) for row in rows]


def _write_troubled(draft: Home, troubled: dict[int, int]) -> None:
    """One line for each event that the ledger could not take, with its reason, its offset and the event itself."""
    if not troubled:
        return
    with DeadLetters(draft.dead_letters / "ledger.jsonl") as letters:
        start = 0
        for columns in draft.archive.read():
            here = [at for at in troubled if start <= at < start + len(columns)]
            events = events_of(columns.take(np.array(here, dtype=np.int64) - start)) if here else iter(())
            for at, event in zip(here, events, strict=True):
                reason = Fold(troubled[at]).name.lower()
                letters.write({"offset": at, "reason": reason, "event": msgspec.Raw(encode(event))})
            start += len(columns)


class DeadLetters:
    """A file of JSON lines, one for each record that was not taken; no file where there is none.

    append: behind those that stand there already.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._mode = "ab" if append else "wb"
        self.first: Refusal | None = None
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with storage_errors(f"cannot write {self._path}"), self._file as file:
                file.flush()
                os.fsync(file.fileno())

    def refused(self, refusal: Refusal) -> None:
        """Write down what an importer refused. Raises StorageError."""
        self.first = self.first or refusal
        # A file's name may hold bytes that are no text.
        self.write({**asdict(refusal), "file": refusal.file.encode(errors="backslashreplace").decode()})

    def write(self, line: Mapping[str, object]) -> None:
        """Write one line. Raises StorageError."""
        with storage_errors(f"cannot write {self._path}"):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open(self._mode)
            self._file.write(msgspec.json.encode(line) + b"\n")
