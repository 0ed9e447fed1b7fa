"""Laws of a store that commits behind the fold: in order, whole, and nothing behind what has failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from forbear.adapters.sql.store import open_store
from forbear.domain.errors import ConflictError, StorageError
from forbear.engine.behind import MOST_WAITING, CommittingBehind
from forbear.engine.outputs import AuditRecord, Outputs, Position


@dataclass
class Slow:
    """A store that waits to be let go on, and fails at one place."""

    fails_at: int = -1
    taken: list[int] = field(default_factory=list)
    go_on: Event = field(default_factory=Event)

    def position(self) -> Position:
        """Behind the last commit."""
        return Position(len(self.taken))

    def head(self) -> AuditRecord | None:
        """There is none."""
        return None

    def settle(self) -> None:
        """What is taken stays."""

    def commit(self, outputs: Outputs) -> None:
        """Wait, then take it or fail."""
        self.go_on.wait()
        if outputs.until.offset == self.fails_at:
            raise StorageError("the disk is full", mend="make room")
        self.taken.append(outputs.until.offset)


def stretches(count: int) -> Iterator[Outputs]:
    """Outputs of one event each."""
    return (Outputs(after=Position(n), until=Position(n + 1)) for n in range(count))


def test_commits_in_order_while_the_caller_goes_on() -> None:
    """A commit returns before it is recorded; settling waits for all, in the order given."""
    slow = Slow()
    with closing(CommittingBehind(slow)) as behind:
        for outputs in stretches(MOST_WAITING):
            behind.commit(outputs)
        assert slow.taken == []
        slow.go_on.set()
        behind.settle()
        assert slow.taken == [*range(1, MOST_WAITING + 1)]


def test_position_counts_what_was_promised() -> None:
    """Whoever asks where the store stands is told once everything promised is recorded."""
    slow = Slow()
    with closing(CommittingBehind(slow)) as behind:
        for outputs in stretches(3):
            behind.commit(outputs)
        slow.go_on.set()
        assert behind.position() == Position(3)


def test_nothing_behind_a_failure_is_committed() -> None:
    """A commit that fails is raised, again and again, and none behind it reaches the store."""
    slow = Slow(fails_at=2)
    with closing(CommittingBehind(slow)) as behind:
        for outputs in stretches(MOST_WAITING):
            behind.commit(outputs)
        slow.go_on.set()
        for _ in range(2):
            with pytest.raises(StorageError, match="the disk is full"):
                behind.settle()
        with pytest.raises(StorageError, match="the disk is full"):
            behind.commit(Outputs(after=Position(9), until=Position(10)))
    assert slow.taken == [1]


def test_a_lost_fence_is_raised(tmp_path: Path) -> None:
    """Another worker's commit in between is a conflict, told by the next call."""
    with closing(open_store(f"sqlite:///{tmp_path / 'one.db'}")) as store, closing(CommittingBehind(store)) as behind:
        behind.commit(Outputs(after=Position(-1), until=Position(5)))
        behind.settle()
        store.commit(Outputs(after=Position(5), until=Position(7)))
        behind.commit(Outputs(after=Position(5), until=Position(6)))
        with pytest.raises(ConflictError):
            behind.settle()
        assert store.position() == Position(7)
