"""Where a deployment's records are: the database that the worker writes, and that help, contacts and cases stand in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from forbear.adapters.sql.dialects.base import SHARED_CACHE_MIB, Access
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.migrate import bring_forward
from forbear.adapters.sql.office_rooms import Rooms
from forbear.apps.home import Home
from forbear.apps.services import Services
from forbear.domain.errors import ConfigError


def records_url(home: Home, services: Services) -> str:
    """The database to write to: of the settings with its password, never a copy of it, else `forbear.db` of the home.

    Raises ConfigError for a folder that is no home, where nothing is made in it.
    """
    if services.store is not None:
        return services.store.reached
    home.deployment  # noqa: B018  # a folder that is no home is refused
    return f"sqlite:///{home.database}"


def require_records(home: Home, services: Services) -> None:
    """Raises ConfigError for a folder that is no home, and for a home in which no worker has recorded anything yet."""
    if services.store is None:
        require_worked(home)


def require_worked(home: Home) -> None:
    """Raises ConfigError for a folder that is no home, and for a home whose own worker has recorded nothing yet."""
    if not (home.holds_data and home.database.exists()):
        raise ConfigError(
            f"no worker ever ran on {home.folder}", mend="run `forbear run --once` with this --home first"
        )


@contextmanager
def rooms_at(url: str) -> Iterator[Rooms]:
    """The rooms of a database, brought forward, for as long as the block runs. Raises what opening it does."""
    engine = engine_of(url, Access(cache_mib=SHARED_CACHE_MIB))
    try:
        bring_forward(engine)
        yield Rooms(engine)
    finally:
        engine.dispose()
