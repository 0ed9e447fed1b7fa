"""What a store over PostgreSQL says when it is refused, and what those who read it are told."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, make_url, text
from tests.adapters.at_a_url import run

from forbear.adapters.sql.dialects.base import Access, Slow
from forbear.adapters.sql.engine import engine_of, guarded
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import open_store, open_stores
from forbear.domain.errors import (
    BackendUnavailable,
    ConfigError,
    ConflictError,
    CorruptState,
    ForbearError,
    StorageError,
)
from forbear.engine.outputs import Named, Outputs, Position
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY, assert_same_predictions, days, scores
from forbear.testing.servers.postgres import PostgresServer

Databases = Any


QUICK = Access(wait_seconds=0.3)


@pytest.fixture
def url(databases: Databases) -> str:
    """An empty store."""
    return str(databases.new())


# ---- errors


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("53100", StorageError),
        ("58030", StorageError),
        ("42501", StorageError),
        ("XX001", CorruptState),
        ("40001", ConflictError),
        ("40P01", ConflictError),
        ("53300", BackendUnavailable),
        ("57P01", BackendUnavailable),
        ("55P03", BackendUnavailable),
    ],
)
def test_what_the_server_refuses_is_named_for_who_must_act(url: str, code: str, kind: type[ForbearError]) -> None:
    """A code of the server's becomes the error of whoever can mend it, and nothing of the commit is there."""
    (first,) = days(1)
    run(
        url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$",
    )
    run(url, "CREATE TRIGGER refuse BEFORE INSERT ON predictions FOR EACH ROW EXECUTE FUNCTION refuse()")
    with closing(open_store(url)) as store:
        with pytest.raises(kind):
            store.commit(first)
        run(url, "DROP TRIGGER refuse ON predictions")
        assert store.position() == first.after
        store.commit(first)


def test_a_lock_that_is_held_is_waited_for_and_no_longer(url: str) -> None:
    """While another session holds the fence a commit waits as long as it may, then says that it is held."""
    first, second = days(2)
    with closing(open_store(url, access=QUICK)) as store:
        store.commit(first)
        with psycopg.connect(url) as holder:
            holder.execute("SELECT * FROM positions FOR UPDATE")
            with pytest.raises(BackendUnavailable, match="another session"):
                store.commit(second)
        store.commit(second)


def test_a_statement_that_takes_too_long_is_ended() -> None:
    """The server ends it; so it does on a connection that was given options of its own."""
    with PostgresServer() as server:
        for more in ("", "?options=-c%20work_mem%3D8MB"):
            engine = engine_of(server.url + more, Access(statement_seconds=0.1))
            with pytest.raises(BackendUnavailable, match="longer"), guarded(engine), engine.connect() as connection:
                connection.execute(text("SELECT pg_sleep(20)"))
            engine.dispose()


def test_no_connection_left_is_said(url: str) -> None:
    """More callers than connections wait, and are told."""
    with closing(open_store(url, access=Access(wait_seconds=0.1, connections=1))) as store:
        with store.engine.connect(), pytest.raises(BackendUnavailable, match="in use"):
            store.position()
        store.position()


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong-secret"},
        {"username": "nobody-here"},
        {"database": "not_there"},
        {"query": {"sslmode": "require"}},
        {"query": {"nonsense": "1"}},
    ],
)
def test_a_wrong_url_is_a_setting_to_mend(databases: Databases, wrong: dict[str, Any]) -> None:
    """Wrong user, password, database or option of TLS: a ConfigError, in which no password stands."""
    secret = make_url(databases.server.url).password
    with pytest.raises(ConfigError, match="check user, password") as refused:
        open_store(databases.url(**wrong))

    told = f"{refused.value} {refused.value.__cause__} {refused.value.__context__}"
    assert not [one for one in (secret, "wrong-secret") if one in told]


def test_a_store_shows_no_password(url: str) -> None:
    """Neither its engine nor what a URL that cannot be read says shows one."""
    with closing(open_store(url)) as store:
        secret = make_url(url).password or ""
        assert secret not in f"{store.engine!r} {store.engine.url} {store!r}"
    for unreadable in ("postgresql://user:my-secret@host:port/x", "mysql://user:my-secret@host/x", "my-secret"):
        with pytest.raises(ConfigError, match="postgresql://") as refused:
            open_store(unreadable)
        assert "my-secret" not in f"{refused.value} {refused.value.__cause__}"


