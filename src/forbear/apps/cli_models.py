"""Commands about the models of a home: the registry, and who was champion when; `apps.cli` registers them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, day
from forbear.domain.errors import ConfigError

models = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The registry of models, and how one becomes champion."
)
app.add_typer(models, name="models")

DigestArgument = Annotated[str, typer.Argument(metavar="DIGEST", help="12 or more digits of a model's digest.")]


@command(models, "list", "forbear models list\nforbear models list --home my-home --json")
def list_models(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List every model that the home holds, with what its gates said."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_models import show_models

    show_models(Home(home), Console(json=json))


@command(models, "show", "forbear models show 0123456789ab\nforbear models show 0123456789ab --json")
def show(digest: DigestArgument, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Say all that the registry knows of one model: training window, data, features, seed, code, gates."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_models import show_model

    show_model(Home(home), Console(json=json), digest)


@command(
    models,
    "history",
    """
    forbear models history
    forbear models history --at 2024-09-30
    forbear models history --at 2024-09-30 --known-at 2024-10-02 --json
    """,
)
def history(
    at: Annotated[
        date | None, typer.Option("--at", parser=day, help="Who was champion at the end of this day.")
    ] = None,
    known_at: Annotated[
        date | None, typer.Option("--known-at", parser=day, help="By what was known at the end of this day.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Say which model was champion when, and since when that is known."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_models import show_history

    if not home.exists():
        raise ConfigError(f"{home} is not there", mend="choose the --home of a deployment")
    show_history(Home(home), Console(json=json), at, known_at)
