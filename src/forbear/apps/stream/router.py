"""The router: copies what other topics bring onto the stream, whose order alone counts.

Customer updates and outcomes go to their customer's partition; what the control topic says goes into every partition,
in its one order. It copies at least once: a copy that comes again is dropped by the ledger, which knows its id, or by
the follower, which knows the closed day or the instruction.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime

import msgspec

from forbear.adapters.kafka.cluster import Cluster, Place
from forbear.adapters.kafka.dead_letters import Letters
from forbear.adapters.kafka.groups import ROUTER_GROUP
from forbear.adapters.kafka.member import Incoming, Member
from forbear.adapters.kafka.messages import Refused, event_of, message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.topics import CONTROL, OUTCOMES, TRANSACTIONS, UPDATES, partitions_of
from forbear.apps.home import Home
from forbear.apps.stream.pulse import Pulse
from forbear.apps.stream.services import stream_services
from forbear.apps.tracing.around import routed
from forbear.domain.errors import ConflictError, InvalidEvent
from forbear.domain.events import (
    CustomerUpdated,
    DayClosed,
    Event,
    HelpRequested,
    Instructed,
    OfferAnswered,
    PaymentOutcome,
)

LIMIT = 2_000
_POLL_SECONDS = 0.05
_MAY_CARRY: dict[str, tuple[type[Event], ...]] = {
    UPDATES: (CustomerUpdated,),
    OUTCOMES: (PaymentOutcome, HelpRequested, OfferAnswered),
    CONTROL: (DayClosed, Instructed),
}


class Router:
    """The loop of one process; several share the topics, and the control topic has one of them."""

    def __init__(self, cluster: Cluster, pulse: Pulse) -> None:
        self._pulse = pulse
        self._partitions = partitions_of(cluster, TRANSACTIONS)
        self._open = ExitStack()
        self._publisher = self._open.enter_context(closing(Publisher(cluster)))
        self._letters = Letters(self._publisher, lambda: datetime.now(UTC))
        self._member = Member(cluster, ROUTER_GROUP, list(_MAY_CARRY), instance_id=pulse.name)
        self._open.callback(self._member.close)

    def run(self, stop: Callable[[], bool]) -> None:
        """Copy until told to stop."""
        with self._open:
            while not stop():
                self.step(_POLL_SECONDS)
            self._pulse.state("stopping")

    def step(self, seconds: float) -> int:
        """Copy what came; answer how many messages."""
        messages = self._member.poll(LIMIT, seconds)
        for message in messages:
            self._copy(message)
        if messages:
            self._publisher.flush()
            done: dict[Place, int] = {}
            for message in messages:
                done[str(message.topic()), message.partition() or 0] = (message.offset() or 0) + 1
            with suppress(ConflictError):  # another router has them now, and copies them again
                self._member.commit(done)
            self._pulse.count("events", len(messages))
        self._pulse.gauge("lag", {f"{topic}/{one}": behind for (topic, one), behind in self._member.lag().items()})
        self._pulse.state("running" if self._member.places else "waiting", "partitions of its topics")
        self._pulse.progressed()
        return len(messages)

    # ---- inside

    def _copy(self, message: Incoming) -> None:
        topic, key, value = str(message.topic()), message.key(), message.value()
        if value is None and topic == UPDATES:  # a tombstone of a compacted topic: what was known stands until replaced
            return
        try:
            event = _carried(topic, key, value)
        except InvalidEvent as error:
            refused = Refused(message.offset() or 0, key, value, error.code, str(error))
            self._letters.add(topic, message.partition() or 0, refused)
            self._pulse.count("refused", 1)
            return
        with routed(self._pulse.tracer, event):
            self._send(topic, event)

    def _send(self, topic: str, event: Event) -> None:
        if topic != CONTROL:
            self._publisher.send(TRANSACTIONS, *message_of(event))
            return
        for partition in range(self._partitions):
            if isinstance(event, DayClosed):
                event = msgspec.structs.replace(event, partition=partition)
            self._publisher.send(TRANSACTIONS, *message_of(event), partition=partition)


def _carried(topic: str, key: bytes | None, value: bytes | None) -> Event:
    """The event of a message. Raises InvalidEvent for what is none, or none that its topic may carry."""
    event = event_of(key, value)
    if not isinstance(event, _MAY_CARRY[topic]):
        raise InvalidEvent(f"{topic} carries no {type(event).__name__}", code="wrong_topic")
    return event


def work(home: Home, instance: str, pulse: Pulse, stop: Callable[[], bool]) -> None:
    """Be a router of a home until told to stop."""
    del instance
    Router(stream_services(home, pulse).cluster, pulse).run(stop)