def test_no_error_shows_a_row(url: str) -> None:
    """A commit that fails for a row that is there tells neither its values nor the statement."""
    (first,) = days(1)
    same = Outputs(after=first.until, until=Position(20), customers=(Named(CUSTOMERS[1], "somebody", 9, 15),))
    with closing(open_store(url)) as store:
        store.commit(first)
        with pytest.raises(ConflictError) as refused:
            store.commit(same)

    told = f"{refused.value} {refused.value.__cause__}"
    assert not [word for word in ("somebody", str(CUSTOMERS[1]), "COPY") if word in told]


def test_a_newer_or_foreign_database_is_refused(databases: Databases, url: str) -> None:
    """A store that a later version has migrated is neither written nor read; foreign tables are left alone."""
    run(url, "UPDATE alembic_version SET version_num = '9999'")
    for opened in (open_store, open_queries):
        with pytest.raises(CorruptState, match="9999"):
            opened(url)
    foreign = databases.bare("foreign")
    run(foreign, "CREATE TABLE accounts (number integer)")
    with pytest.raises(CorruptState, match="accounts"):
        open_store(foreign)


# ---- readers


def test_what_must_not_be_lost_waits_for_the_disk(url: str) -> None:
    """On a server that is told not to wait, a settle does, and only that."""
    seen: list[Any] = []
    with closing(open_store(f"{url}?options=-c%20synchronous_commit%3Doff")) as store:

        def note(connection: Any) -> None:
            seen.append(connection.exec_driver_sql("SHOW synchronous_commit").scalar())

        event.listen(store.engine, "commit", note)
        store.commit(days(1)[0])
        seen.clear()
        store.settle()
        settled = seen[-1]
        store.commit(days(2)[1])

    assert (settled, seen[-1]) == ("on", "off")


def test_a_reader_cannot_write(databases: Databases, url: str) -> None:
    """The read side refuses to change anything, and one that has no store to read says so."""
    with (
        closing(open_queries(url)) as queries,
        pytest.raises(StorageError, match="read-only"),
        guarded(queries.engine),
        queries.engine.connect() as connection,
    ):
        connection.execute(text("DELETE FROM audit"))
    with pytest.raises(CorruptState, match="None"):
        open_queries(databases.bare("with_no_store"))


def test_an_answer_is_of_one_instant(url: str) -> None:
    """What is committed while an answer is put together is in none of its parts."""
    first, second = days(2)
    with closing(open_store(url)) as store, closing(open_queries(url)) as queries:
        store.commit(first)
        with queries._reading() as (connection, as_of):
            store.commit(second)
            seen = connection.scalar(text("SELECT count(*) FROM audit"))
        assert (as_of, seen) == (first.until, len(first.audit))
        assert queries.status().as_of == second.until


def test_slow_statements_are_told_without_values(url: str) -> None:
    """A statement that takes as long as the bound or longer is told with its duration; its values are not."""
    told: list[tuple[str, float]] = []
    access = Access(slow=Slow(0.0, lambda statement, took: told.append((statement, took))), name="a tester")
    with closing(open_queries(url, access=access)) as queries:
        queries.timeline(CUSTOMERS[0], 10)
        with queries.engine.connect() as connection:
            assert connection.scalar(text("SHOW application_name")) == "a tester"

    assert all(took >= 0 for _, took in told)
    assert [statement for statement, _ in told if "predictions" in statement]
    assert not [statement for statement, _ in told if str(CUSTOMERS[0]) in statement.split()]


def test_many_predictions_read_back(url: str) -> None:
    """Predictions of two months, and such as nothing raises, come back value for value."""
    many = scores(7, FIRST_DAY, tuple(range(1, 1_301)))
    many.day[600:] += 40
    many.attributions[::3] = -1.0
    with closing(open_stores(url)) as stores:
        stores.of(1).commit(Outputs(after=Position(-1), until=Position(8), predictions=many))
    with closing(open_queries(url, partition=1)) as queries:
        found = queries.recorded(2_000).value.predictions

    assert found is not None
    assert_same_predictions(many, found)
