"""Accesses are recorded before the answer goes out: one thread takes all that waits, and commits it at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread

from forbear.domain.errors import BackendUnavailable
from forbear.engine.office import Access, Accesses

MOST_WAITING = 4_096
"""Requests; whoever comes beyond is refused at once."""
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Entry:
    accesses: Sequence[Access]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Recorder:
    """The one writer of accesses of a process. Close it when no request is under way."""

    def __init__(self, accesses: Accesses, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._accesses, self._patience = accesses, patience_seconds
        self._waiting: deque[_Entry] = deque()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name="accesses", daemon=True)
        self._thread.start()

    async def record(self, accesses: Sequence[Access]) -> None:
        """Returns once they are there. Raises BackendUnavailable where they cannot be, or not in time."""
        loop = asyncio.get_running_loop()
        entry = _Entry(accesses, loop, loop.create_future())
        with self._changed:
            if self._closed or len(self._waiting) >= MOST_WAITING:
                raise BackendUnavailable("accesses cannot be recorded")
            self._waiting.append(entry)
            self._changed.notify()
        try:
            async with asyncio.timeout(self._patience):
                await entry.done
        except TimeoutError:
            raise BackendUnavailable("accesses are not recorded in time") from None

    def close(self) -> None:
        """Record what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                group = list(self._waiting)
                self._waiting.clear()
            try:
                self._accesses.record([access for entry in group for access in entry.accesses])
                trouble = None
            except Exception as error:  # noqa: BLE001  # whatever it is, nobody may see data for it
                trouble = error
            for entry in group:
                with suppress(RuntimeError):  # the server has ended, and nobody waits
                    entry.loop.call_soon_threadsafe(_settle, entry.done, trouble)


def _settle(done: asyncio.Future[None], trouble: Exception | None) -> None:
    if done.done():  # whoever asked waits no longer
        return
    if trouble is None:
        done.set_result(None)
    else:
        unavailable = BackendUnavailable("accesses cannot be recorded")
        unavailable.__cause__ = trouble
        done.set_exception(unavailable)
