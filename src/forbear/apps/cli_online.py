"""Commands of models that go on learning from matured outcomes; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, HomeOption, JsonOption, SeedOption, day

online = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Models that go on learning from outcomes that have matured."
)
app.add_typer(online, name="online")


@command(
    online,
    "update",
    """
    forbear online update
    forbear online update --until 2024-10-01 --json
    forbear online update --terms our-online.toml --gate our-gate.toml --home my-home
    """,
)
def update(
    until: Annotated[
        date | None, typer.Option("--until", parser=day, help="Use nothing known from this day on.")
    ] = None,
    terms: Annotated[Path | None, typer.Option("--terms", help="Terms of learning; default: those shipped.")] = None,
    gate: Annotated[Path | None, typer.Option("--gate", help="Terms of the gate; default: those shipped.")] = None,
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Recalibrate the champion and let a scorecard learn on, hold both against the gate; nothing is put in force."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.onlining import OnlineRequest
    from forbear.apps.jobs.retraining import gate_terms
    from forbear.apps.jobs.showing_onlining import show_online_update
    from forbear.apps.package_data import shipped, toml_of
    from forbear.models.online_terms import parse_online_terms

    stated = shipped("online.toml") if terms is None else toml_of(terms, "terms of online learning")
    request = OnlineRequest(
        terms=parse_online_terms(stated),
        gate=gate_terms(gate),
        created=datetime.now(UTC).strftime(MADE),
        until=until,
        seed=seed,
    )
    show_online_update(Home(home), Console(json=json), request)
