"""Commands of operations: close days, compact, examine; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, day

DayOption = Annotated[
    date | None, typer.Option("--day", parser=day, help="Close all days up to this one; default: the open day.")
]


@command(
    app,
    "sweep",
    """
    forbear sweep --home my-home
    forbear sweep --day 2024-05-31 --force --by 'M. Muster'
    """,
)
def sweep(
    day: DayOption = None,
    force: Annotated[bool, typer.Option("--force", help="Close it as it is, whatever has come; needs --by.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who takes it upon them; goes into the audit chain.")] = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Close the open day if its feed is complete, and have the worker score and decide."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.sweeping import SweepRequest, show_sweep

    if force != bool(by):
        raise typer.BadParameter("--force and --by NAME go together")
    show_sweep(Home(home), Console(json=json), SweepRequest(now=datetime.now(UTC), day=day, forced_by=by))


@command(app, "compact", "forbear compact --home my-home\nforbear compact --retention-days 30")
def compact(
    retention_days: Annotated[
        int, typer.Option("--retention-days", min=0, max=3650, help="How long the log keeps what is archived.")
    ] = 7,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Move what is recorded from the log to the archive, and delete what is old of the log."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.sweeping import show_compaction

    show_compaction(Home(home), Console(json=json), retention_days)


@command(
    app,
    "doctor",
    """
    forbear doctor --home my-home
    forbear doctor --deep --anchor 41-0123456789abcdef0123456789abcdef --json
    """,
)
def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Read all of archive, log and snapshots.")] = False,
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", help="A mark of the audit chain that was kept elsewhere.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Examine a home, and say what to do, worst first. Changes nothing; the exit status says who must act."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.doctor import show_examination
    from forbear.apps.jobs.examining import Examination

    asked = Examination(now=datetime.now(UTC), deep=deep, anchors=tuple(anchor or ()))
    show_examination(Home(home), Console(json=json), asked)
