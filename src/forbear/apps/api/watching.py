"""Following the log beside the interface: threads that keep an onlooker's ledgers up to it.

A partition begins at the newest snapshot that its worker has taken. While nobody answers it stays where it is, answers
go on, and say how far behind they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Protocol

import numpy as np

from forbear.domain.errors import BackendUnavailable, CorruptState, ForbearError
from forbear.engine.follower import Follower
from forbear.engine.looking import in_words
from forbear.engine.onlooker import Onlooker
from forbear.engine.ports import Kept, Source

LIMIT = 2_048
"""Events taken in at once: as long as nobody can look."""
_WAIT_SECONDS = 0.05
_PATIENCE_SECONDS = 1.0


class Partition(Protocol):
    """Where one partition comes from."""

    def newest(self) -> Kept | None:
        """The newest snapshot of its worker."""
        ...

    def fill(self, follower: Follower) -> None:
        """Bring a new follower to where the log begins."""
        ...

    def source(self) -> Source:
        """A reader of its log."""
        ...


@dataclass(slots=True)
class _Followed:
    """One partition as it is followed. end: of its log, as last seen.  trouble: why it stands still, or ""."""

    partition: Partition
    source: Source | None = None
    end: int = 0
    trouble: str = ""


@dataclass
class Watch:
    """Follows all partitions. note: told of troubles, and of their end."""

    onlooker: Onlooker
    partitions: Mapping[int, Partition]
    note: Callable[[str, str], None] = lambda _what, _why: None
    _stop: Event = field(default_factory=Event)
    _followed: dict[int, _Followed] = field(default_factory=dict)
    _threads: list[Thread] = field(default_factory=list)

    def start(self) -> None:
        """Restore every partition, come to the end of its log as it is now, and go on in threads.

        Where nobody answers a partition stands at its snapshot. Where it raises it may be called again.
        """
        for number, partition in self.partitions.items():
            if number in self._followed:
                continue
            followed = _Followed(partition)
            self._restore(number, followed)
            self._followed[number] = followed
            try:
                while not self._stop.is_set() and self._step(number, followed):
                    pass
            except BackendUnavailable as error:
                self._stands_still(number, followed, error)
        self._warm()
        for number, followed in self._followed.items():
            thread = Thread(target=self._follow, args=(number, followed), name=f"watch-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End all threads, and let go of the logs."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for followed in self._followed.values():
            if followed.source is not None:
                followed.source.close()

    def lag(self, partition: int) -> int | None:
        """Events of a partition that are in its log and not in its ledgers; None for no such partition."""
        followed = self._followed.get(partition)
        return None if followed is None else max(0, followed.end - self.onlooker.position(partition))

    def end(self, partition: int) -> int | None:
        """The offset behind the last event of a partition's log, as it was seen last; None for no such partition."""
        followed = self._followed.get(partition)
        return None if followed is None else followed.end

    @property
    def troubles(self) -> Mapping[int, str]:
        """Why partitions stand still, by partition."""
        return {number: one.trouble for number, one in self._followed.items() if one.trouble}

    # ---- inside

    def _restore(self, number: int, followed: _Followed) -> None:
        kept = followed.partition.newest()
        if kept is not None:
            self.onlooker.start(number, kept)
        else:
            self.onlooker.begin(number, followed.partition.fill)
        if followed.source is not None:
            followed.source.close()
            followed.source = None

    def _step(self, number: int, followed: _Followed) -> bool:
        """Take in what comes next; whether there was something."""
        if followed.source is None:
            followed.source = followed.partition.source()
            followed.source.seek(self.onlooker.position(number))
        scanned = followed.source.poll(LIMIT)
        if scanned is None:
            followed.end = self.onlooker.position(number)
            return False
        self.onlooker.take(number, scanned)
        followed.end = max(followed.end, followed.source.end if len(scanned.batch) == LIMIT else 0)
        return True

    def _follow(self, number: int, followed: _Followed) -> None:
        while not self._stop.is_set():
            try:
                moved = self._step(number, followed)
            except ForbearError as error:
                self._troubled(number, followed, error)
                continue
            if followed.trouble:
                self.note("follows again", f"partition {number}")
                followed.trouble = ""
            if not moved:
                self._stop.wait(_WAIT_SECONDS)

    def _troubled(self, number: int, followed: _Followed, error: ForbearError) -> None:
        """Wait where nobody answers; where the log has let go of what comes next, go on from a newer snapshot."""
        self._stands_still(number, followed, error)
        if isinstance(error, CorruptState):
            try:
                kept = followed.partition.newest()
                if kept is not None and kept.offset > self.onlooker.position(number):
                    self._restore(number, followed)
                    return
            except ForbearError as another:
                followed.trouble = str(another)
        self._stop.wait(_PATIENCE_SECONDS)

    def _stands_still(self, number: int, followed: _Followed, error: ForbearError) -> None:
        if not followed.trouble:
            self.note("stands still", f"partition {number}: {error}")
        followed.trouble = str(error)
        if isinstance(error, BackendUnavailable) and followed.source is not None:
            followed.source.close()
            followed.source = None

    def _warm(self) -> None:
        """Look at somebody once: what is compiled and loaded for that is there before the first request."""
        if not self.onlooker.running or not self.onlooker.customers:
            return
        looks = next(self.onlooker.sweep())
        rulings = self.onlooker.rulings
        self.onlooker.look(looks.customer[:1])
        scored = np.flatnonzero(looks.hurdle == 0)
        if len(scored):
            self.onlooker.look_at_features(looks.values[scored[:1]])
            in_words(rulings, looks, int(scored[0]))
