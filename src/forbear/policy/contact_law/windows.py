"""Opening hours as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from forbear.policy.contact_law.pack import Hours, minute_of

MINUTE_US = 60_000_000
_EPOCH_WEEKDAY = 3
"""1970 began on a Thursday; Monday is 0."""


@dataclass(frozen=True, slots=True)
class Window:
    """An `Hours` clause. of_weekday: [from, to) of the local day [us], None: shut.  closed: days since 1970."""

    clause: Hours
    of_weekday: tuple[tuple[int, int] | None, ...]
    closed: frozenset[int]

    @classmethod
    def of(cls, clause: Hours, holidays: frozenset[int]) -> Self:
        """The window of a clause. holidays: on which it is shut, where the clause heeds them."""
        hours = (minute_of(clause.opens) * MINUTE_US, minute_of(clause.closes) * MINUTE_US)
        days = tuple(hours if weekday in clause.weekdays else None for weekday in range(7))
        return cls(clause, days, frozenset() if clause.holidays else holidays)


def weekday_of(day: int) -> int:
    """0 for Monday, of a day since 1970."""
    return (day + _EPOCH_WEEKDAY) % 7
