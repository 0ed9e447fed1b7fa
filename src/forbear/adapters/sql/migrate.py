"""Bringing a store's database to this version's schema. A newer one is refused, and so is what is no store."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from forbear.adapters.sql.engine import dialect_of, guarded
from forbear.adapters.sql.schema import REVISION
from forbear.domain.errors import CorruptState

_SCRIPTS = Path(__file__).parent / "migrations"


def bring_forward(engine: Engine) -> None:
    """Make the tables, or change those of an older version, in one transaction.

    Raises CorruptState for a store of a newer version and for a database that is none; StorageError and
    BackendUnavailable as the store does.
    """
    with guarded(engine):
        with engine.connect() as connection:
            if _revision(connection) == REVISION:
                return
        with dialect_of(engine).writing(engine) as connection, connection.begin():
            dialect_of(engine).alone(connection)
            # Asked again under the lock: another process may have been at it.
            if (found := _revision(connection)) != REVISION:
                _upgrade(connection, found)


def require_current(engine: Engine) -> None:
    """Raises CorruptState unless the store is of this version."""
    with guarded(engine), engine.connect() as connection:
        if (found := _revision(connection)) != REVISION:
            raise CorruptState(
                f"the store is of schema {found}, this version reads {REVISION}",
                mend="start a worker of this version, which brings an older store forward",
            )


def _upgrade(connection: Connection, found: str | None) -> None:
    # Loaded here: a store of this version is opened without.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise CorruptState(
            f"the store is of schema {found}, this version knows up to {REVISION}",
            mend="use the version of forbear that wrote it",
        )
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    """The schema of a database, None for an empty one. Raises CorruptState for one that is no store."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
    if tables:
        raise CorruptState(f"a database with the tables {sorted(tables)[:5]} is no store", mend="check the path")
    return None
