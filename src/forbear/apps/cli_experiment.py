"""Commands about experiments: define, size, watch and read one out; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, HomeOption, JsonOption, SeedOption

experiment = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Does help help? By the hold-out, or by lot."
)
app.add_typer(experiment, name="experiment")

WhichArgument = Annotated[str, typer.Argument(help="Its name in the home, or the path of a TOML file.")]


@command(
    experiment,
    "define",
    """
    forbear experiment define spring --hold-out 0.1 --expected 0.08 --least-effect 0.02
    forbear experiment define spring --hold-out 0.1 --expected 0.08 --least-effect 0.02 --tests 12 --power 0.9
    """,
)
def define(
    name: Annotated[str, typer.Argument(help="What to call it: lower-case letters, digits, - and _.")],
    hold_out: Annotated[float, typer.Option("--hold-out", help="Share held out, as in the policy.")],
    expected: Annotated[float, typer.Option(help="Share of the hold-out that is expected to miss a payment.")],
    least_effect: Annotated[float, typer.Option(help="Smallest change of that share worth knowing.")],
    power: Annotated[float, typer.Option(help="Chance to see a change of that size.")] = 0.8,
    tests: Annotated[int, typer.Option(min=1, help="Questions in all: outcome and harms, by segment.")] = 1,
    smallest_segment: Annotated[float, typer.Option(help="Share of the smallest segment to see it in; 0: none.")] = 0.0,
    miss_costs_minor: Annotated[int, typer.Option(min=0, help="What one miss costs, minor units; 0: not known.")] = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write an experiment down before it begins, and say how many customers it needs."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.experimenting import define as write_down
    from forbear.apps.jobs.showing_experiments import show_size
    from forbear.models.effects.definition import checked

    definition = checked(
        {
            "format": 1,
            "name": name,
            "hold_out_share": hold_out,
            "expected_share": expected,
            "least_effect": least_effect,
            "power": power,
            "tests": tests,
            "smallest_segment": smallest_segment,
            "miss_costs_minor": miss_costs_minor,
        }
    )
    show_size(definition, Console(json=json), kept=write_down(Home(home), definition))


@command(experiment, "size", "forbear experiment size spring\nforbear experiment size spring.toml --json")
def size(which: WhichArgument, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Say how many customers an experiment needs, and what fewer would show."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.experimenting import definition_of
    from forbear.apps.jobs.showing_experiments import show_size

    show_size(definition_of(Home(home), which), Console(json=json))


@command(experiment, "watch", "forbear experiment watch spring\nforbear experiment watch spring --home my-home --json")
def watch(which: WhichArgument, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Show the effect so far with bounds that hold however often one looks; from the store."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_experiments import show_watch

    show_watch(Home(home), which, Console(json=json))


@command(experiment, "read", "forbear experiment read spring\nforbear experiment read spring --home my-home --json")
def read(which: WhichArgument, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Read an experiment out: effects, by action and band, harms beside benefit, money; and a page. From the store."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_experiments import show_reading

    show_reading(Home(home), which, Console(json=json), created=datetime.now(UTC).strftime(MADE))


@command(
    experiment,
    "hillstrom",
    """
    forbear experiment hillstrom --data ../data
    forbear experiment hillstrom --data ../data/hillstrom --out hillstrom.html --json
    """,
)
def hillstrom(
    data: Annotated[
        Path, typer.Option(envvar="FORBEAR_DATA", help="Folder with hillstrom.csv.gz, or with a folder of it.")
    ],
    capacity: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share that ranked policies may send to.")] = 0.3,
    seed: SeedOption = 0,
    out: Annotated[Path, typer.Option(help="Page to write.")] = Path("hillstrom.html"),
    json: JsonOption = False,
) -> None:
    """Read a published e-mail experiment out: effects by segment, and whether ranking by uplift beats chance."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.campaign import CampaignRequest
    from forbear.apps.jobs.showing_experiments import show_campaign

    created = datetime.now(UTC).strftime(MADE)
    request = CampaignRequest(data=data, created=created, capacity=capacity, seed=seed)
    show_campaign(request, out, Console(json=json))
