"""The past of single customers, event by event, from copies of archive and log in the order of customers.

They are begun when somebody first asks: a server of whom nobody does pays nothing. A small home is through at once;
where it takes longer, whoever asks is told how far it is. Once they have come to the end, answers go on while what they
follow is gone, and say how far they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import NamedTuple

import numpy as np

from forbear.adapters.by_customer import ByCustomer
from forbear.apps.api.past_copies import Copies
from forbear.apps.api.past_lines import Lines
from forbear.apps.api.problems import Refusal
from forbear.domain.errors import BackendUnavailable, ForbearError
from forbear.features.local_time import DAY_US, LocalTime

MOST_AT_ONCE = 4
"""Pasts that are read at once."""
PATIENCE_SECONDS = 3.0
"""That whoever asks waits for the copies, or for others who read."""
_LOOKS_SECONDS = 0.5
_GONE = "the stream of events does not answer, and nobody was told of the past before: whoever runs it must act"
_BROKEN = "the copies of the past cannot be made: whoever runs the server must act; see its log"


class Seen(NamedTuple):
    """What was read. last: the last day asked for [since 1970].  position: the offset of the first event not in it.

    kept_from_us: when the first event was received behind which none is missing [us UTC], or 0.
    """

    lines: Lines
    last: int
    position: int
    kept_from_us: int


class Pasts:
    """Reads pasts. open_: gives the copies, by partition, for as long as a block is open; it is called again where it
    raises.  note: told of what keeps them from going on.
    """

    def __init__(
        self, open_: Callable[[ExitStack], Mapping[int, Copies]], zone: LocalTime, note: Callable[[str, str], None]
    ) -> None:
        self._open, self._zone, self._note = open_, zone, note
        self._turn, self._places = Lock(), BoundedSemaphore(MOST_AT_ONCE)
        self._stop, self._once = Event(), Event()
        self._thread: Thread | None = None
        self._until = ExitStack()
        self._copies: Mapping[int, Copies] = {}
        self._all: tuple[ByCustomer, ...] = ()
        self._trouble: ForbearError | None = None

    def of(self, customer: int, partition: int, days: int, last: int | None) -> Seen:
        """The lines of so many days of a customer. last: the last of them, None for the newest that was told of.

        partition: whose customer it is.  Raises Refusal while the copies are still being made, and where too many ask;
        StorageError.
        """
        self._require_caught_up()
        copies = self._copies.get(partition)
        if copies is None:
            raise Refusal("misconfigured", f"partition {partition} is not followed: whoever runs the server must act")
        if not self._places.acquire(timeout=PATIENCE_SECONDS):
            raise Refusal("unavailable", "too many pasts are being read at once")
        try:
            position = copies.live.position
            if last is None:
                newest = np.array([max(one.newest_us for one in self._all)], dtype=np.int64)
                last = int(self._zone.local_us(newest)[0] // DAY_US)
            first = last - days + 1
            events = copies.of(customer, (first - 1) * DAY_US, (last + 2) * DAY_US)  # no zone is a day from UTC
            return Seen(Lines.of(events, self._zone, first, last), last, position, copies.whole_from_us)
        finally:
            self._places.release()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._until.close()

    # ---- inside

    def _require_caught_up(self) -> None:
        with self._turn:
            if self._thread is None and not self._stop.is_set():
                self._thread = Thread(target=self._follow, name="pasts", daemon=True)
                self._thread.start()
        if self._once.wait(0 if self._trouble else PATIENCE_SECONDS):
            return
        if isinstance(self._trouble, BackendUnavailable):
            raise Refusal("unavailable", _GONE)
        if self._trouble is not None:
            raise Refusal("misconfigured", _BROKEN)
        position, end = (sum(getattr(one, name) for one in self._all) for name in ("position", "end"))
        far = f"{position:,} of {end:,} events are in it"
        raise Refusal("unavailable", f"the past is being put in order by customer: {far}")

    def _follow(self) -> None:
        while not self._stop.is_set():
            trouble, moved = self._step()
            if trouble is not None and self._trouble is None:
                self._note("the past stands still", str(trouble))
            self._trouble = trouble
            if trouble is None and not moved:
                self._once.set()
            if not moved:
                self._stop.wait(_LOOKS_SECONDS)

    def _step(self) -> tuple[ForbearError | None, bool]:
        """Take in what comes next in each copy: the first trouble of them, and whether there was something."""
        trouble, moved = None, False
        try:
            if not self._all:
                self._begin()
        except ForbearError as error:
            return error, False
        for one in self._all:
            if self._stop.is_set():
                break
            try:
                moved = one.follow() or moved
            except ForbearError as error:
                trouble = trouble or error
        return trouble, moved

    def _begin(self) -> None:
        with ExitStack() as opening:
            copies = self._open(opening)
            every = dict.fromkeys(one for each in copies.values() for one in (each.before, each.live))
            everyone = tuple(one for one in every if one is not None)
            for one in everyone:
                opening.enter_context(closing(one))
            self._until = opening.pop_all()
        self._copies, self._all = copies, everyone
