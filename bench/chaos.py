"""Chaos: workers, broker and database are killed, restarted and rebalanced while a bank streams. Is anything lost?

    .venv/bin/python bench/chaos.py --rounds 100            the long one
    .venv/bin/python bench/chaos.py --rounds 5 --seed 3     a short one

A real Kafka broker, a real PostgreSQL, and the workers as processes of their own, as `forbear up` starts them. Between
one stretch of the live events and the next something is done to one of them, drawn from the seed: a worker is killed
(-9) and started again, the broker or the database is restarted or killed, the number of scorers changes between 1, 3
and 2, events are sent twice. In the end

- what the store holds of every partition must be, byte by byte, what one process makes of the same partitions;
- predictions, decisions and contacts must be those of the embedded engine on the plain log, places in it left aside;
- every event must be in the archive of its partition once, in log order.

With --shuffle the events of each day come in another order: then the ledgers, and the scores at day closes, must be
equal still.

The last line is one JSON object with what was done, what was compared, and `equal`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from stream_bank import StreamBank, stream_bank
from stream_workers import Workers

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.groups import ROUTER_GROUP, await_committed
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import message_of, runs_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import watermarks
from forbear.adapters.kafka.topics import CONTROL, TRANSACTIONS, apply
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import open_stores
from forbear.adapters.vault import FileVault
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.stream.history import PartitionHistory
from forbear.apps.stream.places import archive_of
from forbear.domain.errors import BackendUnavailable, ForbearError
from forbear.domain.events import DayClosed, Event, Instructed
from forbear.engine.backfill import Feed
from forbear.engine.decider import Deciding
from forbear.engine.deciding_run import DecidingRun, Recording
from forbear.engine.follower import Follower, Following
from forbear.engine.outputs import Outputs
from forbear.engine.ports import Scanned
from forbear.engine.running import begin
from forbear.engine.scoring_run import Keeping, NoSnapshots, ScoringRun
from forbear.engine.worker import Setup, Worker
from forbear.features.batch import batch_of
from forbear.features.columns import columns_of, day_number, events_of, joined
from forbear.features.compute import FeatureSet
from forbear.features.local_time import local_time
from forbear.policy.triggers import Trigger
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

PARTITIONS = 3
MOST = 10**7
SESSION_SECONDS = 2.0
DOUBLED = 0.01
"""Share of the events that are sent twice."""
_WAIT_SECONDS = 120.0


@dataclass
class Field:
    """Servers, and the workers of a bank's home. done: what was done to them."""

    bank: StreamBank
    kafka: KafkaServer
    postgres: PostgresServer
    workers: Workers
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    @property
    def cluster(self) -> Cluster:
        """The cluster, as its clients are told of it."""
        return self.workers.cluster

    def tend(self) -> None:
        """Start again whoever has ended by himself, as a supervisor does."""
        for name, status in self.workers.tend():
            self.done[f"{name.rsplit('-', 1)[0]} ended with {status}"] += 1

    def act(self) -> None:
        """Do one thing to somebody."""
        acts = ["worker"] * 6 + ["scale"] * 2 + ["broker", "broker killed", "database", "database killed"]
        act = self.chance.choice(acts)
        match act:
            case "worker":
                name = self.chance.choice(sorted(self.workers.running))
                act = f"{name.rsplit('-', 1)[0]} killed"
                self.workers.kill(name)
            case "scale":
                count = self.chance.choice((1, 2, 3))
                act = f"{count} scorers"
                self.workers.scorers(count)
            case "broker":
                self.kafka.stop()
                self.kafka.start()
            case "broker killed":
                self.kafka.kill()
                self.kafka.start()
            case "database":
                self.postgres.stop()
                self.postgres.start()
            case "database killed":
                self.postgres.kill()
                self.postgres.start()
        self.done[act] += 1


