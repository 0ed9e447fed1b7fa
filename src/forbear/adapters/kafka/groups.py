"""How far consumer groups are, as seen from outside of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from time import monotonic, sleep

from confluent_kafka import TopicPartition

from forbear.adapters.kafka.cluster import Cluster, Place
from forbear.adapters.kafka.errors import kafka_errors
from forbear.adapters.kafka.member import Reading
from forbear.adapters.kafka.topics import partitions_of
from forbear.domain.errors import BackendUnavailable

ROUTER_GROUP = "forbear-router"
"""The router's: what it has committed of a topic stands on the stream."""
_AGAIN_SECONDS = 0.01


class _Watch(Reading):
    """Asks for what a group has committed, as nobody of it.

    A consumer that never subscribes: the driver's admin client crashes the process where it is asked again and again
    for a group that is not there yet.
    """

    def __init__(self, cluster: Cluster, group: str) -> None:
        super().__init__(cluster, **{"group.id": group})
        self._group = group

    def committed(self, places: Iterable[Place]) -> list[int]:
        """Of each partition the offset behind the last message that the group is done with; 0 for none."""
        asked = [TopicPartition(*place) for place in places]
        with kafka_errors(f"cannot look up the offsets of {self._group}"):
            found = self._consumer.committed(asked, self.cluster.patience_seconds)
        return [max(0, one.offset) for one in found]


def committed_by(cluster: Cluster, group: str, topic: str) -> dict[int, int]:
    """What a consumer group has committed of a topic: the offset behind the last message it is done with.

    By partition; 0 where it has committed nothing. Raises ConfigError where the topic is missing, BackendUnavailable.
    """
    numbers = range(partitions_of(cluster, topic))
    with closing(_Watch(cluster, group)) as watch:
        return dict(enumerate(watch.committed((topic, number) for number in numbers)))


def await_committed(
    cluster: Cluster, group: str, place: Place, past: int, *, while_waiting: Callable[[], None] | None = None
) -> None:
    """Return once a group has committed an offset of a partition, or one behind it.

    while_waiting: called again and again, e.g. to raise what ends the waiting. Raises BackendUnavailable if the
    offsets have not moved within the cluster's patience.
    """
    seen, give_up = -1, monotonic() + cluster.patience_seconds
    with closing(_Watch(cluster, group)) as watch:
        while (found := _found(watch, place, give_up)) < past:
            if found > seen:
                seen, give_up = found, monotonic() + cluster.patience_seconds
            if monotonic() > give_up:
                raise BackendUnavailable(
                    f"{group} stands at offset {found} of {place[0]}/{place[1]} and does not get to {past}",
                    mend="start it, or look into what it waits for",
                )
            if while_waiting is not None:
                while_waiting()
            sleep(_AGAIN_SECONDS)


def _found(watch: _Watch, place: Place, give_up: float) -> int:
    """What is committed; -1 where the brokers do not know yet who keeps the group's offsets."""
    try:
        return watch.committed([place])[0]
    except BackendUnavailable:
        if monotonic() > give_up:
            raise
        return -1
