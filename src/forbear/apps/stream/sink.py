"""The sink: what leaves the stream for good. It archives every event, and publishes what was decided.

The archive is the log of record: the topic may forget once it holds the events. Decisions are their own outbox: what
stands in the store behind the last one published is published next, at least once, each under its decision_id.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field

import msgspec

from forbear.adapters.archive import FileArchive
from forbear.adapters.kafka.cluster import Cluster, Place
from forbear.adapters.kafka.member import Member, Rebalancing, by_partition
from forbear.adapters.kafka.messages import runs_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.topics import DASHBOARD, INTERVENTIONS, TRANSACTIONS
from forbear.adapters.sql.outbox import Outbox
from forbear.apps.home import Home
from forbear.apps.stream.places import archive_of
from forbear.apps.stream.pulse import Pulse
from forbear.apps.stream.services import stream_services
from forbear.apps.tracing.around import told_of_publishing
from forbear.domain.errors import BackendUnavailable, ConflictError, StorageError
from forbear.engine.ports import Scanned
from forbear.features.columns import joined
from forbear.features.local_time import LocalTime, local_time

GROUP = "forbear-sink"
LIMIT = 8_192
SEGMENT_ROWS = 250_000
"""Events of a partition that make a file of the archive."""
SEGMENT_SECONDS = 900.0
"""After so long a file is written, however few they are."""
_RELAYED = 1_000
_POLL_SECONDS = 0.1
_RELAY_SECONDS = 0.2


@dataclass(slots=True)
class _Kept:
    """What of one partition waits to be archived. since: when the first of it came."""

    archive: FileArchive
    waiting: list[Scanned] = field(default_factory=list)
    since: float = 0.0

    @property
    def rows(self) -> int:
        """How many events wait."""
        return sum(len(one.batch) for one in self.waiting)


@dataclass(frozen=True, slots=True)
class SinkParts:
    """What a sink is made of. archive: of a partition.  rows, seconds: when a file of the archive is due."""

    cluster: Cluster
    archive: Callable[[int], FileArchive]
    zone: LocalTime
    outbox: Outbox
    pulse: Pulse
    rows: int = SEGMENT_ROWS
    seconds: float = SEGMENT_SECONDS


class Sink:
    """The loop of one process; several share the partitions, and the first partition's publishes the decisions."""

    def __init__(self, parts: SinkParts) -> None:
        self._parts = parts
        self._kept: dict[int, _Kept] = {}
        self._relayed, self._waits_for = 0.0, ""
        self._open = ExitStack()
        self._publisher = self._open.enter_context(closing(Publisher(parts.cluster)))
        rebalancing = Rebalancing(assigned=self._assigned, revoked=self._revoked, lost=self._lost)
        self._member = Member(
            parts.cluster, GROUP, [TRANSACTIONS], instance_id=parts.pulse.name, rebalancing=rebalancing
        )
        self._open.callback(self._member.close)

    def run(self, stop: Callable[[], bool]) -> None:
        """Archive and publish until told to stop; what waits is archived in the end."""
        with self._open:
            while not stop():
                self.step(_POLL_SECONDS)
            self._parts.pulse.state("stopping")
            self._archive(everything=True)
            self._relay()

    def step(self, seconds: float) -> int:
        """Take in what came, write what is due, publish what is new; answer how many messages."""
        messages, pulse = self._member.poll(LIMIT, seconds), self._parts.pulse
        for partition, group in by_partition(messages).items():
            if (kept := self._kept.get(partition)) is not None:
                runs, _ = runs_of(group, self._parts.zone)  # what is refused is the scorer's to tell of
                if runs and not kept.waiting:
                    kept.since = time.monotonic()
                kept.waiting += runs
        self._archive()
        now = time.monotonic()
        if 0 in self._kept and now - self._relayed >= _RELAY_SECONDS:
            self._relayed = now
            self._relay()
        pulse.count("events", len(messages))
        pulse.gauge("lag", {str(partition): behind for (_, partition), behind in self._member.lag().items()})
        waits_for = self._waits_for or ("" if self._kept else "partitions of the stream")
        pulse.state("waiting" if waits_for else "running", waits_for)
        pulse.progressed()
        return len(messages)

    # ---- inside

    def _archive(self, *, everything: bool = False) -> None:
        parts, done = self._parts, dict[Place, int]()
        for partition, kept in self._kept.items():
            old = time.monotonic() - kept.since >= parts.seconds
            if not kept.waiting or not (everything or old or kept.rows >= parts.rows):
                continue
            try:
                done[TRANSACTIONS, partition] = _written(kept)
            except StorageError as error:  # the topic holds it still: tried again, and nothing is lost meanwhile
                parts.pulse.count("archive_failed", 1)
                parts.pulse.note("archive_failed", level="error", why=str(error))
                kept.since = time.monotonic()
        with suppress(ConflictError, BackendUnavailable):  # where to go on the archive itself says
            self._member.commit(done)

    def _relay(self) -> None:
        """Publish the decisions behind the last one that was published, in their order."""
        outbox, pulse = self._parts.outbox, self._parts.pulse
        try:
            while waiting := outbox.waiting(_RELAYED):
                for one in waiting:
                    document = msgspec.json.encode(one.document)
                    if one.customer_id is not None and one.document["outcome"] == "offer":
                        self._publisher.send(INTERVENTIONS, one.customer_id.encode(), document)
                    self._publisher.send(DASHBOARD, None, document)
                self._publisher.flush()
                outbox.published(waiting[-1].entry)
                pulse.count("published", len(waiting))
                told_of_publishing(pulse.tracer, [one.document for one in waiting])
        except BackendUnavailable as error:
            pulse.note("publishing_waits", level="warning", why=str(error))
            self._waits_for = str(error)
        else:
            self._waits_for = ""

    def _assigned(self, places: list[Place]) -> None:
        for _, partition in places:
            archive = self._parts.archive(partition)
            self._kept[partition] = _Kept(archive)
            self._member.start_at(TRANSACTIONS, partition, archive.next_offset)

    def _revoked(self, places: list[Place]) -> None:
        self._archive(everything=True)
        self._lost(places)

    def _lost(self, places: list[Place]) -> None:
        for _, partition in places:
            self._kept.pop(partition, None)


def _written(kept: _Kept) -> int:
    """Append what waits, one file for each run of it without a gap; the offset behind the last."""
    while kept.waiting:
        first, parts = kept.waiting[0], list[Scanned]()
        following = first.offset
        for one in kept.waiting:
            if one.offset != following:
                break
            parts.append(one)
            following += len(one.batch)
        kept.archive.append(joined([one.columns for one in parts]), first.offset)
        del kept.waiting[: len(parts)]
    return kept.archive.next_offset


def work(home: Home, instance: str, pulse: Pulse, stop: Callable[[], bool]) -> None:
    """Be a sink of a home until told to stop."""
    del instance
    services = stream_services(home, pulse)
    zone = local_time(home.deployment.time_zone)
    with services.outbox(stop) as outbox:
        parts = SinkParts(services.cluster, lambda partition: archive_of(home, partition), zone, outbox, pulse)
        Sink(parts).run(stop)
