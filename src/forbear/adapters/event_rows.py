"""Events in a table of a bank's own database: each row a transaction, its columns named like the event's fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from forbear.domain.errors import BackendUnavailable, ConfigError, InvalidEvent
from forbear.domain.events import CustomerUpdated, Event, PaymentOutcome, Transaction, convert

_FETCHED = 5_000
_KINDS: dict[str, type[Transaction | CustomerUpdated | PaymentOutcome]] = {
    "transaction": Transaction,
    "customer": CustomerUpdated,
    "outcome": PaymentOutcome,
}
_TYPE = "type"


class EventTable:
    """A table of events, read in the order received. It is never written to.

    url: as SQLAlchemy takes it; "postgresql://" means psycopg.  table: its name, with a schema before a dot or not.
    A column `type` tells what a row is (transaction, customer, outcome), without it each is a transaction; NULL is
    what an event leaves out; other columns are not looked at.
    Raises ConfigError for a table that is not there, or that does not say when its rows were received.
    """

    def __init__(self, url: str, table: str) -> None:
        with _errors(f"cannot open table {table}"):
            made = sa.make_url(url)
            if made.drivername == "postgresql":
                made = made.set(drivername="postgresql+psycopg")
            self._engine = sa.create_engine(made)
            schema, _, name = table.rpartition(".")
            self._table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=self._engine)
        self._name = table
        if "received_at" not in self._table.c:
            raise ConfigError(f"table {table} has no column received_at", mend="give it one, or a view that has it")

    def read(self, skip: int = 0) -> Iterator[Event]:
        """The events, by when they were received and then by their ids, but for the first so many.

        Raises InvalidEvent for a row that is none, with its number; BackendUnavailable.
        """
        fields = {name for kind in _KINDS.values() for name in kind.__struct_fields__} | {_TYPE}
        columns = [column for column in self._table.c if column.name in fields]
        ids = [column for column in columns if column.name in ("transaction_id", "update_id", "outcome_id")]
        asked = sa.select(*columns).order_by(self._table.c.received_at, *ids).offset(skip)
        with _errors(f"cannot read table {self._name}"), self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=_FETCHED).execute(asked)
            names = ["".join(column.name) for column in columns]  # plain text: what SQLAlchemy has is a kind of it
            for number, row in enumerate(rows, skip):
                try:
                    event = _event_of(dict(zip(names, row, strict=True)))
                except InvalidEvent as error:
                    where = f"table {self._name}, row {number}"
                    raise InvalidEvent(f"{where}: {error}", field=error.field, code=error.code) from error
                yield event

    def bounds(self) -> tuple[datetime, datetime] | None:
        """When the first and the last row were received; None if there are none. Raises BackendUnavailable."""
        received = self._table.c.received_at
        with _errors(f"cannot read table {self._name}"), self._engine.connect() as connection:
            first, last = connection.execute(sa.select(sa.func.min(received), sa.func.max(received))).one()
        return None if first is None else (msgspec.convert(first, datetime), msgspec.convert(last, datetime))

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _event_of(row: Mapping[str, object]) -> Event:
    given = {name: value for name, value in row.items() if value is not None}
    kind = _KINDS.get(str(given.get(_TYPE, "transaction")))
    if kind is None:
        raise InvalidEvent(f"type is none of {', '.join(_KINDS)}", field=_TYPE, code="mistyped")
    return convert({name: value for name, value in given.items() if name in kind.__struct_fields__}, kind)


@contextmanager
def _errors(doing: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise BackendUnavailable(f"{doing}: {error.orig}") from error
    except NoSuchTableError as error:
        raise ConfigError(f"{doing}: it is not there", mend="check its name") from error
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(f"{doing}: {error}", mend="check the URL; pip install 'forbear[postgres]'") from error
    except SQLAlchemyError as error:
        raise BackendUnavailable(f"{doing}: {error}") from error
