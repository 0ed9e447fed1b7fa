"""The nightly close: how fast the worker scores its whole book again, every score with its attributions.

    .venv/bin/python bench/sweep.py                       1,000,000 customers: minutes, and some 10 GB
    .venv/bin/python bench/sweep.py --customers 100000

A synthetic bank of 25,000 customers has lived 70 days, and some more under the worker, so that the first wave of
offers is over; its ledgers, and what the policy remembers of each, are copied under other keys until there are as
many as asked for. Then one day closes: features, hurdles, a boosting of 200 trees of depth 4 with attributions,
verdicts, the cut with its decisions, and every prediction in SQLite when the clock stops.
The last line is one JSON object:
  customers_per_s   customers of the book / seconds of the close
  scored            of them eligible, scored and recorded
  decisions         offers and holds of the cut, each sealed with its reasons in words
  rss_gb            most memory that the process ever held
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from live_bank import live_bank
from pipeline import closes_of

from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.running import running
from forbear.engine.standing import FRESH
from forbear.engine.worker import Worker
from forbear.features.book import BookState
from forbear.features.pool import KEY

ORIGINALS, LIVE_DAYS = 25_000, 5
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def copied(worker: Worker, customers: int) -> None:
    """Have so many customers, copies of those that there are under keys of their own."""
    book, standing = worker.follower.scorer.book, worker.lane.intervenor.standing
    state, originals = book.state(), book.customers
    copies = -(-customers // originals)
    slots = np.tile(state.slots, (copies, 1))[:customers]
    number = np.arange(customers, dtype=np.uint64) // np.uint64(originals)
    slots[:, KEY] ^= (number * _GOLDEN).view(np.int64)
    book.restore(BookState(state.pool, slots, state.open_day, state.skipped_days))
    for name in FRESH:
        one = getattr(standing, name)[:originals]
        setattr(standing, name, np.tile(one, (copies, *[1] * (one.ndim - 1)))[:customers])


def main() -> None:
    """Prepare, close the day, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    customers = parser.parse_args().customers
    with tempfile.TemporaryDirectory() as folder:
        home, _ = live_bank(Path(folder), min(ORIGINALS, customers), LIVE_DAYS)
        with running(home) as worker:
            worker.start(home.feed, home.snapshots, told_before(home))
            closes, _ = closes_of(home, worker.worker.position)
            while worker.worker.position < closes[-1]:
                worker.step(closes[-1] - worker.worker.position)
            worker.wait()
            copied(worker.worker, customers)
            began = time.perf_counter()
            done = worker.step(1)
            worker.wait()
            seconds = time.perf_counter() - began
    assert done is not None
    result = {
        "customers_per_s": round(customers / seconds),
        "scored": done.predictions,
        "decisions": done.decisions,
        "customers": customers,
        "seconds": round(seconds, 2),
        "rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
