"""What waits for the log in a database, scores that were asked for among it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import Connection, delete, func, insert, select

from forbear.adapters.sql.engine import dialect_of
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema_office import ASKED_SCORES, OUTGOING
from forbear.engine.office import ASKED_TOPIC, Asked, Waiting

_ASKED = [field.name for field in fields(Asked)]


class SqlOutgoing:
    """Messages in a table. Entries are committed in their order, so that whoever forgets up to one forgets no other."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def add(self, topic: str, key: str, value: bytes) -> int:
        """Have a message wait; its entry. It is on the disk when this returns."""
        with self._rooms.writing(for_good=True) as connection:
            dialect_of(self._rooms.engine).in_turn(connection, OUTGOING)
            added = insert(OUTGOING).values(topic=topic, key=key, value=value).returning(OUTGOING.c.entry)
            return int(connection.execute(added).scalar_one())

    def waiting(self, limit: int) -> Sequence[Waiting]:
        """The next messages, in the order of waiting."""
        query = select(*(OUTGOING.c[field.name] for field in fields(Waiting))).order_by(OUTGOING.c.entry).limit(limit)
        with self._rooms.reading() as connection:
            return [Waiting(*row) for row in connection.execute(query)]

    def published(self, entry: int) -> None:
        """Forget everything up to an entry."""
        with self._rooms.writing() as connection:
            connection.execute(delete(OUTGOING).where(OUTGOING.c.entry <= entry))

    def count(self) -> int:
        """How many wait."""
        with self._rooms.reading() as connection:
            return connection.scalar(select(func.count()).select_from(OUTGOING)) or 0


class SqlAskedScores:
    """Scores that were asked for, in a table. published: whether their documents wait for somebody to read them."""

    def __init__(self, rooms: Rooms, *, published: bool = True) -> None:
        self._rooms, self._published = rooms, published

    def record(self, asked: Sequence[Asked]) -> None:
        """Keep some, in one commit, and have their documents wait if they are published.

        Raises ConflictError where an id is taken.
        """
        if not asked:
            return
        with self._rooms.writing() as connection:
            self._insert(connection, asked)

    def get(self, score_id: str) -> Asked | None:
        """One of them."""
        query = select(*(ASKED_SCORES.c[field.name] for field in fields(Asked)))
        with self._rooms.reading() as connection:
            row = connection.execute(query.where(ASKED_SCORES.c.score_id == score_id)).one_or_none()
        # NULL is read as the key of nobody.
        return None if row is None else Asked(**{**row._mapping, "customer": row.customer or None})  # noqa: SLF001

    def _insert(self, connection: Connection, asked: Sequence[Asked]) -> None:
        own = dialect_of(self._rooms.engine)
        own.insert_rows(connection, ASKED_SCORES, [{name: getattr(one, name) for name in _ASKED} for one in asked])
        if not self._published:
            return
        own.in_turn(connection, OUTGOING)
        waiting = [{"topic": ASKED_TOPIC, "key": "", "value": one.document} for one in asked]
        own.insert_rows(connection, OUTGOING, waiting)
