"""The production path: Kafka, PostgreSQL, scorer and intervenor on one machine. How many transactions, how soon?

    .venv/bin/python bench/stream.py                     100,000 customers, some eight minutes
    .venv/bin/python bench/stream.py --customers 5000    for trying it out

A synthetic bank with 70 days of history, a boosting of 200 trees of depth 4 and the shipped policy, its cut-offs taken
as shares of the book, and every 5th transaction of a customer a trigger. A real Kafka broker, a real PostgreSQL with
fsync on, and router, scorer and intervenor as processes of their own: all of them share the machine's cores. The sink,
which archives and publishes, does not run.

Throughput: the events are in Kafka already, closes among them, and are worked off, from the first to the last recorded.
Latency: events at 1,000 a second; from the instant at which the broker has a transaction, by its own stamp, to the
return of a query that finds it recorded, asked every 5 ms; of transactions with a prediction.
Recovery: the scorer is killed (-9) while it holds all customers, and started again: until the next prediction is
recorded of an event that was sent after the kill.

The last line is one JSON object:
  tx_per_s           transactions of an open day / seconds, workers warm
  tx_per_s_with_closes   of some days / seconds, with the day closes and all that they score, from the workers' start
  p50_ms, p99_ms     transaction in Kafka to decision recorded
  recovery_s         kill to the next recorded prediction, the start of the process included
  baseline_tx_per_s  the same job done the usual way, see usual_way.py
  ratio              tx_per_s / baseline_tx_per_s
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
from stream_bank import StreamBank, stream_bank
from stream_workers import Workers
from usual_way import run

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.groups import ROUTER_GROUP, await_committed
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import watermarks
from forbear.adapters.kafka.topics import CONTROL, TRANSACTIONS, apply
from forbear.adapters.sql.store import SqlStores, open_stores
from forbear.domain.events import DayClosed, Event, Instructed, Transaction
from forbear.domain.terms import Instruction
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

PARTITIONS = 3
EVERY_NTH = 5
PER_SECOND, GROUP = 1_000, 5
BASELINE_TRANSACTIONS = 2_000
_LOOK_SECONDS = 0.005
_POSITIONS = """SELECT partition, "offset" FROM positions WHERE consumer = 'worker'"""
_PATIENCE_SECONDS = 900.0
_SETTLING_SECONDS = 3


@dataclass
class Stage:
    """What is timed. controls: how many events of the control topic were sent."""

    bank: StreamBank
    workers: Workers
    stores: SqlStores
    publisher: Publisher
    looking: Any
    controls: int = 0

    @property
    def cluster(self) -> Cluster:
        """Where Kafka is."""
        return self.workers.cluster

    def send(self, event: Event) -> None:
        """Send an event to its topic; what follows a close or an instruction waits until the router has copied it."""
        key, value = message_of(event)
        if not isinstance(event, DayClosed | Instructed):
            self.publisher.send(TRANSACTIONS, key, value)
            return
        self.publisher.flush()
        self.publisher.send(CONTROL, key, value, partition=0)
        self.publisher.flush()
        self.controls += 1
        await_committed(self.cluster, ROUTER_GROUP, (CONTROL, 0), self.controls)

    def recorded(self) -> list[int]:
        """Up to which offset each partition is recorded."""
        with self.looking.cursor() as cursor:
            cursor.execute(_POSITIONS)
            found = dict(cursor.fetchall())
        return [found.get(partition, -1) for partition in range(PARTITIONS)]


def wait_for(what: str, done: Callable[[], bool], look_seconds: float = 0.1) -> float:
    """Wait until something is; how long that took."""
    began = time.perf_counter()
    while not done():
        if time.perf_counter() - began > _PATIENCE_SECONDS:
            raise RuntimeError(f"{what}: not within {_PATIENCE_SECONDS:.0f} s")
        time.sleep(look_seconds)
    return time.perf_counter() - began


def say(what: str, began: float) -> None:
    """Say how far it is."""
    print(f"{time.perf_counter() - began:6.1f} s  {what}", file=sys.stderr, flush=True)


def throughput(stage: Stage, events: list[Event]) -> dict[str, float]:
    """Have events worked off that are in Kafka already."""
    for event in events:
        stage.send(event)
    stage.publisher.flush()
    ends = [high for _, (_, high) in sorted(watermarks(stage.cluster, TRANSACTIONS).items())]
    closes = sum(isinstance(event, DayClosed) for event in events)
    stage.workers.start("intervenor-1")
    stage.workers.start("scorer-1")
    wait_for("the first event", lambda: max(stage.recorded()) >= 0, 0.01)
    began = time.perf_counter()
    before = sum(max(one, 0) for one in stage.recorded())
    marks: list[tuple[float, int]] = []

    def done() -> bool:
        now = stage.recorded()
        marks.append((time.perf_counter() - began, sum(now)))
        return all(one >= end for one, end in zip(now, ends, strict=True))

    seconds = wait_for("the last event", done)
    sent = sum(isinstance(event, Transaction) for event in events)
    return {
        "transactions": sent,
        "closes": closes,
        "seconds": round(seconds, 2),
        "tx_per_s_with_closes": round((sum(ends) - before) / seconds * sent / sum(ends)),
    }


def open_day(stage: Stage, events: list[Event]) -> dict[str, float]:
    """Have events of one open day worked off, by workers that are warm: the scorer waits until all are in Kafka."""
    scorer = stage.workers.running["scorer-1"]
    scorer.send_signal(signal.SIGSTOP)
    for event in events:
        stage.send(event)
    last = events[-1].received_at
    stage.send(
        Instructed(
            instruction_id="bench-last",
            instruction=Instruction.START_OUTREACH,
            by="bench",
            booked_at=last,
            received_at=last,
        )
    )  # of which every partition tells, so that its end shows
    ends = [high for _, (_, high) in sorted(watermarks(stage.cluster, TRANSACTIONS).items())]
    scorer.send_signal(signal.SIGCONT)
    seconds = wait_for(
        "the open day", lambda: all(now >= end for now, end in zip(stage.recorded(), ends, strict=True)), 0.02
    )
    return {"tx_per_s": round(len(events) / seconds), "open_transactions": len(events)}


def at_pace(events: list[Event]) -> list[Event]:
    """Events received at the pace at which they are sent: an hour of the policy is an hour; a tick in the middle."""
    first = events[0].received_at
    tick = first.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    begin = tick - timedelta(seconds=len(events) / PER_SECOND / 2)
    return [
        msgspec.structs.replace(event, received_at=begin + timedelta(seconds=place / PER_SECOND))
        for place, event in enumerate(events)
    ]


def latency(stage: Stage, events: list[Event]) -> dict[str, float]:
    """Send events at a pace, and see when each is recorded."""
    starts = [high for _, (_, high) in sorted(watermarks(stage.cluster, TRANSACTIONS).items())]
    seen: list[list[tuple[int, float]]] = [[] for _ in range(PARTITIONS)]
    began, sent = time.perf_counter(), 0
    while time.perf_counter() - began < len(events) / PER_SECOND + _SETTLING_SECONDS:
        due = int((time.perf_counter() - began) * PER_SECOND) // GROUP * GROUP
        for event in events[sent : min(due, len(events))]:
            stage.send(event)
        sent = max(sent, min(due, len(events)))
        for partition, offset in enumerate(stage.recorded()):
            seen[partition].append((offset, time.time()))
        time.sleep(_LOOK_SECONDS)
    waited = []
    for partition in range(PARTITIONS):
        offsets, instants = (np.array(column) for column in zip(*seen[partition], strict=True))
        with closing(Reader(stage.cluster, TRANSACTIONS, partition)) as reader:
            reader.seek(starts[partition])
            stamps = {}
            while reader.position < watermarks(stage.cluster, TRANSACTIONS)[partition][1]:
                stamps |= {one.offset(): one.timestamp()[1] / 1_000 for one in reader.poll(10_000, 2.0)}
        for offset in predicted(stage, partition, starts[partition]):
            place = int(np.searchsorted(offsets, offset, side="right"))
            if place < len(offsets) and offset in stamps:
                waited.append(1_000 * (instants[place] - stamps[offset]))
    p50, p99 = np.percentile(waited, [50, 99])
    return {"p50_ms": round(float(p50), 1), "p99_ms": round(float(p99), 1), "latency_events": len(waited)}


def predicted(stage: Stage, partition: int, first: int) -> list[int]:
    """Offsets from a place on whose transactions have a prediction."""
    with stage.stores.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            'SELECT DISTINCT "offset" FROM predictions WHERE partition = %s AND "offset" >= %s', (partition, first)
        )
        return sorted(int(row[0]) for row in rows)


def recovery(stage: Stage, events: list[Event]) -> dict[str, float]:
    """Kill the scorer, and see when what was sent behind that is recorded."""
    before = stage.recorded()
    began = time.perf_counter()
    stage.workers.kill("scorer-1")
    for event in events:
        stage.send(event)
    stage.publisher.flush()
    wait_for("recovery", lambda: all(now > old for now, old in zip(stage.recorded(), before, strict=True)), 0.01)
    return {"recovery_s": round(time.perf_counter() - began, 2)}


def main() -> None:
    """Prepare, time, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=3, help="live days that are worked off; one more for the rest")
    parser.add_argument("--latency-seconds", type=int, default=20)
    asked = parser.parse_args()
    began = time.perf_counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bank = stream_bank(folder, asked.customers, asked.days + 1, "boosting", EVERY_NTH)
        say("the bank is there", began)
        kafka, postgres = stack.enter_context(KafkaServer(heap_mb=768)), stack.enter_context(PostgresServer())
        workers = stack.enter_context(Workers(bank.home, kafka.bootstrap, postgres.url))
        apply(workers.cluster)
        stores = stack.enter_context(closing(open_stores(postgres.url)))
        publisher = stack.enter_context(closing(Publisher(workers.cluster)))
        looking = stack.enter_context(closing(psycopg.connect(postgres.url, autocommit=True)))
        stage = Stage(bank, workers, stores, publisher, looking)
        workers.start("router-1")
        events = list(bank.events())
        closes = [place for place, event in enumerate(events) if isinstance(event, DayClosed)]
        rest = closes[asked.days - 1] + 1
        found = throughput(stage, events[:rest])
        say(f"worked off: {found}", began)
        day = [event for event in events[rest:] if not isinstance(event, DayClosed)]
        many, most = asked.latency_seconds * PER_SECOND, len(day) - 3_000
        paced = day[most - many : most]
        found |= open_day(stage, day[: most - many])
        say(f"an open day: {found}", began)
        found |= latency(stage, at_pace(paced))
        say(f"at a pace: {found}", began)
        found |= recovery(stage, day[most:])
        say(f"recovered: {found}", began)
        workers.stop()
        found["baseline_tx_per_s"] = round(run(bank, kafka, postgres, BASELINE_TRANSACTIONS), 1)
        say(f"the usual way: {found}", began)
    found["ratio"] = round(found["tx_per_s"] / found["baseline_tx_per_s"], 1)
    print(json.dumps({**found, "customers": asked.customers}))


if __name__ == "__main__":
    main()
