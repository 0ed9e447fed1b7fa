"""A store in one SQLite file: a journal written ahead, one writer at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy import insert as inserted
from sqlalchemy.dialects import sqlite

from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.rows import prediction_columns
from forbear.adapters.sql.schema import DAYS, PREDICTED, PREDICTIONS
from forbear.adapters.sqlite import make_private, reading, sqlite_errors
from forbear.domain.errors import StorageError
from forbear.engine.outputs import Predictions

_CHECKPOINT_PAGES = 10_000
"""The journal is copied into the database when it has grown to some 40 MB: seldom, and in one go."""
_JOURNAL_BYTES = 1 << 26
_SLICE = 20_000
"""Predictions that are deleted while a worker waits."""
ONLY_HERE: Sequence[Column[Any]] = ()
ONE_WRITER = True
_ROWID: ColumnElement[int] = literal_column("rowid", BigInteger)
_TOGETHER = 512
"""Predictions of one statement: its values stay below the 32,766 that any SQLite takes."""


def engine(url: URL, access: Access) -> Engine:
    """An engine over a file, made for its owner alone if it is not there; a reader's must be there.

    Raises StorageError where it cannot be made or is not there.
    """
    path = Path(url.database or "")
    if not access.read_only:
        make_private(path)
    elif not path.is_file():
        raise StorageError(f"{path} is not there", mend="start a worker first, or check the path")
    options: dict[str, Any] = {"connect_args": {"timeout": access.wait_seconds}}
    if access.read_only and _has_journal(path):
        # A worker writes, or has died: a connection that may write would copy the journal in as it closes.
        # One that may not would leave an empty journal behind where there was none.
        options = {"creator": lambda: reading(path, access.wait_seconds)}
    made = create_engine(url, hide_parameters=True, **options)
    begun = _set_up_reader if access.read_only else _set_up_writer

    def set_up(connection: Any, _record: Any) -> None:
        begun(connection)
        connection.execute(f"PRAGMA cache_size=-{access.cache_mib * 1_024}").fetchall()

    event.listen(made, "connect", set_up)
    event.listen(made, "begin", _begin_reading if access.read_only else _begin)
    return made


def errors(what: str) -> AbstractContextManager[None]:
    """See `forbear.adapters.sqlite.sqlite_errors`."""
    return sqlite_errors(what)


def writing(engine: Engine) -> Connection:
    """A connection whose transactions take the lock of the writer at once, not at their first write."""
    return engine.connect().execution_options(first="BEGIN IMMEDIATE")


def writing_for_good(engine: Engine) -> Connection:
    """The same, and its commits are on the disk before they return. It is not used again."""
    connection = writing(engine)
    connection.detach()
    driver: Any = connection.connection
    driver.execute("PRAGMA synchronous=FULL")
    return connection


def forget_overwritten(engine: Engine) -> None:
    """Leave nothing of what was overwritten in the journal, unless somebody is reading just now."""
    with engine.connect() as connection:
        driver: Any = connection.connection
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def settle(engine: Engine) -> None:
    """Copy the journal into the database as far as nobody needs it: else a commit does it that finds it long."""
    with engine.connect() as connection:
        driver: Any = connection.connection
        driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def alone(connection: Connection) -> None:
    """Whoever writes is alone already."""


def in_turn(connection: Connection, table: Table) -> None:
    """Only one transaction writes at once."""


def behind_bytes(column: Column[str], value: ColumnElement[str]) -> ColumnElement[bool]:
    """Texts are compared by their bytes."""
    return column > value


def by_bytes(column: Column[str]) -> ColumnElement[Any]:
    """Texts are ordered by their bytes."""
    return column


def about(connection: Connection, table: Table) -> int:
    """From the first to the last row; of tables without a number for each row those that day closes made."""
    if table is PREDICTIONS:
        oldest = select(func.min(PREDICTIONS.c.offset)).where(PREDICTIONS.c.partition == DAYS.c.partition)
        kept = select(func.sum(DAYS.c.scored)).where(DAYS.c.offset >= oldest.scalar_subquery())
        return connection.scalar(kept) or 0
    first, last = connection.execute(select(func.min(_ROWID), func.max(_ROWID)).select_from(table)).one()
    return 0 if last is None else last - first + 1


def make_room(connection: Connection, predictions: Predictions) -> None:
    """The one table takes them all."""


def drop_before(engine: Engine, day: int) -> int:
    """Delete what day closes before a day have scored, and all before them, some thousands with each commit."""
    dropped = 0
    with writing(engine) as connection:
        with connection.begin():
            # A close counts for its own day or the next: what it has scored is as old as that.
            closed = select(DAYS.c.partition, func.max(DAYS.c.offset)).where(DAYS.c.day < day - 1)
            pasts = connection.execute(closed.group_by(DAYS.c.partition)).all()
        for partition, past in pasts:
            old = (PREDICTIONS.c.partition == partition) & (PREDICTIONS.c.offset <= past)
            place = tuple_(PREDICTIONS.c.offset, PREDICTIONS.c.ordinal)
            nth = select(PREDICTIONS.c.offset, PREDICTIONS.c.ordinal).where(old)
            ends = nth.order_by(PREDICTIONS.c.offset, PREDICTIONS.c.ordinal).limit(1).offset(_SLICE - 1)
            while True:
                with connection.begin():
                    end = connection.execute(ends).one_or_none()
                    which = old if end is None else old & (place <= tuple_(*end))
                    dropped += connection.execute(PREDICTIONS.delete().where(which)).rowcount
                if end is None:
                    break
    return dropped


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a table."""
    words, binds = _insertion(table, tuple(rows[0]))
    values = [tuple(one(row[name]) if one else row[name] for name, one in binds) for row in rows]
    connection.exec_driver_sql(words, values)


