"""A store with something around it: what is not told otherwise is as the inner one says."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.engine.outputs import AuditRecord, Outputs, Position
from forbear.engine.ports import Store


class StoreAround:
    """Whoever surrounds a store says in `commit` what happens beside it. store: the inner one."""

    __slots__ = ()
    store: Store

    def position(self) -> Position:
        """As the store says."""
        return self.store.position()

    def head(self) -> AuditRecord | None:
        """As the store says."""
        return self.store.head()

    def records(self, first: int, limit: int) -> Sequence[AuditRecord]:
        """As the store says."""
        return self.store.records(first, limit)

    def commit(self, outputs: Outputs) -> None:
        """Record outputs. Raises what the store raises."""
        self.store.commit(outputs)

    def settle(self) -> None:
        """As the store does."""
        self.store.settle()
