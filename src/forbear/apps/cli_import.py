"""Commands that import what a bank has; `apps.cli` registers them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import command, imports
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, LiveFromOption, ReplaceOption


@command(imports, "berka", "forbear import berka ../data/berka --home berka-home")
def import_berka(
    folder: Annotated[Path, typer.Argument(help="Folder with trans, account, disp, client, district and loan files.")],
    live_from: LiveFromOption = None,
    home: HomeOption = DEFAULT_HOME,
    replace: ReplaceOption = False,
    json: JsonOption = False,
) -> None:
    """Import the PKDD'99 "Berka" bank from its published .asc or .csv files, gzip or not."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.importing import show_import
    from forbear.importers.berka import BerkaImporter

    show_import(Home(home), Console(json=json), lambda _: BerkaImporter(folder), replace=replace, live_from=live_from)


@command(
    imports,
    "events",
    """
    forbear import events transactions.csv payments.csv --mapping my-bank.toml
    forbear import events events.jsonl --mapping my-bank.toml --home my-home
    """,
)
def import_events(
    files: Annotated[list[Path], typer.Argument(help="CSV, Parquet or JSON Lines files.")],
    mapping: Annotated[Path, typer.Option(help="TOML file that says what the columns mean.")],
    live_from: LiveFromOption = None,
    home: HomeOption = DEFAULT_HOME,
    replace: ReplaceOption = False,
    json: JsonOption = False,
) -> None:
    """Import any extract of transactions, customers and payments that a mapping describes."""
    from zoneinfo import ZoneInfo

    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.importing import show_import
    from forbear.importers.events import EventsImporter
    from forbear.importers.mapping import load_mapping

    meaning = load_mapping(mapping)
    today = datetime.now(ZoneInfo(meaning.deployment.time_zone)).date()

    def importer(scratch: Path) -> EventsImporter:
        return EventsImporter(files, meaning, scratch=scratch, today=today)

    show_import(Home(home), Console(json=json), importer, replace=replace, live_from=live_from)
