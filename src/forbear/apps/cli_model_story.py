"""The command that tells the life of a model; `apps.cli` registers it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.cli_models import models
from forbear.apps.commands import command
from forbear.apps.options import MADE, HardshipOption, JsonOption, SeedOption

StoryHome = Annotated[Path, typer.Option("--home", help="Folder for the story's bank, which holds nothing yet.")]


@command(
    models,
    "story",
    """
    forbear models story
    forbear models story --customers 5000 --seed 11 --home another-story
    """,
)
def story(
    customers: Annotated[int, typer.Option("--customers", min=300, help="Households.")] = 3_000,
    seed: SeedOption = 7,
    hardship: HardshipOption = 10.0,
    home: StoryHome = Path("forbear-story"),
    json: JsonOption = False,
) -> None:
    """Play a year of a synthetic bank in a downturn: alarm, gate, shadow, roll-out, promotion by two, roll-back."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.model_story import StoryRequest
    from forbear.apps.jobs.showing_model_story import show_story

    created = datetime.now(UTC).strftime(MADE)
    request = StoryRequest(created=created, customers=customers, seed=seed, hardship=hardship)
    show_story(Home(home), request, Console(json=json))
