"""What was flushed is there, in order and once; what could not be is told of, and no later message overtakes it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from random import Random

import pytest

from forbear.adapters.kafka import publisher as publishing
from forbear.adapters.kafka.cluster import Cluster, Security
from forbear.adapters.kafka.member import Reader, texts_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards, last_message, watermarks
from forbear.domain.errors import BackendUnavailable, ConfigError, StorageError
from forbear.testing.servers.kafka import KafkaServer


def values(cluster: Cluster, topic: str) -> list[bytes | None]:
    """What the messages of a topic's first partition say."""
    with closing(Reader(cluster, topic, 0)) as reader:
        return [message.value() for message in forwards(reader)]


def test_what_was_flushed_is_there_in_order(
    cluster: Cluster, fresh: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages arrive in the order sent with key and headers, also where the queue was full time and again."""
    monkeypatch.setattr(publishing, "_QUEUED_MESSAGES", 100)
    topic = fresh()
    with closing(Publisher(cluster)) as publisher:
        for number in range(3_000):
            publisher.send(topic, b"k", b"%d" % number, headers=[("n", b"%d" % number)])
        publisher.flush()

    assert values(cluster, topic) == [b"%d" % number for number in range(3_000)]
    last = last_message(cluster, topic, 0)
    assert last is not None
    assert (last.key(), texts_of(last)) == (b"k", {"n": "2999"})


def test_a_message_that_is_too_large_ends_the_publisher(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """The broker's refusal is raised, by every call from then on, and what came behind it did not overtake it."""
    topic = fresh(max_bytes=10_000)
    with closing(Publisher(cluster)) as publisher:
        publisher.send(topic, b"k", b"first")
        publisher.flush()
        publisher.send(topic, b"k", Random(7).randbytes(50_000))
        with pytest.raises(StorageError, match="MSG_SIZE_TOO_LARGE"):
            publisher.flush()
        with pytest.raises(StorageError):
            publisher.send(topic, b"k", b"behind")
        with pytest.raises(StorageError):
            publisher.flush()

    assert values(cluster, topic) == [b"first"]


def test_a_missing_topic_is_the_operators_to_make(cluster: Cluster) -> None:
    """A message to a topic that is not there is ConfigError."""
    with closing(Publisher(cluster)) as publisher:
        publisher.send("nowhere", b"k", b"v")
        with pytest.raises(ConfigError, match="forbear topics apply"):
            publisher.flush()


def test_nobody_there_is_told_in_time() -> None:
    """Where no broker answers, opening is BackendUnavailable once the patience is over."""
    with pytest.raises(BackendUnavailable):
        Publisher(Cluster("127.0.0.1:9", patience_seconds=0.5))


def test_a_broker_that_comes_back_in_time_has_everything_once(
    kafka_server: KafkaServer, cluster: Cluster, fresh: Callable[..., str]
) -> None:
    """Messages sent before, during and after a kill of the broker arrive once each, and in order."""
    topic = fresh()
    with closing(Publisher(replace(cluster, patience_seconds=60.0))) as publisher:
        for number in range(2_000):
            publisher.send(topic, b"k", b"%d" % number)
            if number == 1_000:
                kafka_server.kill()
            if number == 1_500:
                kafka_server.start()
        publisher.flush()

    assert values(cluster, topic) == [b"%d" % number for number in range(2_000)]


def test_a_broker_that_stays_away_is_told_of(
    kafka_server: KafkaServer, cluster: Cluster, fresh: Callable[..., str]
) -> None:
    """A flush that nobody answers is BackendUnavailable; with the broker back a new publisher goes on."""
    topic = fresh()
    publisher = Publisher(replace(cluster, patience_seconds=1.0))
    kafka_server.stop()
    try:
        publisher.send(topic, b"k", b"lost")
        with pytest.raises(BackendUnavailable):
            publisher.flush()
    finally:
        publisher.close()
        kafka_server.start()
    with closing(Publisher(cluster)) as again:
        again.send(topic, b"k", b"kept")
        again.flush()

    assert values(cluster, topic)[-1] == b"kept"
    assert watermarks(cluster, topic)[0][1] <= 2


def test_back_pressure_has_an_end(
    kafka_server: KafkaServer, cluster: Cluster, fresh: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nobody there the queue fills up, and then sending is BackendUnavailable; nothing waits for ever."""
    monkeypatch.setattr(publishing, "_QUEUED_MESSAGES", 100)
    topic = fresh()
    with closing(Publisher(replace(cluster, patience_seconds=0.5))) as publisher:
        kafka_server.stop()
        try:
            for _ in range(100):
                publisher.send(topic, b"k", b"v")
            with pytest.raises(BackendUnavailable, match="queue is full"):
                publisher.send(topic, b"k", b"v")
        finally:
            kafka_server.start()


def test_passwords_are_never_shown() -> None:
    """Neither the cluster nor an error of a client that cannot be made shows a password."""
    secret = "hunter2"
    cluster = Cluster("b:1", security=Security(user="u", password=secret, key_password=secret))
    assert secret not in repr(cluster)
    assert cluster.options()["sasl.password"] == secret
    with pytest.raises(ConfigError) as refused:
        Publisher(Cluster("b:1", security=Security(user="u", password=secret, ca_file=__file__ + ".none")))  # type: ignore[arg-type]
    assert secret not in str(refused.value)
