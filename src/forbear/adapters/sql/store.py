"""The store: one transaction for everything that one stretch of the log gave, fenced by the position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, bindparam, func, insert, select, update

from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.engine import dialect_of, engine_of, guarded
from forbear.adapters.sql.migrate import bring_forward
from forbear.adapters.sql.of_customer import their_predictions
from forbear.adapters.sql.rows import row_of, rows_of, selected, value_of
from forbear.adapters.sql.schema import (
    ANSWERS,
    AUDIT,
    CONTACTS,
    CUSTOMERS,
    DEAD_LETTERS,
    DECISIONS,
    OUTCOMES,
    POSITIONS,
    PREDICTIONS,
)
from forbear.adapters.sql.schema_help import ABOUT_HELPED
from forbear.adapters.sql.schema_office import ABOUT_CUSTOMERS
from forbear.adapters.sql.statements import Statement
from forbear.domain.errors import ConflictError
from forbear.engine.audit import follows
from forbear.engine.commits import START, require_inside
from forbear.engine.erase import Held
from forbear.engine.outputs import AuditRecord, Outputs, Position


def open_store(url: str, *, consumer: str = "worker", partition: int = 0, access: Access | None = None) -> SqlStore:
    """The store of one partition at a URL, made if it is not there and brought forward if it is older.

    Raises CorruptState for a newer store or a damaged one, StorageError where it cannot be written,
    BackendUnavailable where nobody answers or another holds it for longer than we wait, and what `engine_of` does.
    """
    return open_stores(url, consumer=consumer, access=access).of(partition)


def open_stores(url: str, *, consumer: str = "worker", access: Access | None = None) -> SqlStores:
    """The same for all partitions at once."""
    engine = engine_of(url, access)
    try:
        bring_forward(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStores(engine, consumer=consumer)


class SqlStores:
    """The stores of one consumer, one a partition, over one engine.

    Commits are whole or nothing, whatever interrupts them. Should the connection be lost while one is under way,
    BackendUnavailable does not say which: `SqlStore.position` does, asked anew.
    """

    def __init__(self, engine: Engine, *, consumer: str = "worker") -> None:
        self.engine = engine
        self.consumer = consumer
        self._move = Statement(_MOVE, engine)

    def of(self, partition: int) -> SqlStore:
        """The store of one partition."""
        return SqlStore(self, partition)

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Record outputs of partitions, each from the position that its partition stands at, in one transaction.

        Raises ConflictError, and has recorded nothing, if the position or the audit chain of any has moved on;
        ValueError for outputs that lie outside their stretch, and for NaN.
        """
        for one in outputs.values():
            require_inside(one)
        own = dialect_of(self.engine)
        with guarded(self.engine), own.writing(self.engine) as connection:
            for one in outputs.values():
                if one.predictions is not None and len(one.predictions):
                    own.make_room(connection, one.predictions)
            with connection.begin():
                # In one order whoever commits, and all fences first: two writers wait, and do not embrace.
                for partition, one in sorted(outputs.items()):
                    self._advance(connection, partition, one)
                for partition, one in outputs.items():
                    self._record(connection, partition, one)

    def close(self) -> None:
        """Let go of files and connections."""
        self.engine.dispose()

    # ---- inside

    def _advance(self, connection: Connection, partition: int, outputs: Outputs) -> None:
        after, until = outputs.after, outputs.until
        place = {"consumer": self.consumer, "partition": partition}
        moved = self._move.run(connection, **_moving(place, after, until)).rowcount == 1
        if not moved and after == START and position_in(connection, self.consumer, partition) == START:
            connection.execute(insert(POSITIONS).values(place | until._asdict()))
            moved = True
        if not moved:
            raise ConflictError(
                f"the store does not stand at {tuple(after)} any more",
                mend="another worker was first: stop, or go on from where the store is",
            )

    def _record(self, connection: Connection, partition: int, outputs: Outputs) -> None:
        own = dialect_of(self.engine)
        if outputs.audit:
            _require_link(connection, partition, outputs.audit[0])
        if outputs.predictions is not None and len(outputs.predictions):
            own.insert(connection, outputs.predictions, partition)
        for table, values in rows_of(outputs, partition):
            if values:
                if table is DECISIONS:
                    own.in_turn(connection, table)
                own.insert_rows(connection, table, values)


