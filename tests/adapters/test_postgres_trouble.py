"""What becomes of a store when its PostgreSQL server, or the way there, fails; and what its errors say."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import numpy as np
import psycopg
import pytest
from sqlalchemy import event, make_url, text

from forbear.adapters.sql.dialects.base import Access, Slow
from forbear.adapters.sql.dialects.postgresql import Month, make_room, months_in
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
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY, assert_same, assert_same_predictions, days, joined, scores
from forbear.testing.servers.postgres import PostgresServer

Databases = Any
AtEachStep = Any
"""What the fixtures of these names give; see conftest."""
MOST = 10_000
QUICK = Access(wait_seconds=0.3)


@pytest.fixture
def url(databases: Databases) -> str:
    """An empty store."""
    return str(databases.new())


def recorded(url: str) -> Outputs:
    """Everything in the store at a URL."""
    with closing(open_queries(url)) as queries:
        return queries.recorded(MOST).value


def run(url: str, statement: str) -> None:
    """Have the server do something behind the store's back."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


# ---- processes and servers that die


def _die_while_committing(url: str, step: int, outputs: Outputs, at_each_step: AtEachStep) -> None:
    store = open_store(url)
    left = iter(range(step))

    def die() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    with at_each_step(store.engine, die):
        store.commit(outputs)
    os._exit(0)


def test_a_killed_commit_is_there_or_not(url: str, at_each_step: AtEachStep, processes: Any) -> None:
    """A worker that is killed before any step leaves what was there before; the next one records it."""
    first, second = days(2)
    with closing(open_store(url)) as store:
        store.commit(first)
    step, ended = 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        worker = processes.Process(target=_die_while_committing, args=(url, step, second, at_each_step))
        worker.start()
        worker.join(60)
        ended = worker.exitcode or 0
        assert_same(first if ended else joined(first, second), recorded(url))
        step += 1

    assert (ended, step > 8) == (0, True)


def test_a_server_killed_in_mid_commit_has_all_or_nothing(at_each_step: AtEachStep) -> None:
    """SIGKILL to the server before any step: nobody answers, a restart finds nothing of it, and the store goes on."""
    with PostgresServer() as server, closing(open_store(server.url, access=QUICK)) as store:
        made = days(20)
        store.commit(made[0])
        for step, outputs in enumerate(made[1:]):
            left = iter(range(step))

            def kill(left: Iterator[int] = left) -> None:
                if next(left, None) is None:
                    server.kill()

            with at_each_step(store.engine, kill):
                try:
                    store.commit(outputs)
                    break
                except BackendUnavailable:
                    server.start()
            assert store.position() == outputs.after
            store.commit(outputs)

        assert step > 8, "statements, loads and the commit itself were steps before which it was killed"
        assert_same(joined(*made[: step + 2]), recorded(server.url))


def test_a_server_that_was_stopped_is_found_again() -> None:
    """While it is down every call says that nobody answers; when it is back the same store goes on."""
    with PostgresServer() as server, closing(open_store(server.url, access=QUICK)) as store:
        first, second = days(2)
        store.commit(first)
        server.stop()
        for call in (store.position, store.head, store.settle, lambda: store.commit(second)):
            with pytest.raises(BackendUnavailable):
                call()
        with pytest.raises(BackendUnavailable):
            open_store(server.url, access=QUICK)
        server.start()
        store.commit(second)
        assert_same(joined(first, second), recorded(server.url))


@contextmanager
def cut_at_commit(server: PostgresServer, *, arrives: bool) -> Iterator[str]:
    """The server's URL through a door that closes at the first COMMIT behind a prediction, and then no more.

    arrives: whether the word gets to the server; the answer never comes back.
    """
    door = socket.create_server(("127.0.0.1", 0))
    target = make_url(server.url)
    armed, spent = threading.Event(), threading.Event()

    def carry(client: socket.socket) -> None:
        behind = socket.create_connection(("127.0.0.1", target.port or 0))
        back = threading.Thread(target=pour, args=(behind, client))
        back.start()
        with suppress(OSError):
            while data := client.recv(1 << 16):
                if b"COPY predictions" in data:
                    armed.set()
                if armed.is_set() and b"COMMIT" in data and not spent.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    if arrives:
                        behind.sendall(data)
                    spent.set()
                    break
                behind.sendall(data)
        behind.shutdown(socket.SHUT_WR)
        back.join()
        client.close()
        behind.close()

    def pour(behind: socket.socket, client: socket.socket) -> None:
        while data := behind.recv(1 << 16):
            with suppress(OSError):
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)

    carriers: list[threading.Thread] = []

    def listen() -> None:
        with suppress(OSError):
            while True:
                carriers.append(threading.Thread(target=carry, args=(door.accept()[0],)))
                carriers[-1].start()

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        yield target.set(port=door.getsockname()[1]).render_as_string(hide_password=False)
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        for one in (listener, *carriers):
            one.join(30)


