"""The order of postings within a day, from the balance that each one left behind.

A posting is an edge from the balance before it to the balance after it; a day in its right order is a
trail through them. Where postings are missing the trail is broken, so the day is cut into as few trails
as can be: no other order of the day chains more pairs of postings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Trail: TypeAlias = list[int]


class Posting(NamedTuple):
    """before_minor, after_minor: the account's balance around it.  rank: its place where balances do not tell."""

    before_minor: int
    after_minor: int
    rank: tuple[int, int]


def day_order(postings: Sequence[Posting], opening_minor: int) -> list[int]:
    """The places of one account's postings of one day, in the order in which they were booked.

    opening_minor: the account's last known balance before the day. The trail that starts there comes first,
    then the others by the highest rank in each; ranks must differ, so that the order given has no effect.
    Nothing after the day is used. Linear in the postings once sorted. Source: Hierholzer (1873).
    """
    graph = _Graph(postings)
    trails = [graph.spliced(start, trail) for start, trail in graph.open_trails(opening_minor)]
    trails += graph.rounds()
    others = sorted(filter(None, trails[1:]), key=lambda trail: max(postings[place].rank for place in trail))
    return [*trails[0], *(place for trail in others for place in trail)]


class _Graph:
    """Postings that have not been put into a trail yet, by the balance that they leave from."""

    def __init__(self, postings: Sequence[Posting]) -> None:
        self._postings = postings
        self._places = sorted(range(len(postings)), key=lambda place: postings[place].rank)
        self._leaving: defaultdict[int, Trail] = defaultdict(list)
        for place in reversed(self._places):
            self._leaving[postings[place].before_minor].append(place)

    def open_trails(self, opening: int) -> list[tuple[int, Trail]]:
        """Where each trail starts and what it holds: the one from `opening` (perhaps empty), then the others.

        A balance that is left more often than it is reached must start trails. What remains are rounds.
        """
        excess = Counter(posting.before_minor for posting in self._postings)
        excess.subtract(posting.after_minor for posting in self._postings)
        excess[opening] -= 1
        trails = [(opening, self._walk(opening))]
        for place in self._places:
            start = self._postings[place].before_minor
            if excess[start] > 0:
                excess[start] -= 1
                trails.append((start, self._walk(start)))
        return trails

    def spliced(self, start: int, trail: Trail) -> Trail:
        """The trail with every remaining round put in where it touches it first."""
        whole: Trail = []
        ahead = trail[::-1]
        balance = start
        while True:
            ahead += self._walk(balance)[::-1]
            if not ahead:
                return whole
            whole.append(ahead.pop())
            balance = self._postings[whole[-1]].after_minor

    def rounds(self) -> list[Trail]:
        """What is left: rounds that touch no open trail."""
        starts = (self._postings[place].before_minor for place in self._places)
        return [self.spliced(start, []) for start in starts if self._leaving[start]]

    def _walk(self, balance: int) -> Trail:
        trail: Trail = []
        while leaving := self._leaving[balance]:
            trail.append(leaving.pop())
            balance = self._postings[trail[-1]].after_minor
        return trail
