"""The PostgreSQL store keeps the laws of every store, and meets what happens to servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, make_url

from forbear.adapters.sql.queries import SqlQueries, open_queries
from forbear.adapters.sql.store import SqlStore, open_store
from forbear.testing.queries_contract import QueriesContract
from forbear.testing.servers.postgres import PostgresServer
from forbear.testing.store_contract import Interrupted, StoreContract

_NUMBERS = count()


class Databases:
    """Databases of one server, each made from an empty store: a law that is tried often would else migrate as often."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        open_store(self._make("empty", "template0")).close()

    def new(self) -> str:
        """The URL of a store in which nothing was ever recorded."""
        return self._make(f"store_{next(_NUMBERS)}", "empty")

    def _make(self, name: str, template: str) -> str:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[call-overload]
        return make_url(self.server.url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> Databases:
    """Where stores are made."""
    return Databases(postgres)


class _OverServer:
    """Stores in databases of their own, closed when the test is over."""

    @pytest.fixture(autouse=True)
    def _databases(self, databases: Databases) -> Iterator[None]:
        self.databases = databases
        self.urls: dict[Any, str] = {}
        yield
        for one in self.urls:
            one.close()

    def make(self) -> SqlStore:
        return self._opened(open_store, self.databases.new())

    def again(self, store: SqlStore) -> SqlStore:
        return self._opened(open_store, self.urls[store])

    def queries(self, store: SqlStore) -> SqlQueries:
        return self._opened(open_queries, self.urls[store])

    @contextmanager
    def failing(self, store: SqlStore, step: int) -> Iterator[None]:
        left = iter(range(step))

        def fail(*_: Any) -> None:
            if next(left, None) is None:
                raise Interrupted

        event.listen(store.engine, "before_cursor_execute", fail)
        event.listen(store.engine, "commit", fail)
        try:
            yield
        finally:
            event.remove(store.engine, "before_cursor_execute", fail)
            event.remove(store.engine, "commit", fail)

    def _opened(self, how: Any, url: str) -> Any:
        one = how(url)
        self.urls[one] = url
        return one


class TestStore(_OverServer, StoreContract):
    """The laws of every store."""


class TestQueries(_OverServer, QueriesContract):
    """The laws of every read side."""