class SqlStore:
    """Store of one partition: see `SqlStores` for what a commit promises."""

    def __init__(self, stores: SqlStores, partition: int) -> None:
        self.stores = stores
        self.engine = stores.engine
        self.consumer = stores.consumer
        self.partition = partition

    def position(self) -> Position:
        """Up to where the log is recorded; (-1, 0) where nothing ever was."""
        with guarded(self.engine), self.engine.connect() as connection:
            return position_in(connection, self.consumer, self.partition)

    def head(self) -> AuditRecord | None:
        """The last record of the audit chain."""
        with guarded(self.engine), self.engine.connect() as connection:
            return head_in(connection, self.partition)

    def records(self, first: int, limit: int) -> tuple[AuditRecord, ...]:
        """At most so many records of the audit chain, from a sequence on."""
        records: Select[Any] = select(*selected(AuditRecord)).where(AUDIT.c.partition == self.partition)
        found = records.where(AUDIT.c.sequence >= first).order_by(AUDIT.c.sequence).limit(limit)
        with guarded(self.engine), self.engine.connect() as connection:
            return tuple(value_of(AuditRecord, row) for row in connection.execute(found))

    def commit(self, outputs: Outputs) -> None:
        """Record outputs whose `after` is the position now, and move it to their `until`.

        Raises ConflictError, and has recorded nothing, if the position or the audit chain has moved on; ValueError for
        outputs that lie outside their stretch, and for NaN.
        """
        self.stores.commit({self.partition: outputs})

    def settle(self) -> None:
        """Every commit so far survives a power cut when it returns."""
        # Any commit that is waited for takes those before it along: the journal is one file.
        mine = (POSITIONS.c.consumer == self.consumer) & (POSITIONS.c.partition == self.partition)
        own = dialect_of(self.engine)
        with guarded(self.engine), own.writing_for_good(self.engine) as connection, connection.begin():
            for step in (1, -1):  # for an update that changes nothing SQLite writes nothing, and syncs nothing
                connection.execute(update(POSITIONS).where(mine).values(ordinal=POSITIONS.c.ordinal + step))

    def held(self, customer: int) -> Held:
        """How many rows bear a customer's key."""
        with guarded(self.engine), self.engine.connect() as connection, connection.begin():
            counts = {
                table.name: sum(
                    connection.scalar(select(func.count()).select_from(table).where(theirs)) or 0
                    for theirs in self._rows_of(connection, table, customer)
                )
                for table in _PERSONAL
            }
        return Held(**counts)

    def forget(self, customer: int, record: AuditRecord) -> None:
        """Take a customer out of every row and add the record to the chain, at once or not at all.

        On the disk when it returns. Raises ConflictError, and has changed nothing, if the chain has moved on.
        """
        own = dialect_of(self.engine)
        with guarded(self.engine):
            with own.writing_for_good(self.engine) as connection, connection.begin():
                _require_link(connection, self.partition, record)
                for table, blanks in _PERSONAL.items():
                    more = [column.name for column in own.ONLY_HERE] if table is PREDICTIONS else []
                    change = update(table).values(dict.fromkeys([*blanks, *more])) if blanks else table.delete()
                    for theirs in self._rows_of(connection, table, customer):
                        connection.execute(change.where(theirs))
                connection.execute(insert(AUDIT), row_of(record, self.partition))
            own.forget_overwritten(self.engine)

    def close(self) -> None:
        """Let go of files and connections."""
        self.engine.dispose()

    # ---- inside

    def _rows_of(self, connection: Connection, table: Table, customer: int) -> tuple[ColumnElement[bool], ...]:
        """Conditions that hold for the rows of a table that name a customer, each for other ones."""
        if table is PREDICTIONS:
            return their_predictions(connection, self.partition, customer, erased=True)
        return (table.c.customer == customer,)


def _require_link(connection: Connection, partition: int, record: AuditRecord) -> None:
    if not follows(record, head_in(connection, partition)):
        raise ConflictError(
            "the audit chain has moved on", mend="another command has written to it: start the worker again"
        )


def position_in(connection: Connection, consumer: str, partition: int) -> Position:
    """Where a consumer stands in a partition, as a connection sees it."""
    mine = (POSITIONS.c.consumer == consumer) & (POSITIONS.c.partition == partition)
    row = connection.execute(select(POSITIONS.c.offset, POSITIONS.c.ordinal).where(mine)).one_or_none()
    return START if row is None else Position(*row)


def head_in(connection: Connection, partition: int) -> AuditRecord | None:
    """The last record of a partition's chain, as a connection sees it."""
    records: Select[Any] = select(*selected(AuditRecord)).where(AUDIT.c.partition == partition)
    row = connection.execute(records.order_by(AUDIT.c.sequence.desc()).limit(1)).one_or_none()
    return None if row is None else value_of(AuditRecord, row)


_MOVE = (
    update(POSITIONS)
    .where(
        POSITIONS.c.consumer == bindparam("of_consumer"),
        POSITIONS.c.partition == bindparam("of_partition"),
        POSITIONS.c.offset == bindparam("from_offset"),
        POSITIONS.c.ordinal == bindparam("from_ordinal"),
    )
    .values(offset=bindparam("to_offset"), ordinal=bindparam("to_ordinal"))
)


def _moving(place: Mapping[str, Any], after: Position, until: Position) -> dict[str, Any]:
    """The parameters of _MOVE."""
    named = (("of", place), ("from", after._asdict()), ("to", until._asdict()))
    return {f"{word}_{name}": value for word, values in named for name, value in values.items()}


_PERSONAL = {
    PREDICTIONS: ("customer", "attributions", "reason", "trigger"),
    DECISIONS: ("customer", "matter"),
    CONTACTS: ("customer",),
    OUTCOMES: (),
    ANSWERS: ("customer",),
    DEAD_LETTERS: (),
    **ABOUT_CUSTOMERS,
    **ABOUT_HELPED,
    CUSTOMERS: (),
}
"""What names a customer: columns that an erasure leaves empty; whole rows where none are listed.

The customer's own row goes last: it tells where the predictions are.
"""
