"""One partition of a Kafka topic as a sink of events."""

from __future__ import annotations

import msgspec

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader, texts_of
from forbear.adapters.kafka.messages import event_of, message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import backwards
from forbear.adapters.log import require_order
from forbear.domain.errors import ConflictError, ForbearError, InvalidEvent
from forbear.engine.ports import Origin
from forbear.features.columns import EventColumns, events_of, micros

_ORIGINS = "origins"
"""Header with the offset behind the last message that came from each other topic, as JSON. The last message of a
publish moves it; those in front of it bear what held before, so that a publish that was cut short counts as not made.
"""
_ORIGINS_TYPE = dict[int, int]


class KafkaSink:
    """The one writer of a partition: Kafka keeps no second one away, so whoever runs it has to.

    What a publish that failed has left is a beginning of it, never more: to publish the same again is at least once,
    and what comes twice is dropped by its id. Where it stands is read from the partition's end: every message of a
    sink says it, so only those of others, if there are any, are passed over, at most as far as the topic goes back.
    Raises BackendUnavailable, or ConfigError where the topic is missing.
    """

    def __init__(self, cluster: Cluster, topic: str, partition: int) -> None:
        self._cluster, self._topic, self._partition = cluster, topic, partition
        self._publisher: Publisher | None = None
        self._received_us = 0
        self._origins: dict[int, int] = {}
        self._reader = Reader(cluster, topic, partition)
        try:
            self._resume()
        except BaseException:
            self.close()
            raise

    @property
    def received_us(self) -> int:
        """When the last event was received [microseconds UTC]; 0 if there is none."""
        return self._received_us

    def publish(self, columns: EventColumns, origin: Origin | None = None) -> int:
        """Add events behind all others, as `Sink.publish` says; a failure may have left a beginning of them.

        Raises BackendUnavailable too; the sink goes on from what it finds then.
        """
        if not len(columns):
            return self._end()
        require_order(columns, self._received_us)
        if origin is not None and origin.past <= self.past_of(origin.topic):
            raise ConflictError(f"topic {origin.topic} is here up to {self.past_of(origin.topic)} already")
        if self._publisher is None:
            self._publisher = Publisher(self._cluster)
            self._resume()
        before = self._origins
        after = before if origin is None else {**before, origin.topic: origin.past}
        last = len(columns) - 1
        try:
            for place, event in enumerate(events_of(columns)):
                headers = [(_ORIGINS, msgspec.json.encode(after if place == last else before))]
                self._publisher.send(self._topic, *message_of(event), partition=self._partition, headers=headers)
            self._publisher.flush()
        except ForbearError:
            self._give_up()
            raise
        self._received_us, self._origins = int(columns.received_us[-1]), after
        return self._end()

    def past_of(self, topic: int) -> int:
        """The offset behind the last message that came from another topic; 0 if none did."""
        return self._origins.get(topic, 0)

    def close(self) -> None:
        """Let go of the connections."""
        self._give_up()
        self._reader.close()

    # ---- inside

    def _end(self) -> int:
        return self._reader.bounds()[1]

    def _give_up(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

    def _resume(self) -> None:
        """Find when the last event was received, and how far other topics have been copied."""
        self._received_us, self._origins = 0, {}
        for message in backwards(self._reader):
            if not self._received_us:
                try:
                    self._received_us = micros(event_of(message.key(), message.value()).received_at)
                except InvalidEvent:
                    continue
            if said := texts_of(message).get(_ORIGINS):
                self._origins = msgspec.json.decode(said, type=_ORIGINS_TYPE)
                break
        self._reader.seek(self._end())
