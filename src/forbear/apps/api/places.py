"""Where the interface follows a deployment: a home's own log, or the partitions of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING

from forbear.adapters.snapshots import FileSnapshots
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.services import require_kafka
from forbear.domain.errors import BackendUnavailable
from forbear.engine.follower import Follower, Following
from forbear.engine.onlooker import Onlooker
from forbear.engine.ports import Kept, Source
from forbear.engine.running import begin_follower
from forbear.features.local_time import local_time

if TYPE_CHECKING:
    from forbear.adapters.kafka.cluster import Cluster
    from forbear.apps.api.watching import Partition


class LogOfHome:
    """The one partition of a home's own log."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def newest(self) -> Kept | None:
        """The newest snapshot of the worker."""
        return FileSnapshots(self._home.worker).latest()

    def fill(self, follower: Follower) -> None:
        """Bring a new follower behind the archive, with what was told before the first event in force."""
        for _ in begin_follower(follower, self._home.feed, self._home.snapshots):
            pass
        for told in told_before(self._home):
            follower.follow(told)

    def source(self) -> Source:
        """A reader of the log."""
        return self._home.source()


class PartitionOfStream:
    """One partition of the stream, with the snapshots of its scorer."""

    def __init__(self, home: Home, cluster: Cluster, partition: int, partitions: int) -> None:
        self._home, self._cluster, self._partition, self._partitions = home, cluster, partition, partitions

    def newest(self) -> Kept | None:
        """The newest snapshot of the scorer."""
        from forbear.apps.stream.places import snapshots_of_scorer

        return FileSnapshots(snapshots_of_scorer(self._home, self._partition)).latest()

    def fill(self, follower: Follower) -> None:
        """Bring a new follower behind the history of this partition's customers."""
        from forbear.apps.stream.history import PartitionHistory
        from forbear.engine.backfill import Feed
        from forbear.engine.scoring_run import NoSnapshots

        home = self._home
        history = PartitionHistory(home.archive, self._partition, self._partitions)
        for _ in begin_follower(follower, Feed(history, home.deployment, home.feed.calendar), NoSnapshots()):
            pass
        follower.put_behind()

    def source(self) -> Source:
        """A reader of the partition. Messages that are no events are passed over: the scorer has told of them."""
        from forbear.adapters.kafka.source import KafkaSource
        from forbear.adapters.kafka.topics import TRANSACTIONS

        zone = local_time(self._home.deployment.time_zone)
        return KafkaSource(self._cluster, TRANSACTIONS, self._partition, zone, refuse=lambda _: None)


def places_of(home: Home, cluster: Cluster | None) -> Mapping[int, Partition]:
    """The partitions of a deployment; while Kafka does not answer, those that scorers have left snapshots of.

    Raises ConfigError where its driver is not installed, BackendUnavailable where nothing tells how many there are.
    """
    if cluster is None:
        return {0: LogOfHome(home)}
    require_kafka()
    from forbear.adapters.kafka.topics import TRANSACTIONS, partitions_of

    try:
        partitions = partitions_of(cluster, TRANSACTIONS)
    except BackendUnavailable:
        partitions = _kept_partitions(home)
        if not partitions:
            raise
    return {one: PartitionOfStream(home, cluster, one, partitions) for one in range(partitions)}


def _kept_partitions(home: Home) -> int:
    """How many partitions there are snapshots of: a scorer takes one of each of its own before it reads any of it."""
    from forbear.apps.stream.places import snapshots_of_scorer

    return next(one for one in count() if not snapshots_of_scorer(home, one).is_dir())


def onlooker_of(home: Home, partitions: Mapping[int, Partition]) -> Onlooker:
    """An onlooker of a deployment's partitions, which knows nothing yet."""
    following = Following(home.deployment, home.feed.calendar, HomeParts(home), lambda _: "", scores=False)
    return Onlooker(following, list(partitions), Lock)
