"""The command that has a synthetic bank live on; `apps.cli` registers it."""

from __future__ import annotations

from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption

DaySeconds = Annotated[float, typer.Option("--day-seconds", min=1, max=86_400, help="That a day of the bank takes.")]


@command(app, "flow", "forbear flow --home forbear-dashboard\nforbear flow --home forbear-dashboard --day-seconds 30")
def flow(
    day_seconds: DaySeconds = 180.0,
    stay: Annotated[bool, typer.Option("--stay", help="Wait for Ctrl-C when no day is left.")] = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Let the days happen that a synthetic bank was kept waiting for, beside `forbear run`, until none is left."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.dashboard_flow import FlowRequest
    from forbear.apps.jobs.showing_flow import show_flow

    show_flow(Home(home), FlowRequest(day_seconds), Console(json=json), stay=stay)
