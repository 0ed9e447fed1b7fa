"""The chains of accesses in a database, one a writer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from threading import Lock
from typing import Any

from sqlalchemy import func, select

from forbear.adapters.sql.engine import dialect_of
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema_office import ACCESSES
from forbear.domain.errors import ConflictError
from forbear.engine.audit import chain
from forbear.engine.office import Access
from forbear.engine.outputs import AuditRecord

_RECORD = [ACCESSES.c[field.name] for field in fields(AuditRecord)]
_SAID = [field.name for field in fields(Access) if field.name != "customer"]


class SqlAccesses:
    """The chain of one writer, and all of them to read.

    The head is read once; the key of the table, which is writer and sequence, keeps two processes of one name from
    adding a record each behind the same one.
    """

    def __init__(self, rooms: Rooms, writer: str) -> None:
        self._rooms, self._writer = rooms, writer
        self._one_by_one = Lock()
        self._head = self._stored_head()
        self._unsure: AuditRecord | None = None

    def record(self, accesses: Sequence[Access]) -> None:
        """Add some, in one commit. They are there when this returns.

        Raises ConflictError, now and ever after, where another process records under the same name.
        """
        if not accesses:
            return
        with self._one_by_one:
            self._make_sure()
            records, head = list[AuditRecord](), self._head
            for access in accesses:
                body = {name: getattr(access, name) for name in _SAID}
                head = chain(head, "access", head.sequence + 1 if head else 0, body)
                records.append(head)
            try:
                self._insert(records, accesses)
            except ConflictError:
                raise ConflictError(
                    f"another process records accesses as {self._writer}", mend="stop one of them, or give it a name"
                ) from None
            except BaseException:
                self._unsure = head
                raise
            self._head = head

    def of_customer(self, customer: int, limit: int) -> Sequence[Access]:
        """The newest accesses to a customer, whichever writer recorded them, newest first."""
        query = select(ACCESSES.c.body, ACCESSES.c.customer).where(ACCESSES.c.customer == customer)
        newest = query.order_by(ACCESSES.c.at_us.desc(), ACCESSES.c.writer, ACCESSES.c.sequence.desc()).limit(limit)
        with self._rooms.reading() as connection:
            return [Access(**json.loads(body), customer=whose) for body, whose in connection.execute(newest)]

    def chain(self, writer: str, first: int, limit: int) -> Sequence[AuditRecord]:
        """Records of a writer's chain, from a sequence on."""
        query = select(*_RECORD).where(ACCESSES.c.writer == writer, ACCESSES.c.sequence >= first)
        with self._rooms.reading() as connection:
            return [_record_of(row) for row in connection.execute(query.order_by(ACCESSES.c.sequence).limit(limit))]

    def heads(self) -> Mapping[str, AuditRecord]:
        """The last record of each writer."""
        found = dict[str, AuditRecord]()
        for writer in self.writers():
            if (head := self._head_of(writer)) is not None:
                found[writer] = head
        return found

    def writers(self) -> Sequence[str]:
        """Whoever has recorded something, by name."""
        found, after = list[str](), select(func.min(ACCESSES.c.writer))
        with self._rooms.reading() as connection:
            # One search of the key each: a list of all names would be made by reading every access.
            name = connection.scalar(after)
            while name is not None:
                found.append(name)
                name = connection.scalar(after.where(ACCESSES.c.writer > name))
        return sorted(found)

    # ---- inside

    def _stored_head(self) -> AuditRecord | None:
        return self._head_of(self._writer)

    def _head_of(self, writer: str) -> AuditRecord | None:
        query = select(*_RECORD).where(ACCESSES.c.writer == writer).order_by(ACCESSES.c.sequence.desc()).limit(1)
        with self._rooms.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _record_of(row)

    def _make_sure(self) -> None:
        """Find out whether a commit that ended without an answer is there; if so, the chain goes on behind it."""
        if self._unsure is not None:
            if (there := self._stored_head()) == self._unsure:
                self._head = there
            self._unsure = None

    def _insert(self, records: Sequence[AuditRecord], accesses: Sequence[Access]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "writer": self._writer,
                **{column.name: getattr(record, column.name) for column in _RECORD},
                "customer": access.customer,
                "at_us": access.at_us,
            }
            for record, access in zip(records, accesses, strict=True)
        ]
        with self._rooms.writing() as connection:
            dialect_of(self._rooms.engine).insert_rows(connection, ACCESSES, rows)


def _record_of(row: Sequence[Any]) -> AuditRecord:
    return AuditRecord(**dict(zip((column.name for column in _RECORD), row, strict=True)))
