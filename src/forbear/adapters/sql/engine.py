"""Connections to a store's database, whichever it is. What differs between databases is in `dialects`."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, cast

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from forbear.adapters.sql.dialects.base import Access, Dialect, Slow
from forbear.domain.errors import ConfigError

_SHAPES = "write sqlite:///path/to/forbear.db or postgresql://user:password@host/database"
_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgresql", "postgresql+psycopg": "postgresql"}
"""By what a URL begins with. Each is imported when it is asked for, and its driver with it."""


def engine_of(url: str, access: Access | None = None) -> Engine:
    """An engine over sqlite:///path or postgresql://; on PostgreSQL nothing is connected yet.

    Raises ConfigError for another URL and where the driver is not installed, StorageError where a file cannot be made
    or is not there. No error tells the URL: it may hold a password.
    """
    access = access or Access()
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("the URL of the store cannot be read", mend=_SHAPES) from None
    if parsed.drivername not in _DIALECTS or not parsed.database:
        raise ConfigError(f"no store is known for {parsed.drivername}: without more", mend=_SHAPES)
    try:
        engine = _dialect(_DIALECTS[parsed.drivername]).engine(parsed, access)
    except ModuleNotFoundError as error:
        raise ConfigError("the driver of PostgreSQL is not installed", mend="pip install forbear[postgres]") from error
    if access.slow is not None:
        _tell_of_slow(engine, access.slow)
    return engine


def with_password(url: str, password: str) -> str:
    """A URL that connects with a password. Raises ConfigError for one that cannot be read."""
    try:
        return make_url(url).set(password=password).render_as_string(hide_password=False)
    except (ArgumentError, ValueError):
        raise ConfigError("the URL of the store cannot be read", mend=_SHAPES) from None


def dialect_of(engine: Engine) -> Dialect:
    """What an engine's database does in its own way."""
    return _dialect(engine.dialect.name)


def guarded(engine: Engine) -> AbstractContextManager[None]:
    """A context in which the driver's errors become ours, naming file, or database and host."""
    url = engine.url
    return dialect_of(engine).errors(f"the store {url.database}{f' on {url.host}' if url.host else ''}")


def _dialect(name: str) -> Dialect:
    return cast(Dialect, import_module(f"forbear.adapters.sql.dialects.{name}"))


def _tell_of_slow(engine: Engine, slow: Slow) -> None:
    def begins(connection: Any, *_: Any) -> None:
        connection.info["began"] = time.perf_counter()

    def ends(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        took = time.perf_counter() - connection.info["began"]
        if took >= slow.seconds:
            slow.tell(statement, took)

    event.listen(engine, "before_cursor_execute", begins)
    event.listen(engine, "after_cursor_execute", ends)