class Sender:
    """Sends events, some of them twice, and starts again where the broker went away in the middle."""

    def __init__(self, stage: Field) -> None:
        self._stage = stage
        self._publisher = Publisher(stage.cluster)
        self._controls = 0
        self.doubled = 0

    def send(self, events: list[Event]) -> None:
        """Send events in order; what follows a close waits until the router has copied that."""
        part: list[Event] = []
        for event in events:
            if isinstance(event, DayClosed | Instructed):
                self._all(part)
                part = []
                self._all([event])
                self._controls += 1
                self._wait_for_router()
            else:
                part.append(event)
                if self._stage.chance.random() < DOUBLED:
                    part.append(self._stage.chance.choice(part[-200:]))
                    self.doubled += 1
        self._all(part)

    def close(self) -> None:
        """Let go."""
        self._publisher.close()

    def _all(self, events: list[Event]) -> None:
        """Have events on their topics: those of one try that failed come twice, which is what a sender may do."""
        while True:
            try:
                for event in events:
                    control = isinstance(event, DayClosed | Instructed)
                    key, value = message_of(event)
                    topic, partition = (CONTROL, 0) if control else (TRANSACTIONS, None)
                    self._publisher.send(topic, key, value, partition=partition)
                self._publisher.flush()
            except ForbearError:
                self._publisher.close()
                self._publisher = Publisher(self._stage.cluster)
                self._stage.done["sent again"] += 1
            else:
                return

    def _wait_for_router(self) -> None:
        while True:
            try:
                place, past = (CONTROL, 0), self._controls
                await_committed(self._stage.cluster, ROUTER_GROUP, place, past, while_waiting=self._stage.tend)
            except BackendUnavailable:  # the broker is away, or the router takes longer than a client's patience
                self._stage.tend()
            else:
                return


def stretches(events: list[Event], count: int) -> Iterator[list[Event]]:
    """Events in so many stretches."""
    bounds = np.linspace(0, len(events), count + 1).astype(int).tolist()
    return (events[start:stop] for start, stop in itertools.pairwise(bounds))


def shuffled(events: list[Event], chance: random.Random) -> list[Event]:
    """The events of each day in another order; closes and instructions stay."""
    given: list[Event] = []
    day: list[Event] = []
    for event in events:
        if isinstance(event, DayClosed | Instructed):
            chance.shuffle(day)
            given += [*day, event]
            day = []
        else:
            day.append(event)
    return given + day


def wait_until_closed(stage: Field, last_day: int) -> None:
    """Wait until every partition has recorded the close of a day, and the sink published every decision."""
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until:
        stage.tend()
        time.sleep(0.2)
        try:
            if all(day == last_day for day in _last_days(stage.postgres.url)) and _sink_has_read_all(stage.workers):
                return
        except ForbearError:
            continue
    raise RuntimeError(f"not everything is recorded: {_last_days(stage.postgres.url)}, not {last_day}")


def _sink_has_read_all(workers: Workers) -> bool:
    """Whether the sink that runs now stands at the end of every partition: a new one may not have begun to read."""
    said = workers.says("sink-1")
    behind = said.get("gauges", {}).get("lag", {})
    mine = said.get("pid") == workers.running["sink-1"].pid
    return mine and len(behind) == PARTITIONS and not any(behind.values())


def _last_days(url: str) -> list[int | None]:
    found = []
    for partition in range(PARTITIONS):
        with closing(open_queries(url, partition=partition)) as queries:
            found.append(queries.status().value.last_day)
    return found


def recorded(url: str) -> list[Outputs]:
    """What a store holds, by partition."""
    found = []
    for partition in range(PARTITIONS):
        with closing(open_queries(url, partition=partition)) as queries:
            found.append(queries.recorded(MOST).value)
    return found


