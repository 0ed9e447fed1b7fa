"""Commands that run a deployment and tell it what to do; `apps.cli` registers them."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, AnyKind, HomeOption, JsonOption


class Switch(StrEnum):
    """What may be done with outreach."""

    START = "start"
    STOP = "stop"
    RELEASE = "release"


ByOption = Annotated[str, typer.Option("--by", help="Who says so; default: the user's name.")]


@command(app, "run", "forbear run --close\nforbear run --once --home my-home")
def run(
    follow: Annotated[
        bool, typer.Option("--follow/--once", help="Go on when the log has ended, or stop there.")
    ] = True,
    close: Annotated[
        bool, typer.Option("--close", help="Close days that are due and complete, while it follows the log.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Follow the log of a home: fold, score, decide, record. Ctrl-C ends it in order."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.running import RunRequest
    from forbear.apps.jobs.showing_run import show_run
    from forbear.engine.closing import ClosingRule

    if close and not follow:
        raise typer.BadParameter("--close goes with --follow: `forbear sweep` closes days once")
    show_run(Home(home), Console(json=json), RunRequest(follow=follow), ClosingRule() if close else None)


@command(
    app,
    "promote",
    """
    forbear promote --model boosting --policy shipped --shares 1%,2%,4%
    forbear promote --policy our-policy.toml --by 'M. Muster'
    """,
)
def promote(
    model: Annotated[AnyKind | None, typer.Option("--model", help="Newest model of this kind.")] = None,
    policy: Annotated[str, typer.Option("--policy", help="A policy file, or `shipped`.")] = "",
    shares: Annotated[
        str, typer.Option("--shares", help="Cut-offs that take such shares of the book, the most urgent band first.")
    ] = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Put a model, a policy, or both in force, from the log's next event on."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_run import show_promotion

    show_promotion(
        Home(home), Console(json=json), (None if model is None else str(model), policy, shares), by or _user(), _now()
    )


@command(app, "outreach", "forbear outreach start\nforbear outreach stop --by 'M. Muster'")
def outreach(
    what: Annotated[Switch, typer.Argument(help="start, stop (the kill switch), or release an abnormal volume.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Start or stop all outreach, or let an abnormal number of offers pass until the next day close."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_run import show_switch

    show_switch(Home(home), Console(json=json), str(what), by or _user(), _now())


@command(app, "status", "forbear status\nforbear status --json")
def status(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """How far the worker is, what is in force, and what is recorded."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_run import show_status

    show_status(Home(home), Console(json=json), _now())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user that the system has no name for
        return "unknown"


def _now() -> datetime:
    return datetime.now(UTC)
