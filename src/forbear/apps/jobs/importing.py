"""Import a source into a home, and show its validation report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.loading import load_files
from forbear.importers.base import Importer


def show_import(
    home: Home,
    console: Console,
    importer: Callable[[Path], Importer],
    *,
    replace: bool,
    live_from: date | None = None,
) -> None:
    """Run an import and show its validation report. importer: made with a folder for its scratch files.

    live_from: what is received from that bank-local day on goes to the log.
    """
    summary = load_files(home, importer, console, replace=replace, live_from=live_from)
    console.result(summary)
    console.table("Validation report", ("what", "count"), list(_flattened(summary)))
    if home.dead_letters.exists() and any(home.dead_letters.iterdir()):
        console.say(f"Refused records and their reasons: {home.dead_letters}")


def _flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        words = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            rows += _flattened(value, f"{words}: ")
        else:
            rows.append((words, f"{value:,}" if isinstance(value, int) else "-" if value is None else str(value)))
    return rows