def read_all(stage: Field) -> list[list[Scanned]]:
    """Every partition of the stream as it stands."""
    zone = local_time(stage.bank.home.deployment.time_zone)
    found = []
    for partition, (low, high) in watermarks(stage.cluster, TRANSACTIONS).items():
        messages = []
        with closing(Reader(stage.cluster, TRANSACTIONS, partition)) as reader:
            reader.seek(low)
            while reader.position < high:
                messages += reader.poll(10_000, 5.0)
        found.append(runs_of(messages, zone)[0])
    return found


def in_one_process(stage: Field, partitions: list[list[Scanned]], folder: Path) -> list[ScoringRun]:
    """Follow and decide all partitions, undisturbed, into a SQLite store."""
    home = stage.bank.home
    features = FeatureSet.standard(home.deployment.unsupported)
    runs, topic = [], []
    for partition, scanned in enumerate(partitions):
        raw = {one.offset + row: event for one in scanned for row, event in enumerate(events_of(one.columns))}
        letter = lambda offset, raw=raw: message_of(raw[offset])[1].decode()  # noqa: E731
        following = Following(home.deployment, home.feed.calendar, HomeParts(home), letter)
        run = ScoringRun(following, Keeping(lambda _: None, MOST))
        history = PartitionHistory(home.archive, partition, PARTITIONS)
        told = list(run.start(None, Feed(history, home.deployment, home.feed.calendar)))
        for one in scanned:
            told += run.take(one)
        runs.append(run)
        topic.append([message.value for message in told])
    deciding = Deciding(features.names, features.hash, home.deployment.currency, HomeParts(home), FileVault(home.keys))
    with closing(open_stores(f"sqlite:///{folder / 'one.db'}")) as stores:
        run = DecidingRun(deciding, range(PARTITIONS), Recording(stores, NoSnapshots(), lambda _: None, MOST))
        run.start()
        run.take({partition: list(enumerate(values)) for partition, values in enumerate(topic)})
    return runs


def differences(found: list[Outputs], wanted: list[Outputs]) -> list[str]:
    """Where two stores differ."""
    told = []
    for partition, (one, other) in enumerate(zip(found, wanted, strict=True)):
        for name in one.__dataclass_fields__:
            ours, theirs = getattr(one, name), getattr(other, name)
            if name == "predictions":
                columns = {
                    column: (getattr(ours, column), getattr(theirs, column)) for column in ours.__dataclass_fields__
                }
                unlike = [column for column, (a, b) in columns.items() if a.tobytes() != b.tobytes()]
                told += [f"partition {partition}: predictions.{column}" for column in unlike]
            elif ours != theirs:
                told.append(f"partition {partition}: {name}")
    return told


def choices(outputs: list[Outputs]) -> dict[str, Any]:
    """Predictions, decisions and contacts without their places in a log."""
    scores = [
        sorted(
            zip(
                *(
                    getattr(p, name).tolist()
                    for name in ("customer", "as_of_us", "trigger", "log_odds", "band", "verdict")
                ),
                strict=True,
            )
        )
        for one in outputs
        if (p := one.predictions) is not None
    ]
    decisions = sorted(
        (d.decision_id, d.outcome, d.day, d.made_at_us, d.action, d.channel, d.propensity, d.sealed)
        for one in outputs
        for d in one.decisions
    )
    contacts = sorted((c.decision_id, c.channel, c.day, c.kind) for one in outputs for c in one.contacts)
    return {"predictions": sorted(row for part in scores for row in part), "decisions": decisions, "contacts": contacts}


def embedded(bank: StreamBank) -> tuple[list[Outputs], Worker]:
    """What the embedded engine gives of the plain log, and the engine at the end of it."""
    home = bank.home
    log = joined([columns_of(list(bank.orders)), bank.live])
    zone = local_time(home.deployment.time_zone)
    setup = Setup(home.deployment, home.feed.calendar, HomeParts(home), FileVault(home.keys), str)
    worker = Worker(setup)
    begin(worker, home.feed, home.snapshots)
    return list(worker.process(Scanned(worker.position, log, batch_of(log, zone)))), worker


