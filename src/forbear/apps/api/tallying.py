"""Decisions counted, in memory: what was counted once is not read again, only what was recorded since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from forbear.engine.desk import Desk, Seen
from forbear.engine.queries import Tally


class Tallying:
    """Counts decisions with a desk as it is asked. A decision stays as it was recorded, so counts only grow.

    It holds one count for each day, outcome, action and channel. Safe for many threads.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = Lock()
        self._entry = 0
        self._counted: dict[tuple[int, str, str, str], Tally] = {}
        self._in_order: tuple[Tally, ...] = ()

    def of(self, first: int, last: int) -> Seen[tuple[Tally, ...]]:
        """Decisions of some days by day, outcome, action and channel, in that order; both ends included."""
        seen = self._all()
        start = bisect_left(seen.value, first, key=_day)
        return Seen(seen.marks, seen.value[start : bisect_right(seen.value, last, lo=start, key=_day)])

    def outcomes(self) -> Seen[Mapping[str, int]]:
        """Decisions of all days by outcome."""
        seen = self._all()
        counts: Counter[str] = Counter()
        for one in seen.value:
            counts[one.outcome] += one.decisions
        return Seen(seen.marks, counts)

    def _all(self) -> Seen[tuple[Tally, ...]]:
        with self._turn:
            seen = self._desk.tallies_behind(self._entry)
            for one in seen.value.tallies:
                place = (one.day, one.outcome, one.action, one.channel)
                before = self._counted.get(place)
                self._counted[place] = one if before is None else _sum(before, one)
            if seen.value.tallies:
                self._in_order = tuple(self._counted[place] for place in sorted(self._counted))
            self._entry = seen.value.entry
            return Seen(seen.marks, self._in_order)


def _day(one: Tally) -> int:
    return one.day


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(
        day=one.day,
        outcome=one.outcome,
        action=one.action,
        channel=one.channel,
        decisions=one.decisions + other.decisions,
        cost_minor=one.cost_minor + other.cost_minor,
    )


async def _tallying(request: HTTPConnection) -> Tallying:
    tallying: Tallying = request.app.state.tallying
    return tallying


TallyingHere = Annotated[Tallying, Depends(_tallying)]
"""What counts decisions, as a parameter of a route."""
