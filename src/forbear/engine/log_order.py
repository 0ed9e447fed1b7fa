"""The order of a log: nothing is received before what is there."""

from __future__ import annotations

import numpy as np

from forbear.domain.errors import InvalidEvent
from forbear.features.columns import EventColumns, instant


def require_order(columns: EventColumns, received_us: int) -> None:
    """Raises InvalidEvent for events that go back in time, among themselves or behind an instant [microseconds UTC]."""
    received = columns.received_us
    earliest = int(received[0])
    back = np.flatnonzero(np.diff(received) < 0)
    if earliest >= received_us and not len(back):
        return
    if earliest >= received_us:
        earliest, received_us = int(received[back[0] + 1]), int(received[back[0]])
    raise InvalidEvent(
        f"received at {instant(earliest).isoformat()}, behind what was received at {instant(received_us).isoformat()}",
        field="received_at",
        code="received_before",
    )
