"""What the commands of the command line share: choices, options and dates."""

from __future__ import annotations

import getpass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Every(StrEnum):
    """How often training observes the book."""

    MONTH = "month"
    WEEK = "week"


class Kind(StrEnum):
    """Models that are trained."""

    BOOSTING = "boosting"
    SCORECARD = "scorecard"
    ENSEMBLE = "ensemble"


class AnyKind(StrEnum):
    """Models that can score."""

    BOOSTING = "boosting"
    SCORECARD = "scorecard"
    ENSEMBLE = "ensemble"
    ONLINE = "online"
    EXPERT = "expert"


class Lang(StrEnum):
    """Languages of the catalogue of reasons."""

    ENGLISH = "en"
    GERMAN = "de"


HomeOption = Annotated[Path, typer.Option("--home", help="Folder that holds all state of the deployment.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one line of JSON and nothing else.")]
MetricsOption = Annotated[
    str,
    typer.Option("--metrics", help="HOST:PORT to tell metrics at, or `off`; default: what the settings say, else off."),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Put the new data in the place of what is there.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=2**31 - 1, help="Equal seeds give equal results.")]
MADE = "%Y-%m-%d %H:%M UTC"
"""When a page is made, in words."""
DEFAULT_HOME = Path("forbear-home")
FIRST_YEAR, LAST_YEAR = 1970, 2099
"""What days are counted in; see domain.events, which takes longer to import than `--help` should."""


def user() -> str:
    """Who sits at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user that the system has no name for
        return "unknown"


def day(text: str | date) -> date:
    """A date from the command line; a default, which is one already, as it is."""
    try:
        found = date.fromisoformat(text) if isinstance(text, str) else text
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date: write it like 1997-01-31") from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise typer.BadParameter(f"{found} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


LiveFromOption = Annotated[
    date | None, typer.Option("--live-from", parser=day, help="Put what was received from this day on into the log.")
]
OnOption = Annotated[date | None, typer.Option("--on", parser=day, help="A closed day; default: the newest.")]
ModelOption = Annotated[
    AnyKind | None, typer.Option("--model", "--kind", help="Kind of model; default: the leading one.")
]
PolicyOption = Annotated[str, typer.Option("--policy", help="A policy file, or `shipped`; default: the one in force.")]
SharesOption = Annotated[
    str, typer.Option("--shares", help="Cut-offs that take such shares of the book as it is, most urgent first.")
]
DownturnOption = Annotated[
    date | None, typer.Option("--downturn-on", parser=day, help="A downturn begins on this day; default: none does.")
]
HardshipOption = Annotated[
    float,
    typer.Option("--hardship", min=1.0, max=100.0, help="So many times as often work is lost and pay cut then."),
]
