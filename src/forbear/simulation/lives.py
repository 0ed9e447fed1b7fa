"""Lives that leave nothing behind: households are lived on, and only what they missed is kept.

A household's record is its whole hidden state, so a copy of it can be lived on under another key of chance, or with
help that the other copy does not have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.domain.deployment import HORIZON_DAYS
from forbear.features.columns import EventKind
from forbear.simulation.accounts import MISSED, holds
from forbear.simulation.calendar import GRACE_DAYS, Calendar, calendar_of
from forbear.simulation.day import live_day
from forbear.simulation.households import draw_households
from forbear.simulation.records import Record, Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.world import BOOK, DUTIES, NO_INDEX, OPEN_AT_ONCE

KNOWN_AFTER_DAYS = HORIZON_DAYS + GRACE_DAYS
"""Days from the first of a window on until every miss in it is known."""
_OUTCOME = int(EventKind.OUTCOME)


@dataclass(slots=True)
class Lives:
    """The households of a bank, each at the first instant of day `t`; they can only be lived on.

    houses: (customers,) of HOUSE.  calendar: of the run, as far as it is asked for.
    """

    houses: Records
    calendar: Calendar
    t: int = 0

    @classmethod
    def of(cls, spec: BankSpec, days: int) -> Self:
        """The households on their first morning, with a calendar of at least so many days."""
        # A life is the same however long its run is.
        calendar = calendar_of(replace(spec, days=max(spec.days, days)))
        return cls(draw_households(spec, calendar), calendar)

    def live_until(self, t: int) -> None:
        """Live all households on to the first instant of day t. Raises ValueError if that day has begun."""
        if t < self.t:
            raise ValueError(f"day {t} is over: these lives stand at day {self.t}")
        live_unseen(self.houses, self.calendar.days[self.t : t], scratch())
        self.t = t

    def ahead(self, days: int) -> Records:
        """So many days from the present one on: (days,) of DAY."""
        coming: Records = self.calendar.days[self.t : self.t + days]
        return coming


def scratch() -> Records:
    """A book whose rows nobody reads: (1,) of BOOK. One for each thread."""
    return np.zeros(1, dtype=BOOK)


@compiled
def live_unseen(houses: Records, days: Records, books: Records) -> None:
    """Live these days in every household. houses: (n,) of HOUSE, written.  days: (m,) of DAY.  books: scratch."""
    for c in range(len(houses)):
        for t in range(len(days)):
            books[0].filled = 0
            live_day(houses[c], days[t], books[0])


@compiled
def last_due(house: Record, days: Records) -> int:
    """Place of the last day of the window on which an instalment may fall due, -1 if none does.

    days: (at least HORIZON_DAYS,) of DAY from the first of the window on.

    Where help begins or ends within the window due dates may move, so that any day may be the last.
    """
    if house.help.turns_on < days[0].t + HORIZON_DAYS:
        return HORIZON_DAYS - 1
    for place in range(HORIZON_DAYS - 1, -1, -1):
        for j in range(DUTIES):
            # A statement of the bank's card may be drawn up before then: what it will cost is not known yet.
            if holds(house, j, days[place].t) and days[place].until_due[house.duties[j].day] == 0:
                return place
    return -1


@compiled
def days_to_miss(house: Record, days: Records, book: Record, last: int) -> int:
    """Live on until it is known whether a payment due in the window is missed; days to its due day, or -1.

    house: written.  days: (at least KNOWN_AFTER_DAYS,) of DAY from the window's first on.  last: `last_due` of it.
    """
    first = days[0].t
    for place in range(KNOWN_AFTER_DAYS):
        if place > last and not _owes_since(house, first):
            return NO_INDEX
        book.filled = 0
        live_day(house, days[place], book)
        # All have the same grace, so the miss that is known first was due first.
        for index in range(book.filled):
            row = book.rows[index]
            if row.kind == _OUTCOME and row.status == MISSED and 0 <= row.due - first < HORIZON_DAYS:
                return int(row.due - first)
    return NO_INDEX


@compiled
def _owes_since(house: Record, first: int) -> bool:
    """Whether an instalment that fell due from that day on is open."""
    if house.life.open > 0:
        for j in range(DUTIES):
            for place in range(OPEN_AT_ONCE):
                if house.arrears[j, place].due >= first:
                    return True
    return False


@compiled
def missed_duties(houses: Records, days: Records, books: Records, missed: NDArray[np.bool_]) -> None:
    """Live these days in every household, and note of which obligations an instalment is missed.

    houses: (n,) of HOUSE, written.  days: (m,) of DAY.  missed: (n, windows, DUTIES), written: whether one that
    is due in each successive window of 30 days, from the first of these days on, is missed.
    """
    book, first = books[0], days[0].t
    for c in range(len(houses)):
        for t in range(len(days)):
            book.filled = 0
            live_day(houses[c], days[t], book)
            for index in range(book.filled):
                row = book.rows[index]
                if row.kind == _OUTCOME and row.status == MISSED and row.due >= first:
                    window = (row.due - first) // HORIZON_DAYS
                    if window < missed.shape[1]:
                        missed[c, window, row.duty] = True
