"""The command that monitors; `apps.cli` registers it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, AnyKind, HomeOption, JsonOption, PolicyOption, day


class FailOn(StrEnum):
    """From which severity on the command ends with a status of its own."""

    NEVER = "never"
    PAGE = "page"
    WARN = "warn"


@command(
    app,
    "monitor",
    """
    forbear monitor
    forbear monitor --as-of 2024-12-27 --json
    forbear monitor --fail-on page --send
    forbear monitor --accepted-from 2024-06-01
    """,
)
def monitor(
    as_of: Annotated[
        date | None,
        typer.Option("--as-of", parser=day, help="As known at 00:00 of that day; default: the newest close."),
    ] = None,
    model: Annotated[
        AnyKind | None, typer.Option("--model", help="Score with this kind; default: what the worker has recorded.")
    ] = None,
    policy: PolicyOption = "",
    terms: Annotated[
        Path | None, typer.Option("--terms", help="Limits of one's own; default: the shipped ones.")
    ] = None,
    accepted: Annotated[
        date | None,
        typer.Option("--accepted-from", parser=day, help="Day of a change that was wanted: what it brought is usual."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Document to write, its page beside it; default: in the reports.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Tell the channels of alerts.toml what is new, once for each episode.")
    ] = False,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="End with 20 if something pages, or also warns.")] = (
        FailOn.NEVER
    ),
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Look for drift of features, scores and decisions, for bad data, and for a model that does worse."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.monitoring import MonitorRequest
    from forbear.apps.jobs.showing_monitor import Showing, show_monitor

    if send and as_of is not None:
        raise typer.BadParameter("--send tells of what stands now: it does not go with --as-of")
    kind = None if model is None else str(model)
    request = MonitorRequest(as_of=as_of, kind=kind, policy=policy, terms=terms, accepted=accepted)
    created = datetime.now(UTC).strftime(MADE)
    showing = Showing(out=out, created=created, fail_on=str(fail_on), send=send, environment=os.environ)
    show_monitor(Home(home), request, showing, Console(json=json))
