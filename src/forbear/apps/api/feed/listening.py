"""One who listens: first what they have missed, at their own pace, then what comes, as long as they keep up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from forbear.apps.api.feed.cursor import Cursor
from forbear.apps.api.feed.frames import Framed, empty, for_one, last
from forbear.apps.api.feed.matching import Group
from forbear.apps.api.feed.messages import Batch
from forbear.apps.api.feed.reader import Reader
from forbear.apps.api.feed.ring import Ring
from forbear.client.feed_models import Reason
from forbear.domain.errors import ForbearError

DETAILS = {
    Reason.SLOW: "more waited than is kept for one listener: come back with the cursor",
    Reason.UNAVAILABLE: "what you missed cannot be read just now: come back with the cursor",
    Reason.STOPPING: "the server stops: come back with the cursor",
    Reason.FAILED: "the feed has failed: tell whoever runs the server, and come back with the cursor",
    Reason.INVALID: "nothing more may be said after the first message",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a hub. seats: listeners at once, those included who have not said yet what they want.

    tick_seconds: between two looks at the desk, which is how long messages are gathered.  page: rows that are read at
    once, of each line.  ring_characters: of the newest messages that are held.  queue_characters: that may wait for one
    listener, and all_queues_characters for all together; who is beyond is told and dropped.  quiet_seconds: after which
    a sign of life is sent.  send_seconds: in which a listener must take a frame.
    """

    seats: int = 1_000
    tick_seconds: float = 0.1
    page: int = 1_000
    ring_characters: int = 1 << 25
    queue_characters: int = 1 << 22
    all_queues_characters: int = 1 << 27
    quiet_seconds: float = 15.0
    send_seconds: float = 20.0


class Followed(Protocol):
    """What a listener needs of the hub. ring: the newest batches."""

    ring: Ring
    limits: Limits

    def away(self) -> Reader:
        """A reader of one's own, for `read_away`."""
        ...

    async def read_away(self, reader: Reader, cursor: Cursor) -> Batch:
        """A page behind a cursor that the ring does not hold. Errors are those of `Desk`."""
        ...

    async def tick(self) -> None:
        """Wait until something has been added to the ring, or everybody is told to end."""
        ...

    def go_live(self, listening: Listening) -> None:
        """From now on a listener who stands at the ring's end is pushed what they want."""
        ...


class Listening:
    """The frames of one listener, the last of which says why nothing follows. Nothing is told twice or left out.

    cursor: the text of that behind the last frame that was taken.  queued: characters that wait.
    marks_present: tell by a frame without messages where what was missed ends.
    live: frames are pushed now.  ended: why nothing follows, None before, and where the listener has left.
    """

    def __init__(self, hub: Followed, group: Group, cursor: Cursor, *, marks_present: bool = False) -> None:
        self.group = group
        self._marks_present = marks_present
        self.cursor = cursor.text()
        self.queued = 0
        self.live = False
        self.ended: Reason | None = None
        self._hub = hub
        self._at = cursor
        self._queue: deque[Framed] = deque()
        self._wake = asyncio.Event()
        self._over = False
        self._patience: asyncio.Timeout | None = None
        loop = asyncio.get_running_loop()
        self._now = loop.time
        self._handed: float | None = None
        self._spoke = loop.time()

    async def frames(self) -> AsyncGenerator[Framed]:
        """Every frame from where the listener stands: at once one with the cursor that all begins at."""
        yield empty(self.cursor)
        async for frame in self._missed():
            self.cursor = frame.cursor or self.cursor
            yield frame
        if self._marks_present and not self._over:
            yield empty(self.cursor)
        while not self._over:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                frame = self._queue.popleft()
                self.queued -= len(frame.text)
                self.cursor = frame.cursor or self.cursor
                yield frame
        if self.ended is not None:
            yield last(self.cursor, self.ended, DETAILS.get(self.ended, ""))

    async def deliver(self, send: Callable[[Framed], Awaitable[None]]) -> None:
        """Send every frame. Raises TimeoutError where one is not taken in time, and what `send` does."""
        async with asyncio.timeout(None) as self._patience, aclosing(self.frames()) as frames:
            async for frame in frames:
                self._handed = self._now()
                await send(frame)
                self._handed = None
                self._spoke = self._now()

    def push(self, frame: Framed) -> None:
        """Have a frame wait; whoever falls behind by that is told, and dropped."""
        if self.queued + len(frame.text) > self._hub.limits.queue_characters:
            self.end(Reason.SLOW)
        elif not self._over:
            self._queue.append(frame)
            self.queued += len(frame.text)
            self._wake.set()

    def end(self, reason: Reason) -> None:
        """Nothing follows but the reason: what waits is let go of, for it can be asked for again."""
        if not self._over:
            self.ended = reason
        self.leave()

    def leave(self) -> None:
        """Nothing follows: nobody is there any more."""
        self._over = True
        self._queue.clear()
        self.queued = 0
        self._wake.set()

    def watch(self) -> None:
        """Lose patience with one who takes nothing, and give a sign of life to one who has not heard for a while."""
        limits, now = self._hub.limits, self._now()
        if self._handed is not None:
            if now - self._handed > limits.send_seconds and self._patience is not None:
                self._patience.reschedule(now)
        elif self.live and not self._queue and now - self._spoke > limits.quiet_seconds:
            self.push(empty(self._hub.ring.end.text()))

    # ---- inside

    async def _missed(self) -> AsyncIterator[Framed]:
        """What was recorded before the listener stands where the hub does: from the desk, then from the ring."""
        reader: Reader | None = None
        while not self._over:
            ring = self._hub.ring
            if not ring.holds(self._at):
                reader = reader or self._hub.away()
                try:
                    batch = await self._hub.read_away(reader, self._at)
                except ForbearError:
                    self.end(Reason.UNAVAILABLE)
                    return
            else:
                reader = None
                found = ring.behind(self._at)
                if found is None and ring.end.covers(self._at):
                    self._at = ring.end
                    self._hub.go_live(self)
                    return
                if found is None:  # further on than the hub has looked: another server has
                    await self._hub.tick()
                    continue
                batch = found
            frames, self._at = for_one(batch, self.group.wanted, self.group.view, self._at)
            for frame in frames:
                yield frame
