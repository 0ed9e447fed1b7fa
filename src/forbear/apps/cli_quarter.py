"""Commands of help in numbers; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.cli_outreach import outreach
from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, HomeOption, JsonOption, SeedOption, day


@command(
    app,
    "quarter",
    "forbear quarter --home a-quarter\nforbear quarter --customers 2000 --calls 60 --home another-quarter --json",
)
def quarter(
    customers: Annotated[int, typer.Option("--customers", min=100, max=100_000, help="Households.")] = 600,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="So long.")] = 90,
    calls: Annotated[int, typer.Option("--calls", min=0, max=10_000, help="In a round, of 3 a day.")] = 20,
    shares: Annotated[str, typer.Option("--shares", help="Of the book, by band.")] = "1%,2%,4%",
    seed: SeedOption = 0,
    home: HomeOption = Path("forbear-quarter"),
    json: JsonOption = False,
) -> None:
    """Play a synthetic quarter of help: offers, messages, replies, calls, promises, outcomes; then its report."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.quarter import QuarterRequest
    from forbear.apps.jobs.showing_quarter import QuarterAsked, show_quarter

    request = QuarterRequest(created=datetime.now(UTC).strftime(MADE), calls=calls, seed=seed)
    asked = QuarterAsked(customers=customers, days=days, shares=shares, seed=seed, request=request)
    show_quarter(Home(home), asked, Console(json=json), Console(quiet=json))


@command(
    outreach,
    "report",
    """
    forbear outreach report
    forbear outreach report --from 2026-01-01 --until 2026-03-31 --json
    """,
)
def report(
    first: Annotated[date | None, typer.Option("--from", parser=day, help="The first bank-local day.")] = None,
    last: Annotated[date | None, typer.Option("--until", parser=day, help="The last one, included.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The document; its page stands beside it.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Help in numbers: what was offered, reached people, came back and was promised. JSON and a page."""
    from forbear.apps.console import Console
    from forbear.apps.help_rates import HelpRequest
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_quarter import show_help

    request = HelpRequest(created=datetime.now(UTC).strftime(MADE), first=first, last=last)
    show_help(Home(home), request, out, Console(json=json))
