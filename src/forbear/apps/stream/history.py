"""The history of one partition's customers, as a follower begins with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cached_property
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from forbear.adapters.kafka.partitioner import partition_of
from forbear.engine.ports import Archive, Scanned
from forbear.features.batch import EventBatch
from forbear.features.columns import EventColumns, EventKind
from forbear.features.local_time import LocalTime


class PartitionHistory:
    """What an archive tells of the customers of one partition, and every close of a day.

    Its offsets are its own: they count what it gives.
    """

    def __init__(self, archive: Archive, partition: int, partitions: int) -> None:
        self._archive = archive
        self._partition, self._partitions = partition, partitions

    @property
    def next_offset(self) -> int:
        """Above every offset that it gives."""
        return self._archive.next_offset

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed [days since 1970]; None if none was."""
        return self._archive.closed_day

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches in log order. Raises ValueError for any start but 0."""
        if start:
            raise ValueError("a partition's history is read from its beginning")
        at = 0
        for _, columns, batch in self._archive.scan(zone):
            rows = np.flatnonzero(self._own(batch.kind, batch.customer))
            if len(rows):
                yield Scanned(at, columns.take(rows), _taken(batch, rows))
                at += len(rows)

    def customers(self) -> Mapping[int, str]:
        """Customer id by key, of this partition's."""
        own = set(self._keys.tolist())
        return {key: name for key, name in self._archive.customers().items() if key in own}

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """Never asked for."""
        self._no(start)

    def offset_since(self, received_us: int) -> int:
        """Never asked for."""
        self._no(received_us)

    # ---- inside

    @staticmethod
    def _no(asked: int) -> NoReturn:
        raise NotImplementedError(asked)

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        """(n,) keys of this partition's customers, rising."""
        ids = self._archive.customers()
        keys = np.fromiter(ids, dtype=np.uint64, count=len(ids))
        places = partition_of([name.encode() for name in ids.values()], self._partitions)
        own: NDArray[np.uint64] = np.sort(keys[places == self._partition])
        return own

    def _own(self, kind: NDArray[np.int8], customer: NDArray[np.uint64]) -> NDArray[np.bool_]:
        place = np.minimum(np.searchsorted(self._keys, customer), max(len(self._keys) - 1, 0))
        known = self._keys[place] == customer if len(self._keys) else np.zeros(len(kind), dtype=np.bool_)
        own: NDArray[np.bool_] = (kind == EventKind.DAY_CLOSED) | ((kind < EventKind.DAY_CLOSED) & known)
        return own


def _taken(batch: EventBatch, rows: NDArray[np.intp]) -> EventBatch:
    """Some rows of a batch; the schedules are shared."""
    columns = {f.name: getattr(batch, f.name)[rows] for f in fields(batch) if f.name != "schedules"}
    return EventBatch(**columns, schedules=batch.schedules)
