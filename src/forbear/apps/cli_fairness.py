"""The command that asks whether scores and help are fair; `apps.cli` registers it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, Every, HomeOption, JsonOption, ModelOption, PolicyOption, day


class FailOn(StrEnum):
    """Verdicts that the command may end with another status for."""

    NOTHING = "nothing"
    DISPARITY = "disparity"
    DOUBT = "doubt"


GroupsOption = Annotated[
    Path | None,
    typer.Option(
        "--groups", help="CSV: customer_id, and a column for each attribute; default: a synthetic bank's own."
    ),
]
AttributeOption = Annotated[list[str] | None, typer.Option("--attribute", help="A column of it; default: all.")]
AgainstOption = Annotated[
    list[str] | None,
    typer.Option("--against", help="largest, rest, or a group like sex=male; default: the largest group."),
]
JurisdictionOption = Annotated[str, typer.Option("--jurisdiction", help="US, EU, UK, IN or none: whose limits.")]
TermsOption = Annotated[
    Path | None, typer.Option("--terms", help="TOML file in the place of the shipped limits, sizes and laws.")
]
FailOption = Annotated[
    FailOn,
    typer.Option("--fail-on", help="End with status 20 on a disparity; on doubt: also where nobody can tell."),
]


@command(
    app,
    "fairness",
    """
    forbear fairness --jurisdiction EU
    forbear fairness --groups people.csv --attribute sex --against sex=male --jurisdiction US --fail-on disparity
    forbear fairness --kind scorecard --as-of 2024-05-01 --every week --no-proxies --json
    """,
)
def fairness(
    groups: GroupsOption = None,
    attribute: AttributeOption = None,
    against: AgainstOption = None,
    jurisdiction: JurisdictionOption = "none",
    kind: ModelOption = None,
    policy: PolicyOption = "",
    as_of: Annotated[
        date | None, typer.Option("--as-of", parser=day, help="Last day of rows; default: the last that is mature.")
    ] = None,
    every: Annotated[Every, typer.Option(help="How often the book is looked at.")] = Every.MONTH,
    terms: TermsOption = None,
    proxies: Annotated[bool, typer.Option("--proxies/--no-proxies", help="Ask what features tell of groups.")] = True,
    fail_on: FailOption = FailOn.NOTHING,
    out: Annotated[
        Path | None, typer.Option("--out", help="Document to write, the page beside it; default: in the reports.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Compare groups of people: scores, who is chosen, who was helped and harmed; on rows the model never saw."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.fairness import FairnessRequest
    from forbear.apps.jobs.fairness_people import PeopleRequest
    from forbear.apps.jobs.showing_fairness import Wanted, show_fairness

    now = datetime.now(UTC)
    request = FairnessRequest(
        people=PeopleRequest(file=groups, attributes=attribute or (), against=against or (), now=now),
        jurisdiction=jurisdiction,
        kind=None if kind is None else str(kind),
        policy=policy,
        as_of=as_of,
        every=str(every),
        terms=terms,
        proxies=proxies,
    )
    show_fairness(Home(home), Console(json=json), request, Wanted(out, now.strftime(MADE), str(fail_on)))
