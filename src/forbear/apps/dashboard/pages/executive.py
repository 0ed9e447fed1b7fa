"""How the book stands, what was done for whom, and what is in force."""

from __future__ import annotations

from forbear.apps.dashboard import layout
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk


def show(desk: Desk) -> None:
    """Draw the page."""
    statistics = desk.statistics
    layout.head(BY_NAME["executive"].title, BY_NAME["executive"].says, desk.as_of(statistics))
