"""What somebody does at the terminal stands in the chain of accesses, as what is done over HTTP does."""

from __future__ import annotations

from datetime import datetime

from forbear.engine.office import Access, Office, Role
from forbear.features.columns import micros

COMMAND_LINE = "command-line"
"""Who it was that acted at the terminal, and what it is recorded under."""


def record_access(office: Office, route: str, why: str, now: datetime) -> None:
    """Have it recorded: on the disk when it returns. route: what was done.  Raises what `Accesses.record` does."""
    done = Access(
        at_us=micros(now),
        who=COMMAND_LINE,
        role=Role.ADMIN.value,
        route=route,
        customer=None,
        why=why,
        status=200,
        request_id="",
    )
    office.accesses.record([done])
