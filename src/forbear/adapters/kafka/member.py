"""Who reads from Kafka: a member of a consumer group, and a reader of one partition by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from forbear.adapters.kafka.cluster import Cluster, Place, places_of
from forbear.adapters.kafka.errors import (
    MADE_SECONDS,
    Complaints,
    is_missing,
    is_without_leader,
    kafka_errors,
    meaning,
    says_missing,
)
from forbear.domain.errors import BackendUnavailable, ConfigError, ForbearError

Incoming: TypeAlias = Message
"""A message as the driver gives it."""
_BETWEEN_POLLS_MS = 3_600_000
_QUEUED_KBYTES = 16 << 10
_AGAIN_SECONDS = 0.05
_WAITS_MS = {
    "fetch.wait.max.ms": 100,
    "fetch.error.backoff.ms": 100,
    # A full queue is looked at again so soon: by default a second passes, in which nothing is fetched.
    "fetch.queue.backoff.ms": 5,
}


def _nothing(_: list[Place]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Rebalancing:
    """What a member does as partitions come and go; called from within its `poll` and `close`.

    assigned: these are its own from now on; `start_at` may be called for them.  revoked: they go to another member
    once this returns, so that what was done can be committed still.  lost: they are another's already.
    """

    assigned: Callable[[list[Place]], None] = _nothing
    revoked: Callable[[list[Place]], None] = _nothing
    lost: Callable[[list[Place]], None] = _nothing


class Reading:
    """A consumer, and what of its answers is still to be told."""

    def __init__(self, cluster: Cluster, **more: Any) -> None:
        self.cluster = cluster
        self._complaints = Complaints()
        self._pending: KafkaError | None = None
        self._missing_since: float | None = None
        options = {
            **cluster.options(),
            **_WAITS_MS,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # What a topic has let go of is lost to who has not read it: nobody skips that unawares.
            "auto.offset.reset": "error",
            "queued.max.messages.kbytes": _QUEUED_KBYTES,
            "error_cb": self._complaints,
            **more,
        }
        with kafka_errors("cannot read from Kafka"):
            self._consumer = Consumer(options)

    def consume(self, limit: int, seconds: float) -> tuple[list[Message], list[Message]]:
        """Messages, as many as lie ready once there is one, and the ends of partitions that were met.

        An error among them is raised by the next call.
        """
        if self._pending is not None:
            error, self._pending = self._pending, None
            raise meaning(error, "cannot read from Kafka")
        self._complaints.raise_config("cannot read from Kafka")
        with kafka_errors("cannot read from Kafka"):
            # To ask for many would wait until as many are there: one is waited for, and the rest is what lies ready.
            first = self._consumer.poll(seconds)
            found = [] if first is None else [first, *(self._consumer.consume(limit - 1, 0) if limit > 1 else ())]
        messages, ends = [], []
        for message in found:
            error_there = message.error()
            if error_there is None:
                messages.append(message)
            elif error_there.code() == KafkaError._PARTITION_EOF:
                ends.append(message)
            elif self._pending is None and not self._may_come_back(error_there):
                self._pending = error_there
        if messages:
            self._missing_since = None
        if self._pending is not None and not messages:
            return self.consume(limit, seconds)
        return messages, ends

    def _may_come_back(self, error: KafkaError) -> bool:
        """Whether an error is of a topic that is missing, and has not been for long."""
        if not is_missing(error):
            return False
        self._missing_since = self._missing_since or monotonic()
        return monotonic() - self._missing_since < MADE_SECONDS

    @property
    def trouble(self) -> str:
        """What the client complains of these seconds, e.g. that no broker answers; "" since messages came."""
        return self._complaints.now

    def watermarks(self, place: Place) -> tuple[int, int]:
        """The first offset that is there, and the one that the next message gets.

        While brokers choose a new leader it waits, and a little for a partition that is missing: a broker that comes
        back may know none for a moment. Raises BackendUnavailable if that or an answer takes too long, ConfigError for
        a partition that was never made.
        """
        asked_at = monotonic()
        while True:
            try:
                with kafka_errors(f"cannot look up the end of {places_of([place])}"):
                    asked = TopicPartition(*place)
                    low, high = self._consumer.get_watermark_offsets(asked, self.cluster.patience_seconds)
            except (BackendUnavailable, ConfigError) as error:
                if monotonic() - asked_at > self._waits_for(error):
                    raise
                sleep(_AGAIN_SECONDS)
            else:
                return low, high

    def _waits_for(self, error: ForbearError) -> float:
        """For how long what is said may pass by itself [s]; -1 for what does not."""
        if is_without_leader(error):
            return self.cluster.patience_seconds
        return MADE_SECONDS if says_missing(error) else -1.0

    def close(self) -> None:
        """Let go of the connections; a member leaves its group, and hears of what is revoked."""
        with kafka_errors("cannot leave the group"):
            self._consumer.close()


class Reader(Reading):
    """One partition, read by nobody's leave: no group, no commits. At its first offset at first."""

    def __init__(self, cluster: Cluster, topic: str, partition: int) -> None:
        # Whoever asks for the bounds waits until the broker has answered what is fetched.
        more = {"group.id": "forbear-reader", "enable.partition.eof": True, "fetch.wait.max.ms": 20}
        super().__init__(cluster, **more)
        self.place: Place = (topic, partition)
        self._fetches = False
        try:
            self.position, _ = self.bounds()
        except BaseException:
            self.close()
            raise

    def bounds(self) -> tuple[int, int]:
        """The first offset that is there, and the one that the next message gets. Raises BackendUnavailable."""
        return self.watermarks(self.place)

    def seek(self, offset: int) -> None:
        """Go on from an offset; whether it is there shows when it is read. Until then nothing is fetched."""
        with kafka_errors(f"cannot leave {places_of([self.place])}"):
            self._consumer.unassign()
        self.position, self._fetches = offset, False

    def poll(self, limit: int, seconds: float) -> list[Message]:
        """Up to so many messages, from where the last poll ended: what is there, or comes first within the time.

        Raises CorruptState for a position that the topic has let go of, BackendUnavailable, ConfigError.
        """
        if not self._fetches:
            with kafka_errors(f"cannot go to offset {self.position} of {places_of([self.place])}"):
                self._consumer.assign([TopicPartition(*self.place, self.position)])
            self._fetches = True
        give_up = monotonic() + seconds
        while True:
            messages, ends = self.consume(limit, max(0.0, give_up - monotonic()))
            if messages:
                self.position = offset_of(messages[-1]) + 1
            # Offsets may be missing at the end, and nobody waits for those; an end met before is told of again.
            passed = max([self.position, *map(offset_of, ends)])
            if messages or passed > self.position or not ends:
                self.position = passed
                return messages


