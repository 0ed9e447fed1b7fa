"""Stores whose commits run beside the fold: one thread takes them in order, while the next stretch is worked out."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from forbear.engine.draft import joined
from forbear.engine.outputs import AuditRecord, Outputs, Position
from forbear.engine.ports import Store, Stores

MOST_WAITING = 4
"""Commits that may be under way: a fold that is quicker than the disk waits for it."""


class _Behind:
    """Has things done by a thread, in order. What fails is raised by the next call, and nothing behind it is done.

    do: takes all that waits when its turn comes, at least one.
    """

    def __init__(self, do: Callable[[Sequence[Any]], None]) -> None:
        self._do = do
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commits")
        self._waiting: deque[Future[None]] = deque()
        self._given: deque[Any] = deque()
        self._failed = False

    def submit(self, what: Any) -> None:
        """Have something done behind what was given before. Raises what an earlier one has raised."""
        while self._waiting and (self._waiting[0].done() or len(self._waiting) >= MOST_WAITING):
            self._next()
        self._given.append(what)
        self._waiting.append(self._thread.submit(self._done))

    def wait(self) -> None:
        """Return when everything given is done. Raises what failed."""
        while self._waiting:
            self._next()

    def close(self) -> None:
        """Let go of the thread, when it has done what it was given."""
        self._thread.shutdown()

    # ---- inside

    def _next(self) -> None:
        """Wait for the oldest; it stays, and is raised again, if it has failed."""
        self._waiting[0].result()
        self._waiting.popleft()

    def _done(self) -> None:
        if self._failed or not self._given:  # done already, together with one before
            return
        together = [self._given.popleft() for _ in range(len(self._given))]
        try:
            self._do(together)
        except BaseException:
            self._failed = True
            raise


class CommittingBehind:
    """Store that has promised when `commit` returns, and recorded when `wait` does.

    What fails is raised by the next call of any method, and nothing behind it is committed.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._behind = _Behind(self._commit)

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
        self._behind.submit(outputs)

    def wait(self) -> None:
        """Return when everything promised is recorded. Raises what a commit has raised."""
        self._behind.wait()

    def settle(self) -> None:
        """Return when everything promised is recorded and survives a power cut."""
        self.wait()
        self.store.settle()

    def close(self) -> None:
        """Let go of the thread, when it has done what it was given."""
        self._behind.close()

    # ---- inside

    def _commit(self, given: Sequence[Outputs]) -> None:
        for outputs in given:
            self.store.commit(outputs)


class StoresBehind:
    """Stores of all partitions, in the same manner. What `of` gives is asked once all that was promised is recorded.

    What waits is committed together, so that many small commits cost no more than the database has time for.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._behind = _Behind(self._commit)

    def of(self, partition: int) -> Store:
        """The store of one. Raises what a commit has raised."""
        self.wait()
        return self._stores.of(partition)

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Have outputs recorded behind those before. Raises what an earlier commit has raised."""
        self._behind.submit(outputs)

    def wait(self) -> None:
        """Return when everything promised is recorded. Raises what a commit has raised."""
        self._behind.wait()

    def close(self) -> None:
        """Let go of the thread, when it has done what it was given."""
        self._behind.close()

    # ---- inside

    def _commit(self, given: Sequence[Mapping[int, Outputs]]) -> None:
        parts: defaultdict[int, list[Outputs]] = defaultdict(list)
        for one in given:
            for partition, outputs in one.items():
                parts[partition].append(outputs)
        self._stores.commit({partition: joined(outputs) for partition, outputs in parts.items()})
