"""Commands about how customers and the book move; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import (
    DEFAULT_HOME,
    MADE,
    HomeOption,
    JsonOption,
    ModelOption,
    PolicyOption,
    SharesOption,
    day,
)


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


@command(
    app,
    "portfolio",
    """
    forbear portfolio
    forbear portfolio --from 2024-05-01 --to 2024-06-01 --policy shipped --shares 1%,2%,4%
    """,
)
def portfolio(
    first: Annotated[
        date | None, typer.Option("--from", parser=day, help="Earlier closed day; default: 30 days before the last.")
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=day, help="Later closed day; default: the newest.")
    ] = None,
    model: ModelOption = None,
    policy: PolicyOption = "",
    shares: SharesOption = "",
    out: Annotated[
        Path | None, typer.Option(help="Document to write, its page beside it; default: in the home's reports.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show how the archive's whole book moved: segments, high risk, a stress index, concentration, moves of bands."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.portfolio import PortfolioRequest
    from forbear.apps.jobs.showing_portfolio import Written, show_portfolio
    from forbear.apps.jobs.showing_run import shares_in

    request = PortfolioRequest(
        first=first,
        last=last,
        kind=None if model is None else str(model),
        policy=policy,
        shares=shares_in(shares) if shares else (),
    )
    written = Written(out, datetime.now(UTC).strftime(MADE))
    show_portfolio(Home(home), request, written, Console(json=json))
