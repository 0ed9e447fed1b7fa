"""How far consumer groups are, as seen from outside of them."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from forbear.adapters.kafka.cluster import Cluster, Place, kafka_errors
from forbear.adapters.kafka.topics import partitions_of
from forbear.domain.errors import BackendUnavailable

ROUTER_GROUP = "forbear-router"
"""The router's: what it has committed of a topic stands on the stream."""
_AGAIN_SECONDS = 0.01


def committed_by(cluster: Cluster, group: str, topic: str) -> dict[int, int]:
    """What a consumer group has committed of a topic: the offset behind the last message it is done with.

    By partition; 0 where it has committed nothing. Raises ConfigError where the topic is missing, BackendUnavailable.
    """
    places = [(topic, number) for number in range(partitions_of(cluster, topic))]
    with kafka_errors("cannot reach Kafka"):
        admin = AdminClient(cluster.options())
    return {number: _committed(admin, cluster, group, (topic, number)) for _, number in places}


def await_committed(
    cluster: Cluster, group: str, place: Place, past: int, *, while_waiting: Callable[[], None] | None = None
) -> None:
    """Return once a group has committed an offset of a partition, or one behind it.

    while_waiting: called again and again, e.g. to raise what ends the waiting. Raises BackendUnavailable if the
    offsets have not moved within the cluster's patience.
    """
    with kafka_errors("cannot reach Kafka"):
        admin = AdminClient(cluster.options())
    seen, give_up = -1, 0.0
    while (found := _committed(admin, cluster, group, place)) < past:
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


def _committed(admin: AdminClient, cluster: Cluster, group: str, place: Place) -> int:
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place)])
    with kafka_errors(f"cannot look up the offsets of {group}"):
        # The admin client must outlive its answer.
        found = admin.list_consumer_group_offsets([asked])[group].result(cluster.patience_seconds)
    offset: int = found.topic_partitions[0].offset
    return max(0, offset)
