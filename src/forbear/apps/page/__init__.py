"""The self-contained HTML page of a backtest: no script, no font, no image and no style from elsewhere."""

from __future__ import annotations

from forbear.apps.page.document import render
from forbear.apps.page.request import BacktestPage

__all__ = ["BacktestPage", "render"]
