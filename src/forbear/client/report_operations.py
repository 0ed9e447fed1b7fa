"""What can be asked about written reports and about the past of a customer; see `operations`."""

from __future__ import annotations

from typing import Unpack

from forbear.client import past, reports
from forbear.client.bound import listing, operation
from forbear.client.calls import Call, Extra, Listed, get

LINES = 200
"""Entries of a customer's past that are asked for at once."""


class ReportOperations:
    """Reports, transactions, windows."""

    @operation
    def list_reports(self, **extra: Unpack[Extra]) -> Call[reports.ReportsPage]:
        """Every report that there is or could be: when it was written, by which command, and whether a job can."""
        return get("list_reports", "/v1/reports", reports.ReportsPage, extra)

    @operation
    def report(self, name: str, *, part: str | None = None, **extra: Unpack[Extra]) -> Call[reports.ReportShown]:
        """One written report as its document. part: only what stands under this key."""
        return get("report", "/v1/reports/{name}", reports.ReportShown, extra, {"name": name}, part=part)

    @listing
    def customer_transactions(
        self, customer_id: str, *, days: int = 90, page_size: int = LINES, **extra: Unpack[Extra]
    ) -> Listed[past.CustomerPast, past.PastLine]:
        """A customer's transactions, outcomes and updates, newest first; each page has the sums of all days."""
        template, path = "/v1/customers/{customer_id}/transactions", {"customer_id": customer_id}
        paged = {"limit": page_size, "cursor": None}
        call = get("customer_transactions", template, past.CustomerPast, extra, path, days=days, **paged)
        return Listed(call, lambda page: page.items, lambda page: page.further)

    @operation
    def customer_windows(self, customer_id: str, **extra: Unpack[Extra]) -> Call[past.CustomerWindows]:
        """What the ledger of a customer holds by day, and every feature and figure that is made of it now."""
        template, path = "/v1/customers/{customer_id}/windows", {"customer_id": customer_id}
        return get("customer_windows", template, past.CustomerWindows, extra, path)
