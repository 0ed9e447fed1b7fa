"""The doubles of a source, a sink and the stores keep the laws of the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from forbear.engine.outputs import Outputs
from forbear.testing.doubles import MemorySink, MemorySource, MemoryStore, MemoryStores, MemoryTopic
from forbear.testing.log_contract import ZONE, LogContract, Topic
from forbear.testing.store_contract import Interrupted, StoreContract, StoresContract


class TestMemoryLog(LogContract):
    """The laws of every log."""

    def make(self) -> Topic:
        """A topic in memory."""
        topic = MemoryTopic()
        return Topic(lambda: MemorySink(topic), lambda: MemorySource(topic, ZONE))


class _InMemory:
    """Stores in memory."""

    def make(self) -> MemoryStore:
        return MemoryStores().of(0)

    def again(self, store: MemoryStore) -> MemoryStore:
        return store.stores.of(store.partition)

    def recorded(self, store: MemoryStore) -> Outputs:
        return store.stores.recorded(store.partition)

    def together(self, store: MemoryStore) -> MemoryStores:
        return store.stores

    @contextmanager
    def failing(self, store: MemoryStore, step: int) -> Iterator[None]:
        left = iter(range(step))

        def fail() -> None:
            if next(left, None) is None:
                raise Interrupted

        before, store.stores.before_step = store.stores.before_step, fail
        try:
            yield
        finally:
            store.stores.before_step = before


class TestStore(_InMemory, StoreContract):
    """The laws of every store."""


class TestStores(_InMemory, StoresContract):
    """The laws of stores that commit together."""
