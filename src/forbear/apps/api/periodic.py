"""What goes on beside the answers: again and again, or from a start to a stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Protocol

from forbear.domain.errors import ForbearError


class Periodic:
    """A thread that acts every so many seconds, until it is stopped; where it fails, the next time makes up for it.

    at_once: the first time, too, does not wait.
    """

    def __init__(self, name: str, act: Callable[[], object], seconds: float, *, at_once: bool = False) -> None:
        self._act, self._seconds, self._at_once = act, seconds, at_once
        self._stop = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.0 if self._at_once else self._seconds):
            self._at_once = False
            with suppress(ForbearError):
                self._act()


class Runs(Protocol):
    """What goes on from its start to its stop."""

    def start(self) -> None:
        """Begin. May raise, and may then be called again."""
        ...

    def stop(self) -> None:
        """End, whether or not it has begun."""
        ...


class Lasting:
    """What goes on beside the answers. parts: in the order in which they begin; they end the other way round."""

    def __init__(self, *parts: Runs) -> None:
        self._parts, self._waiting = parts, list(parts)

    def start(self) -> None:
        """Begin; called again where one has raised, with that one. What has begun is not begun again."""
        while self._waiting:
            self._waiting[0].start()
            self._waiting.pop(0)

    def stop(self) -> None:
        """End."""
        for one in reversed(self._parts):
            one.stop()
