"""Commands about the models of a home: the registry, and who was champion when; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, Every, HomeOption, JsonOption, Kind, SeedOption, day

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


@command(models, "changelog", "forbear models changelog\nforbear models changelog --home my-home --json")
def changelog(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Write the change log of champions: who was put in force when and by whom, and what each changed."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.champions_log import show_champions_log

    show_champions_log(Home(home), datetime.now(UTC).strftime(MADE), Console(json=json))


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
        date | None, typer.Option("--at", parser=day, help="Who was champion at the end of this day of the bank.")
    ] = None,
    known_at: Annotated[
        date | None,
        typer.Option("--known-at", parser=day, help="By what was known at the end of this day of the bank."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Say which model was champion when, and since when that is known."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_models import show_history

    show_history(Home(home), Console(json=json), at, known_at)


@command(
    app,
    "retrain",
    """
    forbear retrain --months 12
    forbear retrain --if-due --on-alarm --kind boosting
    forbear retrain --every week --terms our-gate.toml --json
    forbear retrain --groups people.csv --jurisdiction EU
    """,
)
def retrain(
    months: Annotated[
        int | None, typer.Option("--months", help="Months to learn from, 6 to 12; default: as the terms say.")
    ] = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only if the champion is older than the terms allow.")
    ] = False,
    on_alarm: Annotated[bool, typer.Option("--on-alarm", help="Only if the monitor's report advises it.")] = False,
    kind: Annotated[list[Kind] | None, typer.Option("--kind", help="Which to train; all if left out.")] = None,
    every: Annotated[Every, typer.Option("--every", help="How often the book is observed.")] = Every.MONTH,
    until: Annotated[
        date | None, typer.Option("--until", parser=day, help="Use nothing known from this day on.")
    ] = None,
    terms: Annotated[Path | None, typer.Option("--terms", help="Terms of the gate; default: those shipped.")] = None,
    groups: Annotated[
        Path | None, typer.Option("--groups", help="With --jurisdiction: CSV of customer_id and attributes.")
    ] = None,
    jurisdiction: Annotated[
        str, typer.Option("--jurisdiction", help="US, EU, UK, IN or none: the gate asks for fairness by its limits.")
    ] = "",
    seed: SeedOption = 0,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Train candidates on the last months and hold them against the champion at a gate; nothing is put in force."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.fairness_gate import gate_examiner
    from forbear.apps.jobs.modelling import KINDS
    from forbear.apps.jobs.retraining import RetrainRequest, gate_terms
    from forbear.apps.jobs.showing_retraining import show_retraining

    if groups and not jurisdiction:
        raise typer.BadParameter("--groups goes with --jurisdiction")
    now = datetime.now(UTC)
    request = RetrainRequest(
        terms=gate_terms(terms),
        created=now.strftime(MADE),
        months=months,
        until=until,
        every=every.value,
        kinds=tuple(one for one in KINDS if kind is None or one in {str(each) for each in kind}),
        seed=seed,
        if_due=if_due,
        on_alarm=on_alarm,
        examine=gate_examiner(Home(home), groups, jurisdiction, now),
    )
    show_retraining(Home(home), Console(json=json), request)
