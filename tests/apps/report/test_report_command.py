"""`forbear report` over a home that a worker has written to: the pages, the line for a person and that for a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_the_line_for_a_script_has_the_figures_of_the_page(cli: Cli, home: Path) -> None:
    """--json gives the main figures and the page, on which they stand; the days are those asked for."""
    found = cli("report", "--home", home, "--from", "2023-04-20", "--to", "2023-05-20", "--json").document
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert (found["first"], found["last"]) == ("2023-04-20", "2023-05-20")
    assert f"{found['in_bands']} of {found['scored']} customers are at risk" in page
    assert found["audit"]["anchor"] in page
    assert found["decisions"]["offer"] > 0


def test_a_person_hears_where_the_page_is(cli: Cli, home: Path) -> None:
    """Without --json two lines say what was found and where it lies."""
    first, second = cli("report", "--home", home).out.splitlines()
    assert first.startswith("2023-01-01 to 2023-05-30: ")
    assert second == f"Page: {home / 'reports' / 'report.html'}"


def test_a_customer_has_a_page_of_their_own(cli: Cli, home: Path, most_decided: str) -> None:
    """--customer writes a page named after the customer."""
    page = Path(cli("report", "--home", home, "--customer", most_decided, "--json").document["page"])
    assert page.name == f"customer-{most_decided}.html"
    assert f"Customer {most_decided}" in page.read_text(encoding="utf-8")
