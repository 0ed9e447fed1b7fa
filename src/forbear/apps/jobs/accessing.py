"""What somebody does at the terminal stands in the chain of accesses, as what is done over HTTP does."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime

from forbear.adapters.sql.office import open_office
from forbear.apps.home import Home
from forbear.apps.services import services_of
from forbear.domain.errors import ConflictError
from forbear.engine.office import Access, Role
from forbear.features.columns import micros

COMMAND_LINE = "command-line"
"""Who it was that acted at the terminal, and what it is recorded under."""
_TRIES = 10


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


def on_record(home: Home, done: Access) -> bool:
    """Have an access recorded in the office of a home; False, and nothing has changed, where it has none."""
    services = services_of(home.folder, os.environ)
    if services.store is None and not home.office.exists():
        return False
    url = services.store.reached if services.store else f"sqlite:///{home.office}"
    for left in reversed(range(_TRIES)):
        try:
            with closing(open_office(url, writer=COMMAND_LINE, published=False)) as office:
                office.accesses.record([done])
            break
        except ConflictError:  # somebody else at a terminal was first: behind theirs
            if not left:
                raise
    return True
