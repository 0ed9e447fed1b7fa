"""How a database is reached, and what the store asks of every dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import URL, Column, ColumnElement, Connection, Engine, Table

from forbear.engine.outputs import Predictions

WAIT_SECONDS = 5.0
SHARED_CACHE_MIB = 8
"""Of each connection where several are open for good, as those of a server are: what they keep lies in memory for each,
and the system has the pages of a file as well.
"""


@dataclass(frozen=True, slots=True)
class Slow:
    """Which statements are told of: those that take so long. tell: takes the statement without its values, and how
    long it took [seconds].
    """

    seconds: float
    tell: Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a database is reached.

    wait_seconds: how long a lock that another holds is waited for, and on PostgreSQL a server that does not answer or
    a connection that is in use.  statement_seconds: PostgreSQL ends a statement that takes longer.
    connections: how many are open at most, on PostgreSQL.  name: what the server's list of sessions calls this one.
    read_only: nothing can be written, and nothing is made that is not there.  slow: statements to tell of, None for
    none; bulk loads are not among them.  cache_mib: pages of a file that each connection keeps at most, on SQLite.
    """

    wait_seconds: float = WAIT_SECONDS
    statement_seconds: float = 300.0
    connections: int = 5
    name: str = "forbear"
    read_only: bool = False
    slow: Slow | None = None
    cache_mib: int = 64


class Dialect(Protocol):
    """What differs. Errors of a driver become ours within `errors` only."""

    @property
    def ONLY_HERE(self) -> Sequence[Column[Any]]:  # noqa: N802  # a constant of the module
        """Columns of predictions that other databases do not have."""
        ...

    @property
    def ONE_WRITER(self) -> bool:  # noqa: N802  # a constant of the module
        """Whether only one transaction may write at once, and another has to try again and again."""
        ...

    def engine(self, url: URL, access: Access) -> Engine:
        """An engine; nothing is connected yet. Raises ConfigError, StorageError."""
        ...

    def errors(self, what: str) -> AbstractContextManager[None]:
        """A context in which errors of the driver, as they are or wrapped, become ours. One that is a defect passes."""
        ...

    def writing(self, engine: Engine) -> Connection:
        """A connection for transactions that write."""
        ...

    def writing_for_good(self, engine: Engine) -> Connection:
        """The same, for one transaction that is on the disk when its commit returns."""
        ...

    def forget_overwritten(self, engine: Engine) -> None:
        """Leave as little as the database allows of what was overwritten or deleted."""
        ...

    def settle(self, engine: Engine) -> None:
        """Bring what was committed to where it stays, while others read and write."""
        ...

    def alone(self, connection: Connection) -> None:
        """Keep others from changing tables until the transaction ends, and let this one take its time."""
        ...

    def in_turn(self, connection: Connection, table: Table) -> None:
        """Keep others from adding to a table that counts its rows until the transaction ends.

        Whoever reads on from a count would else pass by rows that were counted earlier and are committed later.
        """
        ...

    def behind_bytes(self, column: Column[str], value: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether a text stands behind another in the order of their bytes."""
        ...

    def by_bytes(self, column: Column[str]) -> ColumnElement[Any]:
        """What to order by for texts in the order of their bytes."""
        ...

    def about(self, connection: Connection, table: Table) -> int:
        """How many rows a table has, without counting many of them."""
        ...

    def make_room(self, connection: Connection, predictions: Predictions) -> None:
        """Have a place to put predictions in. Outside of a transaction."""
        ...

    def drop_before(self, engine: Engine, day: int) -> int:
        """Let predictions go that count for days before this one, little by little; answer how many went.

        Some may stay that share a place with younger ones.
        """
        ...

    def insert_rows(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows to a table, one or more and all with the same columns, in the transaction of the connection."""
        ...

    def insert(self, connection: Connection, predictions: Predictions, partition: int) -> None:
        """Add predictions, in the transaction that the connection is in."""
        ...
