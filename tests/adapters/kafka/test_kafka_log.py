"""A partition of a real broker keeps the promises of a source and a sink."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.messages import Refused, message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.sink import KafkaSink
from forbear.adapters.kafka.source import KafkaSource
from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.engine.ports import Origin
from forbear.features.columns import columns_of, events_of
from forbear.testing.builders import transaction
from forbear.testing.log_contract import ZONE, LogContract, Topic, polled, some_events


class TestKafkaLog(LogContract):
    """The contract, on a topic of its own for each log."""

    @pytest.fixture(autouse=True)
    def _topics(self, cluster: Cluster, fresh: Callable[..., str]) -> None:
        self.cluster, self.fresh = cluster, fresh

    def make(self) -> Topic:
        """A topic of one partition."""
        name = self.fresh()
        return Topic(lambda: KafkaSink(self.cluster, name, 0), lambda: KafkaSource(self.cluster, name, 0, ZONE))


def with_poison(cluster: Cluster, topic: str) -> None:
    """Two events, a message that is none, and two events."""
    with closing(Publisher(cluster)) as publisher:
        for number in range(5):
            key, value = message_of(transaction(number, day=number))
            publisher.send(topic, key, b"{poison" if number == 2 else value)
        publisher.flush()


def test_what_is_no_event_is_refused_and_passed_by(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """A refused message is handed over with its offset and bytes, and the next poll goes on behind the gap it left."""
    topic, refused = fresh(), list[Refused]()
    with_poison(cluster, topic)
    with closing(KafkaSource(cluster, topic, 0, ZONE, refuse=refused.append)) as source:
        found = polled(source, 9)
        assert [(one.offset, len(one.batch)) for one in found] == [(0, 2), (3, 2)]
        assert [(one.offset, one.key, one.value, one.code) for one in refused] == [(2, b"C1", b"{poison", "not_json")]
        assert len(source.read(0, 5)) == 4
        source.seek(2)
        assert [one.offset for one in polled(source, 9)] == [3]


def test_without_anybody_to_take_it_a_refused_message_stops_the_source(
    cluster: Cluster, fresh: Callable[..., str]
) -> None:
    """Nothing is passed by unawares: the poll says where the message stands, and says so again."""
    topic = fresh()
    with_poison(cluster, topic)
    with closing(KafkaSource(cluster, topic, 0, ZONE)) as source:
        for _ in range(2):
            with pytest.raises(InvalidEvent, match=rf"{topic}/0 at offset 2"):
                source.poll(9)


def test_a_copy_that_was_cut_short_counts_as_not_made(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """Only the last message of a publish moves its origin: what arrived of it before is no more than a repetition."""
    topic, events = fresh(), some_events(2)
    with closing(KafkaSink(cluster, topic, 0)) as sink:
        sink.publish(columns_of(events[:4]), Origin(1, 4))
    with closing(KafkaSource(cluster, topic, 0, ZONE)) as source, closing(Publisher(cluster)) as publisher:
        whole = list(events_of(source.read(0, 4)))
        for event in whole[:3]:  # as a publish up to offset 8 would leave it that ends before its last message
            publisher.send(topic, *message_of(event), partition=0, headers=[("origins", b'{"1":4}')])
        publisher.flush()

    with closing(KafkaSink(cluster, topic, 0)) as again:
        assert again.past_of(1) == 4


def test_messages_of_others_do_not_hide_where_a_sink_stood(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """However much others have written behind it, the next sink finds the origins that the last one left."""
    topic = fresh()
    with closing(KafkaSink(cluster, topic, 0)) as sink:
        sink.publish(columns_of(some_events(1)), Origin(2, 11))
    with closing(Publisher(cluster)) as publisher:
        for number in range(3_000):
            publisher.send(topic, *message_of(transaction(number, day=9)))
        publisher.flush()

    with closing(KafkaSink(cluster, topic, 0)) as again:
        assert (again.past_of(2), again.received_us) == (11, columns_of([transaction(1, day=9)]).received_us[0])


def test_a_missing_topic_is_the_operators_to_make(cluster: Cluster) -> None:
    """Neither a source nor a sink makes a topic: they say which command does."""
    for opening in (lambda: KafkaSink(cluster, "nowhere", 0), lambda: KafkaSource(cluster, "nowhere", 0, ZONE)):
        with pytest.raises(ConfigError, match="forbear topics apply"):
            opening()
