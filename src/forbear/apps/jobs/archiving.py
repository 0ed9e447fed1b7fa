"""From the log into the archive: what is recorded is moved, and what is old and archived leaves the log."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing

from forbear.adapters.log import retain
from forbear.apps.home import Home
from forbear.apps.telemetry import Journal
from forbear.domain.errors import ForbearError
from forbear.engine.archiver import archive_recorded
from forbear.engine.ports import Source
from forbear.features.local_time import DAY_US

SEGMENT_ROWS = 250_000
RETENTION_DAYS = 7
"""How long the log keeps what the archive has too."""
THREAD = "archiving"


def compacted(home: Home, source: Source, known: tuple[int, int], retention_days: int) -> tuple[int, int]:
    """Move what is recorded from the log to the archive, and let the log go of what is old and archived.

    known: up to where the log is recorded, and the offset of the worker's newest snapshot: what is behind that stays.
    Answers how many events moved and how many segments of the log went.
    """
    recorded, kept_at = known
    moved = archive_recorded(source, home.archive, recorded, SEGMENT_ROWS, everything=True)
    return moved, _let_go(home, kept_at, retention_days)


class ArchivingBehind:
    """Archives beside a worker that follows its log: one thread, whole segments, up to the newest snapshot.

    What fails for want of room or the like is noted and tried again behind the next snapshot: decisions go on.
    While it is open nobody else may append to the home's archive.
    """

    def __init__(self, home: Home, journal: Journal, retention_days: int) -> None:
        self._home, self._journal, self._days = home, journal, retention_days
        self._open = ExitStack()
        self._source = self._open.enter_context(closing(home.source()))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=THREAD)
        self._task: Future[None] | None = None
        self._asked, self._ended = -1, False

    def kept(self, kept_at: int) -> None:
        """Have everything before a snapshot archived, unless an earlier one is still at work: then with the next call.

        What stands before it must survive a power cut in the store. Returns at once.
        """
        if kept_at == self._asked or (self._task is not None and not self._task.done()):
            return
        if self._task is not None:
            self._task.result()  # what is an error of ours was noted: this raises a defect alone
        self._asked = kept_at
        self._task = self._thread.submit(self._archive, kept_at)

    def close(self) -> None:
        """Come to an end behind the segment that is being written."""
        self._ended = True
        self._thread.shutdown()
        self._open.close()
        if self._task is not None:
            self._task.result()

    # ---- inside

    def _archive(self, kept_at: int) -> None:
        archive, moved = self._home.archive, 0
        try:
            while not self._ended:
                piece = min(kept_at, archive.next_offset + SEGMENT_ROWS)
                if not (rows := archive_recorded(self._source, archive, piece, SEGMENT_ROWS)):
                    break
                moved += rows
            gone = _let_go(self._home, kept_at, self._days)
        except ForbearError as error:
            self._journal.note("archiving_failed", why=str(error))
            return
        if moved or gone:
            self._journal.note("archived", events=moved, segments_deleted=gone)


def _let_go(home: Home, kept_at: int, retention_days: int) -> int:
    """Delete segments of the log that are archived, behind a snapshot, and old beside the last archived event."""
    old_us = home.archive.received_us - retention_days * DAY_US
    return retain(home.log(), min(home.archive.next_offset, kept_at), old_us)
