"""Scorers and the intervenor may die at any instant: what is recorded in the end is what undisturbed ones record."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters.holidays import bank_calendar
from forbear.adapters.snapshots import FileSnapshots
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import SqlStores, open_stores
from forbear.domain.errors import ConflictError, CorruptState
from forbear.engine.decider import Deciding
from forbear.engine.deciding_run import DecidingRun, Recording
from forbear.engine.follower import Follower, Following
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Scanned
from forbear.engine.scoring_run import Keeping, ScoringRun
from forbear.engine.wire import coordinates_of
from forbear.engine.wire_shapes import NOWHERE
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, EventKind
from forbear.features.local_time import local_time

SmallBank = Any
PARTITIONS = 3
MOST = 10**6


@dataclass
class Stage:
    """Three partitions of a log, the topic that the scorers write, and folders for what they remember."""

    bank: SmallBank
    folder: Path
    logs: list[EventColumns]
    topic: list[list[bytes]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])

    @property
    def url(self) -> str:
        """The store."""
        return f"sqlite:///{self.folder / 'forbear.db'}"

    def scorer(self, partition: int) -> ScoringRun:
        """A scorer that starts from what is there."""
        snapshots = FileSnapshots(self.folder / "scorer" / str(partition))
        calendar = bank_calendar(self.bank.deployment.country)
        following = Following(self.bank.deployment, calendar, self.bank.parts, lambda offset: f"event {offset}")
        last = self.topic[partition][-1:]
        run = ScoringRun(following, Keeping(snapshots.save, 2_000), coordinates_of(last[0]) if last else NOWHERE)
        self.topic[partition] += [one.value for one in run.start(snapshots.latest(), None)]
        return run

    def fed(self, run: ScoringRun, partition: int, count: int) -> bool:
        """Have a scorer take in so many events; False at the end of its log."""
        log, start = self.logs[partition], run.position
        stop = min(start + count, len(log))
        if start == stop:
            return False
        part = log.take(slice(start, stop))
        scanned = Scanned(start, part, batch_of(part, local_time(self.bank.deployment.time_zone)))
        self.topic[partition] += [one.value for one in run.take(scanned)]
        if run.due(at_close=bool((part.kind == EventKind.DAY_CLOSED).any())):
            run.keep()
        return True

    @contextmanager
    def deciding(self, stores: SqlStores) -> Iterator[tuple[DecidingRun, dict[int, int]]]:
        """An intervenor that starts from what is there, and where it reads on."""
        features = Follower(
            Following(self.bank.deployment, bank_calendar(self.bank.deployment.country), self.bank.parts, str)
        ).scorer.features
        setup = Deciding(
            features.names, features.hash, self.bank.deployment.currency, self.bank.parts, self.bank.vault()
        )
        snapshots = FileSnapshots(self.folder / "intervenor")
        run = DecidingRun(setup, range(PARTITIONS), Recording(stores, snapshots, snapshots.save, every=3))
        yield run, dict(run.start())

    def recorded(self) -> list[Outputs]:
        """What the store holds of each partition."""
        found = []
        for partition in range(PARTITIONS):
            queries = open_queries(self.url, partition=partition)
            found.append(queries.recorded(MOST).value)
            queries.close()
        return found


def of_one(log: EventColumns, partition: int) -> EventColumns:
    """What goes to one partition."""
    keys = np.array([sum(name) for name in log.customer_id.tolist()])
    return log.take(np.flatnonzero((log.kind >= EventKind.DAY_CLOSED) | (keys % PARTITIONS == partition)))


def stage(bank: SmallBank, folder: Path) -> Stage:
    """A fresh one."""
    (folder / "scorer").mkdir(parents=True)
    return Stage(bank, folder, [of_one(bank.log, one) for one in range(PARTITIONS)])


def all_told(on: Stage) -> None:
    """Have all logs followed to their ends by scorers that nothing happens to."""
    for partition in range(PARTITIONS):
        run = on.scorer(partition)
        while on.fed(run, partition, 4_096):
            pass


@pytest.fixture(scope="module")
def undisturbed(small_bank: SmallBank, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, list[Outputs]]:
    """What comes of the logs when nothing happens."""
    on = stage(small_bank, tmp_path_factory.mktemp("undisturbed"))
    all_told(on)
    stores = open_stores(on.url)
    with on.deciding(stores) as (run, at):
        run.take({one: list(enumerate(values))[at[one] :] for one, values in enumerate(on.topic)})
    stores.close()
    return on, on.recorded()


def comparable(found: list[Outputs]) -> list[dict[str, Any]]:
    """All that outputs hold, in a form that compares."""
    told = []
    for one in found:
        fields_of = {name: getattr(one, name) for name in one.__dataclass_fields__ if name != "predictions"}
        assert one.predictions is not None
        columns = {name: getattr(one.predictions, name).tobytes() for name in one.predictions.__dataclass_fields__}
        told.append(fields_of | columns)
    return told


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_nobody_s_death_can_be_seen(
    undisturbed: tuple[Stage, list[Outputs]],
    small_bank: SmallBank,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
) -> None:
    """Scorers and intervenors that die between any two steps, and lag as they like, leave the same, byte by byte."""
    chance = random.Random(seed)
    on = stage(small_bank, tmp_path_factory.mktemp("disturbed"))
    stores = open_stores(on.url)
    runs = [on.scorer(one) for one in range(PARTITIONS)]
    ended = [False] * PARTITIONS
    while True:
        with on.deciding(stores) as (run, at):
            for _ in range(chance.randrange(1, 30)):
                one = chance.randrange(PARTITIONS)
                if chance.random() < 0.1:
                    runs[one] = on.scorer(one)
                ended[one] = not on.fed(runs[one], one, chance.choice((1, 50, 700, 3_000)))
                told = chance.randrange(PARTITIONS)
                past = min(at[told] + chance.choice((1, 30, 2_000)), len(on.topic[told]))
                run.take({told: [(place, on.topic[told][place]) for place in range(at[told], past)]})
                at[told] = past
            if all(ended) and all(at[one] == len(values) for one, values in enumerate(on.topic)):
                break
    stores.close()

    assert on.topic == undisturbed[0].topic
    again = on.recorded()
    assert sum(len(one.decisions) for one in again) > 100
    assert comparable(again) == comparable(undisturbed[1])


def test_two_followers_of_one_partition_are_as_good_as_one(
    undisturbed: tuple[Stage, list[Outputs]], small_bank: SmallBank, tmp_path: Path
) -> None:
    """One that was taken for dead goes on telling beside its successor: everything is recorded once."""
    on = stage(small_bank, tmp_path / "two")
    all_told(on)
    late = on.scorer(0)
    late.mark = NOWHERE  # it began before anything was told, and tells all of it once more
    topic = on.topic[0][:]
    while on.fed(late, 0, 4_096):
        pass
    on.topic[0] = [one for pair in zip(topic, topic, strict=True) for one in pair]
    stores = open_stores(on.url)
    with on.deciding(stores) as (run, _):
        run.take({one: list(enumerate(values)) for one, values in enumerate(on.topic)})
    stores.close()
    assert comparable(on.recorded()) == comparable(undisturbed[1])


def test_who_is_not_first_is_told(small_bank: SmallBank, tmp_path: Path) -> None:
    """Of two intervenors that begin at one place the second records nothing, and hears why."""
    on = stage(small_bank, tmp_path / "first")
    all_told(on)
    stores = open_stores(on.url)
    messages = {one: list(enumerate(values[:500])) for one, values in enumerate(on.topic)}
    with on.deciding(stores) as (first, _), on.deciding(stores) as (second, _):
        first.take(messages)
        with pytest.raises(ConflictError):
            second.take(messages)
        assert second.positions == dict.fromkeys(range(PARTITIONS), Position(-1))
    stores.close()


def test_a_snapshot_ahead_of_its_topic_is_refused(small_bank: SmallBank, tmp_path: Path) -> None:
    """Where the topic has lost what a scorer told, the scorer does not go on as though it stood there."""
    on = stage(small_bank, tmp_path / "lost")
    all_told(on)
    on.topic[1] = on.topic[1][:100]
    with pytest.raises(CorruptState, match="lost"):
        on.scorer(1)


def test_a_changed_record_stops_the_intervenor(small_bank: SmallBank, tmp_path: Path) -> None:
    """Whoever starts again over a chain that is not what it was records nothing behind it."""
    on = stage(small_bank, tmp_path / "changed")
    all_told(on)
    stores = open_stores(on.url)
    with on.deciding(stores) as (run, _):
        run.take({one: list(enumerate(values[: len(values) // 2])) for one, values in enumerate(on.topic)})
    engine = stores.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET body = '{}' WHERE partition = 1 AND sequence = 3")
    for path in (on.folder / "intervenor").glob("*"):
        path.unlink()
    with on.deciding(stores) as (run, _), pytest.raises(CorruptState):
        run.take({one: list(enumerate(values)) for one, values in enumerate(on.topic)})
    stores.close()


def test_positions_are_of_the_log(undisturbed: tuple[Stage, list[Outputs]]) -> None:
    """Each partition is recorded up to what was found last in it, and starts before its first event."""
    on, found = undisturbed
    for log, one in zip(on.logs, found, strict=True):
        assert one.after == Position(-1)
        assert 0.9 * len(log) < one.until.offset <= len(log)
