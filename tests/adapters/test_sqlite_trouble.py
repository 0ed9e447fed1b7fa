"""What becomes of a SQLite store when its process dies, its disk is full or its file is damaged, and what it says."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.adapters.at_a_url import assert_one_records, filled, recorded

from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import open_store
from forbear.domain.errors import (
    BackendUnavailable,
    ConfigError,
    CorruptState,
    ForbearError,
    StorageError,
)
from forbear.engine.outputs import Named, Outputs, Position
from forbear.testing.outputs import CUSTOMERS, assert_same, assert_same_predictions, day, days, joined, scores
from forbear.testing.queries_contract import erased

_NORMAL, _FULL = 1, 2
"""Levels of SQLite's `PRAGMA synchronous`: FULL syncs the journal before a commit returns."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where a store may be made."""
    return f"sqlite:///{tmp_path}/forbear.db"


# ---- a process that dies


def _die_while_committing(url: str, step: int, outputs: Outputs) -> None:
    store = open_store(url)
    left = iter(range(step))

    def die(*_: Any) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store.engine, "after_cursor_execute", die)
    store.commit(outputs)
    os._exit(0)


def test_a_killed_commit_is_there_or_not(url: str, processes: Any) -> None:
    """Killed after any statement, a commit is as if it had never begun; the next process records it."""
    first, second = days(2)
    filled(url)
    step, ended = 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        worker = processes.Process(target=_die_while_committing, args=(url, step, second))
        worker.start()
        worker.join(60)
        ended = worker.exitcode or 0
        assert_same(first if ended else joined(first, second), recorded(url))
        step += 1

    assert (ended, step > 8) == (0, True)


def test_of_many_processes_one_records(url: str, processes: Any) -> None:
    """Four processes make the store and commit the same at once: one records, the others are told."""
    assert_one_records(url, processes)


def test_a_settle_is_synced_and_takes_along_what_came_before(url: str, tmp_path: Path) -> None:
    """Commits are not waited for; a settle is: it adds to the journal behind them, which SQLite syncs as a whole."""
    store, journal = open_store(url), tmp_path / "forbear.db-wal"
    levels: list[int] = []

    def note(connection: Any) -> None:
        levels.append(connection.connection.execute("PRAGMA synchronous").fetchone()[0])

    event.listen(store.engine, "commit", note)
    with store.engine.connect():  # while somebody else is there the journal stays, and shows what was added to it
        store.commit(days(1)[0])
        behind = journal.read_bytes()
        store.settle()
        settled = journal.read_bytes()
        store.commit(day(1, store.head()))
    store.close()

    assert levels == [_NORMAL, _FULL, _NORMAL]
    assert settled != behind


# ---- a disk that does not


def test_a_full_disk_is_a_storage_error(url: str) -> None:
    """Where the file cannot grow the commit says so, nothing of it is there, and with room again it succeeds."""
    store = open_store(url)
    first = days(1)[0]
    store.commit(first)
    many = Outputs(after=first.until, until=Position(30), predictions=scores(15, 1, tuple(range(1, 2_000))))
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=60")
    with pytest.raises(StorageError, match="free some disk space"):
        store.commit(many)
    assert_same(first, recorded(url))

    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    store.commit(many)
    assert store.position() == many.until
    store.close()


def test_a_read_only_store_is_a_storage_error(url: str) -> None:
    """A connection that may not write is refused with the mend, and the store is as it was."""
    (first,) = filled(url)
    store = open_store(url)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StorageError, match="permission"):
        store.commit(day(1, first.audit[-1]))
    store.close()
    assert_same(first, recorded(url))


def test_a_damaged_file_is_corrupt_state(url: str, tmp_path: Path) -> None:
    """A file that is none of SQLite's, and one with a page overwritten, are CorruptState and name the file."""
    path = tmp_path / "forbear.db"
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 100)
    path.chmod(0o600)
    with pytest.raises(CorruptState, match=r"forbear\.db"):
        open_store(url)

    path.unlink()
    filled(url, 3)
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(CorruptState, match="backup"):
        recorded(url)


