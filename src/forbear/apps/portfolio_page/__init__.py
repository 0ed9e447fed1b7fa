"""The page about a whole book: how many are at high risk, how that moved and where, and what is past due."""

from __future__ import annotations

from forbear.apps.portfolio_page.document import PortfolioPage, render_portfolio

__all__ = ["PortfolioPage", "render_portfolio"]
