"""The scorer: a member of a group that shares the partitions of the stream, with a follower for each of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from forbear.adapters.kafka.cluster import Cluster, Place
from forbear.adapters.kafka.dead_letters import Letters
from forbear.adapters.kafka.member import Incoming, Member, Rebalancing, by_partition
from forbear.adapters.kafka.messages import runs_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import last_message
from forbear.adapters.kafka.topics import PREDICTIONS, TRANSACTIONS, partitions_of
from forbear.adapters.snapshots import FileSnapshots
from forbear.apps.home import Home
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.metrics.working import Measured
from forbear.apps.stream.history import PartitionHistory
from forbear.apps.stream.places import snapshots_of_scorer
from forbear.apps.stream.pulse import Pulse
from forbear.apps.stream.saving import SavingBeside
from forbear.apps.stream.services import stream_services
from forbear.apps.tracing.around import told_of_scoring
from forbear.apps.tracing.port import Asked, Kind
from forbear.domain.errors import BackendUnavailable, ConflictError
from forbear.engine.backfill import Feed
from forbear.engine.follower import Following
from forbear.engine.ports import Kept
from forbear.engine.scoring_run import KEEP_EVENTS, Keeping, ScoringRun
from forbear.engine.timing import Stage
from forbear.engine.wire import Message as Told
from forbear.engine.wire import coordinates_of
from forbear.engine.wire_shapes import NOWHERE
from forbear.features.columns import EventKind
from forbear.features.local_time import local_time

GROUP = "forbear-scorer"
LIMIT = 8_192
"""Events taken in at once."""
_BATCH = Asked(kind=Kind.CONSUMER)
_READERS = 2
_POLL_SECONDS = 0.05
_COMMIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ScorerParts:
    """What a scorer is made of. stop: whether to come to an end.  every: events between two snapshots."""

    home: Home
    cluster: Cluster
    pulse: Pulse
    stop: Callable[[], bool]
    every: int = KEEP_EVENTS
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Scorer:
    """The loop of one process. Messages go out in the order of their partition, behind what was sent before."""

    def __init__(self, parts: ScorerParts) -> None:
        self._parts = parts
        self._runs: dict[int, ScoringRun] = {}
        self._group: list[Incoming] = []
        self._open = ExitStack()
        self._publisher = self._open.enter_context(closing(Publisher(parts.cluster)))
        self._letters = Letters(self._publisher, parts.now)
        self._saving = self._open.enter_context(SavingBeside(parts.pulse))
        self._zone = local_time(parts.home.deployment.time_zone)
        self._made = HomeParts(parts.home)
        self._measured = Measured(parts.pulse.meter)
        self._measured.follows(lambda: {number: run.follower for number, run in dict(self._runs).items()})
        rebalancing = Rebalancing(assigned=self._assigned, revoked=self._revoked, lost=self._lost)
        self._member = Member(
            parts.cluster, GROUP, [TRANSACTIONS], instance_id=parts.pulse.name, rebalancing=rebalancing
        )
        self._open.callback(self._member.close)
        self._committed = 0.0

    def run(self) -> None:
        """Follow until told to stop."""
        with self._open:
            while not self._parts.stop():
                self.step(_POLL_SECONDS)
            self._parts.pulse.state("stopping")
            self._publisher.flush()
            self._commit()

    def step(self, seconds: float) -> int:
        """Take in what came; answer how many messages."""
        messages = self._member.poll(LIMIT, seconds)
        tracer = self._parts.pulse.tracer
        for partition, group in by_partition(messages).items():
            if partition in self._runs:
                offset = group[0].offset() or 0
                with tracer.span("batch", _BATCH, events=len(group), partition=partition, offset=offset):
                    self._take(partition, group)
        now = time.monotonic()
        if now - self._committed >= _COMMIT_SECONDS:
            self._committed = now
            self._commit()
        self._tell(len(messages))
        return len(messages)

    # ---- inside

    def _take(self, partition: int, group: list[Incoming]) -> None:
        run, pulse = self._runs[partition], self._parts.pulse
        with self._measured.stages.timed(Stage.DECODE):
            runs, refused = runs_of(group, self._zone)
        for one in refused:
            self._letters.add(TRANSACTIONS, partition, one)
        self._group = group
        for scanned in runs:
            told_of_scoring(pulse.tracer, scanned.columns, partition)
            pulse.count("messages", self._send(partition, run.take(scanned)))
            if run.due(at_close=bool((scanned.batch.kind == EventKind.DAY_CLOSED).any())):
                self._publisher.flush()
                run.keep()
        pulse.count("refused", len(refused))
        pulse.count("events", len(group) - len(refused))

    def _letter(self, offset: int) -> str:
        """The JSON of an event of the group that is being taken in."""
        return next((one.value() or b"").decode() for one in self._group if one.offset() == offset)

    def _send(self, partition: int, told: Iterator[Told]) -> int:
        sent = 0
        for one in told:
            self._publisher.send(PREDICTIONS, one.key or None, one.value, partition=partition)
            sent += 1
        return sent

    def _commit(self) -> None:
        """Tell the group how far it is, for those who watch its lag: where to go on the snapshots say."""
        places = {(TRANSACTIONS, partition): run.position for partition, run in self._runs.items()}
        if places:
            self._publisher.flush()
            with suppress(ConflictError, BackendUnavailable):
                self._member.commit(places)

    def _tell(self, polled: int) -> None:
        pulse = self._parts.pulse
        lag = self._member.lag()
        pulse.gauge("lag", {str(partition): behind for (_, partition), behind in lag.items()})
        pulse.gauge("position", {str(partition): run.position for partition, run in self._runs.items()})
        if not self._runs:
            pulse.state("waiting", "partitions of the stream")
        elif self._member.trouble and not polled:
            pulse.state("waiting", f"Kafka: {self._member.trouble}")
        else:
            pulse.state("catching up" if any(run.catching_up for run in self._runs.values()) else "running")
        pulse.progressed()

    # ---- partitions come and go

    def _assigned(self, places: list[Place]) -> None:
        # Snapshots are read side by side, and each is taken up in its turn.
        with ThreadPoolExecutor(_READERS) as reading:
            folders = [FileSnapshots(snapshots_of_scorer(self._parts.home, partition)) for _, partition in places]
            found = [reading.submit(folder.latest) for folder in folders]
            for (_, partition), snapshots, kept in zip(places, folders, found, strict=True):
                self._parts.pulse.state("restoring", f"partition {partition}")
                run = self._runs[partition] = self._restored(partition, snapshots, kept.result())
                self._member.start_at(TRANSACTIONS, partition, run.position)

    def _revoked(self, places: list[Place]) -> None:
        self._publisher.flush()
        for _, partition in places:
            if (run := self._runs.pop(partition, None)) is not None and not run.catching_up:
                run.keep()
        self._saving.wait()  # what is saved is there for the next one

    def _lost(self, places: list[Place]) -> None:
        for _, partition in places:
            self._runs.pop(partition, None)

    def _restored(self, partition: int, snapshots: FileSnapshots, kept: Kept | None) -> ScoringRun:
        parts, home = self._parts, self._parts.home
        following = Following(
            home.deployment, home.feed.calendar, self._made, self._letter, stages=self._measured.stages
        )
        keeping = Keeping(lambda kept: self._saving.save(snapshots, kept), parts.every)
        last = last_message(parts.cluster, PREDICTIONS, partition)
        run = ScoringRun(following, keeping, NOWHERE if last is None else coordinates_of(last.value() or b""))
        history = PartitionHistory(home.archive, partition, partitions_of(parts.cluster, TRANSACTIONS))
        feed = Feed(history, home.deployment, home.feed.calendar)
        self._send(partition, run.start(kept, feed, lambda _: parts.pulse.progressed()))
        if run.unkept:
            self._publisher.flush()
            run.keep()
        return run


def work(home: Home, instance: str, pulse: Pulse, stop: Callable[[], bool]) -> None:
    """Be a scorer of a home until told to stop."""
    del instance  # a member that comes back is a new one: what it knew is in the snapshots
    services = stream_services(home, pulse)
    Scorer(ScorerParts(home, services.cluster, pulse, stop)).run()
