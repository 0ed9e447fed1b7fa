"""Bring events into a home: archive them, fold them once, and say what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.adapters.disk import storage_errors
from forbear.adapters.holidays import bank_calendar
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.domain.deployment import Deployment
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.domain.events import encode
from forbear.engine.ports import Kept
from forbear.features.book import Book
from forbear.features.columns import EventColumns, day_number, day_of, events_of
from forbear.features.compute import FeatureSet
from forbear.features.kernels import REFUSED, Fold
from forbear.features.local_time import local_time
from forbear.importers.base import Importer, ImportReport, Refusal, joined

SEGMENT_ROWS = 400_000

Chunks = Callable[[Callable[[int], None]], Iterable[EventColumns]]
"""Yields events in log order and tells its progress."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a home holds after loading.

    fold_counts: how many events met each fate, by name of `Fold`.
    """

    events: int
    customers: int
    closed_until: str
    fold_counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Supply:
    """Events in log order for a deployment. total: of the progress that `chunks` tells."""

    deployment: Deployment
    chunks: Chunks
    total: int


def load_importer(home: Home, importer: Importer, console: Console, *, replace: bool) -> dict[str, object]:
    """Import everything an importer reads; answers its validation report. Nothing is changed if it fails."""
    _require_empty(home, replace)
    draft = home.draft()
    with _dead_letters(draft.dead_letters / "import.jsonl") as sink:
        report = ImportReport(sink)

        def chunks(progress: Callable[[int], None]) -> Iterable[EventColumns]:
            return importer.read(report, lambda done, total: progress(done * 1000 // max(total, 1)))

        loaded = _load(draft, Supply(importer.deployment, chunks, 1000), console)
    home.adopt(draft)
    return {**report.summary(), "ledger": asdict(loaded)}


def load_supply(home: Home, supply: Supply, console: Console, *, replace: bool) -> Loaded:
    """Archive and fold events that need no validation (a simulation's). Nothing is changed if it fails."""
    _require_empty(home, replace)
    draft = home.draft()
    loaded = _load(draft, supply, console)
    home.adopt(draft)
    return loaded


def _require_empty(home: Home, replace: bool) -> None:
    if home.holds_data and not replace:
        raise ConfigError(
            f"{home.folder} already holds data from {home.deployment.source}",
            mend="choose another --home, or pass --replace to put the new data in its place",
        )


def _load(draft: Home, supply: Supply, console: Console) -> Loaded:
    deployment = supply.deployment
    zone = local_time(deployment.time_zone)
    calendar = bank_calendar(deployment.country)
    with console.progress("Reading", supply.total) as progress:
        for segment in _segments(supply.chunks(progress)):
            draft.archive.append(segment)
    if not draft.archive.next_offset:
        raise NotEnoughData("no event was accepted", mend="see the reasons in the validation report and the mapping")
    book = Book(FeatureSet.standard(deployment.unsupported), day_number(deployment.opens_on), calendar)
    counts = np.zeros(len(Fold), dtype=np.int64)
    troubled: list[tuple[int, int]] = []
    with console.progress("Folding", draft.archive.next_offset) as progress:
        for offset, _, batch in draft.archive.scan(zone):
            codes = book.fold(batch)
            counts += np.bincount(codes, minlength=len(Fold))
            troubled += _troubled(codes, offset)
            progress(offset + len(batch))
    _write_troubled(draft, troubled)
    draft.snapshots.save(Kept(book.state(), draft.archive.next_offset, book.layout_hash(), book.features.hash))
    draft.found(deployment)
    return Loaded(
        events=draft.archive.next_offset,
        customers=book.customers,
        closed_until=day_of(book.open_day - 1).isoformat(),
        fold_counts={fold.name.lower(): int(counts[fold]) for fold in Fold},
    )


def _segments(chunks: Iterable[EventColumns]) -> Iterator[EventColumns]:
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


def _write_troubled(draft: Home, troubled: list[tuple[int, int]]) -> None:
    """One line for each event that the ledger could not take, with its reason, its offset and the event itself."""
    if not troubled:
        return
    path = draft.dead_letters / "ledger.jsonl"
    with storage_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            start = 0
            remaining = dict(troubled)
            for columns in draft.archive.read():
                here = [at for at in remaining if start <= at < start + len(columns)]
                events = events_of(columns.take(np.array(here, dtype=np.int64) - start)) if here else iter(())
                for at, event in zip(here, events, strict=True):
                    reason = Fold(remaining[at]).name.lower()
                    line = {"offset": at, "reason": reason, "event": msgspec.Raw(encode(event))}
                    file.write(msgspec.json.encode(line) + b"\n")
                start += len(columns)


@contextmanager
def _dead_letters(path: Path) -> Iterator[Callable[[Refusal], None]]:
    """A sink that writes refusals as they come; no file where there are none."""
    with storage_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield lambda refusal: _write(file, refusal)
        if not path.stat().st_size:
            path.unlink()


def _write(file: BinaryIO, refusal: Refusal) -> None:
    file.write(msgspec.json.encode(asdict(refusal)) + b"\n")
