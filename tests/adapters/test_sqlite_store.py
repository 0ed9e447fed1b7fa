"""The SQLite store keeps the laws of every store, and finds one customer by its indexes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.adapters.at_a_url import filled

from forbear.adapters.sql.desk import SqlDesk, open_desk
from forbear.adapters.sql.office import open_office
from forbear.adapters.sql.queries import SqlQueries, open_queries
from forbear.adapters.sql.store import SqlStore, SqlStores, open_store
from forbear.engine.audit import chain
from forbear.engine.outputs import Outputs
from forbear.testing.desk_contract import DeskContract
from forbear.testing.outputs import CUSTOMERS
from forbear.testing.queries_contract import QueriesContract
from forbear.testing.store_contract import Interrupted, StoreContract, StoresContract

MOST = 1_000


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without rows: copied, since a law that is tried often would else spend its time on migrations."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    open_store(f"sqlite:///{path}").close()
    return path


class _OverFiles:
    """Stores in files of a folder of their own, closed when the test is over."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, empty_store: Path) -> Iterator[None]:
        self.folder = tmp_path
        self.empty = empty_store
        self.opened: list[Any] = []
        yield
        for one in self.opened:
            one.close()

    def make(self) -> SqlStore:
        path = self.folder / f"{len(self.opened)}.db"
        shutil.copyfile(self.empty, path)
        return self._kept(open_store(f"sqlite:///{path}"))

    def again(self, store: SqlStore) -> SqlStore:
        return self._kept(open_store(str(store.engine.url)))

    def queries(self, store: SqlStore) -> SqlQueries:
        return self._kept(open_queries(str(store.engine.url), partition=store.partition))

    def desk(self, store: SqlStore) -> SqlDesk:
        return self._kept(open_desk(str(store.engine.url)))

    def recorded(self, store: SqlStore) -> Outputs:
        return self.queries(store).recorded(MOST).value

    def together(self, store: SqlStore) -> SqlStores:
        return store.stores

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

    def _kept(self, one: Any) -> Any:
        self.opened.append(one)
        return one


class TestStore(_OverFiles, StoreContract):
    """The laws of every store."""


class TestStores(_OverFiles, StoresContract):
    """The laws of stores that commit together."""


class TestQueries(_OverFiles, QueriesContract):
    """The laws of every read side."""


class TestDesk(_OverFiles, DeskContract):
    """The laws of every desk."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where a store may be made."""
    return f"sqlite:///{tmp_path}/forbear.db"


def test_one_customer_is_found_without_reading_all(url: str) -> None:
    """Timeline, leads and erasure go by indexes: no step of their plans walks through the predictions."""
    filled(url, 3)
    store, seen = open_store(url), list[str]()
    queries = open_queries(url)
    for engine in (store.engine, queries.engine):

        @event.listens_for(engine, "before_cursor_execute")
        def explained(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if "predictions" in statement:
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                seen.extend(row[3] for row in cursor.fetchall())

    queries.timeline(CUSTOMERS[0], 10)
    queries.leads(20_000, 20_010, 30)
    store.held(CUSTOMERS[0])
    store.forget(CUSTOMERS[0], chain(store.head(), "erasure", 0, {}))
    store.close()
    queries.close()

    walked = [step for step in seen if "predictions" in step]
    assert {step.split()[0] for step in walked} == {"SEARCH"}
    assert any("predictions_customer (customer=?" in step for step in walked)
    assert any("PRIMARY KEY (partition=? AND offset=? AND ordinal=?" in step for step in walked)


def test_whoever_has_many_connections_keeps_little_in_each(url: str) -> None:
    """A worker's connection keeps 64 MiB of pages; of a desk and an office, which have several, each keeps 8."""

    def kept_mib(engine: Any) -> int:
        with engine.connect() as connection:
            return -int(connection.connection.execute("PRAGMA cache_size").fetchone()[0]) // 1_024

    with closing(open_store(url)) as store, closing(open_desk(url)) as desk:
        assert (kept_mib(store.engine), kept_mib(desk.engine)) == (64, 8)
    with closing(open_office(url, writer="test", published=False)) as office:
        assert kept_mib(office.rooms.engine) == 8
