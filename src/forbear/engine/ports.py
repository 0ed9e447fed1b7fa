"""Ports: what the engine asks of the world. Embedded and production adapters keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from forbear.features.batch import EventBatch
from forbear.features.book import BookState
from forbear.features.columns import EventColumns
from forbear.features.local_time import LocalTime


class Scanned(NamedTuple):
    """One batch of a scan: the offset of its first event, its columns without the names, and the batch."""

    offset: int
    columns: EventColumns
    batch: EventBatch


class Archive(Protocol):
    """The log of record: every event in the order received, append-only, with both clocks.

    Appending is atomic per segment; a segment is checksummed, and a damaged one raises CorruptState.
    """

    @property
    def next_offset(self) -> int:
        """The offset that the next event gets: how many there are."""
        ...

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed [days since 1970]; None if none was."""
        ...

    def offset_since(self, received_us: int) -> int:
        """An offset before which nothing was received at or after an instant [microseconds UTC]."""
        ...

    def append(self, columns: EventColumns) -> None:
        """Add events behind all others. Raises StorageError, and has added nothing, if they cannot be kept."""
        ...

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches in log order from an offset on."""
        ...

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """The same, with every column."""
        ...

    def customers(self) -> Mapping[int, str]:
        """Customer id by key."""
        ...


class Kept(NamedTuple):
    """A book's state as a snapshot kept it: what it was folded up to, and what its words mean."""

    state: BookState
    offset: int
    layout_hash: str
    feature_hash: str


class Snapshots(Protocol):
    """Immutable, checksummed copies of a book, each with the offset of the next event to fold."""

    def save(self, kept: Kept) -> None:
        """Keep a snapshot."""
        ...

    def latest(self, up_to: int | None = None) -> Kept | None:
        """The newest snapshot that stands for no more than `up_to` events, if there is one."""
        ...
