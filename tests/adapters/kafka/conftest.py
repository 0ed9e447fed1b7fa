"""The cluster of the tests, and topics that no other test has written to."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.topics import Topic, apply, letters_of
from forbear.testing.servers.kafka import KafkaServer

_NUMBERS = count()


@pytest.fixture(scope="session")
def cluster(kafka_server: KafkaServer) -> Cluster:
    """The broker of the tests; whoever waits for one that does not answer need not wait long."""
    return Cluster(kafka_server.bootstrap, patience_seconds=10.0, session_seconds=6.0)


@pytest.fixture(scope="session")
def fresh(cluster: Cluster) -> Callable[..., str]:
    """Makes a topic and its dead-letter topic; partitions and the like may be stated. Gives its name."""

    def make(**stated: Any) -> str:
        name = f"test-{next(_NUMBERS)}"
        topic = Topic(**{"partitions": 1, "kept": None, "purpose": "a test", "key": "", **stated, "name": name})
        letters = Topic(name=letters_of(name), partitions=1, kept=None, purpose="", key="")
        apply(cluster, [topic, letters])
        return name

    return make
