"""A store on PostgreSQL: predictions in tables by month, loaded with COPY in binary form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, NamedTuple, Self
from zlib import crc32

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    create_engine,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.rows import heaviest_columns, prediction_columns
from forbear.adapters.sql.schema import HEAVIEST, PREDICTIONS
from forbear.domain.errors import (
    BackendUnavailable,
    ConfigError,
    ConflictError,
    CorruptState,
    ForbearError,
    StorageError,
)
from forbear.engine.outputs import Predictions

OF_THE_STORE = 0x666F7262
"""The advisory lock of whoever changes tables: no other program is likely to use this number."""
_RECYCLE_SECONDS = 1_800
_ALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "30000"}
"""A server that vanished without a word is given up after half a minute, unless the URL says otherwise."""
_EPOCH = date(1970, 1, 1)
ONLY_HERE = HEAVIEST
ONE_WRITER = False
_FORM: dict[type[Any], tuple[str, str]] = {
    SmallInteger: ("int2", ">i2"),
    Integer: ("int4", ">i4"),
    BigInteger: ("int8", ">i8"),
    Double: ("float8", ">f8"),
    Boolean: ("bool", ""),
    Text: ("text", ""),
    LargeBinary: ("bytea", ""),
}
"""Name of a type in PostgreSQL, and how numpy writes its values as COPY reads them."""
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_NULL = -1
_MANY = 100_000
"""Rows that are not counted one by one."""


def engine(url: URL, access: Access) -> Engine:
    """An engine with a bounded pool; options of libpq in the URL, those of TLS among them, are handed on.

    A reader sees one instant in each transaction, and may be given the URL of a replica.
    """
    ms = {
        "statement_timeout": access.statement_seconds,
        "lock_timeout": access.wait_seconds,
        "idle_in_transaction_session_timeout": access.statement_seconds,
    }
    chosen = [f"-c {name}={int(seconds * 1000)}" for name, seconds in ms.items()]
    if access.read_only:
        chosen.append("-c default_transaction_read_only=on")
    theirs = url.query.get("options", "")
    chosen.append(theirs if isinstance(theirs, str) else " ".join(theirs))
    ours = {"application_name": access.name, "connect_timeout": str(max(2, round(access.wait_seconds))), **_ALIVE}
    arguments = {name: value for name, value in ours.items() if name not in url.query}
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={**arguments, "options": " ".join(chosen).strip()},
        pool_size=access.connections,
        max_overflow=0,
        pool_timeout=access.wait_seconds,
        pool_pre_ping=True,
        pool_recycle=_RECYCLE_SECONDS,
        isolation_level="REPEATABLE READ" if access.read_only else "READ COMMITTED",
        hide_parameters=True,
    )


def writing(engine: Engine) -> Connection:
    """A connection for transactions that write: the fence is their first statement, and others wait at it."""
    return engine.connect()


def writing_for_good(engine: Engine) -> Connection:
    """The same, and a server that is told not to wait for its disk waits this once."""
    connection = engine.connect()
    try:
        with connection.begin():
            wait_for_disk(connection, only_this_time=False)
        connection.detach()
    except BaseException:
        connection.close()
        raise
    return connection


def wait_for_disk(connection: Connection, *, only_this_time: bool = True) -> None:
    """Have commits wait for the disk where the server is told not to: that of this transaction, or all to come."""
    setting = "SELECT set_config('synchronous_commit', 'on', :once) WHERE current_setting('synchronous_commit') = 'off'"
    connection.execute(text(setting), {"once": only_this_time})


def forget_overwritten(engine: Engine) -> None:
    """Old versions of rows go when the server vacuums: see docs/store.md."""


def settle(engine: Engine) -> None:
    """The server does it by itself."""


def alone(connection: Connection) -> None:
    """Take the lock of those who change tables; how long a statement may take is not bounded in this transaction."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": OF_THE_STORE})


def in_turn(connection: Connection, table: Table) -> None:
    """Wait for whoever else adds to the table: what was counted first is then committed first."""
    lock = text("SELECT pg_advisory_xact_lock(:store, :table)")
    connection.execute(lock, {"store": OF_THE_STORE, "table": crc32(table.name.encode()) >> 1})


def behind_bytes(column: Column[str], value: ColumnElement[str]) -> ColumnElement[bool]:
    """By the operator of the index: a server may sort by the rules of a language."""
    return column.bool_op("~>~")(value)


def by_bytes(column: Column[str]) -> ColumnElement[Any]:
    """In the order of the index."""
    return literal_column(f"{column.table.name}.{column.name} USING ~<~")


