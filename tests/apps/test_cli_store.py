"""Looking after a store's database from the command line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.schema import REVISION
from forbear.adapters.sql.store import open_store
from forbear.testing.outputs import days
from forbear.testing.servers.postgres import PostgresServer

Cli = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store can be made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/forbear.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE looked_after")
    return make_url(server.url).set(database="looked_after").render_as_string(hide_password=False)


def test_a_store_is_made_and_let_go_of_old_rows(cli: Cli, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrating makes it, twice is once; what is old goes, and the number of rows is told."""
    monkeypatch.setenv("FORBEAR_STORE", url)
    for _ in range(2):
        assert cli("store", "migrate", "--json").document == {"schema": REVISION}
    with closing(open_store(url)) as store:
        for outputs in days(2):  # long ago
            store.commit(outputs)

    gone = cli("store", "retain", "--interventions-days", "90", "--json").document
    assert (gone["decisions"], gone["contacts"]) == (4, 2)
    assert gone["predictions"] > 0
    with closing(open_queries(url)) as queries:
        assert queries.status().value.rows["predictions"] == 8 - gone["predictions"]
    assert "name nobody any more" in cli("store", "retain").out


def test_too_short_a_retention_is_refused(cli: Cli, tmp_path: Path) -> None:
    """Interventions under ninety days are a setting to mend, and nothing is made where no home is."""
    for arguments in (["retain", "--interventions-days", "89"], ["retain"], ["migrate"]):
        assert cli("store", *arguments, "--home", tmp_path / "none").code == 2
    assert not list(tmp_path.iterdir())
