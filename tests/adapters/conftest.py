"""Databases of a PostgreSQL server."""

from __future__ import annotations

import multiprocessing as mp
import multiprocessing.context
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, event, make_url

from forbear.adapters.sql.store import open_store
from forbear.testing.servers.postgres import PostgresServer


class Databases:
    """Databases of one server, each made from an empty store: a law that is tried often would else migrate as often."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._numbers = count()
        open_store(self.bare("empty")).close()

    def new(self) -> str:
        """The URL of a store in which nothing was ever recorded."""
        return self.bare(f"store_{next(self._numbers)}", "empty")

    def bare(self, name: str, template: str = "template0") -> str:
        """The URL of a new database; without a template there is nothing in it."""
        making = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(making)
        return self.url(database=name)

    def url(self, **changed: Any) -> str:
        """The URL of the server with some parts changed."""
        return make_url(self.server.url).set(**changed).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> Databases:
    """Where stores are made."""
    return Databases(postgres)


Processes = mp.context.ForkServerContext
AtEachStep = Callable[[Engine, Callable[[], None]], AbstractContextManager[None]]


@contextmanager
def hooked(engine: Engine, done: Callable[[], None]) -> Iterator[None]:
    """See `at_each_step`; at the top of the module, where another process finds it."""

    class Hooked(psycopg.Cursor[Any]):
        """A cursor of the driver's that SQLAlchemy does not see loading rows."""

        def copy(self, *given: Any, **named: Any) -> Any:
            done()
            return super().copy(*given, **named)

    def use(connection: Any, *_: Any) -> None:
        connection.cursor_factory = Hooked

    def use_no_more(connection: Any, *_: Any) -> None:
        if connection is not None:
            connection.cursor_factory = psycopg.Cursor

    def step(*_: Any) -> None:
        done()

    heard = {"before_cursor_execute": step, "commit": step, "checkout": use, "checkin": use_no_more}
    for name, heeded in heard.items():
        event.listen(engine, name, heeded)
    try:
        yield
    finally:
        for name, heeded in heard.items():
            event.remove(engine, name, heeded)


@pytest.fixture(scope="session")
def at_each_step() -> AtEachStep:
    """While the block runs something is done right before each statement, each load of rows and each commit."""
    return hooked


@pytest.fixture(scope="session")
def processes() -> Processes:
    """
    Processes that fork from one that has no threads.

    A fork of the process that runs the tests copies every lock that another thread of it happens to hold, and the copy
    waits for it for ever.
    """
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["forbear.adapters.sql.store", "forbear.adapters.vault", "forbear.testing.outputs"])
    return context


@pytest.fixture
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the URL of one empty store after another, on the database that the test's class names: its `where`."""
    if request.cls.where == "postgresql":
        databases: Databases = request.getfixturevalue("databases")
        return databases.new
    open_store(f"sqlite:///{tmp_path}/empty.db").close()
    numbers = count()

    def copied() -> str:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copyfile(tmp_path / "empty.db", path)
        return f"sqlite:///{path}"

    return copied


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/forbear.db"
    databases: Databases = request.getfixturevalue("databases")
    return databases.new()
