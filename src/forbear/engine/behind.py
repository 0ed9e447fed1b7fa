"""A store whose commits run beside the fold: one thread takes them in order, while the next stretch is worked out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from forbear.engine.outputs import AuditRecord, Outputs, Position
from forbear.engine.ports import Store

MOST_WAITING = 4
"""Commits that may be under way: a fold that is quicker than the disk waits for it."""


class CommittingBehind:
    """Store that has promised when `commit` returns, and recorded when `wait` does.

    What fails is raised by the next call of any method, and nothing behind it is committed.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commits")
        self._waiting: deque[Future[None]] = deque()
        self._failed = False

    def position(self) -> Position:
        """Up to where the log is recorded, all that was promised included."""
        self.wait()
        return self.store.position()

    def head(self) -> AuditRecord | None:
        """The last record of the audit chain, all that was promised included."""
        self.wait()
        return self.store.head()

    def records(self, first: int, limit: int) -> Sequence[AuditRecord]:
        """Records of the audit chain, all that was promised included."""
        self.wait()
        return self.store.records(first, limit)

    def commit(self, outputs: Outputs) -> None:
        """Have outputs recorded behind those before. Raises what an earlier commit has raised."""
        while self._waiting and (self._waiting[0].done() or len(self._waiting) >= MOST_WAITING):
            self._next()
        self._waiting.append(self._thread.submit(self._commit, outputs))

    def wait(self) -> None:
        """Return when everything promised is recorded. Raises what a commit has raised."""
        while self._waiting:
            self._next()

    def settle(self) -> None:
        """Return when everything promised is recorded and survives a power cut."""
        self.wait()
        self.store.settle()

    def close(self) -> None:
        """Let go of the thread, when it has done what it was given."""
        self._thread.shutdown()

    # ---- inside

    def _next(self) -> None:
        """Wait for the oldest commit; it stays, and is raised again, if it has failed."""
        self._waiting[0].result()
        self._waiting.popleft()

    def _commit(self, outputs: Outputs) -> None:
        if self._failed:
            return
        try:
            self.store.commit(outputs)
        except BaseException:
            self._failed = True
            raise
