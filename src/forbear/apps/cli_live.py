"""Commands of a running deployment; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption


@command(
    app,
    "send",
    """
    forbear send events.jsonl
    forbear send late.ndjson.gz --keep-received --home my-home
    """,
)
def send(
    file: Annotated[Path, typer.Argument(help="JSON Lines of forbear's own events, plain or .gz.")],
    keep_received: Annotated[
        bool, typer.Option("--keep-received", help="Keep received_at as it stands; default: now.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Put events behind the log of a home, where the worker finds them."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.sending import show_sending

    def now() -> datetime:
        return datetime.now(UTC)

    show_sending(Home(home), file, Console(json=json), now=now, keep_received=keep_received)
