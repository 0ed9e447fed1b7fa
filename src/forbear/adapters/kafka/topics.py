"""The topics: what each is for, and how it is kept. Made and put right by `apply`, which does nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic, sleep
from typing import Any, Literal, NamedTuple, TypeAlias

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.errors import MADE_SECONDS, Complaints, heard, kafka_errors
from forbear.domain.errors import ConfigError, ForbearError

TRANSACTIONS = "transactions-stream"
PREDICTIONS = "predictions-stream"
INTERVENTIONS = "interventions-stream"
UPDATES = "customer-updates"
OUTCOMES = "outcomes-stream"
CONTROL = "control-stream"
DASHBOARD = "dashboard-updates"

MOST_BYTES = 8 << 20
"""The largest message of any topic but the dead letters', which bear headers besides [bytes]."""
HEADER_BYTES = 64 << 10
_MOST_SECONDS = 120
"""After which no answer is the driver's fault: it gives up by itself before that."""
_AGAIN_SECONDS = 0.02
_COMMON_BYTES = 1 << 20
_LONGEST_SEGMENT = timedelta(days=7)
_SEGMENTS = 7
"""Only a segment that is closed can be let go of, or compacted: so many make up a retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as it is to be.

    kept: for how long, None for ever.  compacted: of each key the newest stays, until it too is old enough.
    ordered: which customer is in which partition must never change, so neither may the number of partitions.
    max_bytes: of a message.  read: whether something of ours reads it, so that it has a dead-letter topic.
    """

    name: str
    partitions: int
    kept: timedelta | None
    purpose: str
    key: str
    compacted: bool = False
    ordered: bool = False
    read: bool = True
    max_bytes: int = _COMMON_BYTES

    def configs(self, cluster: Cluster) -> dict[str, str]:
        """What it is configured with, in Kafka's words. What is not named here is the broker's to say."""
        segment = _LONGEST_SEGMENT if self.kept is None else min(_LONGEST_SEGMENT, self.kept / _SEGMENTS)
        return {
            "cleanup.policy": "compact,delete" if self.compacted else "delete",
            "retention.ms": "-1" if self.kept is None else str(self.kept // timedelta(milliseconds=1)),
            "retention.bytes": "-1",
            "segment.ms": str(segment // timedelta(milliseconds=1)),
            "max.message.bytes": str(self.max_bytes),
            "compression.type": "producer",
            # With three copies one broker may be gone and what is confirmed is still on two.
            "min.insync.replicas": str(max(1, cluster.replication - 1)),
            "unclean.leader.election.enable": "false",
        }


def letters_of(topic: str) -> str:
    """The name of a topic's dead-letter topic."""
    return f"{topic}.dlq"


_DAY = timedelta(days=1)
_OURS = (
    Topic(
        name=TRANSACTIONS,
        partitions=3,
        kept=7 * _DAY,
        purpose="all events that count, in the order that counts",
        key="customer_id; none for a day close or an instruction",
        ordered=True,
    ),
    Topic(
        name=PREDICTIONS,
        partitions=3,
        kept=30 * _DAY,
        purpose="what the scorer found, in the partition of the same number",
        key="customer_id; none where it is about a whole partition",
        ordered=True,
        max_bytes=MOST_BYTES,
    ),
    Topic(name=INTERVENTIONS, partitions=2, kept=90 * _DAY, purpose="offers to make", key="customer_id", read=False),
    Topic(
        name=UPDATES,
        partitions=2,
        kept=30 * _DAY,
        purpose="customers as they are now, copied by the router",
        key="customer_id",
        compacted=True,
    ),
    Topic(
        name=OUTCOMES,
        partitions=3,
        kept=90 * _DAY,
        purpose="what became of payments, copied by the router",
        key="customer_id",
    ),
    Topic(
        name=CONTROL,
        partitions=1,
        kept=None,
        purpose="day closes and instructions, copied by the router into every partition",
        key="none",
        ordered=True,
    ),
    Topic(
        name=DASHBOARD,
        partitions=1,
        kept=_DAY,
        purpose="figures for live pages, and scores that were asked for",
        key="none",
        read=False,
        max_bytes=MOST_BYTES,
    ),
)
_LETTERS = tuple(
    Topic(
        name=letters_of(topic.name),
        partitions=1,
        kept=30 * _DAY,
        purpose=f"messages of {topic.name} that were refused, with the reason",
        key="as it was",
        read=False,
        max_bytes=topic.max_bytes + HEADER_BYTES,
    )
    for topic in _OURS
    if topic.read
)
TOPICS = (*_OURS, *_LETTERS)
"""Every topic, the dead-letter topics last."""

Step: TypeAlias = Literal["create", "alter", "add partitions", "refuse"]


class Difference(NamedTuple):
    """One thing about a topic that is not as it is to be, and the step that mends it; "refuse" for none of ours."""

    topic: str
    what: str
    found: str
    wanted: str
    step: Step


def difference(cluster: Cluster, topics: Sequence[Topic] = TOPICS) -> list[Difference]:
    """What `apply` would do, topic by topic. Raises BackendUnavailable or ConfigError."""
    admin = _admin(cluster)
    found = _metadata(cluster).topics
    there = [topic for topic in topics if topic.name in found]
    configs = _configs_of(admin, cluster, there)
    differences = []
    for topic in topics:
        if topic.name not in found:
            wanted = f"{topic.partitions} partitions, {cluster.replication} copies"
            differences.append(Difference(topic.name, "topic", "missing", wanted, "create"))
        else:
            partitions = found[topic.name].partitions.values()
            differences += _shape(topic, cluster, [len(one.replicas) for one in partitions])
            differences += _config(topic, cluster, configs[topic.name])
    return differences


def apply(cluster: Cluster, topics: Sequence[Topic] = TOPICS, *, add_partitions: bool = False) -> list[Difference]:
    """Create what is missing and alter what differs; answer what differed, also what was left as it is.

    add_partitions: to topics whose order does not hang on it; else their number is left too. Idempotent.
    Raises BackendUnavailable or ConfigError.
    """
    found = difference(cluster, topics)
    admin = _admin(cluster)
    by_name = {topic.name: topic for topic in topics}
    for name in [one.topic for one in found if one.step == "create"]:
        topic = by_name[name]
        new = NewTopic(name, topic.partitions, cluster.replication, config=topic.configs(cluster))
        _await(f"cannot create {name}", admin.create_topics([new]))
        _await_leaders(cluster, topic)
    for name in sorted({one.topic for one in found if one.step == "alter"}):
        entries = [
            ConfigEntry(one.what, one.wanted, incremental_operation=AlterConfigOpType.SET)
            for one in found
            if (one.topic, one.step) == (name, "alter")
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        _await(f"cannot alter {name}", admin.incremental_alter_configs([resource]))
    for one in [one for one in found if one.step == "add partitions" and add_partitions]:
        more = NewPartitions(one.topic, by_name[one.topic].partitions)
        _await(f"cannot add partitions to {one.topic}", admin.create_partitions([more]))
    return found


def partitions_of(cluster: Cluster, topic: str) -> int:
    """How many partitions a topic has. Raises ConfigError where it is missing, BackendUnavailable."""
    give_up = monotonic() + MADE_SECONDS
    while True:
        found = _metadata(cluster, topic).topics[topic]
        if found.error is None and found.partitions:
            return len(found.partitions)
        if monotonic() > give_up:
            raise ConfigError(f"there is no topic {topic}", mend="run `forbear topics apply`")
        sleep(_AGAIN_SECONDS)


# ---- inside


def _admin(cluster: Cluster) -> AdminClient:
    with kafka_errors("cannot reach Kafka"):
        return AdminClient(cluster.options())


def _metadata(cluster: Cluster, topic: str | None = None) -> ClusterMetadata:
    """What the cluster says of its topics, or of one. For a wrong password it raises ConfigError, not only silence."""
    doing, complaints = "cannot list the topics", Complaints()
    with kafka_errors(doing):
        client = Producer({**cluster.options(), "error_cb": complaints})  # an admin client keeps them to itself
    with kafka_errors(doing, heard(client, complaints, doing)):
        found: ClusterMetadata = client.list_topics(topic, timeout=cluster.patience_seconds)
    return found


def _await(doing: str, futures: Mapping[Any, Any]) -> None:
    with kafka_errors(doing):
        for future in futures.values():
            future.result(_MOST_SECONDS)


def _await_leaders(cluster: Cluster, topic: Topic) -> None:
    """Wait until a topic that was just created can be used: for a moment its partitions have nobody who answers."""
    latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic.name, number): latest for number in range(topic.partitions)}
    give_up = monotonic() + cluster.patience_seconds
    while True:
        try:
            # Each time a client of its own: one that has once heard of no leader goes on saying so.
            admin = _admin(cluster)
            _await(f"cannot use {topic.name}", admin.list_offsets(asked))
        except ForbearError:
            if monotonic() > give_up:
                raise
            sleep(_AGAIN_SECONDS)
        else:
            return


def _configs_of(admin: AdminClient, cluster: Cluster, topics: Iterable[Topic]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic in topics]
    if not resources:
        return {}
    with kafka_errors("cannot read how the topics are configured"):
        futures = admin.describe_configs(resources, request_timeout=cluster.patience_seconds)
        return {
            resource.name: {name: str(entry.value) for name, entry in future.result().items()}
            for resource, future in futures.items()
        }


def _shape(topic: Topic, cluster: Cluster, copies: Sequence[int]) -> list[Difference]:
    found: list[Difference] = []
    if len(copies) != topic.partitions:
        step: Step = "refuse" if topic.ordered or len(copies) > topic.partitions else "add partitions"
        found.append(Difference(topic.name, "partitions", str(len(copies)), str(topic.partitions), step))
    if set(copies) != {cluster.replication}:
        # Kafka moves copies between brokers only by a plan of its operator's.
        seen = "-".join(map(str, sorted(set(copies))))
        found.append(Difference(topic.name, "copies", seen, str(cluster.replication), "refuse"))
    return found


def _config(topic: Topic, cluster: Cluster, found: Mapping[str, str]) -> list[Difference]:
    return [
        Difference(topic.name, name, found.get(name, ""), wanted, "alter")
        for name, wanted in topic.configs(cluster).items()
        if set(found.get(name, "").split(",")) != set(wanted.split(","))
    ]
