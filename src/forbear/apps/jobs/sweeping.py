"""Close days at once, and compact: what an operator does to a home between the runs of its worker."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from forbear.adapters.disk import alone, nobody_holds, storage_errors
from forbear.adapters.snapshots import FileSnapshots
from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.archiving import compacted
from forbear.apps.jobs.closing import Closer, Looked, in_words, told_of
from forbear.apps.jobs.running import RunRequest, World, run_worker
from forbear.apps.records import require_worked
from forbear.apps.telemetry import telemetry_of
from forbear.domain.errors import NotEnoughData, StorageError
from forbear.engine.closing import ClosingRule
from forbear.engine.outputs import DayRow
from forbear.features.columns import day_number, day_of

_LOCK = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """Which days to close. day: all up to it, the open one for None.

    forced_by: who wants it whatever has come, "" for nobody.
    """

    now: datetime
    day: date | None = None
    forced_by: str = ""
    rule: ClosingRule = field(default_factory=ClosingRule)


def show_sweep(home: Home, console: Console, request: SweepRequest) -> None:
    """Close days, have the worker take them in, and say what came of it.

    Raises NotEnoughData for a day whose feed is not complete, and days before it are closed all the same; ConfigError
    for one by force that is not over.
    """
    closed, waiting = close_days(home, request)
    if waiting is not None and not closed:
        raise _refusal(waiting)
    with storage_errors(f"cannot read {home.worker}"), nobody_holds(home.worker / _LOCK) as free:
        mine = free
    if mine:
        with telemetry_of(home.folder, "worker") as telemetry:
            for looked in closed:
                telemetry.journal.note("closed", **told_of(looked))
            world = World(time.monotonic, lambda: False, telemetry.tracer)
            run_worker(home, console, telemetry.journal, RunRequest(), world)
    days = _recorded(home, closed) if mine and closed else []
    if waiting is not None:
        raise _refusal(waiting)
    console.result({"closed": [told_of(looked) for looked in closed], "left_to_worker": not mine, "days": days})
    if not closed:
        console.say("Nothing to close: that day is closed already")
    if not mine:
        console.say(f"Closed {len(closed)} days; the worker that runs takes them in")
    for one in days:
        bands = ", ".join(f"{count:,} {name or 'in none'}" for name, count in one["bands"].items()) or "none"
        console.say(
            f"{one['day']}: scored {one['scored']:,}, bands: {bands}; {one['offers']:,} offers, {one['holds']:,} holds"
        )


def close_days(home: Home, request: SweepRequest) -> tuple[list[Looked], Looked | None]:
    """Close the days that are asked for, in order: those that were closed, and the first that could not be, if any."""
    closed: list[Looked] = []
    with closing(Closer(home, request.rule)) as closer:
        last = closer.open_day if request.day is None else day_number(request.day)
        while closer.look(request.now).day <= last:
            looked = closer.close_next(request.now, request.forced_by)
            if not looked.closed:
                return closed, looked
            closed.append(looked)
    return closed, None


def show_compaction(home: Home, console: Console, retention_days: int) -> None:
    """Move what is recorded from the log to the archive, delete what is old of the log, and say how much.

    Raises ConfigError where no worker ever ran, StorageError where one runs now: it does the same as it ends.
    """
    require_worked(home)
    with storage_errors(f"cannot write {home.worker}"), alone(home.worker / _LOCK) as mine:
        if not mine:
            raise StorageError(f"a worker runs on {home.folder}", mend="stop it: it compacts as it ends")
        with closing(open_queries(f"sqlite:///{home.database}")) as queries:
            recorded = queries.status().as_of.offset
        kept = FileSnapshots(home.worker).latest()
        with closing(home.source()) as source:
            moved, gone = compacted(home, source, (recorded, 0 if kept is None else kept.offset), retention_days)
    console.result({"archived": moved, "segments_deleted": gone, "next_offset": home.archive.next_offset})
    console.say(f"Archived {moved:,} events; {gone:,} segments of the log were old, and are deleted")


def _refusal(waiting: Looked) -> NotEnoughData:
    return NotEnoughData(
        f"{day_of(waiting.day)} is not closed: {in_words(waiting)}",
        mend="sweep again when the feed is there, or close it as it is with --force --by NAME",
    )


def _recorded(home: Home, closed: list[Looked]) -> list[dict[str, Any]]:
    """What is recorded of some closed days; offers and holds are those that count for the day after."""
    first, last = closed[0].day, closed[-1].day
    with closing(open_queries(f"sqlite:///{home.database}")) as queries:
        rows: tuple[DayRow, ...] = queries.days(first, last).value
        tallies = queries.tallies(first + 1, last + 1).value
    return [
        {
            "day": day_of(row.day).isoformat(),
            "customers": row.customers,
            "scored": row.scored,
            "expected_misses": row.expected_misses,
            "bands": dict(row.bands),
            "verdicts": dict(row.verdicts),
            "offers": sum(one.decisions for one in tallies if (one.day, one.outcome) == (row.day + 1, "offer")),
            "holds": sum(one.decisions for one in tallies if one.day == row.day + 1 and one.outcome != "offer"),
        }
        for row in rows
    ]
