"""Statements that are asked again and again, put into words once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Boolean, Connection, CursorResult, Engine, Select, TypeDecorator, Update


class Statement:
    """A statement over an engine, with values for its `bindparam`s at each call.

    SQLAlchemy takes longer to put one into words than SQLite to answer it.
    """

    def __init__(self, statement: Select[Any] | Update, engine: Engine) -> None:
        own = engine.dialect
        compiled = statement.compile(dialect=own)
        self._words = str(compiled)
        self._order = compiled.positiontup
        self._stated = dict(compiled.params)
        self._binds = _needed({name: one.type.dialect_impl(own).bind_processor(own) for name, one in _binds(compiled)})
        columns = enumerate(statement.selected_columns) if isinstance(statement, Select) else ()
        # Of all other types drivers give the values of Python.
        ours = [(nth, one.type) for nth, one in columns if isinstance(one.type, TypeDecorator | Boolean)]
        self._reads = _needed({nth: kind.dialect_impl(own).result_processor(own, None) for nth, kind in ours})

    def run(self, connection: Connection, **values: Any) -> CursorResult[Any]:
        """What the driver answers."""
        return connection.exec_driver_sql(self._words, self._given(values))

    def pages(self, connection: Connection, length: int, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Rows as they are stored, so many at once: for a hundred thousand of them SQLAlchemy would make objects."""
        cursor = self._cursor(connection, values)
        while page := cursor.fetchmany(length):
            yield page

    def rows(self, connection: Connection, **values: Any) -> list[list[Any]]:
        """Every row, with the values that the columns of the query have in Python."""
        if connection.engine.dispatch.before_cursor_execute:
            stored: Iterable[Sequence[Any]] = self.run(connection, **values)
        else:  # nobody listens to statements: what SQLAlchemy finds out about a result takes most of the time of one
            stored = self._cursor(connection, values)
        found = list(map(list, stored))
        for nth, read in self._reads.items():
            for row in found:
                row[nth] = read(row[nth])
        return found

    def _cursor(self, connection: Connection, values: dict[str, Any]) -> Any:
        driver: Any = connection.connection.driver_connection
        return driver.execute(self._words, self._given(values))

    def _given(self, values: dict[str, Any]) -> Any:
        asked = {**self._stated, **values}
        for name, bind in self._binds.items():
            asked[name] = bind(asked[name])
        return asked if self._order is None else tuple(asked[name] for name in self._order)


def _binds(compiled: Any) -> Any:
    return compiled.binds.items()


def _needed(processors: dict[Any, Callable[[Any], Any] | None]) -> dict[Any, Callable[[Any], Any]]:
    return {place: one for place, one in processors.items() if one is not None}
