"""The book as a whole over HTTP: how soon are its figures told of 100,000 customers, and what do they take?

    .venv/bin/python bench/book.py                              100,000 customers, 60 closes
    .venv/bin/python bench/book.py --customers 3000 --keep /tmp/book      for trying it out

The store is made row by row, not by a worker: scores that wander from close to close with 31 attributions each, and
five hundred decisions a day, in two partitions. The home around it is a small synthetic bank, so that the server has a
log to follow. `forbear serve` is a process of its own; each question is asked twenty times in turn, and answered anew
each time.

The last line is one JSON object:
  ready_s         until the server was ready, with the newest scores in memory
  first_closes_s  until `/v1/worsening` was answered at all
  all_closes_s    until it was answered from all closes; both from the start of the process
  rss_mb, rss_without_trails_mb   of the server in the end, and a reckoning of it less what trails hold
  p50_ms, max_ms, kb              by question: median and slowest of twenty, and the size of the answer
  processor_ms                    by question: what the server takes for one, all its threads together
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from api_bank import Served, served
from api_load import processor_s, rss_mb

from forbear.adapters.sql.store import open_stores
from forbear.apps.api.trails import MOST_CLOSES
from forbear.apps.home import Home
from forbear.apps.package_data import text_of
from forbear.engine.commits import START
from forbear.engine.outputs import DayRow, Named, Outputs, Part, Position
from forbear.engine.segments import DIMENSIONS, segmented
from forbear.features.hashing import keys_of
from forbear.testing.outputs import FIRST_DAY, decision, parts, scores

FEATURES, DECISIONS, TIMES = 31, 500, 20
QUESTIONS = (
    "/v1/statistics",
    "/v1/portfolio",
    "/v1/days",
    "/v1/tallies",
    "/v1/segments?dimension=region",
    "/v1/worsening?limit=20",
    "/v1/worsening?limit=100&days=30",
    "/v1/worsening?limit=20&segment=region:R07&band=high",
    "/v1/high-risk?limit=100",
    "/v1/high-risk?limit=100&band=high&segment=region:R07",
    "/v1/customers?limit=100",
    "/v1/case-figures",
    "/v1/help-figures?from=2024-10-01&to=2024-12-30",
)


def made_home(folder: Path, customers: int) -> Home:
    """A small bank whose store holds a large book, which may be there from an earlier run."""
    home = Home(folder / "home")
    if not home.holds_data:
        size = ("--customers", "60", "--days", "163", "--live-from", "2023-05-25")
        _run("simulate", *size, "--home", str(home.folder))
        _run("promote", "--model", "expert", "--policy", "shipped", "--home", str(home.folder))
    if not home.database.exists():
        _record(home, customers)
    return home


def _run(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "forbear.apps.cli", *words], check=True, stdout=subprocess.DEVNULL)


def _record(home: Home, customers: int) -> None:
    chance, ids = np.random.default_rng(7), [f"C{place:07d}" for place in range(customers)]
    keys = keys_of(np.array([one.encode() for one in ids]))
    odds, pace = chance.normal(-4.0, 1.5, customers), chance.normal(0.0, 0.02, customers)
    half, at = customers // 2, {0: START, 1: START}
    mine = {0: slice(0, half), 1: slice(half, customers)}
    with closing(open_stores(f"sqlite:///{home.database}")) as stores:
        for close in range(MOST_CLOSES):
            odds = odds + pace + chance.normal(0.0, 0.05, customers)
            outputs = {}
            for partition, some in mine.items():
                until = Position(at[partition].offset + 2)
                outputs[partition] = _stretch(keys[some], odds[some], close, (partition, at[partition], until))
                if not close:
                    named = zip(keys[some].tolist(), ids[some], strict=True)
                    told = tuple(Named(key, name, slot, 0) for slot, (key, name) in enumerate(named))
                    outputs[partition] = replace(outputs[partition], customers=told, parts=_in_force())
                at[partition] = until
            stores.commit(outputs)
    order = np.argsort(keys)
    by = {name: [f"R{place % 20:02d}" for place in order.tolist()] for name in DIMENSIONS}
    home.segments.keep(segmented(FIRST_DAY, keys[order], by, {}))


def _in_force() -> tuple[Part, ...]:
    """The small bank's model, and the shipped policy: what pages and questions read of it has to be whole."""
    model, policy = parts()
    text = text_of("policy.toml")
    bands = [band["name"] for band in tomllib.loads(text)["bands"]]
    return model, replace(policy, document={**policy.document, "bands": bands, "text": text})


