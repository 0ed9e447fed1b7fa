"""Logs and stores that live in memory, for the tests of whoever builds on the ports.

They keep every promise of a port but that of durability, and `forbear.testing.log_contract` and `store_contract` hold
them to it. Nothing falls back to them: no URL names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from forbear.domain.errors import ConflictError, CorruptState
from forbear.domain.events import Event
from forbear.engine.audit import follows
from forbear.engine.commits import START, VALUES, require_inside
from forbear.engine.log_order import require_order
from forbear.engine.outputs import AuditRecord, Outputs, Position
from forbear.engine.ports import Origin, Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, columns_of, events_of, micros
from forbear.features.local_time import LocalTime
from forbear.testing.outputs import joined


@dataclass(slots=True)
class MemoryTopic:
    """One partition of a topic. origins: by topic, the offset behind the last message that came from there."""

    events: list[Event] = field(default_factory=list)
    origins: dict[int, int] = field(default_factory=dict)


class MemorySource:
    """A reader of a topic. zone: whose days the batches count."""

    def __init__(self, topic: MemoryTopic, zone: LocalTime) -> None:
        self._topic, self._zone = topic, zone
        self._next = 0

    @property
    def end(self) -> int:
        """The offset that the next event gets."""
        return len(self._topic.events)

    def poll(self, limit: int) -> Scanned | None:
        """Up to so many events from where the last poll ended, or None if there are none yet."""
        first = self._next
        columns = columns_of(self._topic.events[first : first + limit])
        if not len(columns):
            return None
        self._next += len(columns)
        return Scanned(first, columns, batch_of(columns, self._zone))

    def seek(self, offset: int) -> None:
        """Go on from an offset. Raises CorruptState for one that is not there."""
        self._require(offset, offset)
        self._next = offset

    def read(self, first: int, past: int) -> EventColumns:
        """The events first..past, wherever the polls are. Raises CorruptState for what is not there."""
        self._require(first, past)
        return columns_of(self._topic.events[first:past])

    def close(self) -> None:
        """Nothing is held."""

    def _require(self, first: int, past: int) -> None:
        if not 0 <= first <= past <= self.end:
            raise CorruptState(f"the topic holds offsets 0 to {self.end}, not {first} to {past}")


class MemorySink:
    """The writer of a topic."""

    def __init__(self, topic: MemoryTopic) -> None:
        self._topic = topic

    @property
    def received_us(self) -> int:
        """When the last event was received [microseconds UTC]; 0 if there is none."""
        return micros(self._topic.events[-1].received_at) if self._topic.events else 0

    def publish(self, columns: EventColumns, origin: Origin | None = None) -> int:
        """Add events behind all others, as `Sink.publish` says; answer the offset behind the last."""
        if not len(columns):
            return len(self._topic.events)
        require_order(columns, self.received_us)
        if origin is not None:
            if origin.past <= self.past_of(origin.topic):
                raise ConflictError(f"topic {origin.topic} is here up to {self.past_of(origin.topic)} already")
            self._topic.origins[origin.topic] = origin.past
        self._topic.events += events_of(columns)
        return len(self._topic.events)

    def past_of(self, topic: int) -> int:
        """The offset behind the last message that came from another topic; 0 if none did."""
        return self._topic.origins.get(topic, 0)

    def close(self) -> None:
        """Nothing is held."""


class MemoryStores:
    """The stores of all partitions.

    before_step: called before each step of a write; where it raises the write ends there, and has recorded nothing.
    """

    def __init__(self, before_step: Callable[[], None] = lambda: None) -> None:
        self.before_step = before_step
        self._kept: dict[int, Outputs] = {}

    def of(self, partition: int) -> MemoryStore:
        """The store of one partition."""
        return MemoryStore(self, partition)

    def recorded(self, partition: int) -> Outputs:
        """Everything that one partition has recorded, as one stretch."""
        return self._kept.get(partition, Outputs(after=START, until=START))

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Record outputs of partitions, each from the position that its partition stands at, at once or not at all.

        Raises ConflictError if the position or the audit chain of any has moved on; ValueError for outputs that lie
        outside their stretch, and for NaN.
        """
        after = dict(self._kept)
        for partition, one in outputs.items():
            require_inside(one)
            after[partition] = self._behind(self.recorded(partition), one)
        self.before_step()
        self._kept = after

    def _behind(self, there: Outputs, more: Outputs) -> Outputs:
        self.before_step()
        if more.after != there.until:
            raise ConflictError(f"the store does not stand at {tuple(more.after)} any more")
        self.before_step()  # the predictions, which `joined` copies
        head = there.audit[-1] if there.audit else None
        for name in VALUES:
            self.before_step()
            for value in getattr(more, name):
                if isinstance(value, AuditRecord):
                    if not follows(value, head):
                        raise ConflictError("the audit chain has moved on")
                    head = value
        return joined(there, more)


class MemoryStore:
    """Store of one partition."""

    def __init__(self, stores: MemoryStores, partition: int) -> None:
        self.stores, self.partition = stores, partition

    def position(self) -> Position:
        """Up to where the log is recorded."""
        return self.stores.recorded(self.partition).until

    def head(self) -> AuditRecord | None:
        """The last record of the audit chain."""
        return next(reversed(self.stores.recorded(self.partition).audit), None)

    def records(self, first: int, limit: int) -> Sequence[AuditRecord]:
        """At most so many records of the audit chain, from a sequence on."""
        return self.stores.recorded(self.partition).audit[first : first + limit]

    def commit(self, outputs: Outputs) -> None:
        """Record outputs as `MemoryStores.commit` does."""
        self.stores.commit({self.partition: outputs})

    def settle(self) -> None:
        """A process that ends takes everything along: there is nothing to wait for."""
        self.stores.before_step()
