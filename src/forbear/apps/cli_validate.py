"""Commands that write documents about models; `apps.cli` registers them."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.cli_fairness import GroupsOption, JurisdictionOption
from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, HomeOption, JsonOption, Kind, SeedOption, day


@command(
    app,
    "validate",
    """
    forbear validate
    forbear validate --kind scorecard --until 1997-01-01 --home berka-home
    forbear validate --groups people.csv --jurisdiction EU --out for-the-validator --json
    """,
)
def validate(
    kind: Annotated[Kind | None, typer.Option("--kind", help="Which model; default: the leading one.")] = None,
    until: Annotated[
        date | None, typer.Option(parser=day, help="As it was trained with; default: the month after its labels.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into; default: one of the model's own in the home's reports.")
    ] = None,
    groups: GroupsOption = None,
    jurisdiction: JurisdictionOption = "none",
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write the validation pack and the model card of a model, judged on all that came after its training."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.fairness_people import PeopleRequest
    from forbear.apps.jobs.showing_validation import show_validation
    from forbear.apps.jobs.validating_rows import ValidationRequest

    now = datetime.now(UTC)
    request = ValidationRequest(
        kind=kind and kind.value,
        until=until,
        seed=seed,
        command=shlex.join(["forbear", *sys.argv[1:]]),
        created=now.strftime(MADE),
        people=PeopleRequest(file=groups, attributes=(), against=(), now=now),
        jurisdiction=jurisdiction,
    )
    show_validation(Home(home), request, out, Console(json=json))
