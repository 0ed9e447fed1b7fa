"""The HTTP interface under load: how soon does it answer, and does its memory stay flat?

    .venv/bin/python bench/api.py                                100,000 customers, on both stores
    .venv/bin/python bench/api.py --customers 3000 --store sqlite --seconds 10     for trying it out
    .venv/bin/python bench/api.py --soak 1000000                 a million requests for a risk, 200 a second: 84 minutes

A synthetic bank with 70 days of history, a boosting of 200 trees of depth 4, approved reasons and the shipped policy.
The store holds the predictions of a close of a day; the worker has taken a snapshot behind it and has ended; what came
since lies in the log. `forbear serve` is a process of its own, and so is the load generator (`api_load`): both share
the machine's cores, and PostgreSQL, with fsync on, as well. Latencies count from when a request was due.
Every request bears a key, and every answer about somebody is recorded, in the chain of accesses, before it goes out.

risk      the risk of one customer, drawn from all, with reasons and attributions, 300 a second
predict   31 features in, score and attributions out, recorded, 200 a second
batch     1,000 rows of features, and 1,000 customers by id, one after another
baseline  the same work as a score of one customer done the usual way, see `api_usual`, 200 a second

The last line is one JSON object, for each store:
  risk_p99_ms, predict_p99_ms, baseline_predict_p99_ms
  batch_1000_ms      median of the slower of both kinds; batch_1000_p95_ms likewise
  rss_growth_mb      of the server, from the first tenth of the requests for a risk to the last request of all
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
from api_bank import Served, made_bank, process_of, recorded, served
from api_load import Plan, rss_mb
from api_usual import Database

from forbear.adapters.sql.desk import open_desk
from forbear.apps.home import Home
from forbear.features.hashing import keys_of
from forbear.testing.servers.postgres import PostgresServer

RISKS_PER_SECOND, PREDICTIONS_PER_SECOND = 300.0, 200.0
SOAK_PER_SECOND = 200.0
"""A pace that it holds: where requests queue, latencies say nothing about whether it gets slower."""
BATCH, BATCHES = 1_000, 40
ASKED_ABOUT = 5_000
"""Requests that are put into words beforehand, each about another customer."""
BASELINE_CUSTOMERS = 2_000
STORES = ("sqlite", "postgres")


@dataclass(frozen=True, slots=True)
class Stage:
    """What is asked, and how long. scored: those of whom a score is on record.  soak: so many requests more."""

    home: Home
    customers: Sequence[str]
    scored: Sequence[str]
    seconds: float
    soak: int


def load(plan: Plan) -> dict[str, Any]:
    """Have the generator carry out a plan."""
    words = [sys.executable, str(Path(__file__).with_name("api_load.py"))]
    done = subprocess.run(words, input=msgspec.json.encode(plan), stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    if set(told["statuses"]) != {"200"}:
        raise RuntimeError(f"not every answer was good: {told['statuses']}")
    return told


def scored_in(home: Home, customers: Sequence[str]) -> list[str]:
    """Those of some customers of whom the home's store has a score."""
    with closing(open_desk(f"sqlite:///{home.database}")) as desk:
        known = desk.standings().value.customer
    keys = keys_of(np.array([one.encode() for one in customers]))
    return [one for one, there in zip(customers, np.isin(keys, known).tolist(), strict=True) if there]


def of_features(server: Served, customers: Sequence[str]) -> list[dict[str, float | None]]:
    """Features of those of some customers who can be scored."""
    scores = [server.asked("POST", f"/v1/customers/{one}/score") for one in customers]
    return [{one["feature"]: one["value"] for one in score["impacts"]} for score in scores if not score["hurdle"]]


