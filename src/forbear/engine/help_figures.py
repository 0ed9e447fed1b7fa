"""Help in numbers: offers, sendings, answers, promises, cases, as counts that add up."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

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


class HelpCounted(Protocol):
    """Where help can be counted."""

    def figures(self, from_us: int | None = None, until_us: int | None = None) -> HelpFigures:
        """All counts of [from_us, until_us), as of one instant: they agree with one another."""
        ...
