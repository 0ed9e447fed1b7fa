"""The router: copies messages of other topics onto the stream, whose order alone counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from forbear.engine.ports import Origin, Sink, Source
from forbear.features.columns import EventColumns, columns_of, events_of, instant

STREAM = "transactions-stream"
TOPICS = {1: "customer-updates", 2: "outcomes-stream"}
"""The topics that are copied onto the stream, by the number that stands beside each copy: it must never change."""


def route(sources: Mapping[int, Source], sink: Sink, limit: int) -> int:
    """Copy up to `limit` messages of each topic onto the stream, by rising number of topic; answer how many.

    sources: by number of topic; each is left behind what was copied. Effectively once: what stands in the sink says
    where to go on, so that a copy which was cut short is made again, and one that was made is not.
    A message that the stream hears of only after later ones counts as received with the last of them.
    """
    copied = 0
    for topic, source in sorted(sources.items()):
        source.seek(sink.past_of(topic))
        if (found := source.poll(limit)) is not None:
            past = found.offset + len(found.batch)
            columns = source.read(found.offset, past)
            sink.publish(received_from(columns, sink.received_us), Origin(topic, past))
            copied += len(columns)
    return copied


def received_from(columns: EventColumns, earliest_us: int) -> EventColumns:
    """The same events in log order, those received before an instant [microseconds UTC] as if received at it."""
    early = int(np.searchsorted(columns.received_us, earliest_us))
    if not early:
        return columns
    # The texts of updates hold the instant as well, so the columns are made anew.
    events: list[Any] = list(events_of(columns))
    at = instant(earliest_us)
    return columns_of([msgspec.structs.replace(event, received_at=at) for event in events[:early]] + events[early:])
