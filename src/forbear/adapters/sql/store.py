"""The store: one transaction for everything that one stretch of the log gave, fenced by the position."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, bindparam, func, insert, select, update

from forbear.adapters.sql.engine import (
    WAIT_SECONDS,
    engine_of,
    forget_journal,
    guarded,
    writing,
    writing_for_good,
)
from forbear.adapters.sql.migrate import bring_forward
from forbear.adapters.sql.of_customer import their_predictions
from forbear.adapters.sql.rows import TABLES, prediction_values, row_of, selected, value_of, values_of
from forbear.adapters.sql.schema import (
    AUDIT,
    CONTACTS,
    CUSTOMERS,
    DEAD_LETTERS,
    DECISIONS,
    OUTCOMES,
    POSITIONS,
    PREDICTIONS,
)
from forbear.domain.errors import ConflictError
from forbear.engine.audit import follows
from forbear.engine.erase import Held
from forbear.engine.outputs import AuditRecord, Outputs, Position, Predictions

_TOGETHER = 512
"""Predictions of one statement: its values stay below the 32,766 that any SQLite takes."""
START = Position(-1, 0)
"""Where a store stands in which nothing was ever recorded."""


def open_store(
    url: str, *, consumer: str = "worker", partition: int = 0, wait_seconds: float = WAIT_SECONDS
) -> SqlStore:
    """The store at sqlite:///path, made if it is not there and brought forward if it is older.

    Raises ConfigError for another URL, CorruptState for a newer store or a damaged one, StorageError where it cannot
    be written, BackendUnavailable where another process holds it for longer than we wait.
    """
    engine = engine_of(url, wait_seconds=wait_seconds)
    try:
        bring_forward(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, consumer=consumer, partition=partition)


class SqlStore:
    """Store of one consumer of one partition. Commits are whole or nothing, whatever interrupts them."""

    def __init__(self, engine: Engine, *, consumer: str, partition: int) -> None:
        self.engine = engine
        self.consumer = consumer
        self.partition = partition
        # What every commit does is put into words once: SQLAlchemy takes longer to say it than SQLite to do it.
        self._move = str(_MOVE.compile(dialect=engine.dialect))
        one = str(insert(PREDICTIONS).compile(dialect=engine.dialect))
        self._insert_prediction = one
        # One statement of many rows lets go of the interpreter's lock once, many statements for each row.
        values = one[one.index("VALUES") + len("VALUES") :].strip()
        self._insert_predictions = f"{one}{f', {values}' * (_TOGETHER - 1)}"

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
        _require_inside(outputs)
        with guarded(self.engine), writing(self.engine) as connection, connection.begin():
            self._advance(connection, outputs.after, outputs.until)
            if outputs.audit:
                self._require_link(connection, outputs.audit[0])
            if outputs.predictions is not None and len(outputs.predictions):
                self._insert(connection, prediction_values(outputs.predictions, self.partition))
            for kind, values in values_of(outputs).items():
                if values:
                    connection.execute(insert(TABLES[kind]), [row_of(value, self.partition) for value in values])
            if outputs.customers:
                connection.execute(insert(CUSTOMERS), [row_of(one, self.partition) for one in outputs.customers])

    def settle(self) -> None:
        """Every commit so far survives a power cut when it returns."""
        # Any commit that is waited for takes those before it along: the journal is one file.
        mine = (POSITIONS.c.consumer == self.consumer) & (POSITIONS.c.partition == self.partition)
        with guarded(self.engine), writing_for_good(self.engine) as connection, connection.begin():
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
        with guarded(self.engine):
            with writing_for_good(self.engine) as connection, connection.begin():
                self._require_link(connection, record)
                for table, blanks in _PERSONAL.items():
                    change = update(table).values(dict.fromkeys(blanks)) if blanks else table.delete()
                    for theirs in self._rows_of(connection, table, customer):
                        connection.execute(change.where(theirs))
                connection.execute(insert(AUDIT), row_of(record, self.partition))
            forget_journal(self.engine)

    def close(self) -> None:
        """Let go of files and connections."""
        self.engine.dispose()

    # ---- inside

    def _rows_of(self, connection: Connection, table: Table, customer: int) -> tuple[ColumnElement[bool], ...]:
        """Conditions that hold for the rows of a table that name a customer, each for other ones."""
        if table is PREDICTIONS:
            return their_predictions(connection, self.partition, customer, erased=True)
        return (table.c.customer == customer,)

    def _insert(self, connection: Connection, values: list[Any]) -> None:
        width = len(PREDICTIONS.columns)
        together = width * _TOGETHER
        whole = len(values) - len(values) % together
        for start in range(0, whole, together):
            connection.exec_driver_sql(self._insert_predictions, tuple(values[start : start + together]))
        if rest := values[whole:]:
            rows = [tuple(rest[start : start + width]) for start in range(0, len(rest), width)]
            connection.exec_driver_sql(self._insert_prediction, rows)

    def _advance(self, connection: Connection, after: Position, until: Position) -> None:
        mine = self.consumer, self.partition
        moved = connection.exec_driver_sql(self._move, (*until, *mine, *after)).rowcount == 1
        if not moved and after == START and position_in(connection, *mine) == START:
            place = {"consumer": self.consumer, "partition": self.partition}
            connection.execute(insert(POSITIONS).values(place | until._asdict()))
            moved = True
        if not moved:
            raise ConflictError(
                f"the store does not stand at {tuple(after)} any more",
                mend="another worker was first: stop, or go on from where the store is",
            )

    def _require_link(self, connection: Connection, record: AuditRecord) -> None:
        if not follows(record, head_in(connection, self.partition)):
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


def _require_inside(outputs: Outputs) -> None:
    """Raises ValueError for what a commit of this stretch would record twice, or before its time."""
    after, until = outputs.after, outputs.until
    if until <= after:
        raise ValueError(f"a stretch from {tuple(after)} to {tuple(until)} is none")
    for kind, values in values_of(outputs).items():
        if any(value.offset < after.offset for value in values):
            raise ValueError(f"{kind.__name__}: a value lies before {tuple(after)}")
    if any(one.offset < after.offset for one in outputs.customers):
        raise ValueError(f"Named: a customer was met before {tuple(after)}")
    if outputs.predictions is not None and len(outputs.predictions):
        _require_predictions_inside(outputs.predictions, after, until)


def _require_predictions_inside(predictions: Predictions, after: Position, until: Position) -> None:
    offset, ordinal = predictions.offset, predictions.ordinal
    step = np.diff(offset)
    if not ((step > 0) | ((step == 0) & (np.diff(ordinal) > 0))).all():
        raise ValueError("predictions are not in log order")
    if (offset[0], ordinal[0]) < after or (offset[-1], ordinal[-1]) >= until:
        raise ValueError(f"predictions lie outside {tuple(after)} to {tuple(until)}")
    # The database would take NaN for NULL.
    if np.isnan(predictions.log_odds).any() or np.isnan(predictions.pd).any():
        raise ValueError("a prediction is NaN")


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
"""Its parameters in their order: where to, whose position, where from."""

_PERSONAL = {
    PREDICTIONS: ("customer", "attributions", "reason", "trigger"),
    DECISIONS: ("customer", "matter"),
    CONTACTS: ("customer",),
    OUTCOMES: (),
    DEAD_LETTERS: (),
    CUSTOMERS: (),
}
"""What names a customer: columns that an erasure leaves empty; whole rows where none are listed.

The customer's own row goes last: it tells where the predictions are.
"""
