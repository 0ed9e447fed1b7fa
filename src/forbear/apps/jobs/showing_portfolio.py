"""What `forbear portfolio` shows, and the document that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.beside import page_beside
from forbear.apps.console import Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.portfolio import Portfolio, PortfolioRequest, portfolio
from forbear.apps.portfolio_page import PortfolioPage, render_portfolio
from forbear.models.credit.movements import Transitions

DOCUMENT = "portfolio.json"
"""What the name of the page beside a document ends in."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the portfolio is written. out: the document's file, None: in the home's reports.  created: in words."""

    out: Path | None
    created: str


def show_portfolio(home: Home, request: PortfolioRequest, written: Written, console: Console) -> Portfolio:
    """Write the portfolio as JSON, with a page for people beside it, and show its main figures.

    Who is in which segment is kept in the home, unless that of a later day is.
    Raises ConfigError for a document that bears the name of its page; else as `portfolio` does.
    """
    path = written.out or home.reports / DOCUMENT
    page = page_beside(path)
    found = portfolio(home, request, console)
    synthetic = home.synthetic
    document = {"synthetic": synthetic, **found.document()}
    write_document(path, document)
    source = home.deployment.source
    write_whole(page, render_portfolio(PortfolioPage(found, source, written.created, synthetic=synthetic)).encode())
    told = home.segments.keep(found.segmented)
    console.result({"document": str(path), "page": str(page), **document})
    if synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    console.table(
        f"At high risk (PD from {found.cut_off:.2%}), {found.first} to {found.last}, 95 % intervals",
        ("Segment", "Customers", "Mean PD", "At high risk", "Change"),
        [
            ("all", f"{found.high.customers:,}", "", interval(found.high.after), interval(found.high.change, "+.4f")),
            *(
                (
                    f"{one.dimension}: {one.name}",
                    f"{one.high.customers:,}",
                    f"{one.mean_pd:.2%}",
                    interval(one.high.after),
                    interval(one.high.change, "+.4f"),
                )
                for one in found.segments
            ),
        ],
    )
    show_moves(console, "Moves between bands", found.moves)
    if found.arrears:
        months = found.arrears.months
        title = f"Days past due, from month to month, closes of {months[0].first} to {months[-1].last}"
        show_moves(console, title, found.arrears.pooled)
    before, now = (interval(found.indices[day], ".1f") for day in (found.first, found.last))
    console.say(f"Stress index: {before} before, {now} now")
    gathered = ", ".join(f"{of:.0%} in the riskiest {share:.0%}" for share, of in found.gathered.top.items())
    console.say(f"Expected misses: {gathered}")
    console.say(f"Document: {path}")
    console.say(f"Page: {page}")
    if told:
        console.say(f"Who is in which segment, for the HTTP interface: {home.segments.path}, as of {found.last}")
    return found


def show_moves(console: Console, title: str, moves: Transitions) -> None:
    """Moves as a table of counts."""
    rows = zip(moves.states, moves.counts.tolist(), strict=True)
    console.table(title, ("From \\ to", *moves.states), [(name, *map(str, row)) for name, row in rows])
