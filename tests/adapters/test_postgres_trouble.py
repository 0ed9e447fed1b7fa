"""What becomes of a store when its PostgreSQL server, the way there or another writer gets in its way."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from sqlalchemy import make_url, text
from tests.adapters.at_a_url import assert_one_records, recorded, run

from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.dialects.postgresql import Month, make_room, months_in
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.store import open_store
from forbear.domain.errors import (
    BackendUnavailable,
)
from forbear.engine.outputs import Outputs
from forbear.testing.outputs import FIRST_DAY, assert_same, days, joined, scores
from forbear.testing.servers.postgres import PostgresServer

Databases = Any
AtEachStep = Any
"""What the fixtures of these names give; see conftest."""


QUICK = Access(wait_seconds=0.3)


@pytest.fixture
def url(databases: Databases) -> str:
    """An empty store."""
    return str(databases.new())


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


def test_of_many_processes_one_records(databases: Databases, processes: Any) -> None:
    """Four processes make the store and commit the same at once: one records, the others are told."""
    assert_one_records(databases.bare("raced"), processes)


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