def _stretch(keys: Any, odds: Any, close: int, place: tuple[int, Position, Position]) -> Outputs:
    """One close of one partition: everybody's score, and some decisions."""
    (partition, after, until), day = place, FIRST_DAY + close
    offset = until.offset - 1
    pd = 1.0 / (1.0 + np.exp(-odds))
    made = scores(offset, day + 1, tuple(keys.tolist()), features=FEATURES)
    band = np.where(pd > np.quantile(pd, 0.95), 0, -1).astype(np.int8)
    number = (partition * MOST_CLOSES + close) * DECISIONS
    decisions = tuple(
        decision(
            number + nth, offset, day, customer=int(keys[nth]), outcome=("offer", "capacity", "cool_down")[nth % 3]
        )
        for nth in range(DECISIONS)
    )
    counts = {"high": int((band == 0).sum()), "": int((band < 0).sum())}
    row = DayRow(
        day=day,
        offset=offset,
        customers=len(keys),
        scored=len(keys),
        expected_misses=float(pd.sum()),
        hurdles={"none": len(keys)},
        bands=counts,
        verdicts={"offer": DECISIONS},
        events={"transaction": 3 * len(keys)},
    )
    scored = replace(made, log_odds=odds, pd=pd, band=band)
    return Outputs(after=after, until=until, predictions=scored, decisions=decisions, days=(row,))


@contextmanager
def begun(home: Home) -> Iterator[tuple[Served, dict[str, float]]]:
    """A server, and how long it took to have the closes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    began = time.monotonic()
    with served(home, {}, port) as server:
        told = {"ready_s": time.monotonic() - began}
        closes = 0
        while closes < MOST_CLOSES:
            try:
                closes = server.asked("GET", "/v1/worsening?limit=1")["closes"]
            except OSError:  # not there yet: 503
                time.sleep(0.1)
                continue
            told.setdefault("first_closes_s", time.monotonic() - began)
            time.sleep(0.1)
        told["all_closes_s"] = time.monotonic() - began
        yield server, {name: round(value, 1) for name, value in told.items()}


def measured(server: Served) -> dict[str, Any]:
    """How soon each question is answered."""
    found = {}
    for path in QUESTIONS:
        took, size, spent = list[float](), 0, processor_s(server.process)
        for _ in range(TIMES):
            began = time.perf_counter()
            size = len(json.dumps(server.asked("GET", path)))
            took.append(1_000.0 * (time.perf_counter() - began))
        found[path] = {
            "p50_ms": round(statistics.median(took), 1),
            "max_ms": round(max(took), 1),
            "processor_ms": round(1_000.0 * (processor_s(server.process) - spent) / TIMES, 1),
            "kb": round(size / 1_000, 1),
        }
        print(path, json.dumps(found[path]), flush=True)
    return found


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--customers", type=int, default=100_000)
    asked.add_argument("--keep", type=Path, help="Where the bank is made, and found again.")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = made_home(given.keep or Path(scratch), given.customers)
        with begun(home) as (server, told):
            questions = measured(server)
            rss = rss_mb(server.process)
    held = given.customers * (8 * MOST_CLOSES + 48 + 8) / 1e6
    memory = {"rss_mb": round(rss, 1), "rss_without_trails_mb": round(rss - held, 1)}
    print(json.dumps({"customers": given.customers, **told, **memory, "questions": questions}))


if __name__ == "__main__":
    main()
