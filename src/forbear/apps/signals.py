"""How somebody asks a running command for an end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event


@contextmanager
def until_told() -> Iterator[Event]:
    """Set once somebody asks for an end: with Ctrl-C or SIGTERM. A second time ends at once."""
    told = Event()

    def asked(number: int, _frame: object) -> None:
        told.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
