"""Follows a desk, and lets many listeners hear what they want of it: each message once, none left out.

All but the reading happens on the event loop that the hub was started on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeVar

from forbear.apps.api.feed.cursor import DECISIONS, Cursor, Place
from forbear.apps.api.feed.frames import framed
from forbear.apps.api.feed.listening import Limits, Listening
from forbear.apps.api.feed.matching import Group, Matching
from forbear.apps.api.feed.messages import VIEWS, Batch, Names, View
from forbear.apps.api.feed.reader import Reader
from forbear.apps.api.feed.refused import Refused
from forbear.apps.api.feed.ring import Ring
from forbear.client.feed_models import Reason, Wanted
from forbear.domain.errors import ForbearError
from forbear.engine.desk import Desk
from forbear.engine.office import Role

T = TypeVar("T")
_READERS = 2
"""Pages that are read at once for those who were away; the hub's own are read beside them."""
_LOOK_BACK, _LOOK_BACK_DECISIONS = 10_000, 200
"""Events and decisions before the start that are read again, so that those whom it has cut off come back without pages
being read for each of them."""
_LOOK_BACK_PAGES = 5
"""Where they hold more than so many pages, as a day close does, all begins at the start."""
_WATCH_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0


class Hub:
    """Give it a desk, `start` it, `subscribe`. trouble: why nothing new comes just now, or "".  ring: the newest."""

    def __init__(self, desk: Desk, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.trouble = ""
        self._desk = desk
        self._names = Names(desk)
        self._reader = self.away()
        self._own = ThreadPoolExecutor(1, "feed")
        self._others = ThreadPoolExecutor(_READERS, "feed-away")
        self._tasks: list[asyncio.Task[None]] = []
        self._listening: set[Listening] = set()
        self._matching: Matching[Listening] = Matching()
        self._seats = 0
        self._closed: Reason | None = Reason.UNAVAILABLE
        self._ticked = asyncio.Event()
        self.ring = Ring(Cursor({}), self.limits.ring_characters)

    async def start(self) -> None:
        """Begin to follow. Errors are those of `Desk`."""
        now, urgent = await self._read(self._reader.standing)
        self.ring = Ring(_before(now), self.limits.ring_characters)
        for _ in range(_LOOK_BACK_PAGES):
            if not await self._step() and self.ring.end.covers(now):
                break
        else:
            self._reader = self.away()
            self.ring = Ring(now, self.limits.ring_characters)
        self._reader.learn(urgent)
        self._closed = None
        self._tasks = [asyncio.create_task(work) for work in (self._follow(), self._watch())]

    async def stop(self) -> None:
        """Tell all who listen, and let go of the threads. The desk stays open."""
        self._end_all(Reason.STOPPING)
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for pool in (self._own, self._others):
            await asyncio.to_thread(pool.shutdown)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listening)

    @contextmanager
    def seat(self) -> Iterator[None]:
        """A seat for as long as the block runs. Raises Refused where none is free, or nothing is told just now."""
        self._require_open()
        if self._seats >= self.limits.seats:
            raise Refused(Reason.FULL, "all seats are taken: come back later")
        self._seats += 1
        try:
            yield
        finally:
            self._seats -= 1

    @asynccontextmanager
    async def subscribe(self, wanted: Wanted, cursor: str | None, role: Role) -> AsyncIterator[Listening]:
        """Listen behind a cursor; without one behind the newest that are wanted first, or from now on.

        It is for the caller to take a seat.

        Raises Refused for a cursor that is garbled or ahead of the store, and where a role that sees nobody asks for
        customers.
        """
        view = VIEWS[role]
        if view is View.NOBODY and wanted.customers:
            raise Refused(Reason.FORBIDDEN, f"a {role} may not ask for customers")
        recent = wanted.recent if cursor is None else 0
        wanted = wanted.model_copy(update={"recent": 0})
        at = (self.ring.back(recent) if recent else self.ring.end) if cursor is None else Cursor.parse(cursor)
        if not self.ring.end.covers(at) and not (await self._newest()).covers(at):
            raise Refused(
                Reason.CURSOR, "the cursor is ahead of the store: it is another's, or the store has lost its end"
            )
        self._require_open()
        listening = Listening(self, Group(wanted, view), at, marks_present=recent > 0)
        self._listening.add(listening)
        try:
            yield listening
        finally:
            self._listening.remove(listening)
            if listening.live:
                self._matching.remove(listening.group, listening)

    # ---- for those who listen

    def away(self) -> Reader:
        """A reader of one's own, for `read_away`."""
        return Reader(self._desk, self._names, self.limits.page)

    async def read_away(self, reader: Reader, cursor: Cursor) -> Batch:
        """A page behind a cursor that the ring does not hold. Errors are those of `Desk`."""
        return await asyncio.get_running_loop().run_in_executor(self._others, reader.read, cursor)

    async def tick(self) -> None:
        """Wait until something has been added to the ring, or everybody is told to end."""
        await self._ticked.wait()

    def go_live(self, listening: Listening) -> None:
        """From now on a listener who stands at the ring's end is pushed what they want."""
        self._matching.add(listening.group, listening)
        listening.live = True

    # ---- inside

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._own, work)

    async def _newest(self) -> Cursor:
        try:
            return await self._read(self._reader.newest)
        except ForbearError as error:
            raise Refused(Reason.UNAVAILABLE, "the store does not answer just now") from error

    async def _follow(self) -> None:
        now, pause = asyncio.get_running_loop().time, self.limits.tick_seconds
        try:
            while True:
                began, more = now(), False
                try:
                    more = await self._step()
                except ForbearError as error:  # the store is away: listeners stay, and wait with us
                    self.trouble = str(error)
                    pause = min(2.0 * pause, _LONGEST_PAUSE_SECONDS)
                else:
                    self.trouble, pause = "", self.limits.tick_seconds
                await asyncio.sleep(0.0 if more else max(0.0, began + pause - now()))
        except Exception as error:
            self.trouble = f"the feed has failed: {type(error).__name__}"
            self._end_all(Reason.FAILED)
            raise

    async def _step(self) -> bool:
        """Tell of what is new; whether there is more already."""
        end = self.ring.end
        batch = await self._read(lambda: self._reader.read(end))
        self.ring.add(batch)
        if batch.messages:
            after = batch.after.text()
            for view, members, places in self._matching.matched(batch.messages):
                frames = list(framed(batch, places, view, after))
                for listening in members:
                    for frame in frames:
                        listening.push(frame)
            self._hold_bound()
        self._tell_ticked()
        return batch.more

    def _hold_bound(self) -> None:
        queued = sum(listening.queued for listening in self._listening)
        while queued > self.limits.all_queues_characters:
            slowest = max(self._listening, key=lambda listening: listening.queued)
            queued -= slowest.queued
            slowest.end(Reason.SLOW)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(_WATCH_SECONDS, self.limits.send_seconds, self.limits.quiet_seconds))
            for listening in self._listening:
                listening.watch()

    def _require_open(self) -> None:
        if self._closed is not None:
            raise Refused(self._closed, "the feed does not run just now")

    def _end_all(self, reason: Reason) -> None:
        self._closed = reason
        for listening in self._listening:
            listening.end(reason)
        self._tell_ticked()

    def _tell_ticked(self) -> None:
        self._ticked.set()
        self._ticked = asyncio.Event()


def _before(now: Cursor) -> Cursor:
    """The cursor that the ring begins at."""
    back = {line: _LOOK_BACK_DECISIONS if line == DECISIONS else _LOOK_BACK for line in now.places}
    places: dict[int, Place] = {
        line: (max(place[0] - back[line], 0 if line == DECISIONS else -1), 0, 0) for line, place in now.places.items()
    }
    return Cursor(places)
