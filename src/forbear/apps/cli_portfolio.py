"""Commands about how customers and the book move; `apps.cli` registers them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, day


@command(
    app,
    "trajectory",
    """
    forbear trajectory C0000017
    forbear trajectory C0000017 --since 2024-05-01 --home live-bank
    """,
)
def trajectory(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    since: Annotated[
        date | None, typer.Option("--since", parser=day, help="First closed day; default: a week before the newest.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show the path of a customer's score, how fast it moves, and exactly why it moved; from the store."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.trajectory import show_trajectory

    show_trajectory(Home(home), customer, since, Console(json=json))