def about(connection: Connection, table: Table) -> int:
    """As the server estimates; counted where that is no large number, or there is none yet."""
    parts = text(
        "WITH whole (oid) AS (SELECT to_regclass(:name)) "
        "SELECT coalesce(sum(reltuples), 0), coalesce(min(reltuples), 0) FROM pg_class WHERE relkind = 'r' AND oid IN "
        "(SELECT oid FROM whole UNION SELECT inhrelid FROM pg_inherits WHERE inhparent IN (SELECT oid FROM whole))"
    )
    rows, least = connection.execute(parts, {"name": table.name}).one()
    if least >= 0 and rows >= _MANY:
        return int(rows)
    return connection.scalar(select(func.count()).select_from(table)) or 0


class Month(NamedTuple):
    """A month of predictions. first, past: its days [since 1970], the second excluded."""

    first: int
    past: int

    @classmethod
    def of(cls, day: int) -> Self:
        """The month that a day is in."""
        first = (_EPOCH + timedelta(days=day)).replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
        return cls((first - _EPOCH).days, (following - _EPOCH).days)

    @property
    def table(self) -> str:
        """Name of its table."""
        return f"predictions_{(_EPOCH + timedelta(days=self.first)).strftime('%Y_%m')}"


def make_room(connection: Connection, predictions: Predictions) -> None:
    """Make the tables of the months that these predictions are of, where they are not there, in a transaction."""
    known: set[Month] = connection.info.setdefault("months", set())
    wanted = {Month.of(int(day)) for day in np.unique(predictions.day)} - known
    if not wanted:
        return
    with connection.begin():
        there = months_in(connection)
        if missing := wanted - there:
            alone(connection)
            for month in sorted(missing - months_in(connection)):
                _make(connection, month)
    known |= wanted


def months_in(connection: Connection) -> set[Month]:
    """The months whose predictions have a table."""
    listed = text(
        "SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM [(]''?(-?[0-9]+)') FROM pg_inherits i "
        "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('predictions')"
    )
    return {Month.of(int(first)) for first in connection.scalars(listed)}


def drop_before(engine: Engine, day: int) -> int:
    """Drop the months that lie before a day as a whole, one at a time; answer how many predictions they had."""
    dropped = 0
    with engine.connect() as connection:
        with connection.begin():
            old = sorted(month for month in months_in(connection) if month.past <= day)
        for month in old:
            with connection.begin():
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                dropped += connection.scalar(text(f"SELECT count(*) FROM {month.table}")) or 0  # noqa: S608  # our name
                connection.execute(text(f"DROP TABLE {month.table}"))
        connection.info.pop("months", None)
    return dropped


def _make(connection: Connection, month: Month) -> None:
    # Attached, not made as a part: that would lock out whoever reads predictions just now.
    connection.execute(text(f"CREATE TABLE {month.table} (LIKE predictions INCLUDING ALL)"))
    bounds = f"FROM ({month.first}) TO ({month.past})"
    connection.execute(text(f"ALTER TABLE predictions ATTACH PARTITION {month.table} FOR VALUES {bounds}"))


# ---- rows


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a table with one COPY."""
    own = connection.dialect
    columns = [table.c[name] for name in rows[0]]
    readers = [column.type.dialect_impl(own).bind_processor(own) or _as_it_is for column in columns]
    with _copying(connection, table.name, [column.name for column in columns]) as copy:
        copy.set_types([_FORM[_plain(column)][0] for column in columns])
        for row in rows:
            copy.write_row([read(row[column.name]) for read, column in zip(readers, columns, strict=True)])


def insert(connection: Connection, predictions: Predictions, partition: int) -> None:
    """Add predictions with one COPY. Raises BackendUnavailable where their month was taken away just now."""
    columns = prediction_columns(predictions, partition) | heaviest_columns(predictions)
    try:
        with _copying(connection, PREDICTIONS.name, list(columns)) as copy:
            copy.write(packed(columns))
    except psycopg.errors.CheckViolation as error:
        connection.info.pop("months", None)
        raise BackendUnavailable("a month of predictions is not there", mend="try again") from error


@contextmanager
def _copying(connection: Connection, table: str, names: Sequence[str]) -> Iterator[psycopg.Copy]:
    driver: Any = connection.connection.driver_connection
    listed = ", ".join(f'"{name}"' for name in names)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN (FORMAT BINARY)") as copy:
        yield copy


def _as_it_is(value: Any) -> Any:
    return value


def _plain(column: Column[Any]) -> type[Any]:
    """The type that the values of a column have in the database."""
    return type(getattr(column.type, "impl_instance", column.type))


def packed(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Rows of predictions in the binary form of COPY, all at once: each value behind its length, big end first.

    Masked values are NULL, which has a length of -1 and no bytes.
    """
    n, parts = len(next(iter(columns.values()))), [("fields", ">i2")]
    for name, values in columns.items():
        parts += [(f"length of {name}", ">i4"), (name, _wire(name, values))]
    rows = np.zeros(n, dtype=np.dtype([part for part in parts if part[1]]))
    rows["fields"] = len(columns)
    missing: list[tuple[str, NDArray[np.bool_]]] = []
    for name, values in columns.items():
        if not values.dtype.itemsize:
            continue
        rows[f"length of {name}"] = rows.dtype[name].itemsize
        rows[name] = np.ma.getdata(values)
        if np.ma.is_masked(values):
            rows[f"length of {name}"][np.ma.getmaskarray(values)] = _NULL
            missing.append((name, np.ma.getmaskarray(values)))
    if not missing:
        return _HEAD + rows.tobytes() + _TAIL
    every = rows.view(np.uint8).reshape(n, rows.itemsize)
    there, places = np.ones(every.shape, dtype=np.bool_), dict[str, Any](rows.dtype.fields or {})
    for name, which in missing:
        start = places[name][1]
        there[which, start : start + rows.dtype[name].itemsize] = False
    return _HEAD + every[there].tobytes() + _TAIL


