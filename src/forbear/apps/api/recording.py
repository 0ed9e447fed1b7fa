"""What must be recorded before an answer goes out: one thread takes all that waits, and commits it at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Generic, TypeVar

from forbear.apps.api.together import Together
from forbear.domain.errors import BackendUnavailable, ForbearError

MOST_WAITING = 4_096
"""Requests; whoever comes beyond is refused at once."""
PATIENCE_SECONDS = 10.0
MOST_AT_ONCE = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    records: Sequence[T]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Recorder(Generic[T]):
    """The one writer of some records of a process. Close it when no request is under way.

    write: commits many at once.  what: they are, for errors.  near: a few are written by the loop itself, with all that
    others brought in the same turn of it, which takes less time than to have a thread do it; for one loop, and a file
    that nobody else writes to for long.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], None],
        what: str,
        *,
        near: bool = False,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._write, self._what, self._near, self._patience = write, what, near, patience_seconds
        self._waiting: deque[_Entry[T]] = deque()
        self._together = Together(self._written_all, waits=lambda: False)
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name=what, daemon=True)
        self._thread.start()

    async def record(self, records: Sequence[T]) -> None:
        """Returns once they are there. Raises BackendUnavailable where they cannot be, or not in time."""
        if self._near and len(records) <= MOST_AT_ONCE:
            try:
                await self._together.ask(records)
            except ForbearError as error:
                raise BackendUnavailable(f"{self._what} cannot be recorded") from error
            return
        loop = asyncio.get_running_loop()
        entry = _Entry(records, loop, loop.create_future())
        with self._changed:
            if self._closed or len(self._waiting) >= MOST_WAITING:
                raise BackendUnavailable(f"{self._what} cannot be recorded")
            self._waiting.append(entry)
            self._changed.notify()
        try:
            async with asyncio.timeout(self._patience):
                await entry.done
        except TimeoutError:
            raise BackendUnavailable(f"{self._what} are not recorded in time") from None

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
                self._written_all([entry.records for entry in group])
                trouble = None
            except Exception as error:  # noqa: BLE001  # whatever it is, nobody may see data for it
                trouble = error
            for entry in group:
                with suppress(RuntimeError):  # the server has ended, and nobody waits
                    entry.loop.call_soon_threadsafe(_settle, entry.done, self._what, trouble)

    def _written_all(self, groups: Sequence[Sequence[T]]) -> Sequence[None]:
        """Commit what some requests brought."""
        self._write([record for records in groups for record in records])
        return [None] * len(groups)


def _settle(done: asyncio.Future[None], what: str, trouble: Exception | None) -> None:
    if done.done():  # whoever asked waits no longer
        return
    if trouble is None:
        done.set_result(None)
    else:
        unavailable = BackendUnavailable(f"{what} cannot be recorded")
        unavailable.__cause__ = trouble
        done.set_exception(unavailable)
