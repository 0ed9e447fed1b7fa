"""The ledger's figures: folding, computing, memory, and training rows against DuckDB and Polars.

    .venv/bin/python bench/features.py             all of it, some ten minutes and 14 GB
    .venv/bin/python bench/features.py --quick     the same with fewer customers, a minute

One thread each. Events are those of the synthetic bank. The last line is one JSON object:
  fold_events_per_s        events folded by `Book.fold` in batches as they arrive, at 100,000 customers
  compute_customers_per_s  customers whose 31 features `Book.compute` gives, at 100,000 customers
  bytes_per_customer       resident bytes of a book of 1,000,000 customers after 150 days of the bank's events
  training_rows_ratio      seconds of the faster of DuckDB and Polars / seconds of forbear's replay, both from
                           the same Parquet files to the same matrix of monthly rows of a year
  max_abs_diff             largest difference between the three matrices (relative above 1)

Memory at a million customers is measured with a smaller bank many times over: the same events under other
customer keys. A ledger does not know its neighbours, so only the number of different lives is smaller.
"""

from __future__ import annotations

import os

for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb_features
import numpy as np
import polars_features
from baseline_request import Request
from equal import largest_difference
from numpy.typing import NDArray

from forbear.adapters.archive import FileArchive
from forbear.apps.jobs.loading import segments
from forbear.domain.calendar import BankCalendar
from forbear.features.batch import EventBatch, batch_of
from forbear.features.book import Book
from forbear.features.columns import day_number, day_of
from forbear.features.compute import FeatureSet
from forbear.features.local_time import local_time
from forbear.simulation.bank import deployment, simulate
from forbear.simulation.spec import BankSpec

FEATURES = FeatureSet.standard()
WARM_UP_DAYS, MEASURED_DAYS = 130, 20
ROUNDS = 3

Rows = tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.float64]]


class Scale(NamedTuple):
    """How large each part is."""

    fold_customers: int
    memory_customers: int
    memory_lives: int
    rows_customers: int


FULL = Scale(100_000, 1_000_000, 50_000, 5_000)
QUICK = Scale(10_000, 40_000, 10_000, 500)


def batches(spec: BankSpec) -> Iterator[EventBatch]:
    """The bank's events as the ledger takes them."""
    zone = local_time(spec.time_zone)
    return (batch_of(columns, zone) for columns in simulate(spec))


def fold_and_compute(scale: Scale) -> tuple[float, float]:
    """Events folded and customers computed a second, in steady state: the horizon is full before the clock runs."""
    spec = BankSpec(customers=scale.fold_customers, days=WARM_UP_DAYS + MEASURED_DAYS, seed=3)
    book = Book(FEATURES, day_number(spec.start))
    warm = day_number(spec.start) + WARM_UP_DAYS
    events, seconds = 0, 0.0
    for batch in batches(spec):
        began = time.perf_counter()
        book.fold(batch)
        if book.open_day >= warm:
            seconds += time.perf_counter() - began
            events += len(batch)
    book.compute(np.arange(100))
    computing = min(timed(book.compute) for _ in range(ROUNDS))
    return events / seconds, book.customers / computing


def bytes_per_customer(scale: Scale) -> float:
    """Resident bytes a customer of a large book, every array of it counted whole."""
    spec = BankSpec(customers=scale.memory_lives, days=WARM_UP_DAYS + MEASURED_DAYS, seed=4)
    copies = scale.memory_customers // scale.memory_lives
    book = Book(FEATURES, day_number(spec.start))
    for batch in batches(spec):
        for copy in range(copies):
            other = batch.customer ^ np.uint64(copy * 0x9E3779B97F4A7C15 % 2**64)
            # The ring must stand where it stood for each of them, so it moves with the last alone.
            book.fold(
                replace(batch, customer=other) if copy == copies - 1 else events_only(replace(batch, customer=other))
            )
    return book.resident_bytes / book.customers


def events_only(batch: EventBatch) -> EventBatch:
    """The batch without its day closes."""
    keep = np.flatnonzero(batch.kind != 3)
    columns = {name: getattr(batch, name)[keep] for name in ("kind", "customer", "received_us", "day", "record")}
    return EventBatch(**columns, schedules=batch.schedules)


def training_rows(scale: Scale, folder: Path) -> tuple[float, float]:
    """How many times faster than the better competitor, and the largest difference to either."""
    spec = BankSpec(customers=scale.rows_customers, days=WARM_UP_DAYS + 365, seed=5)
    archive = FileArchive(folder)
    for columns in segments(simulate(spec)):
        archive.append(columns)
    first = spec.start + timedelta(days=WARM_UP_DAYS)
    days = [first + timedelta(days=ahead) for ahead in range(365)]
    cuts = tuple(day_number(day) - 1 for day in days if day.day == 1)
    request = Request.of(spec.time_zone, cuts, BankCalendar(), FEATURES.names)
    parts = [folder / segment.file for segment in archive.segments]
    print(f"training rows: {archive.next_offset:,} events, {len(cuts)} cuts, until {day_of(cuts[-1])}")
    ours, seconds = best(lambda: replayed(folder, spec, cuts))
    rivals: dict[str, Callable[[], Rows]] = {
        "duckdb": lambda: duckdb_features.training_rows(parts, request, threads=1),
        "polars": lambda: polars_features.training_rows(parts, request),
    }
    print(f"  forbear {seconds:.2f} s, {len(ours[0]):,} rows")
    fastest, difference = np.inf, 0.0
    for name, rival in rivals.items():
        theirs, needed = best(rival)
        apart = largest_difference(ours, theirs)
        print(f"  {name} {needed:.2f} s, largest difference {apart:.3g}")
        fastest, difference = min(fastest, needed), max(difference, apart)
    return fastest / seconds, difference


def replayed(folder: Path, spec: BankSpec, cuts: tuple[int, ...]) -> Rows:
    """The rows by one pass of the ledger over the archive, read from disk."""
    book = Book(FEATURES, day_number(deployment(spec).opens_on))
    found: list[Rows] = []

    def emit(day: int, slots: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        found.append((book.keys[slots], np.full(len(slots), day, dtype=np.int32), values))

    for scanned in FileArchive(folder).scan(local_time(spec.time_zone)):
        book.replay(scanned.batch, cuts, emit)
    customers, days, values = (np.concatenate(column) for column in zip(*found, strict=True))
    return customers, days, values


def timed(work: Callable[[], Any]) -> float:
    """Seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def best(work: Callable[[], Rows]) -> tuple[Rows, float]:
    """What some work gives, and the seconds of its fastest round: other people's noise only ever adds."""
    result: list[Rows] = []
    seconds = min(timed(lambda: result.append(work())) for _ in range(ROUNDS))
    return result[0], seconds


def main() -> None:
    """Run every part and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer customers: a look, not a figure to quote")
    scale = QUICK if parser.parse_args().quick else FULL
    folded, computed = fold_and_compute(scale)
    print(f"folded {folded:,.0f} events/s, computed {computed:,.0f} customers/s at {scale.fold_customers:,} customers")
    with tempfile.TemporaryDirectory() as folder:
        ratio, difference = training_rows(scale, Path(folder))
    size = bytes_per_customer(scale)
    print(f"{size:,.0f} bytes a customer at {scale.memory_customers:,} customers")
    print(
        json.dumps(
            {
                "fold_events_per_s": round(folded),
                "compute_customers_per_s": round(computed),
                "bytes_per_customer": round(size),
                "training_rows_ratio": round(ratio, 2),
                "max_abs_diff": difference,
            }
        )
    )


if __name__ == "__main__":
    main()
