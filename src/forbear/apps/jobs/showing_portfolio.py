"""What `forbear portfolio` shows, and the document that it writes."""

from __future__ import annotations

from pathlib import Path

import msgspec

from forbear.adapters.disk import write_whole
from forbear.apps.console import Console, figure
from forbear.apps.home import SYNTHETIC, Home
from forbear.apps.jobs.portfolio import Portfolio, PortfolioRequest, portfolio
from forbear.models.results import Figure

DOCUMENT = "portfolio.json"


def show_portfolio(home: Home, request: PortfolioRequest, out: Path | None, console: Console) -> Portfolio:
    """Write the portfolio as JSON and show its main figures. out: the file; None: in the home's reports."""
    found = portfolio(home, request, console)
    path = out or home.reports / DOCUMENT
    synthetic = home.deployment.source == SYNTHETIC
    document = {"synthetic": synthetic, **found.document()}
    write_whole(path, msgspec.json.format(msgspec.json.encode(document), indent=1))
    console.result({"document": str(path), **document})
    if synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    console.table(
        f"At high risk (PD from {found.policy.bands[-1].enter:.2%}), {found.first} to {found.last}, 95 % intervals",
        ("Segment", "Customers", "Mean PD", "At high risk", "Change"),
        [
            ("all", f"{found.high.customers:,}", "", _cell(found.high.after), _cell(found.high.change, "+.4f")),
            *(
                (
                    f"{one.dimension}: {one.name}",
                    f"{one.high.customers:,}",
                    f"{one.mean_pd:.2%}",
                    _cell(one.high.after),
                    _cell(one.high.change, "+.4f"),
                )
                for one in found.segments
            ),
        ],
    )
    states = found.moves.states
    console.table(
        "Moves between bands",
        ("From \\ to", *states),
        [(name, *map(str, row)) for name, row in zip(states, found.moves.counts.tolist(), strict=True)],
    )
    console.say(f"Stress index: {_cell(found.index_before, '.1f')} before, {_cell(found.index, '.1f')} now")
    told = ", ".join(f"{of:.0%} in the riskiest {share:.0%}" for share, of in found.gathered.top.items())
    console.say(f"Expected misses: {told}")
    console.say(f"Document: {path}")
    return found


def _cell(found: Figure, style: str = ".4f") -> str:
    return figure(found.value, found.low, found.high, style)