def measured(stage: Stage, server: Served) -> dict[str, Any]:
    """All measures of one server."""
    asked = stage.scored[:ASKED_ABOUT]
    rows = of_features(server, asked[:200])
    many = [rows[place % len(rows)] for place in range(BATCH)]
    risks = [server.request("GET", f"/v1/customers/{one}/risk") for one in asked]
    predictions = [server.request("POST", "/v1/predict", {"features": row}) for row in rows]
    by_rows = server.request("POST", "/v1/predict/batch", {"rows": many})
    by_ids = [
        server.request("POST", "/v1/predict/batch", {"customer_ids": list(stage.customers[at : at + BATCH])})
        for at in range(0, min(len(stage.customers) - BATCH, 10 * BATCH) + 1, BATCH)
    ]
    port, process = server.port, server.process

    def at_pace(requests: list[str], per_second: float) -> Plan:
        count = max(1_000, round(stage.seconds * per_second))
        return Plan(
            port=port, requests=requests, count=count, per_second=per_second, warm=round(per_second), server=process
        )

    def in_turn(requests: list[str]) -> Plan:
        return Plan(port=port, requests=requests, count=BATCHES, warm=5, server=process)

    told = {
        "risk": load(at_pace(risks, RISKS_PER_SECOND)),
        "predict": load(at_pace(predictions, PREDICTIONS_PER_SECOND)),
        "batch_by_rows": load(in_turn([by_rows])),
        "batch_by_ids": load(in_turn(by_ids)),
    }
    if stage.soak:
        plan = msgspec.structs.replace(at_pace(risks, SOAK_PER_SECOND), count=stage.soak)
        told["soak"] = load(plan)
    for name, one in told.items():
        say(f"{name}: {json.dumps(one)}")
    batches = [told["batch_by_rows"], told["batch_by_ids"]]
    found = {
        "risk_p50_ms": told["risk"]["p50_ms"],
        "risk_p99_ms": told["risk"]["p99_ms"],
        "predict_p50_ms": told["predict"]["p50_ms"],
        "predict_p99_ms": told["predict"]["p99_ms"],
        "batch_1000_ms": max(one["p50_ms"] for one in batches),
        "batch_1000_p95_ms": max(one["p95_ms"] for one in batches),
        "rss_growth_mb": round(rss_mb(process) - told["risk"]["rss_mb_by_tenth"][0], 1),
    }
    if stage.soak:
        soak = told["soak"]
        found["soak_p99_ms_by_tenth"] = soak["p99_ms_by_tenth"]
        found["soak_rss_mb_by_tenth"] = soak["rss_mb_by_tenth"]
    return found


def baseline(stage: Stage, at: str) -> dict[str, Any]:
    """The usual way of answering, over a database that is empty yet."""
    asked, day = stage.customers[:BASELINE_CUSTOMERS], stage.home.archive.closed_day
    assert day is not None
    Database(at).load(stage.home, asked)
    port = free_port()
    words = [str(Path(__file__).with_name("api_usual.py")), str(stage.home.folder), at, str(port)]
    with process_of(words, port, "/readyz", {}) as process:
        server = Served(port, process, "")
        requests = [server.request("POST", "/predict", {"customer_id": one, "day": day + 1}) for one in asked]
        count = max(1_000, round(stage.seconds * PREDICTIONS_PER_SECOND))
        told = load(
            Plan(port=port, requests=requests, count=count, per_second=PREDICTIONS_PER_SECOND, warm=200, server=process)
        )
    say(f"baseline: {json.dumps(told)}")
    return {"baseline_predict_p50_ms": told["p50_ms"], "baseline_predict_p99_ms": told["p99_ms"]}


@contextmanager
def sqlite_store(_home: Home, folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """The home's own store: the environment of a server, and where the baseline may keep its data."""
    yield {}, str(folder / "usual.db")


@contextmanager
def postgres_store(home: Home, folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """The same in PostgreSQL, filled."""
    with PostgresServer() as postgres:
        recorded(home, postgres.url, folder / "postgres")
        with postgres_database(postgres, "usual") as usual:
            yield {"FORBEAR_STORE": postgres.url}, usual


@contextmanager
def postgres_database(postgres: PostgresServer, name: str) -> Iterator[str]:
    """A further database of a server; its URL."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    yield f"{postgres.url.rpartition('/')[0]}/{name}"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(what: str) -> None:
    """Say how far it is, and how busy the machine is: others on it make it slower."""
    print(f"{time.perf_counter():9.1f} s  load {os.getloadavg()[0]:.1f}  {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Prepare, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measure")
    parser.add_argument("--soak", type=int, default=0, help="so many requests more, for p99 and memory by tenth")
    parser.add_argument("--folder", type=Path, help="keep the bank here, or take the one that is here")
    asked = parser.parse_args()
    found: dict[str, Any] = {"customers": asked.customers, "seconds": asked.seconds}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = made_bank(asked.folder or folder, asked.customers)
        customers = sorted(home.archive.customers().values())
        random.Random(1).shuffle(customers)
        stage = Stage(home, customers, scored_in(home, customers), asked.seconds, asked.soak)
        say("the bank is there")
        for name, opened in zip(STORES, (sqlite_store, postgres_store), strict=True):
            if asked.store not in (name, "both"):
                continue
            with opened(home, folder) as (environment, usual):
                with served(home, environment, free_port()) as server:
                    found[name] = measured(stage, server)
                found[name] |= baseline(stage, usual)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
