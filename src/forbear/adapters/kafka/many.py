"""Some partitions of a topic, read by one who needs all of them: no group shares them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import Message, TopicPartition

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.errors import kafka_errors
from forbear.adapters.kafka.member import Reading, by_partition, offset_of


class ManyReader(Reading):
    """Partitions of one topic, each from an offset on. positions: offset of the next message of each."""

    def __init__(self, cluster: Cluster, topic: str, starts: Mapping[int, int]) -> None:
        super().__init__(cluster, **{"group.id": "forbear-reader"})
        self.topic = topic
        self.positions = dict(starts)
        with kafka_errors(f"cannot read {topic}"):
            self._consumer.assign([TopicPartition(topic, one, offset) for one, offset in starts.items()])

    def poll(self, limit: int, seconds: float) -> dict[int, list[Message]]:
        """Up to so many messages by partition, in order within each; fewer when the time is over.

        Nothing while no broker answers. Raises CorruptState for a position that the topic has let go of.
        """
        messages, _ = self.consume(limit, seconds)
        found = by_partition(messages)
        self.positions |= {partition: offset_of(group[-1]) + 1 for partition, group in found.items()}
        return found

    def pause(self, partitions: Iterable[int]) -> None:
        """Give no more messages of some partitions."""
        with kafka_errors("cannot pause"):
            self._consumer.pause([TopicPartition(self.topic, one) for one in partitions])

    def resume(self, partitions: Iterable[int]) -> None:
        """Give messages of them again."""
        with kafka_errors("cannot resume"):
            self._consumer.resume([TopicPartition(self.topic, one) for one in partitions])

    def lag(self) -> dict[int, int]:
        """How many offsets of each partition were not polled yet, as far as is known without asking."""
        behind = {}
        for one, position in self.positions.items():
            with kafka_errors("cannot look up the lag"):
                _, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, one), cached=True)
            behind[one] = max(0, high - position)
        return behind
