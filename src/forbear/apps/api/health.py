"""Whether the process lives and is ready: open to whoever watches it, and telling nothing else."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from forbear.domain.errors import ForbearError
from forbear.engine.desk import Desk

_KEPT_SECONDS = 1.0
WARM_UP, FEED, SHUTDOWN, DESK = "warm-up", "feed", "shutdown", "records"


class Readiness:
    """What is missing until questions can be answered. May be asked and told by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._missing = {WARM_UP, FEED}
        self._asked = float("-inf")
        self._answers = False

    def there(self, part: str) -> None:
        """A part is missing no more."""
        with self._lock:
            self._missing.discard(part)

    def closing(self) -> None:
        """The server is about to end: no new requests, please."""
        with self._lock:
            self._missing.add(SHUTDOWN)

    @property
    def ends(self) -> bool:
        """Whether the server is about to end."""
        with self._lock:
            return SHUTDOWN in self._missing

    def missing(self, desk: Desk, monotonic: Callable[[], float]) -> list[str]:
        """What is missing now, in plain words; nothing when ready. Asks the desk, but once a second at most."""
        with self._lock:
            now = monotonic()
            if now - self._asked >= _KEPT_SECONDS:
                self._asked, self._answers = now, _answers(desk)
            return sorted(self._missing | (set() if self._answers else {DESK}))


def _answers(desk: Desk) -> bool:
    try:
        desk.marks()
    except ForbearError:
        return False
    return True
