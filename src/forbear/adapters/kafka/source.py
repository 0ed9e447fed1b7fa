"""One partition of a Kafka topic as a source of events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from confluent_kafka import Message

from forbear.adapters.kafka.cluster import Cluster, places_of
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import Refused, events_of_messages, runs_of
from forbear.adapters.kafka.tail import stretch
from forbear.domain.errors import BackendUnavailable, CorruptState, InvalidEvent
from forbear.engine.ports import Scanned
from forbear.features.columns import EventColumns, columns_of
from forbear.features.local_time import LocalTime


class KafkaSource:
    """A reader of one partition, which follows it. At its first offset at first; offsets rise, and may leave gaps.

    zone: whose days the batches count.  refuse: takes a message that is no event; without it such a message is
    InvalidEvent, and the polls stay before it. A poll ends where offsets are missing.
    """

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        partition: int,
        zone: LocalTime,
        *,
        refuse: Callable[[Refused], None] | None = None,
    ) -> None:
        self._cluster, self._zone = cluster, zone
        self._refuse = refuse or self._complain
        self._reader = Reader(cluster, topic, partition)
        self._next = self._high = self._reader.position
        self._runs: list[Scanned] = []

    @property
    def end(self) -> int:
        """The offset that the next message gets. Raises BackendUnavailable."""
        _, self._high = self._reader.bounds()
        return self._high

    @property
    def oldest(self) -> int:
        """The first offset that is still there. Raises BackendUnavailable."""
        low, self._high = self._reader.bounds()
        return low

    def poll(self, limit: int) -> Scanned | None:
        """Up to so many events from where the last poll ended, or None if there are none yet.

        Raises CorruptState for a position that the topic has let go of, BackendUnavailable if nobody answers.
        """
        while not self._runs:
            if self._reader.position >= self._high and self._reader.position >= self.end:
                return None
            self._runs, refused = runs_of(self._gathered(limit), self._zone)
            for one in refused:
                self._refuse(one)
        found = self._runs.pop(0)
        if len(found.batch) > limit:
            self._runs.insert(0, found.sliced(limit, len(found.batch))._replace(offset=found.offset + limit))
            found = found.sliced(0, limit)
        self._next = found.offset + len(found.batch)
        return found

    def seek(self, offset: int) -> None:
        """Go on from an offset. Raises CorruptState for one that the topic does not hold, and stays where it was."""
        if offset == self._next:
            return
        self._require(offset, offset)
        self._reader.seek(offset)
        self._next, self._runs = offset, []

    def read(self, first: int, past: int) -> EventColumns:
        """Every column of the events first..past, wherever the polls are. Raises CorruptState for what is not there.

        What is no event is left out, as what the topic has compacted away is.
        """
        self._require(first, past)
        if first >= past:
            return columns_of([])
        with closing(Reader(self._cluster, *self._reader.place)) as aside:
            return columns_of(events_of_messages(stretch(aside, first, past)))

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()

    # ---- inside

    def _gathered(self, limit: int) -> list[Message]:
        """Messages up to the limit or to where the partition ended when it was last looked at."""
        found: list[Message] = []
        while (room := min(limit - len(found), self._high - self._reader.position)) > 0:
            position = self._reader.position
            found += self._reader.poll(room, self._cluster.patience_seconds)
            if self._reader.position == position:
                raise BackendUnavailable(f"Kafka gives nothing of {self._name} from offset {position} on")
        return found

    def _require(self, first: int, past: int) -> None:
        low, high = self._reader.bounds()
        if not low <= first <= past <= high:
            asked = f"offset {first}" if first == past else f"offsets {first} to {past}"
            raise CorruptState(
                f"{self._name} holds offsets {low} to {high}, not {asked}",
                mend="what is older is in the archive; check the offset",
            )

    def _complain(self, refused: Refused) -> None:
        self._reader.seek(self._next)
        self._runs = []
        raise InvalidEvent(f"{self._name} at offset {refused.offset}: {refused.why}", code=refused.code)

    @property
    def _name(self) -> str:
        return places_of([self._reader.place])
