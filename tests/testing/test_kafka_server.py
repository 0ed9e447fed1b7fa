"""The broker for tests can be stopped, killed and started, and keeps its ports and what was written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import Topic, apply
from forbear.domain.errors import ConfigError
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.kafka_jars import kafka_jars


def test_what_was_written_outlives_the_broker(kafka_server: KafkaServer) -> None:
    """After an orderly stop and after a kill the same address gives everything that was confirmed."""
    cluster, topic = Cluster(kafka_server.bootstrap), "outlives"
    apply(cluster, [Topic(name=topic, partitions=1, kept=None, purpose="a test", key="")])
    ends: list[Callable[[], None]] = [kafka_server.stop, kafka_server.kill]
    for number, end in enumerate(ends):
        with closing(Publisher(cluster)) as publisher:
            publisher.send(topic, b"k", b"%d" % number)
            publisher.flush()
        end()
        kafka_server.start()
        with closing(Reader(cluster, topic, 0)) as reader:
            assert [message.value() for message in forwards(reader)] == [b"0", b"1"][: number + 1]


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Java gets one plain sentence."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs java"):
        kafka_jars()
