"""The control topic, by which a deployment on Kafka is told what counts for all of its partitions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import backwards
from forbear.adapters.kafka.topics import CONTROL
from forbear.apps.jobs.orders import Order
from forbear.domain.errors import ConfigError, StorageError
from forbear.domain.events import DayClosed, Instructed
from forbear.domain.terms import Instruction


def tell(cluster: Cluster, events: Sequence[DayClosed | Instructed]) -> None:
    """Have events on the control topic, in this order; the router copies them into every partition of the stream.

    Raises BackendUnavailable if nobody confirms them in time: a beginning may stand there then, and to tell all of
    them again does no harm.
    """
    with closing(Publisher(cluster)) as publisher:
        for event in events:
            publisher.send(CONTROL, *message_of(event), partition=0)
        publisher.flush()


class ControlTopic:
    """The control topic as an outlet. An instruction is received when it is given."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def tell(self, order: Order) -> int:
        """Publish one; answer its offset on the control topic. Raises BackendUnavailable, ConfigError.

        A roll-out is refused: each partition would watch a part of the book, and end it by itself.
        """
        if order.instruction is Instruction.ROLLOUT:
            raise ConfigError(
                "a roll-out needs a log of its own, and this home is on Kafka", mend="promote the model instead"
            )
        event = order.event(order.now)
        tell(self._cluster, [event])
        told = message_of(event)[1]
        with closing(Reader(self._cluster, CONTROL, 0)) as reader:
            for message in backwards(reader):
                if message.value() == told:
                    return message.offset() or 0
        raise StorageError("Kafka has confirmed an instruction and does not hold it", mend="look at control-stream")
