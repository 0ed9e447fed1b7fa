"""A partition of a real broker keeps the promises of a source and a sink."""

from __future__ import annotations

from itertools import count

import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.sink import KafkaSink
from forbear.adapters.kafka.source import KafkaSource
from forbear.adapters.kafka.topics import Topic as KafkaTopic
from forbear.adapters.kafka.topics import apply
from forbear.testing.log_contract import ZONE, LogContract, Topic
from forbear.testing.servers.kafka import KafkaServer

_NUMBERS = count()


def fresh_topic(cluster: Cluster) -> str:
    """A topic of one partition that nobody has written to."""
    name = f"log-{next(_NUMBERS)}"
    apply(cluster, [KafkaTopic(name=name, partitions=1, kept=None, purpose="a test", key="customer_id")])
    return name


@pytest.fixture
def cluster(kafka_server: KafkaServer) -> Cluster:
    """The broker of the tests."""
    return Cluster(kafka_server.bootstrap)


class TestKafkaLog(LogContract):
    """The contract, on a topic of its own for each log."""

    @pytest.fixture(autouse=True)
    def _cluster(self, kafka_server: KafkaServer) -> None:
        self.cluster = Cluster(kafka_server.bootstrap)

    def make(self) -> Topic:
        """A topic of one partition."""
        name = fresh_topic(self.cluster)
        return Topic(lambda: KafkaSink(self.cluster, name, 0), lambda: KafkaSource(self.cluster, name, 0, ZONE))
