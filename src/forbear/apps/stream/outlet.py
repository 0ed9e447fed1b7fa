"""The topics of a stream as the outlet of what people write: the router copies it onto the stream."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.topics import CONTROL, DASHBOARD, OUTCOMES
from forbear.apps.api.publishing import ABOUT_CUSTOMERS, ORDERS
from forbear.engine.office import ASKED_TOPIC, Waiting


class KafkaOutlet:
    """The topics of a stream: the router copies what concerns a customer, and orders, onto it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def publish(self, messages: Sequence[Waiting]) -> None:
        """Send the messages, confirmed. Raises BackendUnavailable."""
        topics = {ABOUT_CUSTOMERS: (OUTCOMES, None), ORDERS: (CONTROL, 0), ASKED_TOPIC: (DASHBOARD, None)}
        with closing(Publisher(self._cluster)) as publisher:
            for one in messages:
                topic, partition = topics[one.topic]
                publisher.send(topic, one.key.encode() or None, one.value, partition=partition)
            publisher.flush()
