"""What tests of a store read it back by, whichever database it is on."""

from __future__ import annotations

from contextlib import closing

from forbear.adapters.sql.queries import open_queries
from forbear.engine.outputs import Outputs

MOST = 10_000
"""Decisions and outcomes that are read at the most."""


def recorded(url: str) -> Outputs:
    """Everything in the store at a URL."""
    with closing(open_queries(url)) as queries:
        return queries.recorded(MOST).value
