"""Commands about a store's database; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption

store = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the database of a store.")
app.add_typer(store, name="store")

UrlOption = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="FORBEAR_STORE",
        show_default=False,
        help="Where the store is; default: in the home. A password is safer in the variable.",
    ),
]


@command(store, "migrate", "forbear store migrate --home my-home\nFORBEAR_STORE=postgresql://... forbear store migrate")
def migrate(url: UrlOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Make the tables of a store, or bring those of an older version forward."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.storing import show_migration, store_url

    show_migration(store_url(url, Home(home)), Console(json=json))


@command(
    store,
    "retain",
    """
    forbear store retain --home my-home
    forbear store retain --predictions-days 365 --interventions-days 1095
    """,
)
def retain(
    predictions_days: Annotated[
        int, typer.Option("--predictions-days", min=1, help="For how many days predictions are kept.")
    ] = 730,
    interventions_days: Annotated[
        int | None,
        typer.Option(
            "--interventions-days", help="For how many decisions name whom they are about; default: for good."
        ),
    ] = None,
    url: UrlOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Let go of what is older than it has to be kept. Workers may run; the audit chain stays."""
    from forbear.adapters.sql.retention import RetentionRule
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.storing import show_retention, store_url

    rule = RetentionRule(predictions_days=predictions_days, interventions_days=interventions_days)
    show_retention(store_url(url, Home(home)), rule, Console(json=json), now=datetime.now(UTC))
