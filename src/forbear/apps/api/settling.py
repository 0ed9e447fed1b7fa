"""The office's database is kept in order by a thread of its own: whoever commits would else do it, and answers wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from forbear.domain.errors import ForbearError

EVERY_SECONDS = 1.0


class Settling:
    """A thread that settles what was written. settle: of the office; where it fails, the next time makes up for it."""

    def __init__(self, settle: Callable[[], None], seconds: float = EVERY_SECONDS) -> None:
        self._settle, self._seconds = settle, seconds
        self._stop = Event()
        self._thread = Thread(target=self._run, name="settling", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            with suppress(ForbearError):
                self._settle()