def closes_of(outputs: list[Outputs]) -> dict[tuple[int, int], bytes]:
    """Scores at day closes by customer and day: log-odds and attributions."""
    found = {}
    for one in outputs:
        p = one.predictions
        if p is None:
            continue
        for row in np.flatnonzero(p.trigger == Trigger.DAY_CLOSE).tolist():
            found[int(p.customer[row]), int(p.day[row])] = p.log_odds[row].tobytes() + p.attributions[row].tobytes()
    return found


def ledgers_of(followers: list[Follower]) -> dict[int, bytes]:
    """What the ledgers answer about everybody, by customer."""
    found = {}
    for follower in followers:
        book = follower.scorer.book
        values = book.compute()
        found |= {key: row.tobytes() for key, row in zip(book.keys.tolist(), values, strict=True)}
    return found


def archived(bank: StreamBank, partitions: list[list[Scanned]]) -> bool:
    """Whether the archives hold every event of every partition, once, in order, at its offset."""
    for partition, scanned in enumerate(partitions):
        archive = archive_of(bank.home, partition)
        held = joined(list(archive.read())) if archive.next_offset else columns_of([])
        wanted = joined([one.columns for one in scanned])
        if list(events_of(held)) != list(events_of(wanted)):
            return False
    return True


def main() -> None:
    """Prepare, disturb, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--shuffle", action="store_true", help="send the events of each day in another order")
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bank = stream_bank(folder, asked.customers, asked.days)
        kafka, postgres = stack.enter_context(KafkaServer()), stack.enter_context(PostgresServer())
        workers = stack.enter_context(Workers(bank.home, kafka.bootstrap, postgres.url))
        stage = Field(bank, kafka, postgres, workers, chance)
        apply(stage.cluster)
        for name in ("router-1", "scorer-1", "intervenor-1", "intervenor-2", "sink-1"):
            workers.start(name)
        sender = stack.enter_context(closing(Sender(stage)))
        events = list(bank.events())
        if asked.shuffle:
            events = shuffled(events, chance)
        for number, part in enumerate(stretches(events, asked.rounds + 1)):
            sender.send(part)
            stage.tend()
            if number < asked.rounds:
                print(f"{time.monotonic() - began:6.1f} s  round {number + 1}", file=sys.stderr, flush=True)
                stage.act()
        last = max(day_number(event.day) for event in events if isinstance(event, DayClosed))
        wait_until_closed(stage, last)
        workers.stop()
        partitions = read_all(stage)
        runs = in_one_process(stage, partitions, folder)
        found, wanted = recorded(stage.postgres.url), recorded(f"sqlite:///{folder / 'one.db'}")
        plain, worker = embedded(bank)
        differ = differences(found, wanted)
        if asked.shuffle:
            differ += [] if closes_of(found) == closes_of(plain) else ["scores at closes"]
            differ += [] if ledgers_of([run.follower for run in runs]) == ledgers_of([worker.follower]) else ["ledgers"]
        else:
            ours, theirs = choices(found), choices(plain)
            differ += [f"embedded: {name}" for name in ours if ours[name] != theirs[name]]
        if not archived(bank, partitions):
            differ.append("archive")
        counts = {
            "events": len(events),
            "doubled": sender.doubled,
            "predictions": sum(len(one.predictions or ()) for one in found),
            "decisions": sum(len(one.decisions) for one in found),
            "contacts": sum(len(one.contacts) for one in found),
        }
    done = dict(sorted(stage.done.items()))
    told = {"rounds": asked.rounds, "seed": asked.seed, "shuffled": asked.shuffle, **counts, "done": done}
    told |= {"differ": differ, "equal": not differ, "seconds": round(time.monotonic() - began, 1)}
    print(json.dumps(told))
    sys.exit(0 if not differ else 1)


if __name__ == "__main__":
    main()
