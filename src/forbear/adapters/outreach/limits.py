"""No more messages than a provider may be given: a bucket that fills steadily, and holds so many at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Absent, Delivery, Message, Outreach, Refused

LIMITED = "its rate limit is reached"
"""Why a message was not handed over; nobody was asked, and it may be tried as soon as `Limited.wait_seconds`."""


class Limited:
    """A provider with so many messages in so many seconds, `count` of them at once at most.

    seconds: of a clock that never goes back. What is over the limit is refused at once and does not wait. Raises
    ConfigError for a limit that lets nothing through.
    """

    def __init__(
        self,
        provider: Outreach,
        count: int,
        per_seconds: float,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        if count < 1 or not 0 < per_seconds <= 86_400:
            raise ConfigError(f"provider {provider.name}: its limit lets nothing through", mend="let one pass at least")
        self._provider = provider
        self._most, self._rate = float(count), count / per_seconds
        self._seconds = seconds
        self._held, self._at = float(count), seconds()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Limited({self._provider!r})"

    @property
    def name(self) -> str:
        """Of the provider."""
        return self._provider.name

    @property
    def reconciles(self) -> bool:
        """Whether the provider can be asked."""
        return self._provider.reconciles

    @property
    def left_alone(self) -> float | None:
        """How the provider's breaker stands: see `Breaker.left_alone`; None for one without."""
        return getattr(self._provider, "left_alone", None)

    def send(self, message: Message) -> Delivery:
        """Hand it over, or refuse it for now."""
        with self._lock:
            self._fill()
            if self._held < 1.0:
                return Refused(LIMITED, lasting=False)
            self._held -= 1.0
        return self._provider.send(message)

    def look_up(self, key: str) -> Delivery | Absent:
        """Ask the provider; questions are not counted."""
        return self._provider.look_up(key)

    def wait_seconds(self) -> float:
        """Until the next message may pass, 0 for now."""
        with self._lock:
            self._fill()
            return max(0.0, (1.0 - self._held) / self._rate)

    def _fill(self) -> None:
        now = self._seconds()
        self._held = min(self._most, self._held + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)
