"""Commands that run a deployment and tell it what to do; `apps.cli` registers them."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, AnyKind, HomeOption, JsonOption, MetricsOption, day, user

if TYPE_CHECKING:
    from forbear.apps.jobs.instructing import Teller


FirstOption = Annotated[date | None, typer.Option("--from", parser=day, help="Rehearse from this day on.")]
LastOption = Annotated[
    date | None, typer.Option("--to", parser=day, help="Rehearse up to this day, included; default: the newest.")
]
RehearsedModel = Annotated[
    AnyKind | None, typer.Option("--model", help="Rehearse the newest of this kind; default: what is in force.")
]
RehearsedPolicy = Annotated[
    str, typer.Option("--policy", help="Rehearse a policy file, or `shipped`; default: what is in force.")
]
RehearsedShares = Annotated[
    str, typer.Option("--shares", help="Cut-offs by shares of the book before the first day, the most urgent first.")
]
IntoOption = Annotated[
    Path | None, typer.Option("--into", help="Keep the rehearsal's store in this new file, outside of the home.")
]
ByOption = Annotated[str, typer.Option("--by", help="Who says so; default: the user's name.")]


@command(
    app,
    "run",
    """
    forbear run --close
    forbear run --close --metrics 127.0.0.1:0
    forbear run --once --home my-home
    forbear run --replay --from 2024-10-01 --to 2024-12-31
    forbear run --replay --from 2024-10-01 --policy our-policy.toml --shares 1%,2%,4% --into rehearsal.db
    """,
)
def run(
    follow: Annotated[
        bool, typer.Option("--follow/--once", help="Go on when the log has ended, or stop there.")
    ] = True,
    close: Annotated[
        bool, typer.Option("--close", help="Close days that are due and complete, while it follows the log.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Rehearse days of the past beside the home, which stays as it is.")
    ] = False,
    first: FirstOption = None,
    last: LastOption = None,
    model: RehearsedModel = None,
    policy: RehearsedPolicy = "",
    shares: RehearsedShares = "",
    into: IntoOption = None,
    metrics: MetricsOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Follow the log of a home: fold, score, decide, record; or rehearse days of its past. Ctrl-C ends it in order."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home

    if replay:
        from forbear.apps.jobs.rehearsing import RehearsalRequest
        from forbear.apps.jobs.showing_rehearsal import show_rehearsal
        from forbear.apps.jobs.showing_run import shares_in

        if first is None or close or metrics:
            raise typer.BadParameter("--replay needs --from, and takes neither --close nor --metrics")
        kind = None if model is None else str(model)
        cut_offs = shares_in(shares) if shares else ()
        request = RehearsalRequest(first=first, last=last, kind=kind, policy=policy, shares=cut_offs, into=into)
        show_rehearsal(Home(home), Console(json=json), request)
        return
    from forbear.apps.jobs.running import RunRequest
    from forbear.apps.jobs.showing_run import show_run
    from forbear.engine.closing import ClosingRule

    given = {"--from": first, "--to": last, "--model": model, "--policy": policy, "--shares": shares, "--into": into}
    if named := [name for name, value in given.items() if value]:
        raise typer.BadParameter(f"{named[0]} goes with --replay")
    if close and not follow:
        raise typer.BadParameter("--close goes with --follow: `forbear sweep` closes days once")
    rule = ClosingRule() if close else None
    show_run(Home(home), Console(json=json), RunRequest(follow=follow), rule, metrics=metrics)


@command(
    app,
    "promote",
    """
    forbear promote --model boosting --policy shipped --shares 1%,2%,4%
    forbear promote --policy our-policy.toml --by 'M. Muster'
    forbear promote --policy draft:0123456789abcdef0123456789abcdef --by 'M. Muster'
    forbear promote --digest 0123456789ab
    """,
)
def promote(
    model: Annotated[AnyKind | None, typer.Option("--model", help="Newest model of this kind.")] = None,
    digest: Annotated[str, typer.Option("--digest", help="A model of the registry, by 12 or more digits.")] = "",
    policy: Annotated[
        str, typer.Option("--policy", help="A policy file, `shipped`, or draft: and an approved draft's id.")
    ] = "",
    shares: Annotated[
        str, typer.Option("--shares", help="Cut-offs that take such shares of the book, the most urgent band first.")
    ] = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Put a model, a policy, or both in force, from the next event on: of the log, or of Kafka where that is named."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_run import show_promotion

    if digest and model is not None:
        raise typer.BadParameter("--model and --digest name two models")
    teller = teller_of(home, by)
    kind = None if model is None else str(model)
    if digest:
        from forbear.apps.jobs.instructing import chosen_by_digest

        kind = chosen_by_digest(teller.home, digest)
    show_promotion(teller, Console(json=json), (kind, policy, shares))


@command(app, "status", "forbear status\nforbear status --json\nforbear status --stream")
def status(
    stream: Annotated[bool, typer.Option("--stream", help="How each worker of the production path is.")] = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """How far the worker is, what is in force, and what is recorded."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home

    if stream:
        from forbear.apps.jobs.showing_up import show_statuses

        show_statuses(Home(home), Console(json=json))
        return
    from forbear.apps.jobs.showing_run import show_status

    show_status(Home(home), Console(json=json), _now())


def teller_of(home: Path, by: str) -> Teller:
    """Whoever says something of a home, now. by: "" for the user's name."""
    from forbear.apps.home import Home
    from forbear.apps.jobs.instructing import Teller, outlet_of

    told = Home(home)
    return Teller(told, by or user(), _now(), outlet_of(told, os.environ))


def _now() -> datetime:
    return datetime.now(UTC)
