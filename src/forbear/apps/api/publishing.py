"""From the queue to the log: what people have written goes where the engine reads, and waits until it can.

At least once: after a crash a message may go out again, and whoever reads it knows its id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Event, Thread
from typing import Protocol

from msgspec.structs import replace

from forbear.apps.home import Home
from forbear.domain.errors import ForbearError
from forbear.domain.events import decode
from forbear.engine.office import ASKED_TOPIC, Outgoing, Waiting
from forbear.features.columns import columns_of, instant

ABOUT_CUSTOMERS, ORDERS = "about-customers", "orders"
"""For which topics events wait: what concerns one customer, and what the whole deployment is told."""
_AT_ONCE = 500
_WAIT_SECONDS, _PATIENCE_SECONDS = 0.2, 1.0


class Outlet(Protocol):
    """Where messages go."""

    def publish(self, messages: Sequence[Waiting]) -> None:
        """Have messages out, in this order. Raises StorageError or BackendUnavailable where they cannot be."""
        ...


class LogOutlet:
    """The log of a home. Events are received when they go in; scores that were asked for have no reader there.

    now_us: the time at the bank [us UTC].
    """

    def __init__(self, home: Home, now_us: Callable[[], int]) -> None:
        self._home, self._now_us = home, now_us

    def publish(self, messages: Sequence[Waiting]) -> None:
        """Put the events behind the log. Raises StorageError where another process writes to it."""
        events = [decode(one.value) for one in messages if one.topic != ASKED_TOPIC]
        if not events:
            return
        with closing(self._home.sink()) as sink:
            received = instant(max(self._now_us(), sink.received_us))
            sink.publish(columns_of([replace(event, received_at=received) for event in events]))


class Publishing:
    """A thread that empties the queue. note: told of troubles, and of their end."""

    def __init__(self, outgoing: Outgoing, outlet: Outlet, note: Callable[[str, str], None]) -> None:
        self._outgoing, self._outlet, self._note = outgoing, outlet, note
        self._stop, self._wake = Event(), Event()
        self._thread = Thread(target=self._run, name="publishing", daemon=True)
        self.trouble = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something was added."""
        self._wake.set()

    def stop(self) -> None:
        """End behind what is being published; the rest waits for the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self) -> bool:
        """Publish what waits; whether something did."""
        messages = self._outgoing.waiting(_AT_ONCE)
        if not messages:
            return False
        self._outlet.publish(messages)
        self._outgoing.published(messages[-1].entry)
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                moved = self.step()
            except ForbearError as error:
                if not self.trouble:
                    self._note("cannot publish", str(error))
                self.trouble = str(error)
                self._stop.wait(_PATIENCE_SECONDS)
                continue
            if self.trouble:
                self._note("publishes again", "")
                self.trouble = ""
            if not moved:
                self._wake.wait(_WAIT_SECONDS)