@cache
def _insertion(table: Table, names: tuple[str, ...]) -> tuple[str, list[tuple[str, Callable[[Any], Any] | None]]]:
    """The statement for one row with these columns, and for each of them what makes a value the driver's.

    SQLAlchemy takes longer to find them out than SQLite to add a row.
    """
    own = sqlite.dialect()
    compiled = inserted(table).compile(dialect=own, column_keys=names)
    columns = [table.c[name] for name in compiled.positiontup or ()]
    return str(compiled), [(one.name, one.type.dialect_impl(own).bind_processor(own)) for one in columns]


def insert(connection: Connection, predictions: Predictions, partition: int) -> None:
    """Add predictions, many with each statement."""
    values = _values_of(predictions, partition)
    width = len(PREDICTED)
    together = width * _TOGETHER
    one, many = _insertions()
    whole = len(values) - len(values) % together
    for start in range(0, whole, together):
        connection.exec_driver_sql(many, tuple(values[start : start + together]))
    if rest := values[whole:]:
        connection.exec_driver_sql(one, [tuple(rest[at : at + width]) for at in range(0, len(rest), width)])


@cache
def _insertions() -> tuple[str, str]:
    """The statement for one prediction, and for many: that lets go of the interpreter's lock once, not for each row."""
    one = str(
        inserted(PREDICTIONS).compile(dialect=sqlite.dialect(), column_keys=[column.name for column in PREDICTED])
    )
    values = one[one.index("VALUES") + len("VALUES") :].strip()
    return one, f"{one}{f', {values}' * (_TOGETHER - 1)}"


def _values_of(predictions: Predictions, partition: int) -> list[Any]:
    """Values of the table of predictions, row after row, each in the order of its columns; no Python runs for each."""
    columns = prediction_columns(predictions, partition)
    values: list[Any] = [None] * (len(predictions) * len(columns))
    for place, column in enumerate(columns.values()):
        values[place :: len(columns)] = column.tolist() if column.dtype.itemsize else [b""] * len(column)
    return values


def _has_journal(path: Path) -> bool:
    """Whether something lies in the journal of a database."""
    with suppress(FileNotFoundError):  # a worker that ends takes it away
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    return False


def _set_up_writer(connection: Any) -> None:
    # NORMAL: a power cut may take the last commits, each whole and with its position. The log gives them again.
    # Measured for a bare insert of 20 rows: 0.1 ms, against 0.3 ms and at times 20 ms if each is waited for (FULL).
    _set_up(connection, "journal_mode=WAL", "synchronous=NORMAL", f"wal_autocheckpoint={_CHECKPOINT_PAGES}")
    _set_up(connection, f"journal_size_limit={_JOURNAL_BYTES}")
    # What is erased is overwritten, not merely unlinked.
    _set_up(connection, "secure_delete=ON")


def _set_up_reader(connection: Any) -> None:
    _set_up(connection, "query_only=ON")


def _set_up(connection: Any, *pragmas: str) -> None:
    # SQLAlchemy's "begin" below opens transactions, and not the driver by its own rules.
    connection.isolation_level = None
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin_reading(connection: Connection) -> None:
    # Not by SQLAlchemy: that would take longer than what is then read.
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("first", "BEGIN"))
