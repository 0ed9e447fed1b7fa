"""Transactions of an office: as many at once as its database takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock

from sqlalchemy import Connection, Engine

from forbear.adapters.sql.engine import dialect_of, guarded


class Rooms:
    """The database of an office. Safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._own = dialect_of(engine)
        # Threads that wait for SQLite's lock sleep and try again; for this one they are woken in turn.
        self._turn = Lock() if self._own.ONE_WRITER else nullcontext()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that reads."""
        with guarded(self.engine), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, *, for_good: bool = False) -> Iterator[Connection]:
        """One transaction that writes. for_good: it is on the disk when the block is left."""
        begun = self._own.writing_for_good if for_good else self._own.writing
        with guarded(self.engine), self._turn, begun(self.engine) as connection, connection.begin():
            yield connection
