"""Hearing the live feed for one session: a thread of its own, bounded memory, and an end when nobody looks any more."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from threading import Event, Lock, Thread

from forbear.client.feed import FeedRefused, Live
from forbear.client.feed_models import Alert, DecisionMade, Message, Prediction
from forbear.domain.errors import BackendUnavailable

KEPT = 500
"""Messages of a kind that are remembered."""
WINDOW_SECONDS = 60.0
"""Over which rates are told."""
FORGOTTEN_SECONDS = 20.0
"""Without anybody asking, after which a listener ends."""
_TICK_SECONDS = 0.5
_MOST_TIMES = 100_000


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener has, newest first, what was recorded before it began included; figures are of what came since.

    total: messages since it began.  per_second: over the last minute.

    by_second: messages of each of the last sixty whole seconds, the oldest first.  newest_at: monotonic [s] of the last
    message, None before the first.  trouble: why nothing comes any more, "" while it may.
    """

    predictions: tuple[Prediction, ...]
    decisions: tuple[DecisionMade, ...]
    alerts: tuple[Alert, ...]
    total: int
    per_second: float
    by_second: tuple[int, ...]
    newest_at: float | None
    trouble: str


class Listener:
    """One thread that hears a feed. It ends when it is stopped, when the feed is refused, and when nobody has asked
    for what it heard for twenty seconds: a session that is gone cannot say goodbye.
    """

    def __init__(self, feed: Callable[[], Live], clock: Callable[[], float] = time.monotonic) -> None:
        self._feed, self._clock = feed, clock
        self._lock, self._stopped = Lock(), Event()
        self._predictions: deque[Prediction] = deque(maxlen=KEPT)
        self._decisions: deque[DecisionMade] = deque(maxlen=KEPT)
        self._alerts: deque[Alert] = deque(maxlen=KEPT)
        self._times: deque[float] = deque(maxlen=_MOST_TIMES)
        self._total, self._trouble = 0, ""
        self._began_at = self._asked_at = clock()
        self._thread = Thread(target=self._run, name="dashboard-live", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still hears."""
        return self._thread.is_alive()

    def stop(self, timeout_seconds: float | None = None) -> None:
        """Have it end; wait so long for that, not at all where None."""
        self._stopped.set()
        if timeout_seconds is not None:
            self._thread.join(timeout_seconds)

    def heard(self) -> Heard:
        """What it has heard. Whoever asks keeps it alive."""
        now = self._clock()
        with self._lock:
            self._asked_at = now
            while self._times and now - self._times[0] > WINDOW_SECONDS:
                self._times.popleft()
            span = max(1.0, min(WINDOW_SECONDS, now - self._began_at))
            return Heard(
                predictions=tuple(reversed(self._predictions)),
                decisions=tuple(reversed(self._decisions)),
                alerts=tuple(reversed(self._alerts)),
                total=self._total,
                per_second=len(self._times) / span,
                by_second=self._seconds(now),
                newest_at=self._times[-1] if self._times else None,
                trouble=self._trouble,
            )

    # ---- inside

    def _seconds(self, now: float) -> tuple[int, ...]:
        counts = [0] * int(WINDOW_SECONDS)
        for one in self._times:
            place = int(WINDOW_SECONDS) - 1 - int(now - one)
            if 0 <= place < len(counts):
                counts[place] += 1
        return tuple(counts)

    def _run(self) -> None:
        try:
            asyncio.run(self._listen())
        except FeedRefused as error:
            self._say(f"The feed is not open to you: {error.reason}.")
        except BackendUnavailable as error:
            self._say(str(error))
        except OSError as error:
            self._say(f"The feed does not answer ({type(error).__name__}).")

    async def _listen(self) -> None:
        hearing = asyncio.create_task(self._hear())
        try:
            while not hearing.done() and not self._over():
                await asyncio.wait({hearing}, timeout=_TICK_SECONDS)
        finally:
            if not hearing.done():
                hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        if not hearing.cancelled() and (error := hearing.exception()) is not None:
            raise error

    async def _hear(self) -> None:
        feed = self._feed()
        async with aclosing(aiter(feed)) as messages:
            async for message in messages:
                self._take(message, came=not feed.past)

    def _over(self) -> bool:
        with self._lock:
            return self._stopped.is_set() or self._clock() - self._asked_at > FORGOTTEN_SECONDS

    def _take(self, message: Message, *, came: bool) -> None:
        with self._lock:
            if came:
                self._total += 1
                self._times.append(self._clock())
            match message:
                case Prediction():
                    self._predictions.append(message)
                case DecisionMade():
                    self._decisions.append(message)
                case Alert():
                    self._alerts.append(message)

    def _say(self, trouble: str) -> None:
        with self._lock:
            self._trouble = trouble
