"""The past of single customers, event by event, from a copy of archive and log in the order of customers.

The copy is begun when somebody first asks: a server of whom nobody does pays nothing. A small home is through at once;
where it takes longer, whoever asks is told how far it is.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import NamedTuple

import numpy as np

from forbear.adapters.archive import FileArchive
from forbear.adapters.by_customer import ByCustomer
from forbear.apps.api.past_lines import Lines
from forbear.apps.api.problems import Refusal
from forbear.apps.home import Home
from forbear.domain.errors import ForbearError
from forbear.features.local_time import DAY_US, local_time

FOLDER = "api/by-customer"
"""Where in a home the copy lies. It may be deleted while no server runs: it is made again."""
MOST_AT_ONCE = 4
"""Pasts that are read at once."""
PATIENCE_SECONDS = 3.0
"""That whoever asks waits for the copy, or for others who read."""
_LOOKS_SECONDS = 0.5


class Seen(NamedTuple):
    """What was read. last: the last day asked for [since 1970].  position: the offset of the first event not in it."""

    lines: Lines
    last: int
    position: int


class Pasts:
    """Reads pasts. note: told of what keeps the copy from going on."""

    def __init__(self, home: Home, note: Callable[[str, str], None]) -> None:
        self._index = ByCustomer(home.folder / FOLDER, lambda: FileArchive(home.archive.folder), home.source)
        self._zone, self._note = local_time(home.deployment.time_zone), note
        self._turn, self._places = Lock(), BoundedSemaphore(MOST_AT_ONCE)
        self._stop, self._once = Event(), Event()
        self._thread: Thread | None = None
        self._trouble = ""

    def of(self, customer: int, days: int, last: int | None) -> Seen:
        """The lines of so many days of a customer. last: the last of them, None for the newest that was told of.

        Raises Refusal while the copy is still being made, and where too many ask; StorageError.
        """
        self._require_caught_up()
        if not self._places.acquire(timeout=PATIENCE_SECONDS):
            raise Refusal("unavailable", "too many pasts are being read at once")
        try:
            position = self._index.position
            if last is None:
                newest = np.array([self._index.newest_us], dtype=np.int64)
                last = int(self._zone.local_us(newest)[0] // DAY_US)
            first = last - days + 1
            events = self._index.of(customer, (first - 1) * DAY_US, (last + 2) * DAY_US)  # no zone is a day from UTC
            return Seen(Lines.of(events, self._zone, first, last), last, position)
        finally:
            self._places.release()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._index.close()

    # ---- inside

    def _require_caught_up(self) -> None:
        with self._turn:
            if self._thread is None and not self._stop.is_set():
                self._thread = Thread(target=self._follow, name="pasts", daemon=True)
                self._thread.start()
        if not self._once.wait(PATIENCE_SECONDS):
            far = f"{self._index.position:,} of {self._index.end:,} events are in it"
            raise Refusal("unavailable", f"the past is being put in order by customer: {far}")

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                moved = self._index.follow()
            except ForbearError as error:
                if not self._trouble:
                    self._note("the past stands still", str(error))
                self._trouble, moved = str(error), False
            else:
                self._trouble = ""
                if not moved:
                    self._once.set()
            if not moved:
                self._stop.wait(_LOOKS_SECONDS)
