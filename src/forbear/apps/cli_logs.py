"""Commands about the logs; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption

logs = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Find somebody's lines in the logs.")
app.add_typer(logs, name="logs")


@command(
    logs,
    "reference",
    """
    forbear logs reference C0000017 --why 'complaint 4711' --home my-home
    forbear logs reference --request checkout-42 --home my-home
    """,
)
def reference(
    customer: Annotated[str, typer.Argument(help="Id of a customer, as the bank has it.")] = "",
    request: Annotated[str, typer.Option("--request", help="Or the X-Request-ID that a caller sent.")] = "",
    why: Annotated[str, typer.Option("--why", help="Why you look; it is recorded.")] = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """What a customer, or a request of a caller, is called in logs and spans. Who asks for a customer is recorded."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.referring import Looked, show_reference

    looked = Looked(customer_id=customer, request_id=request, why=why, now=datetime.now(UTC))
    show_reference(Home(home), Console(json=json), looked)
