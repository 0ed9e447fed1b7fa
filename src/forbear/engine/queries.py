"""What may be asked of the store: read only, bounded, and each answer with the position that it is as of.

Customers are keys; an erased one is 0 wherever it still stands in a row. Days are bank-local, since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from forbear.engine.audit import Link
from forbear.engine.outputs import (
    AnswerRow,
    AuditRecord,
    Contact,
    DayRow,
    Decision,
    OutcomeRow,
    Outputs,
    Part,
    Position,
    Predictions,
)

MOST_ROWS = 1_000
"""The longest page."""
T = TypeVar("T")


class Answer(NamedTuple, Generic[T]):
    """What was asked for, and the position that the store stood at: both of one instant."""

    as_of: Position
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """rows: by name of table.  last_day: the last closed day with a row, None for none.

    model, policy, reasons: those in force, None before the first.  head: the last record of the audit chain.
    """

    rows: Mapping[str, int]
    last_day: int | None
    model: Part | None
    policy: Part | None
    reasons: Part | None
    head: AuditRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One prediction; the fields are those of `Predictions`, for one row.

    customer_id: None where the store was never told it.  attributions: empty for an erased customer.
    reason: -1, trigger: 0 for an erased customer.
    """

    place: Position
    customer: int
    customer_id: str | None
    as_of_us: int
    day: int
    trigger: int
    log_odds: float
    pd: float
    attributions: tuple[float, ...]
    reason: int
    band: int
    verdict: int
    model: int
    policy: int


Entry: TypeAlias = Scored | Decision | Contact | OutcomeRow | AnswerRow
"""One thing that was recorded of a customer."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of a customer's entries, newest first. Entries of one offset are never parted, so it may run over.

    older: ask with this as `before` for the next page; None where there is none.
    """

    entries: tuple[Entry, ...]
    older: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which decisions: those that meet all that is given. days: from and up to, both included."""

    days: tuple[int, int] | None = None
    outcome: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """Decisions, newest first. older: ask with this as `before` for the next page; None where there is none."""

    decisions: tuple[Decision, ...]
    older: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many decisions of one day came to the same. cost_minor: what their choices cost, offered or not."""

    day: int
    outcome: str
    action: str
    channel: str
    decisions: int
    cost_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A payment that was missed, and what was known in the days before it; None for what was not there.

    first_scored_day: of any score.  first_in_band_day: of one that lay in a band.  first_offer_day: of an offer.
    """

    customer: int
    obligation: int
    due_day: int
    first_scored_day: int | None
    first_in_band_day: int | None
    first_offer_day: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Additivity:
    """Over all predictions that still have attributions: how far any score is from their sum [log-odds].

    rows: how many were summed.  largest_error: 0.0 for none.  place: of the worst, None for none.
    """

    rows: int
    largest_error: float
    place: Position | None


class Queries(Protocol):
    """The read side. A `limit` outside 1..MOST_ROWS is a ValueError. Errors are those of `Store`."""

    def status(self) -> Answer[Status]:
        """How far the store is, and how much it holds."""
        ...

    def riskiest(self, day: int, limit: int) -> Answer[tuple[Scored, ...]]:
        """The highest PDs at the close of a day, highest first; equals in log order. Empty without that close."""
        ...

    def timeline(self, customer: int, limit: int, before: int | None = None) -> Answer[Timeline]:
        """What was recorded of a customer at offsets below `before`, newest first."""
        ...

    def decisions(self, which: Which, limit: int, before: int | None = None) -> Answer[DecisionPage]:
        """Decisions, newest first, a page at a time."""
        ...

    def days(self, first: int, last: int) -> Answer[tuple[DayRow, ...]]:
        """Closed days, both ends included, oldest first."""
        ...

    def tallies(self, first: int, last: int) -> Answer[tuple[Tally, ...]]:
        """Decisions by day, outcome, action and channel, in that order; both ends included."""
        ...

    def contact_counts(self, first: int, last: int) -> Answer[Mapping[int, int]]:
        """How many customers were contacted so many times in some days; of those contacted at all."""
        ...

    def leads(self, first: int, last: int, within_days: int) -> Answer[tuple[Lead, ...]]:
        """Payments due in some days and missed, with the first score and offer of so many days before the due day.

        A payment told of later as paid by its due day was not missed. Erased customers are not among them.
        """
        ...

    def additivity(self) -> Answer[Additivity]:
        """Reads every prediction. Raises CorruptState for attributions that do not fit their model."""
        ...

    def day_close(self, day: int) -> Answer[Predictions | None]:
        """Every prediction of the close of a day, in log order; None without that close.

        Of an erased customer: key 0, attributions NaN, reason -1, trigger 0.
        """
        ...

    def links(self, first: int, limit: int) -> Answer[tuple[Link, ...]]:
        """Records of the audit chain from a sequence on, each with the decision that it names."""
        ...

    def link_of(self, decision_id: str) -> Answer[Link | None]:
        """The record of one decision, with the decision; None where none was recorded."""
        ...

    def recorded(self, most: int) -> Answer[Outputs]:
        """Everything as one, from (-1, 0): for comparing two stores. Raises ValueError for more rows in a table."""
        ...


def whole_chain(queries: Queries) -> Iterator[Link]:
    """Every link of the audit chain, read page by page."""
    first = 0
    while page := queries.links(first, MOST_ROWS).value:
        yield from page
        first += len(page)
