"""The shapes of a customer's past as the bank told it, event by event, and of what the ledger makes of it by day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from forbear.client.models import Told
from forbear.client.records import FigureShown, Recorded


class TransactionLine(Told):
    """A movement, or failed movement, on an account. day: of `booked_at`, bank-local.

    offset: of its event in its partition; below 0 for what is in the archive in front of a stream, -1 for the last.

    account: at most the last four characters of its id.  reverses: it takes back another.  reversed: another of the
    days asked for takes it back.  balance_after_minor: of the account, None where the source does not say.
    """

    kind: Literal["transaction"] = "transaction"
    offset: int
    received_at: datetime
    booked_at: datetime
    day: date
    direction: str = Field(examples=["debit"])
    amount_minor: int
    currency: str = Field(examples=["EUR"])
    category: str = Field(examples=["groceries"])
    channel: str = Field(examples=["card"])
    status: str = Field(examples=["booked", "failed"])
    failure_reason: str | None = Field(examples=["insufficient_funds"])
    account: str = Field(examples=["0017"])
    account_kind: str = Field(examples=["current"])
    balance_after_minor: int | None
    reverses: bool
    reversed: bool


class OutcomeLine(Told):
    """What became of a scheduled payment. day: of `booked_at`, on which it became known.  paid_on: None if not paid.

    due_on: the day on which it was due.  days_past_due: of the obligation when this was established; None where the
    source does not keep it.
    """

    kind: Literal["outcome"] = "outcome"
    offset: int
    received_at: datetime
    booked_at: datetime
    day: date
    status: str = Field(examples=["paid", "missed", "cured", "waived"])
    due_on: date
    amount_due_minor: int
    paid_on: date | None
    days_past_due: int | None


class ObligationTold(Told):
    """A payment that the customer owes on a schedule, as an update says. due_on: the first day of the schedule."""

    kind: str = Field(examples=["loan"])
    amount_minor: int
    due_on: date
    frequency: str = Field(examples=["monthly"])
    ends_on: date | None
    exposure_minor: int


class UpdateLine(Told):
    """What the bank said of a customer as a whole; it replaces what it said before. day: of `booked_at`."""

    kind: Literal["update"] = "update"
    offset: int
    received_at: datetime
    booked_at: datetime
    day: date
    segment: str
    region: str
    consents: tuple[str, ...]
    circumstances: tuple[str, ...]
    obligations: tuple[ObligationTold, ...]


PastLine: TypeAlias = Annotated[TransactionLine | OutcomeLine | UpdateLine, Field(discriminator="kind")]


class DaySums(Told):
    """The entries of one day, summed. in_minor, out_minor: booked credits and debits; own transfers, movements of loan
    accounts, and what arrives on a card are neither.

    lowest_minor: lowest balance that was told after an entry of a current account; None where none was.
    failed: debits that failed.  missed: payments that were told of as missed.  entries: all of them.
    """

    day: date
    in_minor: int
    out_minor: int
    lowest_minor: int | None
    failed: int
    missed: int
    entries: int


class CustomerPast(Recorded):
    """Events of a customer, newest first, by when they were booked.

    as_of: up to where the events were read.  first, last: the days asked for, both included, bank-local.
    by_day: sums over all of these days, whatever page this is, oldest first; days without entries are left out.
    complete: whether the days had no more entries than are ever read; else the oldest are missing.
    kept_from: when the first event was received behind which none is missing: of what was received before, some or all
    may be. None where there is no such event.
    further: the cursor of the next page, None on the last.
    """

    customer_id: str
    first: date
    last: date
    items: tuple[PastLine, ...]
    by_day: tuple[DaySums, ...]
    complete: bool
    kept_from: datetime | None
    further: str | None


class WindowDay(Told):
    """One day bucket of a ledger, as the features see it. lowest_minor, closing_minor: liquid balance of current and
    savings accounts, None where none is known. What the feed cannot tell is None.
    """

    day: date
    income_minor: int | None
    spending_minor: int | None
    essential_minor: int | None
    cash_minor: int | None
    gambling_minor: int | None
    borrowed_minor: int | None
    savings_out_minor: int | None
    transactions: int | None
    failed_debits: int | None
    late_payments: int | None
    unpaid: int | None
    lowest_minor: int | None
    closing_minor: int | None


class FeatureNow(Told):
    """A feature of a customer as the ledger stands. value: None where it is not known; unknown: when that is so.

    low, high: plausible range, for axes.  direction: 1 where more raises the PD, -1 where it lowers it, 0 for either.
    """

    name: str
    group: str
    unit: str
    meaning: str
    direction: int
    low: float
    high: float
    value: float | None
    unknown: str


class FigureNow(FigureShown):
    """A figure, and what is usual for this customer. usual: the same of the time before, in the same unit; None where
    there is no such figure or it is not known.
    """

    usual: float | None


class CustomerWindows(Recorded):
    """What the ledger of a customer holds by day, and what is made of it now.

    open_day: the last of `days`.  hurdle: why the customer is not asked about, "none" for nothing.
    days: oldest first, each day since the customer is known, at most as many as a ledger remembers.
    """

    customer_id: str
    open_day: date
    clock: datetime
    currency: str
    hurdle: str
    days: tuple[WindowDay, ...]
    features: tuple[FeatureNow, ...]
    figures: tuple[FigureNow, ...]
