"""The command that weighs where to draw the line; `apps.cli` registers it."""

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
    SeedOption,
)

ClosesOption = Annotated[
    int, typer.Option("--closes", min=2, max=120, help="Closes up to that day whose arrivals are counted.")
]
InputsOption = Annotated[
    Path | None,
    typer.Option("--inputs", help="TOML file of what help costs and brings; default: the home's, else as shipped."),
]
EffectOption = Annotated[
    str, typer.Option("--effect-from", help="Take effects from the read-out of this experiment of the home.")
]
BudgetOption = Annotated[str, typer.Option("--budget", help="The most to spend on offers to the book, such as 2500.")]
CapacityOption = Annotated[
    str, typer.Option("--capacity", help="Places a day, such as phone=50,sms=1000, or a file; default: the policy's.")
]
DraftOption = Annotated[
    Path | None, typer.Option("--draft", help="Write a policy with the recommended cut-offs to this new file.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Document to write or add to, the page beside it; default: in the reports.")
]


@command(
    app,
    "thresholds",
    """
    forbear thresholds
    forbear thresholds --budget 2500 --capacity phone=50,sms=1000 --draft draft.toml
    forbear thresholds --on 2024-06-01 --closes 30 --inputs ours.toml --effect-from spring
    """,
)
def thresholds(  # each is an option
    on: OnOption = None,
    closes: ClosesOption = 14,
    model: ModelOption = None,
    policy: PolicyOption = "",
    inputs: InputsOption = None,
    effect_from: EffectOption = "",
    budget: BudgetOption = "",
    capacity: CapacityOption = "",
    draft: DraftOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Weigh every cut-off of the book: cost, benefit, budget, capacity; draft a policy. Nothing comes into force."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_thresholds import Wanted, show_thresholds
    from forbear.apps.jobs.thresholds import ThresholdsRequest
    from forbear.models.intervals import Bootstrap

    request = ThresholdsRequest(
        on=on,
        closes=closes,
        kind=None if model is None else str(model),
        policy=policy,
        inputs=inputs,
        effect_from=effect_from,
        budget=budget,
        capacity=capacity,
        chance=Bootstrap(seed, 500),
    )
    wanted = Wanted(out, draft, datetime.now(UTC).strftime(MADE))
    show_thresholds(Home(home), Console(json=json), request, wanted)
