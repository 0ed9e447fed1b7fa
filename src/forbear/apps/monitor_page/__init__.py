"""The page of monitoring: what drifts, how scores and decisions go, and whether the model still does what it did."""

from __future__ import annotations

from forbear.apps.monitor_page.document import MonitorPage, render_monitor

__all__ = ["MonitorPage", "render_monitor"]
