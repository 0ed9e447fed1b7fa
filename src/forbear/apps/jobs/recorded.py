"""What a home's worker has recorded of a stretch of its log, in the form that a replay leaves."""

from __future__ import annotations

from contextlib import closing

from forbear.adapters.sql.queries import open_queries
from forbear.apps.home import Home
from forbear.engine.outputs import Decision
from forbear.engine.queries import MOST_ROWS, Queries, Which
from forbear.engine.replayed import Replayed, decided_of


def recorded_of(home: Home, first: int, past: int) -> Replayed | None:
    """Decisions and closes of the events first..past, up to where the worker is; None where it recorded none of them.

    What is sealed stays so: PDs and chances are not known. Whoever was erased is left out.
    """
    if not home.database.exists():
        return None
    with closing(open_queries(f"sqlite:///{home.database}")) as queries:
        position, status = queries.status()
        if position.offset <= first:
            return None
        last_day = -1 if status.last_day is None else status.last_day
        days = tuple(row for row in queries.days(0, last_day).value if first <= row.offset < past)
        decisions = _between(queries, first, past)
    said = {part.kind: part.digest for part in (status.model, status.policy) if part is not None}
    version = "" if status.policy is None else str(status.policy.document["version"])
    return Replayed(
        first=first,
        past=min(past, position.offset),
        decided=decided_of(decisions),
        days=days,
        said={**said, "version": version, "currency": home.deployment.currency},
    )


def _between(queries: Queries, first: int, past: int) -> list[Decision]:
    """Decisions of some events, oldest first."""
    found: list[Decision] = []
    before: int | None = None
    while True:
        page = queries.decisions(Which(), MOST_ROWS, before).value
        found += [one for one in page.decisions if first <= one.offset < past]
        before = page.older
        if before is None or page.decisions[-1].offset < first:
            return found[::-1]
