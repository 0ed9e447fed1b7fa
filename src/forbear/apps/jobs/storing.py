"""Looking after the database of a store: its schema, and what it need not keep any more."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import datetime

from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.migrate import require_current
from forbear.adapters.sql.retention import RetentionRule, retain
from forbear.adapters.sql.schema import REVISION
from forbear.adapters.sql.store import SqlStores, open_stores
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.features.columns import day_number


def store_url(url: str, home: Home) -> str:
    """The URL that was given, or that of the store of a home. Raises ConfigError where there is neither."""
    if url:
        return url
    home.deployment  # noqa: B018  # a folder that is no home is refused, and nothing is made in it
    return f"sqlite:///{home.database}"


def show_migration(url: str, console: Console) -> None:
    """Bring a store to this version's schema, and say which that is."""
    open_stores(url).close()
    console.result({"schema": REVISION})
    console.say(f"The store is of schema {REVISION}.")


def show_retention(url: str, rule: RetentionRule, console: Console, *, now: datetime) -> None:
    """Let go of what a store need not keep any more, and say how much that was."""
    with closing(SqlStores(engine_of(url))) as stores:
        require_current(stores.engine)
        gone = retain(stores.engine, rule, today=day_number(now.date()))
    console.result(asdict(gone))
    console.say(
        f"Gone: {gone.predictions:,} predictions and {gone.contacts:,} contacts; "
        f"{gone.decisions:,} decisions name nobody any more."
    )
