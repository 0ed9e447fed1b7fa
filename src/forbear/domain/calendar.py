"""The bank's calendar: on which days it works."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class BankCalendar:
    """Weekends and bank holidays. What falls on one of them moves to the next day on which the bank works."""

    holidays: frozenset[date] = frozenset()

    @classmethod
    def of(cls, holidays: Iterable[date]) -> BankCalendar:
        """The calendar with these holidays beside the weekends."""
        return cls(frozenset(holidays))

    def works_on(self, day: date) -> bool:
        """Whether the bank books on that day."""
        return day.weekday() < SATURDAY and day not in self.holidays

    def next_working(self, day: date) -> date:
        """The day itself if the bank works on it, else the next on which it does."""
        while not self.works_on(day):
            day += timedelta(days=1)
        return day
