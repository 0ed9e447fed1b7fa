"""What the interface tells of itself to whoever scrapes, beside its requests."""

from __future__ import annotations

from collections.abc import Iterator

from forbear.apps.api.feed.hub import Hub
from forbear.apps.api.parts import ApiParts
from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import Sample
from forbear.domain.errors import BackendUnavailable


def tell_of(parts: ApiParts, hub: Hub) -> None:
    """Have the meter of some parts, where there is one, tell of the feed, of the board and of the ledgers."""
    meter = parts.meter
    if meter is None:
        return

    def feed() -> Iterator[Sample]:
        yield Sample(catalogue.LISTENERS, hub.listeners)
        yield Sample(catalogue.FEED_TROUBLE, bool(hub.trouble))

    def board() -> Iterator[Sample]:
        if parts.board is None:
            return
        try:
            held = parts.board.now.marks
        except BackendUnavailable:  # nothing is read yet
            return
        for partition, mark in parts.desk.marks().items():
            known = held[partition].offset if partition in held else 0
            yield Sample(catalogue.BOARD, max(0, mark.offset - known), (str(partition),))

    def ledgers() -> Iterator[Sample]:
        if parts.watch is None:
            return
        troubles = parts.watch.troubles
        for partition in parts.watch.partitions:
            if (behind := parts.watch.lag(partition)) is not None:
                yield Sample(catalogue.LEDGERS, behind, (str(partition),))
                yield Sample(catalogue.LEDGERS_STILL, partition in troubles, (str(partition),))

    for part, asked in (("feed", feed), ("board", board), ("ledgers", ledgers)):
        meter.tells(part, asked)
