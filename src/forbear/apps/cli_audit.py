"""Commands about the audit chain: what was done, proved; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, user


class Form(StrEnum):
    """How a story is written."""

    JSON = "json"
    HTML = "html"
    PDF = "pdf"


audit = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Prove what was decided, by whom, on what, and by which rules."
)
app.add_typer(audit, name="audit")


@command(audit, "checkpoint", "forbear audit checkpoint --home my-home")
def checkpoint(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Sign the audit chain as it stands. `forbear run` does so after each day that it closes."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.checkpointing import show_checkpoint

    show_checkpoint(Home(home), Console(json=json), datetime.now(UTC))


@command(audit, "export", "forbear audit export --out audit.jsonl --home my-home")
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; default: in the home's reports.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write the whole audit chain into one file that anybody can verify; nothing personal is readable in it."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.exporting import show_export

    show_export(Home(home), Console(json=json), out, datetime.now(UTC))


@command(
    audit,
    "verify",
    """
    forbear audit verify audit.jsonl --key signing.key.pub
    forbear audit verify audit.jsonl --anchor 57340-e5f32362df06c9ff56cc8122a881f66c
    """,
)
def verify(
    file: Annotated[Path, typer.Argument(help="What `forbear audit export` wrote.")],
    key: Annotated[
        Path | None, typer.Option(help="The public key that it must be signed by; default: the one it names.")
    ] = None,
    anchor: Annotated[
        list[str] | None, typer.Option(help="A mark that was kept elsewhere, and that the chain must have been at.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check an export without a home. Ends with 7 where a byte is not as it was, naming the first broken record."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.exporting import show_verification

    show_verification(file, Console(json=json), key, anchor or ())


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


@command(
    audit,
    "report",
    """
    forbear audit report C0000017 --reason 'complaint 4711'
    forbear audit report C0000017 --reason 'complaint 4711' --by 'M. Muster' --format pdf --out story.pdf
    """,
)
def report(
    customer: Annotated[str, typer.Argument(help="Whose story, by id.")],
    reason: Annotated[str, typer.Option(help="Why it is looked at; goes on record.")],
    form: Annotated[Form, typer.Option("--format", help="What to write.")] = Form.HTML,
    out: Annotated[Path | None, typer.Option(help="File to write; default: in the home's reports.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who looks; default: the user's name.")] = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Tell the whole story of a customer: data used, scores, reasons, what was done, by which rules, and who looked."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.storytelling import StoryRequest, show_story

    request = StoryRequest(
        customer=customer, form=str(form), out=out, by=by or user(), reason=reason, now=datetime.now(UTC)
    )
    show_story(Home(home), Console(json=json), request)
