"""How long the past of one customer takes: from the archive as it lies, and from the copy in the order of customers.

Usage: python bench/past.py [--customers 100000] [--events 50000000] [--days 410] [--asked 90] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forbear.adapters.archive import FileArchive
from forbear.adapters.by_customer import MOST_DAYS, ByCustomer
from forbear.features.columns import EventColumns, EventKind, blank
from forbear.features.hashing import key_of
from forbear.features.local_time import DAY_US

SEGMENT_ROWS = 250_000
"""As the worker archives."""
START_US = 1_672_531_200_000_000
ASKED = 40
"""Customers who are asked for."""


def segments(rows: int, days: int, customers: int) -> Iterator[EventColumns]:
    """Transactions of so many customers in the order received, as even as time and chance have them."""
    random = np.random.default_rng(7)
    names = np.array([f"C{number:07d}" for number in range(customers)], dtype="S8")
    accounts = np.array([f"A{number:012d}" for number in range(customers)], dtype="S13")
    for first in range(0, rows, SEGMENT_ROWS):
        count = min(SEGMENT_ROWS, rows - first)
        at = START_US + np.arange(first, first + count) * (days * DAY_US // rows)
        who = random.integers(0, customers, count)
        yield blank(
            count,
            kind=np.full(count, EventKind.TRANSACTION, dtype=np.int8),
            received_us=at + 1_000_000,
            booked_us=at,
            customer_id=names[who],
            event_id=np.char.add("T", np.arange(first, first + count).astype(str)).astype("S"),
            account_id=accounts[who],
            account_kind=np.zeros(count, dtype=np.int8),
            direction=random.integers(0, 2, count).astype(np.int8),
            channel=random.integers(0, 9, count).astype(np.int8),
            category=random.integers(0, 29, count).astype(np.int8),
            status=np.zeros(count, dtype=np.int8),
            amount_minor=random.integers(100, 200_000, count),
            balance_after_minor=random.integers(-100_000, 900_000, count),
            currency=np.full(count, b"EUR"),
        )


def plain(archive: FileArchive, customer: int, since_us: int) -> int:
    """Rows of a customer by reading the files of the days asked for, keys first and the rest where they are."""
    found = 0
    for segment in archive.segments:
        if segment.received_to_us < since_us:
            continue
        with pq.ParquetFile(archive.folder / segment.file) as file:
            keys = file.read(columns=["customer_key"], use_threads=False)["customer_key"]
            rows = pc.indices_nonzero(pc.equal(keys, pa.scalar(customer, pa.uint64())))
            if len(rows):
                found += file.read(use_threads=False).take(rows).num_rows
    return found


def timed(act: Callable[[int], Any], customers: list[int]) -> dict[str, float]:
    """Milliseconds of acts, and of what of it the processor worked."""
    took, worked = [], []
    for customer in customers:
        begun, began = time.perf_counter(), time.process_time()
        act(customer)
        took.append(1e3 * (time.perf_counter() - begun))
        worked.append(1e3 * (time.process_time() - began))
    p50, p95 = np.percentile(took, [50, 95])
    return {"ms_p50": round(p50, 1), "ms_p95": round(p95, 1), "ms_processor_p50": round(float(np.median(worked)), 1)}


def measured(folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """Everything, as one document."""
    archive = FileArchive(folder / "archive")
    if not archive.next_offset:
        for columns in segments(asked.events, asked.days, asked.customers):
            archive.append(columns)
    since_us = archive.received_us - asked.asked * DAY_US
    customers = [key_of(f"C{number:07d}") for number in range(0, asked.customers, max(1, asked.customers // ASKED))]
    scanned = timed(lambda one: plain(archive, one, since_us), customers[:3])
    copy = ByCustomer(folder / "copy", lambda: FileArchive(archive.folder), None)
    begun, began = time.perf_counter(), time.process_time()
    while copy.follow():
        pass
    took, worked = time.perf_counter() - begun, time.process_time() - began
    kept = archive.next_offset - archive.offset_since(archive.received_us - MOST_DAYS * DAY_US)
    return {
        "customers": asked.customers,
        "events": archive.next_offset,
        "asked_days": asked.asked,
        "archive_mb": _megabytes(archive.folder),
        "from_the_archive": scanned,
        "copy": {
            "events": kept,
            "mb": _megabytes(copy.folder),
            "seconds": round(took, 1),
            "processor_seconds": round(worked, 1),
            "events_a_processor_second": round(kept / max(worked, 1e-9)),
        },
        "from_the_copy": timed(lambda one: copy.of(one, since_us, 2**62), customers),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _megabytes(folder: Path) -> int:
    return round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6)


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("customers", 100_000), ("events", 50_000_000), ("days", 410), ("asked", 90)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path, help="Where the archive is, or is to be; default: a temporary folder.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measured(asked.folder or Path(temporary), asked)))


if __name__ == "__main__":
    main()