def _wire(name: str, values: NDArray[Any]) -> str:
    """How the values of a column look on the way; "" for those that have no bytes at all."""
    if values.dtype.kind == "V":
        return values.dtype.str if values.dtype.itemsize else ""
    return _FORM[_plain(PREDICTIONS.c[name])][1]


# ---- errors

_UNREACHABLE = ("57P", "08", "53", "25P03")
_CONFLICT = {"23505", "40001", "40P01"}
_DAMAGED = {"XX001", "XX002"}
_BUSY = {"55P03": "another session holds it", "57014": "a statement took longer than it may"}
_NO_ROOM = "53100"
_REFUSED = (
    *("authentication failed", "does not exist", "pg_hba.conf", "password supplied"),
    *("does not support SSL", "certificate", "invalid URI", "invalid connection option", "invalid sslmode"),
)
"""What a server or libpq says that will not have us. There is no code before a session has begun."""


@contextmanager
def errors(what: str) -> Iterator[None]:
    """Turn psycopg's errors into ours, also those that SQLAlchemy has wrapped. One that is a defect passes.

    The server's details and context, which hold values of rows, are left behind: no cause is told.

    Raises StorageError for a full disk, a missing right, and what the server cannot read or write; CorruptState for
    damage; ConflictError for a row that is already there and a transaction that another one defeated; ConfigError where
    the server will not have us; BackendUnavailable where it does not answer, or not in time.
    """
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error) and (meant := _meaning(what, error.orig)):
            raise meant from None
        raise
    except NoConnection as error:
        raise BackendUnavailable(f"{what}: all connections are in use", mend="try again, or allow more") from error
    except psycopg.Error as error:
        if meant := _meaning(what, error):
            raise meant from None
        raise


def _meaning(what: str, error: psycopg.Error) -> ForbearError | None:
    code = error.sqlstate
    if code is None:
        return _before_a_session(what, error)
    said = f"{what}: {error.diag.message_primary} ({code})"
    if code in _CONFLICT:
        # The server's words may hold values of the row.
        return ConflictError(f"{what}: a row of this place is recorded already", mend="another worker was first")
    if code in _DAMAGED:
        return CorruptState(said, mend="restore it from a backup")
    if code == _NO_ROOM:
        return StorageError(said, mend="free some disk space on the server; what was kept before is intact")
    if code in _BUSY:
        return BackendUnavailable(f"{what}: {_BUSY[code]}", mend="try again when that has ended")
    if code.startswith("58"):
        return StorageError(said, mend="check the server's disk; what was kept before is intact")
    if code in {"42501", "25006"}:
        return StorageError(said, mend="give this user the right, or name the server that takes writes")
    if code.startswith(("28", "3D")):
        return ConfigError(said, mend=_CHECK)
    return BackendUnavailable(said, mend="try again") if code.startswith(_UNREACHABLE) else None


_CHECK = "check user, password, database and options of TLS in the URL"


def _before_a_session(what: str, error: psycopg.Error) -> ForbearError | None:
    said = " ".join(str(error).split())
    if any(word in said for word in _REFUSED):
        return ConfigError(f"{what}: {said}", mend=_CHECK)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return BackendUnavailable(f"{what}: {said}", mend="try again when the server answers")
    return None
