"""Commands about the audit chain: what was done, proved; `apps.cli` registers them."""

from __future__ import annotations

from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption

audit = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Prove what was decided, by whom, on what, and by which rules."
)
app.add_typer(audit, name="audit")


@command(
    audit,
    "replay",
    """
    forbear audit replay 0f3a5d0c1b9e4a7780c2d4e6f8a1b3c5
    forbear audit replay --all --home my-home
    """,
)
def replay(
    decision: Annotated[str, typer.Argument(help="The identifier of a decision: 32 hexadecimal digits.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every decision that is recorded.")] = False,
    first: Annotated[int | None, typer.Option("--first", min=1, help="With --all: the oldest so many.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Make a past decision again from what it sealed, and compare every byte. Ends with 7 where one differs."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.remaking import show_all_remade, show_remade

    if bool(decision) == every:
        raise typer.BadParameter("name one decision, or say --all")
    if first is not None and not every:
        raise typer.BadParameter("--first goes with --all")
    if every:
        show_all_remade(Home(home), Console(json=json), most=first)
        return
    show_remade(Home(home), Console(json=json), decision)
