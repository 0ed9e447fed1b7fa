"""What `forbear stress` shows, and the document and the page that it writes."""

from __future__ import annotations

from pathlib import Path

import msgspec

from forbear.adapters.disk import write_whole
from forbear.apps.console import Console, figure
from forbear.apps.home import SYNTHETIC, Home
from forbear.apps.jobs.stressing import Stressed, StressRequest, stress
from forbear.apps.stress_page import stress_page
from forbear.models.results import Figure

DOCUMENT = "stress.json"


def show_stress(home: Home, request: StressRequest, out: Path | None, created: str, console: Console) -> Stressed:
    """Write the stress test as JSON, and a page beside it, and show the main figures.

    out: the file; None: in the home's reports.  created: when, in words.
    """
    found = stress(home, request, console)
    path = out or home.reports / DOCUMENT
    page = path.with_suffix(".html")
    synthetic = home.deployment.source == SYNTHETIC
    document = {"synthetic": synthetic, **found.document()}
    write_whole(path, msgspec.json.format(msgspec.json.encode(document), indent=1))
    write_whole(page, stress_page(found, created, synthetic=synthetic).encode())
    console.result({"document": str(path), "page": str(page), **document})
    if synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    console.table(
        f"{found.customers:,} customers on {found.on}, the last {found.window} days shocked, 95 % intervals",
        ("Scenario", "Mean PD", "Change", "Stress index", "At high risk, change", "No longer asked"),
        [
            ("no shock", f"{found.pd:.2%}", "", "100", "", ""),
            *(
                (
                    one.shock.name,
                    f"{one.after.value:.2%}",
                    _cell(one.change, "+.4f"),
                    _cell(one.index, ".1f"),
                    _cell(one.high.change, "+.4f"),
                    f"{one.lost:,}",
                )
                for one in found.outcomes
            ),
        ],
    )
    for one in found.outcomes:
        console.table(
            f"Moves between bands, {one.shock.name}",
            ("From \\ to", *one.moves.states),
            [(name, *map(str, row)) for name, row in zip(one.moves.states, one.moves.counts.tolist(), strict=True)],
        )
    console.say(f"Document: {path}")
    console.say(f"Page: {page}")
    return found


def _cell(found: Figure, style: str) -> str:
    return figure(found.value, found.low, found.high, style)
