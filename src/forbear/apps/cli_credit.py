"""Commands about credit risk; `apps.cli` registers them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import MADE, JsonOption, SeedOption
from forbear.domain.errors import ConfigError

credit = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="PD, LGD, EAD, expected credit loss, stages.")
app.add_typer(credit, name="credit")

DATA = "FORBEAR_DATA"


@command(
    credit,
    "dcr",
    """
    forbear credit dcr --data ../data/dcr
    forbear credit dcr --into credit-report --every 2
    """,
)
def dcr(
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with the panel; default: `dcr` in $FORBEAR_DATA.")
    ] = None,
    into: Annotated[Path, typer.Option("--into", help="Folder for the document and the page.")] = Path("credit-report"),
    lgd: Annotated[str, typer.Option("--lgd", help="LGD model: mortgage, unsecured, or an entry point.")] = "mortgage",
    ead: Annotated[
        str, typer.Option("--ead", help="EAD model: annuity, card, overdraft, or an entry point.")
    ] = "annuity",
    first: Annotated[int, typer.Option("--first", min=7, help="Quarter of the first fit.")] = 20,
    every: Annotated[int, typer.Option("--every", min=1, help="Quarters from one fit to the next.")] = 4,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Credit risk of the Deep Credit Risk mortgages, through the crisis in them: a document and a page."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.credit import CreditRequest
    from forbear.apps.jobs.showing_credit import show_credit
    from forbear.models.credit.rolling import RollingPlan

    if data is None and DATA not in os.environ:
        raise ConfigError("nobody says where the panel is", mend=f"give --data, or set {DATA}")
    folder = data or Path(os.environ[DATA]) / "dcr"
    plan = RollingPlan(first=first, every=every, seed=seed)
    created = datetime.now(UTC).strftime(MADE)
    show_credit(CreditRequest(folder, plan, created, lgd=lgd, ead=ead), into, Console(json=json))
