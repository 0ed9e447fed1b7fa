"""The path of one customer's score, from what was recorded at day closes."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import Any

from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console, figure
from forbear.apps.home import Home
from forbear.apps.jobs.rehearsing import WORKER
from forbear.apps.report.path import WINDOWS, Path, path_of, steps_of
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.queries import MOST_ROWS, Queries, Scored
from forbear.features.columns import day_number, day_of
from forbear.features.hashing import key_of
from forbear.models.results import Figure
from forbear.models.trajectory import LEVEL_DAYS
from forbear.policy.triggers import Trigger

MOST_PAGES = 100
"""Of a customer's history, read for one path."""
_SHOWN_CLOSES = 14


def show_trajectory(home: Home, customer: str, since: date | None, console: Console) -> Path:
    """Show the path of a customer's score since a day; None: since seven days before the newest close."""
    path = trajectory(home, customer, since)
    console.result(path.document())
    console.table(
        f"{customer}: PD at day closes; the level is that of {LEVEL_DAYS} days, 95 % interval of the noise about it",
        ("Closed day", "PD", "Level"),
        [
            (day_of(day).isoformat(), f"{pd:.2%}", figure(level.value, level.low, level.high, ".4f"))
            for day, pd, level in list(zip(path.points.day, path.points.pd, path.levels, strict=True))[-_SHOWN_CLOSES:]
        ],
    )
    console.table(
        "Motion [log-odds per day; per day, per day]",
        ("Window", "Velocity", "Acceleration"),
        [(f"{one.days} days", _signed(one.velocity), _signed(one.acceleration)) for one in path.motions],
    )
    console.table(
        f"Why the score moved by {path.moved.change:+.4f} log-odds since the close of {day_of(path.points.day[0])}",
        ("Feature", "Added"),
        [(name, f"{step:+.4f}") for name, step in steps_of(path.moved)],
    )
    return path


def trajectory(home: Home, customer: str, since: date | None) -> Path:
    """The path of a customer's score since a day.

    Raises ConfigError where no worker ever recorded anything, NotEnoughData for a customer without a score at a close
    since that day, ModelMismatch for attributions that cannot be told apart by feature.
    """
    if not home.holds_data or not home.database.exists():
        raise ConfigError(f"{home.database} is not there", mend="start the worker first: `forbear run`")
    key = key_of(customer)
    with closing(open_queries(f"sqlite:///{home.database}", consumer=WORKER)) as queries:
        model = queries.status().value.model
        closes = _closes(queries, key, None if since is None else day_number(since))
    if not closes or model is None:
        raise NotEnoughData(
            f"no close of a day has a score of {customer!r}{'' if since is None else f' since {since}'}",
            mend="check the id, or choose an earlier --since",
        )
    features: Any = model.document["features"]
    return path_of(customer, closes, features, None if since is None else day_number(since))


def _closes(queries: Queries, customer: int, since: int | None) -> list[Scored]:
    """Scores at closes, oldest first: since a day, and as far before it as the longest window with the one before.

    Empty where there are none since that day.
    """
    found: list[Scored] = []
    before = None
    for _ in range(MOST_PAGES):
        page = queries.timeline(customer, MOST_ROWS, before).value
        before = page.older
        found += [one for one in page.entries if isinstance(one, Scored) and one.trigger & Trigger.DAY_CLOSE]
        if before is None or (found and found[-1].day <= _earliest(found[0].day, since)):
            break
    if not found or (since is not None and found[0].day < since):
        return []
    return [one for one in reversed(found) if one.day >= _earliest(found[0].day, since)]


def _earliest(newest: int, since: int | None) -> int:
    span = newest - 2 * max(WINDOWS)
    return span if since is None else min(span, since - LEVEL_DAYS)


def _signed(found: Figure) -> str:
    return figure(found.value, found.low, found.high, "+.4f")