@pytest.mark.parametrize("arrives", [True, False])
def test_after_a_lost_commit_the_position_tells(databases: Databases, url: str, arrives: bool) -> None:
    """A connection lost in mid-commit says only that nobody answers; the position tells whether it was recorded."""
    first, second = days(2)
    server: PostgresServer = databases.server
    with cut_at_commit(server, arrives=arrives) as through:
        there = make_url(through).set(database=make_url(url).database).render_as_string(hide_password=False)
        with closing(open_store(there, access=QUICK)) as store:
            with pytest.raises(BackendUnavailable):
                store.commit(first)
            if arrives:
                assert store.position() == first.until
            else:
                assert store.position() == first.after
                store.commit(first)
            store.commit(second)
    assert_same(joined(first, second), recorded(url))


# ---- two writers


def _race(url: str, results: Any, start: Any) -> None:
    with closing(open_store(url)) as store:
        start.wait(30)
        try:
            store.commit(days(1)[0])
            results.put("recorded")
        except ForbearError as error:
            results.put(type(error).__name__)


def test_of_many_processes_one_records(databases: Databases, processes: Any) -> None:
    """Four processes make the store and commit the same at once: one records, the others are told."""
    url = databases.bare("raced")
    results, start = processes.Queue(), processes.Event()
    racers = [processes.Process(target=_race, args=(url, results, start)) for _ in range(4)]
    for racer in racers:
        racer.start()
    start.set()
    told = sorted(results.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join(30)

    assert told == ["ConflictError"] * 3 + ["recorded"]
    assert_same(days(1)[0], recorded(url))


def test_two_writers_make_one_month(url: str) -> None:
    """Connections that need the same months at once make each table once, and readers are not in the way."""
    wanted = scores(1, FIRST_DAY, tuple(range(1, 41)))
    wanted.day[:] = FIRST_DAY + 31 * (np.arange(40) % 4)
    engine = engine_of(url)
    ready, failed = threading.Barrier(4), list[BaseException]()

    def make() -> None:
        try:
            with engine.connect() as connection:
                ready.wait(30)
                make_room(connection, wanted)
        except BaseException as error:  # noqa: BLE001  # told by the assertion
            failed.append(error)

    with engine.connect() as reader, reader.begin():
        reader.execute(text("SELECT count(*) FROM predictions"))
        writers = [threading.Thread(target=make) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(60)
        assert months_in(reader) == {Month.of(FIRST_DAY + 31 * nth) for nth in range(4)}
    engine.dispose()
    assert not failed


def test_a_month_that_was_dropped_is_made_again(url: str) -> None:
    """Where somebody has let a month go that a writer knows, the commit fails for now and succeeds when tried again."""
    first, second = days(2)
    with closing(open_store(url)) as store:
        store.commit(first)
        run(url, f"DROP TABLE {Month.of(FIRST_DAY).table}")
        with pytest.raises(BackendUnavailable, match="try again"):
            store.commit(second)
        store.commit(second)
        assert store.position() == second.until


@pytest.mark.parametrize("day", [-(10**5), -1, 0, 30, 31, 20_000, 10**5])
def test_a_day_is_in_its_month(day: int) -> None:
    """Months follow one another without gap or overlap, before 1970 too."""
    month = Month.of(day)

    assert month.first <= day < month.past
    assert Month.of(month.first - 1).past == month.first
    assert Month.of(month.past).first == month.past
    assert 28 <= month.past - month.first <= 31


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
