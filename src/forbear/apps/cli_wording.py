"""Commands about what customers are told; `apps.cli` registers them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption

wording = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What customers are told: approved texts, seen before they go."
)
app.add_typer(wording, name="wording")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Of a template, as `wording list` names it.")]


@command(wording, "list", "forbear wording list\nforbear wording list --home my-home --json")
def listed(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Every text that may be sent: its version, its channel, and who approved it."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.wording import show_list

    show_list(Home(home), Console(json=json))


@command(wording, "show", "forbear wording show due_date_change")
def show(name: NameArgument, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """One text in every language, as it is written, with its placeholders."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.wording import show_template

    show_template(Home(home), name, Console(json=json))


@command(
    wording,
    "preview",
    """
    forbear wording preview due_date_change --lang de
    forbear wording preview gentle_reminder --customer C-17 --home my-home
    """,
)
def preview(
    name: NameArgument,
    lang: Annotated[str, typer.Option("--lang", help="Language; default: the customer's, or the home's.")] = "",
    customer: Annotated[str, typer.Option("--customer", help="Of the home's register, to be greeted by name.")] = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """One text as a customer would have it. Nothing is sent."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.wording import Wanted, show_preview

    show_preview(Home(home), Wanted(name=name, language=lang, customer=customer), os.environ, Console(json=json))


@command(wording, "check", "forbear wording check my-wording.toml")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A catalogue of one's own.")],
    json: JsonOption = False,
) -> None:
    """Whether a catalogue may be used: languages, placeholders, lengths, links, and nothing that threatens."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.wording import show_check

    show_check(file, Console(json=json))
