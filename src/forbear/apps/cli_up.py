"""The command that keeps the workers of a home running; `apps.cli` registers it."""

from __future__ import annotations

from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption


@command(
    app,
    "up",
    """
    forbear up --home my-home
    forbear up --scorers 3 --intervenors 2 --home my-home
    forbear up --health-port 8080 --json
    """,
)
def up(
    scorers: Annotated[int, typer.Option("--scorers", min=1, help="At most one for each partition.")] = 1,
    intervenors: Annotated[
        int, typer.Option("--intervenors", min=1, max=9, help="One decides, the others stand by.")
    ] = 1,
    closer: Annotated[
        bool, typer.Option("--closer/--no-closer", help="Close days that are due, or leave that to the bank.")
    ] = True,
    health_port: Annotated[
        int, typer.Option("--health-port", min=0, max=65_000, help="Of the first worker; the others follow. 0: none.")
    ] = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Run all workers of a home, and start again what ends. Ctrl-C or SIGTERM ends them in order."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_up import UpRequest, show_up

    request = UpRequest(scorers=scorers, intervenors=intervenors, closer=closer, health_port=health_port)
    show_up(Home(home), Console(json=json), request)
