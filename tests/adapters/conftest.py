"""One Hypothesis profile for all laws, and databases of a PostgreSQL server."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from sqlalchemy import make_url

from forbear.adapters.sql.store import open_store
from forbear.testing.servers.postgres import PostgresServer

settings.register_profile("forbear", deadline=None, max_examples=25, print_blob=True)
settings.load_profile("forbear")


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


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/forbear.db"
    databases: Databases = request.getfixturevalue("databases")
    return databases.new()
