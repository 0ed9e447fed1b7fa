"""Commands that bring a challenger near, in the shadow, then for some customers; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.cli_models import models
from forbear.apps.cli_promotion import person_of
from forbear.apps.cli_run import ByOption, teller_of
from forbear.apps.commands import command
from forbear.apps.options import DEFAULT_HOME, MADE, HomeOption, JsonOption, SeedOption, day

ModelArgument = Annotated[str, typer.Argument(metavar="DIGEST", help="12 or more digits of the challenger's digest.")]


@command(
    models,
    "shadow",
    """
    forbear models shadow 0123456789ab
    forbear models shadow 0123456789ab --from 2024-09-01 --to 2024-11-30 --out shadow.json
    """,
)
def shadow(
    model: ModelArgument,
    first: Annotated[
        date | None, typer.Option("--from", parser=day, help="Decisions that count for this day or later.")
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=day, help="Decisions that count for this day or earlier.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The document, a page beside it; default: in the home's reports.")
    ] = None,
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Have a challenger score the recorded inputs of the champion's decisions, and hold the two beside each other."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.shadowing import ShadowRequest
    from forbear.apps.jobs.showing_shadow import show_shadow

    request = ShadowRequest(model=model, first=first, last=last, seed=seed)
    show_shadow(Home(home), request, out, datetime.now(UTC).strftime(MADE), Console(json=json))


@command(
    models,
    "rollout",
    """
    forbear models rollout 0123456789ab --percent 10 --by 'M. Muster'
    forbear models rollout 0123456789ab --percent 50 --least-customers 500
    forbear models rollout 0123456789ab --percent 10 --by anna --key anna.key --why 'passed the gate'
    """,
)
def rollout(
    model: ModelArgument,
    percent: Annotated[float, typer.Option("--percent", min=0.0, max=100.0, help="Share of the customers.")],
    salt: Annotated[str, typer.Option("--salt", help="Draws the customers; default: the challenger's digest.")] = "",
    least: Annotated[int, typer.Option("--least-customers", min=2, help="Judge from so many of each arm on.")] = 200,
    by: ByOption = "",
    key: Annotated[
        Path | None, typer.Option("--key", help="Where two must agree: the file of your private key, to propose it.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="With --key: why, in 3 to 500 characters; it is signed.")] = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Have a challenger score a share of the customers; raise the share by saying it again. It stops by itself."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.rolling_out import RolloutRequest
    from forbear.apps.jobs.showing_rollout import show_proposed, show_rollout
    from forbear.policy.rollout import Guard

    request = RolloutRequest(model=model, percent=percent, salt=salt, guard=Guard(least_customers=least))
    if key is None:
        if why:
            raise typer.BadParameter("--why goes with --key")
        show_rollout(teller_of(home, by), request, Console(json=json))
        return
    show_proposed(Home(home), request, person_of(by, key), why, Console(json=json))


@command(models, "stop", "forbear models stop --by 'M. Muster'")
def stop(by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Stop a roll-out: the champion scores everybody again, from the next event on."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_rollout import show_stop

    show_stop(teller_of(home, by), Console(json=json))


@command(models, "watch", "forbear models watch\nforbear models watch --home my-home --json")
def watch(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Say what the newest roll-out has come to, close by close, and whether it has stopped."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_rollout import show_watched

    show_watched(Home(home), Console(json=json))
