"""The command that shocks the book; `apps.cli` registers it."""

from __future__ import annotations

from datetime import UTC, datetime
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
    OnOption,
    PolicyOption,
    SharesOption,
)

SalariesOption = Annotated[str, typer.Option("--salaries-late", help="Salaries arrive so many days later, like 10d.")]
PricesOption = Annotated[str, typer.Option("--prices", help="What a household needs costs so much more, like 8%.")]
RatesOption = Annotated[str, typer.Option("--rates", help="Interest on debts is so much higher, like 200bp.")]
ScenariosOption = Annotated[
    Path | None, typer.Option("--scenarios", help="A TOML file of scenarios and assumptions; default: the shipped.")
]
WindowOption = Annotated[int, typer.Option("--window", min=1, max=3_650, help="The last so many days are shocked.")]


@command(
    app,
    "stress",
    """
    forbear stress
    forbear stress --salaries-late 10d --prices 8% --rates 200bp
    forbear stress --scenarios our-scenarios.toml --policy shipped --shares 1%,2%,4% --on 2024-05-31
    """,
)
def stress(  # each is an option
    salaries_late: SalariesOption = "",
    prices: PricesOption = "",
    rates: RatesOption = "",
    scenarios: ScenariosOption = None,
    window: WindowOption = 120,
    on: OnOption = None,
    model: ModelOption = None,
    policy: PolicyOption = "",
    shares: SharesOption = "",
    out: Annotated[Path | None, typer.Option(help="File to write, a page beside it; default: in the reports.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Score the whole book as though its last days had been harder: late salaries, dearer goods, higher rates."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_run import shares_in
    from forbear.apps.jobs.showing_stress import show_stress
    from forbear.apps.jobs.stressing import StressRequest, shock_asked

    request = StressRequest(
        on=on,
        window=window,
        kind=None if model is None else str(model),
        policy=policy,
        shares=shares_in(shares) if shares else (),
        shock=shock_asked(salaries_late, prices, rates),
        scenarios=scenarios,
    )
    show_stress(Home(home), request, out, datetime.now(UTC).strftime(MADE), Console(json=json))
