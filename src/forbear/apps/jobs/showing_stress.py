"""What `forbear stress` shows, and the document and the page that it writes."""

from __future__ import annotations

from pathlib import Path

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.beside import page_beside
from forbear.apps.console import Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.showing_portfolio import show_moves
from forbear.apps.jobs.stressing import Stressed, StressRequest, stress
from forbear.apps.stress_page import stress_page

DOCUMENT = "stress.json"


def show_stress(home: Home, request: StressRequest, out: Path | None, created: str, console: Console) -> Stressed:
    """Write the stress test as JSON, and a page beside it, and show the main figures.

    out: the file; None: in the home's reports.  created: when, in words.
    """
    found = stress(home, request, console)
    path = out or home.reports / DOCUMENT
    page = page_beside(path)
    synthetic = home.synthetic
    document = {"synthetic": synthetic, **found.document()}
    write_document(path, document)
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
                    interval(one.change, "+.4f"),
                    interval(one.index, ".1f"),
                    interval(one.high.change, "+.4f"),
                    f"{one.lost:,}",
                )
                for one in found.outcomes
            ),
        ],
    )
    for one in found.outcomes:
        show_moves(console, f"Moves between bands, {one.shock.name}", one.moves)
    console.say(f"Document: {path}")
    console.say(f"Page: {page}")
    return found