def test_a_lock_that_is_held_is_waited_for_and_no_longer(url: str, tmp_path: Path) -> None:
    """While another process writes a commit waits as long as it may, then says that nobody answers."""
    (first,) = filled(url)
    store = open_store(url, access=Access(wait_seconds=0.05))
    holder = sqlite3.connect(tmp_path / "forbear.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    second = day(1, first.audit[-1])
    with pytest.raises(BackendUnavailable, match="try again"):
        store.commit(second)
    holder.execute("ROLLBACK")
    holder.close()

    store.commit(second)
    store.close()
    assert_same(joined(first, second), recorded(url))


def test_reading_does_not_write(url: str, tmp_path: Path) -> None:
    """The read side makes no store, changes none, and goes on while a worker commits."""
    with pytest.raises(StorageError, match="not there"):
        open_queries(url)
    assert not list(tmp_path.iterdir())

    (first,) = filled(url)
    queries = open_queries(url)
    with pytest.raises(Exception, match="readonly"), queries.engine.connect() as connection:
        connection.exec_driver_sql("DELETE FROM audit")
    with queries.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SELECT count(*) FROM audit").fetchall()
        store = open_store(url)
        store.commit(day(1, first.audit[-1]))
        store.close()
    assert queries.status().as_of == Position(20, 0)
    queries.close()


def test_reading_leaves_what_a_killed_worker_left(url: str, tmp_path: Path) -> None:
    """Journal and file of a worker that died are read together and stay as they are, byte by byte."""
    store, (first,) = open_store(url), days(1)
    store.commit(first)
    killed = Path(shutil.copytree(tmp_path, tmp_path / "killed"))
    store.close()
    before = {path: path.read_bytes() for path in killed.iterdir() if path.suffix != ".db-shm"}

    assert_same(first, recorded(f"sqlite:///{killed / 'forbear.db'}"))
    assert before[killed / "forbear.db-wal"]
    assert {path: path.read_bytes() for path in killed.iterdir() if path.suffix != ".db-shm"} == before


def test_what_is_erased_is_not_in_the_file(url: str, tmp_path: Path) -> None:
    """After an erasure the customer's id and attributions are in no file any more, the journal included."""
    store, first = open_store(url), days(1)[0]
    store.commit(first)
    assert first.predictions is not None
    name, traces = b"customer-0", first.predictions.attributions[0].tobytes()
    assert any(traces in path.read_bytes() for path in tmp_path.iterdir())

    erased(store, CUSTOMERS[0])

    assert not [path for path in tmp_path.iterdir() if traces in path.read_bytes() or name in path.read_bytes()]
    store.close()


def test_only_the_owner_reads_a_new_store(url: str, tmp_path: Path) -> None:
    """The file is made for its owner alone."""
    filled(url)

    assert (tmp_path / "forbear.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("wrong", ["nonsense", "mysql://host/db", "sqlite://"])
def test_a_url_that_is_no_store_is_refused(wrong: str) -> None:
    """What is not sqlite:///path is a ConfigError that says what to write."""
    with pytest.raises(ConfigError, match="sqlite:///path"):
        open_store(wrong)


def test_no_error_shows_a_row(url: str) -> None:
    """A commit that fails for a row that is there tells neither its values nor the statement."""
    store = open_store(url)
    (first,) = days(1)
    store.commit(first)
    same = Outputs(after=first.until, until=Position(20), customers=(Named(CUSTOMERS[1], "somebody", 9, 15),))
    with pytest.raises(ForbearError) as refused:
        store.commit(same)
    store.close()

    told = f"{refused.value} {refused.value.__cause__}"
    assert not [word for word in ("somebody", str(CUSTOMERS[1])) if word in told]


def test_many_predictions_read_back(url: str) -> None:
    """Predictions that fill two statements and begin a third come back value for value."""
    many = scores(7, 20_000, tuple(range(1, 1_301)))
    store = open_store(url)
    store.commit(Outputs(after=Position(-1), until=Position(8), predictions=many))
    store.close()
    queries = open_queries(url)
    try:
        found = queries.recorded(2_000).value.predictions
    finally:
        queries.close()

    assert found is not None
    assert_same_predictions(many, found)
