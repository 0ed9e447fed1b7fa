"""What stands at the end of a partition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import Message

from forbear.adapters.kafka.cluster import Cluster, places_of
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.topics import partitions_of
from forbear.domain.errors import BackendUnavailable

_POLLED = 2_000
_FIRST_STRETCH, _WIDER = 4, 8


def watermarks(cluster: Cluster, topic: str) -> dict[int, tuple[int, int]]:
    """Of each partition the first offset that is there, and the one that the next message gets.

    Raises ConfigError where the topic is missing, BackendUnavailable.
    """
    found = {}
    for partition in range(partitions_of(cluster, topic)):
        with closing(Reader(cluster, topic, partition)) as reader:
            found[partition] = reader.bounds()
    return found


def last_message(cluster: Cluster, topic: str, partition: int) -> Message | None:
    """The last message of a partition; None if it holds none. Raises BackendUnavailable, ConfigError."""
    with closing(Reader(cluster, topic, partition)) as reader:
        return next(backwards(reader), None)


def backwards(reader: Reader) -> Iterator[Message]:
    """The messages of a partition, the last one first, read in stretches each wider than the one before."""
    low, until = reader.bounds()
    width = _FIRST_STRETCH
    while until > low:
        start = max(low, until - width)
        yield from reversed(stretch(reader, start, until))
        until, width = start, min(_POLLED, width * _WIDER)


def forwards(reader: Reader) -> Iterator[Message]:
    """The messages of a partition, the first one first, up to where it ends now."""
    low, high = reader.bounds()
    while low < high:
        until = min(high, low + _POLLED)
        yield from stretch(reader, low, until)
        low = until


def stretch(reader: Reader, first: int, past: int) -> list[Message]:
    """The messages with offsets first..past, a stretch within the bounds; moves the reader.

    Raises BackendUnavailable if nobody answers in time.
    """
    if reader.position != first:
        reader.seek(first)
    found: list[Message] = []
    while (position := reader.position) < past:
        found += reader.poll(min(_POLLED, past - position), reader.cluster.patience_seconds)
        if reader.position == position:
            raise BackendUnavailable(f"Kafka gives nothing of {places_of([reader.place])} from offset {position} on")
    return [message for message in found if first <= (message.offset() or 0) < past]
