"""The self-contained HTML page of a running system, and that of one of its customers."""

from __future__ import annotations

from forbear.apps.report.document import write_report
from forbear.apps.report.request import ReportRequest

__all__ = ["ReportRequest", "write_report"]
