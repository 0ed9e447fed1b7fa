"""What somebody does at the terminal stands in the chain of accesses, as what is done over HTTP does."""

from __future__ import annotations

from datetime import datetime

from forbear.engine.office import Access, Role
from forbear.features.columns import micros

COMMAND_LINE = "command-line"
"""Who it was that acted at the terminal, and what it is recorded under."""


def access(route: str, why: str, now: datetime, *, who: str = COMMAND_LINE, customer: int | None = None) -> Access:
    """An access at the terminal, where everybody may do everything, for the chain of accesses.

    route: what was done.  customer: key of whose data were read, None where it is nobody's alone.
    """
    return Access(
        at_us=micros(now),
        who=who,
        role=Role.ADMIN.value,
        route=route,
        customer=customer,
        why=why,
        status=200,
        request_id="",
    )