class Member(Reading):
    """A member of a consumer group, which shares the partitions of some topics. Offsets are committed by hand only.

    A partition begins where `start_at` said on its assignment, else behind what the group has committed of it, else
    at its first message. instance_id: a member that comes back under it, soon enough, gets its partitions back without
    a rebalance.
    """

    def __init__(
        self,
        cluster: Cluster,
        group: str,
        topics: Sequence[str],
        *,
        instance_id: str | None = None,
        rebalancing: Rebalancing | None = None,
    ) -> None:
        session = round(1_000 * cluster.session_seconds)
        more = {
            "group.id": group,
            "group.protocol": "classic",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": session,
            # Ledgers of a whole history may be folded between two polls; whoever is dead is found by its heartbeat.
            "max.poll.interval.ms": _BETWEEN_POLLS_MS,
            "heartbeat.interval.ms": min(3_000, session // 3),
            **({} if instance_id is None else {"group.instance.id": instance_id}),
        }
        super().__init__(cluster, **more)
        self._group = group
        self._rebalancing = rebalancing or Rebalancing()
        self._starts: dict[Place, int] = {}
        self._next: dict[Place, int] = {}
        self._is_assigning = False
        with kafka_errors(f"cannot join {group}"):
            self._consumer.subscribe(list(topics), on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)

    @property
    def places(self) -> list[Place]:
        """The partitions that are its own now."""
        return sorted(self._next)

    def poll(self, limit: int, seconds: float) -> list[Message]:
        """Up to so many messages, in order within each partition: what is there, or comes first within the time.

        Nothing while no broker answers: `trouble` tells, and the client goes on trying. Raises CorruptState for a
        position that a topic has let go of, ConfigError for a missing topic or what only a setting can mend.
        """
        messages, _ = self.consume(limit, seconds)
        for message in messages:
            self._next[str(message.topic()), int(message.partition() or 0)] = offset_of(message) + 1
        if messages:
            self._complaints.settled()
        return messages

    def start_at(self, topic: str, partition: int, offset: int) -> None:
        """Go on from an offset of a partition that is its own; during `assigned`, begin there."""
        if self._is_assigning:
            self._starts[topic, partition] = offset
            return
        with kafka_errors(f"cannot go to offset {offset} of {topic}/{partition}"):
            self._consumer.seek(TopicPartition(topic, partition, offset))
        self._next[topic, partition] = offset

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """Note for the group from where to go on; it is kept when this returns.

        Raises ConflictError where another member has a partition by now, BackendUnavailable.
        """
        if not offsets:
            return
        doing = f"cannot commit {places_of(offsets)} for {self._group}"
        with kafka_errors(doing):
            asked = [TopicPartition(*place, offset) for place, offset in offsets.items()]
            for answer in self._consumer.commit(offsets=asked, asynchronous=False):
                if answer.error is not None:
                    raise meaning(answer.error, doing)

    def committed(self, places: Iterable[Place]) -> dict[Place, int]:
        """What the group has committed, of those of these partitions of which it has committed something."""
        asked = [TopicPartition(*place) for place in places]
        if not asked:
            return {}
        with kafka_errors(f"cannot look up what {self._group} has committed"):
            found = self._consumer.committed(asked, self.cluster.patience_seconds)
        return {(one.topic, one.partition): one.offset for one in found if one.offset >= 0}

    def lag(self) -> dict[Place, int]:
        """How many offsets of each of its partitions it has not polled yet."""
        behind = {}
        for place, position in self._next.items():
            with kafka_errors("cannot look up the lag"):
                _, high = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            low, high = (0, high) if high >= 0 else self.watermarks(place)
            behind[place] = max(0, high - max(low, position))
        return behind

    # ---- inside: the driver calls these from within poll and close

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = _places(partitions)
        self._starts = {}
        self._is_assigning = True
        try:
            self._rebalancing.assigned(places)
        finally:
            self._is_assigning = False
        begun = self.committed(set(places) - set(self._starts)) | self._starts
        with kafka_errors(f"cannot begin in {self._group}"):
            consumer.incremental_assign(
                [TopicPartition(*place, begun.get(place, OFFSET_BEGINNING)) for place in places]
            )
        self._next |= {place: begun.get(place, 0) for place in places}

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalancing.revoked(_places(partitions))
        self._leave(consumer, partitions)

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalancing.lost(_places(partitions))
        self._leave(consumer, partitions)

    def _leave(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for place in _places(partitions):
            self._next.pop(place, None)
        with kafka_errors(f"cannot give up partitions in {self._group}"):
            consumer.incremental_unassign(partitions)


def texts_of(message: Message) -> dict[str, str]:
    """The headers of a message, of those that are text; of two with one name the last."""
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {name: value.decode(errors="replace") for name, value in pairs if isinstance(value, bytes)}


def _places(partitions: Iterable[TopicPartition]) -> list[Place]:
    return sorted((one.topic, one.partition) for one in partitions)


def by_partition(messages: Iterable[Message]) -> dict[int, list[Message]]:
    """Messages of one topic by partition, in order within each."""
    found: defaultdict[int, list[Message]] = defaultdict(list)
    for message in messages:
        found[message.partition() or 0].append(message)
    return found


def offset_of(message: Message) -> int:
    """The offset of a message."""
    offset = message.offset()
    return -1 if offset is None else offset
