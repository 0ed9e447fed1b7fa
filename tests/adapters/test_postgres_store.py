"""The PostgreSQL store keeps the laws of every store, and meets what happens to servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from forbear.adapters.sql.desk import SqlDesk, open_desk
from forbear.adapters.sql.queries import SqlQueries, open_queries
from forbear.adapters.sql.store import SqlStore, SqlStores, open_store
from forbear.engine.outputs import Outputs
from forbear.testing.desk_contract import DeskContract
from forbear.testing.queries_contract import QueriesContract
from forbear.testing.store_contract import Interrupted, StoreContract, StoresContract

_OPEN, _MOST = 10, 10_000

Databases = Any
AtEachStep = Any
"""What the fixtures of these names give; see conftest."""


class _OverServer:
    """Stores in databases of their own, closed when the test is over."""

    @pytest.fixture(autouse=True)
    def _databases(self, databases: Databases, at_each_step: AtEachStep) -> Iterator[None]:
        self.databases = databases
        self.at_each_step = at_each_step
        self.urls: dict[Any, str] = {}
        yield
        self._close()

    def _close(self) -> None:
        for one in self.urls:
            one.close()

    def make(self) -> SqlStore:
        return self._opened(open_store, self.databases.new())

    def again(self, store: SqlStore) -> SqlStore:
        return self._opened(open_store, self._url_of(store))

    def queries(self, store: SqlStore) -> SqlQueries:
        return self._opened(open_queries, self._url_of(store), partition=store.partition)

    def desk(self, store: SqlStore) -> SqlDesk:
        return self._opened(open_desk, self._url_of(store))

    def recorded(self, store: SqlStore) -> Outputs:
        return self.queries(store).recorded(_MOST).value

    def together(self, store: SqlStore) -> SqlStores:
        self.urls[store.stores] = self.urls[store]
        return store.stores

    @contextmanager
    def failing(self, store: SqlStore, step: int) -> Iterator[None]:
        left = iter(range(step))

        def fail() -> None:
            if next(left, None) is None:
                raise Interrupted

        with self.at_each_step(store.engine, fail):
            yield

    def _url_of(self, store: SqlStore) -> str:
        return self.urls.get(store) or self.urls[store.stores]

    def _opened(self, how: Any, url: str, **named: Any) -> Any:
        if len(self.urls) % _OPEN == 0:  # a law that is tried often makes many, and looks at the last ones only
            self._close()
        one = how(url, **named)
        self.urls[one] = url
        return one


class TestStore(_OverServer, StoreContract):
    """The laws of every store."""


class TestStores(_OverServer, StoresContract):
    """The laws of stores that commit together."""


class TestQueries(_OverServer, QueriesContract):
    """The laws of every read side."""


class TestDesk(_OverServer, DeskContract):
    """The laws of every desk."""
