"""The command that reports on a running deployment."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, HomeOption, JsonOption, day
from forbear.domain.errors import ConfigError


@command(
    app,
    "report",
    """
    forbear report
    forbear report --from 2024-05-01 --to 2024-07-31 --out report.html
    forbear report --customer C0000017 --home live-bank
    forbear report --rehearsal rehearsal.db
    """,
)
def report(
    first: Annotated[date | None, typer.Option("--from", parser=day, help="First closed day; default: all.")] = None,
    last: Annotated[date | None, typer.Option("--to", parser=day, help="Last closed day; default: the newest.")] = None,
    customer: Annotated[str | None, typer.Option(help="A page about this customer alone, by id.")] = None,
    rehearsal: Annotated[
        Path | None, typer.Option(help="The store of a rehearsal, in the place of the home's own.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default: in the home's reports.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write a page on who is at risk and why, what was done about it, how early and how sure; from the store."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.reporting import show_report
    from forbear.apps.report.request import ReportRequest

    if first is not None and last is not None and last < first:
        raise ConfigError(f"--to {last} lies before --from {first}", mend="swap them")
    created = datetime.now(UTC).strftime(MADE)
    request = ReportRequest(first=first, last=last, customer=customer, created=created, rehearsal=rehearsal)
    show_report(Home(home), request, out, Console(json=json))
