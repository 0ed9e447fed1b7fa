"""Migrations and the schema in the code give one database; older stores come forward, newer ones are refused."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, text

import forbear.adapters.sql.migrations as scripts
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.schema import META, REVISION
from forbear.adapters.sql.store import open_store
from forbear.domain.errors import CorruptState
from forbear.engine.queries import Scored
from forbear.testing.outputs import CUSTOMERS, days
from forbear.testing.servers.postgres import PostgresServer


def objects_of(path: Path) -> set[tuple[str, str]]:
    """Every table and index of a database as its definition, but for Alembic's own; blanks do not count."""
    reader = sqlite3.connect(path)
    rows = reader.execute(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    ).fetchall()
    reader.close()
    return {(name, " ".join(sql.split())) for name, sql in rows if name != "alembic_version"}


def test_migrations_and_schema_give_the_same_database(tmp_path: Path) -> None:
    """A database that was migrated has exactly the tables and indexes that the code describes."""
    engine = create_engine(f"sqlite:///{tmp_path}/described.db")
    META.create_all(engine)
    engine.dispose()
    open_store(f"sqlite:///{tmp_path}/migrated.db").close()

    described = objects_of(tmp_path / "described.db")
    assert {table.name for table in META.sorted_tables} <= {name for name, _ in described}
    assert described == objects_of(tmp_path / "migrated.db")


def test_postgresql_has_what_the_code_describes(postgres: PostgresServer) -> None:
    """Tables, columns and indexes of a migrated database are those of the code; predictions are parted by day."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    url = make_url(postgres.url).set(database="migrated")
    open_store(url.render_as_string(hide_password=False)).close()
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    try:
        there = inspect(engine)
        for table in META.sorted_tables:
            described = {
                (column.name, column.type.compile(engine.dialect), column.nullable) for column in table.columns
            }
            assert described == {
                (column["name"], column["type"].compile(engine.dialect), column["nullable"])
                for column in there.get_columns(table.name)
            }
            parted = {"day"} if table.name == "predictions" else set()
            keyed = set(there.get_pk_constraint(table.name)["constrained_columns"])
            assert keyed == {column.name for column in table.primary_key} | parted
            indexes = {index["name"]: index["column_names"] for index in there.get_indexes(table.name)}
            assert indexes == {index.name: [column.name for column in index.columns] for index in table.indexes}
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_get_partkeydef('predictions'::regclass)")) == "RANGE (day)"
    finally:
        engine.dispose()


def test_the_code_knows_the_newest_migration() -> None:
    """The revision that a store is opened at is the only head, and the line to it has no branch."""
    config = Config()
    config.set_main_option("script_location", str(Path(scripts.__file__).parent))
    script = ScriptDirectory.from_config(config)

    assert script.get_heads() == [REVISION]


def test_a_store_is_opened_again_as_it_was(tmp_path: Path) -> None:
    """Opening a store of this version changes nothing in it."""
    url, path = f"sqlite:///{tmp_path}/forbear.db", tmp_path / "forbear.db"
    store = open_store(url)
    store.commit(days(1)[0])
    store.close()
    before = path.read_bytes()
    open_store(url).close()

    assert before == path.read_bytes()


def test_a_store_of_the_first_schema_comes_forward(tmp_path: Path) -> None:
    """Customers get the slots in whose order they were recorded, and an offset before any that is looked for.

    What day closes have scored is found by the slots.
    """
    url, path = f"sqlite:///{tmp_path}/forbear.db", tmp_path / "forbear.db"
    (first,) = days(1)
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(scripts.__file__).parent))
        command.upgrade(config, "0001")
    engine.dispose()
    older = sqlite3.connect(path)
    signed = [((one.customer + 2**63) % 2**64 - 2**63, one.customer_id) for one in first.customers]
    older.executemany("INSERT INTO customers VALUES (?, ?)", signed)
    older.commit()
    older.close()

    store = open_store(url)
    store.commit(replace(first, customers=()))
    queries = open_queries(url)
    assert tuple(sorted(queries.recorded(100).value.customers)) == tuple(
        one._replace(offset=-1) for one in sorted(first.customers)
    )
    for customer in CUSTOMERS:
        entries = queries.timeline(customer, 10).value.entries
        assert sum(isinstance(entry, Scored) for entry in entries) == 1
    queries.close()
    store.close()


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A store that a later version has migrated is neither written nor read, and says which version is needed."""
    url, path = f"sqlite:///{tmp_path}/forbear.db", tmp_path / "forbear.db"
    open_store(url).close()
    newer = sqlite3.connect(path)
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()

    with pytest.raises(CorruptState, match=r"9999.*the version of forbear that wrote it"):
        open_store(url)
    with pytest.raises(CorruptState, match="9999"):
        open_queries(url)


def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    """Tables that are not ours are left alone."""
    path = tmp_path / "forbear.db"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE accounts (number)")
    foreign.close()
    before = path.read_bytes()

    with pytest.raises(CorruptState, match="accounts"):
        open_store(f"sqlite:///{path}")
    assert before[100:] == path.read_bytes()[100:]
