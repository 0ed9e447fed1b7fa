"""The running worker: how many transactions a second, and how long from an event to its recorded decision.

    .venv/bin/python bench/pipeline.py                    50,000 customers, ten live days, two minutes
    .venv/bin/python bench/pipeline.py --customers 5000   for trying it out

A synthetic bank with 70 days of history, a boosting of 200 trees of depth 4 and the shipped policy, its cut-offs
taken as shares of the book. Everything runs as `forbear run` does: the log on the disk, ledgers, features, scores
with attributions for every event that triggers and whose customer is eligible, verdicts, SQLite. The shipped triggers,
but that every 5th transaction of a customer fires and not every 10th: so some 30 % of all do.

Throughput: the log is there already and is worked off. The sweep of each day close is timed apart.
Latency: another process publishes 5,000 events a second, each handed over in a group of 25, durable before the
next; a group's time runs from the instant it is handed over to the return of the commit that records it. The last
day's events are received at that pace too, so that the policy's hours are as long as real ones: one of its ticks falls
into the middle, and with it a cut. No day close is in it: what comes while a close sweeps the book waits for it.

The last line is one JSON object:
  tx_per_s           transactions within open days / seconds of these
  tx_per_s_with_closes   the same with the seconds of the day closes
  trigger_share      transactions that fired a trigger / all
  scored_share       transactions recorded with a prediction / all
  close_customers_per_s  customers scored at day closes / seconds of these
  p50_ms, p99_ms, p999_ms, most_ms   event to recorded decision, over latency_events events
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from live_bank import live_bank

from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.running import running
from forbear.engine.outputs import Outputs
from forbear.engine.ports import Store
from forbear.engine.running import Running
from forbear.engine.store_around import StoreAround
from forbear.features.columns import EventColumns, EventKind

LIMIT = 16_384
LIVE_DAYS = 10
GROUP_ROWS, PER_SECOND = 25, 5_000
_HOUR_US = 3_600_000_000
PAUSE_SECONDS = 0.0005
"""Between two looks at a log that has nothing new."""


@dataclass
class Watched(StoreAround):
    """A store that notes when what was committed."""

    store: Store
    until: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def commit(self, outputs: Outputs) -> None:
        """Commit, and note the instant."""
        self.store.commit(outputs)
        self.until.append(outputs.until.offset)
        self.seconds.append(time.perf_counter())


def closes_of(home: Home, start: int) -> tuple[list[int], int]:
    """Offsets of the day closes in the log, and how many transactions it holds."""
    closes: list[int] = []
    transactions = 0
    with closing(home.source()) as source:
        source.seek(start)
        while (scanned := source.poll(LIMIT)) is not None:
            closes += (np.flatnonzero(scanned.batch.kind == EventKind.DAY_CLOSED) + scanned.offset).tolist()
            transactions += int((scanned.batch.kind == EventKind.TRANSACTION).sum())
    return closes, transactions


def triggered(worker: Running, fired: list[int]) -> None:
    """Count what the triggers ask for, eligible or not."""
    scorer = worker.worker.follower.scorer
    stream = scorer.book.stream

    def counted(*arguments: Any) -> Any:
        found = stream(*arguments)
        fired.append(len(found.rows))
        return found

    scorer.book.stream = counted  # type: ignore[method-assign]


def throughput(home: Home, worker: Running) -> dict[str, Any]:
    """Work the log off, open days and closes each on a clock of their own."""
    start = worker.worker.position
    closes, transactions = closes_of(home, start)
    fired: list[int] = []
    triggered(worker, fired)
    seconds, predictions = {False: 0.0, True: 0.0}, {False: 0, True: 0}
    wanted = iter([*closes, worker.source.end])
    following = next(wanted)
    while worker.worker.position < worker.source.end:
        at_close = worker.worker.position == following
        began = time.perf_counter()
        done = worker.step(1 if at_close else min(LIMIT, following - worker.worker.position))
        if at_close or worker.worker.position == following:
            worker.wait()  # each clock bears its own commits
        seconds[at_close] += time.perf_counter() - began
        predictions[at_close] += done.predictions if done else 0
        if at_close:
            following = next(wanted)
    return {
        "tx_per_s": round(transactions / seconds[False]),
        "tx_per_s_with_closes": round(transactions / sum(seconds.values())),
        "trigger_share": round(sum(fired) / transactions, 3),
        "scored_share": round(predictions[False] / transactions, 3),
        "close_customers_per_s": round(predictions[True] / seconds[True]),
        "transactions": transactions,
        "closes": len(closes),
    }


def paced(columns: EventColumns) -> EventColumns:
    """The events as if received one after another at the pace of PER_SECOND, the middle one at a full hour."""
    hour = -(-int(columns.received_us[-1]) // _HOUR_US) * _HOUR_US
    steps = np.arange(len(columns)) - len(columns) // 2
    return replace(columns, received_us=hour + steps * (1_000_000 // PER_SECOND))


def publish(home: Home, columns: EventColumns, ready: Any, sender: Any) -> None:
    """Publish at a steady pace; send back how far each group reached, and when it was handed over."""
    past, handed = [], []
    with closing(home.sink()) as sink:
        ready.set()
        began = time.perf_counter()
        for number, start in enumerate(range(0, len(columns), GROUP_ROWS)):
            wait = began + number * GROUP_ROWS / PER_SECOND - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            handed.append(time.perf_counter())
            past.append(sink.publish(columns.take(slice(start, start + GROUP_ROWS))))
    sender.send((past, handed, time.perf_counter() - began))


def latency(home: Home, worker: Running, columns: EventColumns) -> dict[str, Any]:
    """Follow another process that publishes; the time of each event from its hand-over to its commit."""
    behind: Any = worker.store
    watched = behind.store = Watched(behind.store)
    end = worker.worker.position + len(columns)
    context = multiprocessing.get_context("fork")
    ready, (receiver, sender) = context.Event(), context.Pipe(duplex=False)
    producer = context.Process(target=publish, args=(home, columns, ready, sender))
    producer.start()
    ready.wait()
    while worker.worker.position < end and (producer.is_alive() or worker.source.end > worker.worker.position):
        if worker.step(LIMIT) is None:
            time.sleep(PAUSE_SECONDS)
    worker.wait()
    past, handed, took = receiver.recv()
    producer.join()
    place = np.searchsorted(np.array(watched.until), np.array(past))
    waited = (np.array(watched.seconds)[place] - np.array(handed)) * 1_000.0
    rows = np.diff([past[0] - GROUP_ROWS, *past])
    p50, p99, p999 = np.percentile(np.repeat(waited, rows), [50.0, 99.0, 99.9])
    return {
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "p999_ms": round(float(p999), 1),
        "most_ms": round(float(waited.max()), 1),
        "latency_events": len(columns),
        "published_per_s": round(len(columns) / took),
        "commits": len(watched.until),
    }


def main() -> None:
    """Prepare, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=50_000)
    customers = parser.parse_args().customers
    with tempfile.TemporaryDirectory() as folder:
        home, rest = live_bank(Path(folder), customers, LIVE_DAYS)
        first, last = np.flatnonzero(rest.kind == EventKind.DAY_CLOSED)[[0, -1]].tolist()
        begun, open_day = rest.take(slice(0, first + 1)), rest.take(slice(first + 1, last))
        with running(home) as worker:
            worker.start(home.feed, home.snapshots, told_before(home))
            found = throughput(home, worker)
            print(json.dumps(found), file=sys.stderr)
            with closing(home.sink()) as sink:
                sink.publish(begun)
            while worker.step(LIMIT) is not None:
                """Close the day before the last."""
            found |= latency(home, worker, paced(open_day))
    print(json.dumps({**found, "customers": customers, "load": round(os.getloadavg()[0], 1)}))


if __name__ == "__main__":
    main()
