"""Help in numbers: offers, sendings, answers, promises, cases, as counts that add up."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from forbear.domain.errors import ConfigError
from forbear.domain.events import EARLIEST, LATEST
from forbear.features.columns import micros

SECTIONS = ("decisions", "interventions", "sendings", "receipts", "answers", "promises", "cases", "overrides", "ledger")
"""What is counted, in the order in which it happens.

decisions: by outcome and channel, with what they cost.  interventions, sendings: by state and channel; the first with
what they cost.  receipts: by kind and provider.  answers: by what came back.  promises: by state and currency, with
what was promised.  cases: by kind and state.  overrides: by kind and reason.  ledger: facts by kind.
"""


class HelpCount(Struct, frozen=True, kw_only=True, order=True):
    """How many of one kind there are. section: one of SECTIONS.  name, of: what they are; `of` may be "".

    amount_minor: the sum of their amounts, 0 where they have none.
    """

    section: str
    name: str
    of: str
    count: int
    amount_minor: int = 0


class HelpFigures(Struct, frozen=True, kw_only=True):
    """All counts of a stretch of time [from_us, until_us), microseconds UTC; None: from the first, up to the last.

    A row counts by the instant at which it was made, entered or given.
    """

    from_us: int | None
    until_us: int | None
    counts: tuple[HelpCount, ...]

    def of(self, section: str) -> tuple[HelpCount, ...]:
        """The counts of one section. Raises ValueError for one that there is not."""
        if section not in SECTIONS:
            raise ValueError(f"{section} is none of {SECTIONS}")
        return tuple(one for one in self.counts if one.section == section)

    def total(self, section: str, *names: str) -> int:
        """How many there are in a section, of some names or of all."""
        return sum(one.count for one in self.of(section) if not names or one.name in names)

    def amount_minor(self, section: str, *names: str) -> int:
        """The sum of amounts of a section, of some names or of all. [minor units]"""
        return sum(one.amount_minor for one in self.of(section) if not names or one.name in names)


def within(first: date | None, last: date | None, zone: str) -> tuple[int | None, int | None]:
    """The instants between which some bank-local days lie, both included: [from_us, until_us). None: no such bound.

    A day before or behind all that can be booked bounds nothing. Raises ConfigError for days that run backwards.
    """
    if first and last and last < first:
        raise ConfigError(f"the last day {last} lies before the first, {first}", mend="swap the two days")
    place = ZoneInfo(zone)
    begins = first if first and EARLIEST < first < LATEST else None
    ends = last + timedelta(days=1) if last and EARLIEST < last < LATEST else None
    return _instant(begins, place), _instant(ends, place)


def _instant(day: date | None, place: ZoneInfo) -> int | None:
    return None if day is None else micros(datetime.combine(day, time(), place).astimezone(UTC))


class HelpCounted(Protocol):
    """Where help can be counted."""

    def figures(self, from_us: int | None = None, until_us: int | None = None) -> HelpFigures:
        """All counts of [from_us, until_us), as of one instant: they agree with one another."""
        ...
