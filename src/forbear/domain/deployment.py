"""What a deployment is about: its currency, time zone, feed, and what counts there as a missed payment."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from forbear.domain.events import EARLIEST, LATEST, BalanceMinor, Currency, Name
from forbear.domain.terms import Category

Country: TypeAlias = Annotated[str, Meta(pattern=r"^([A-Z]{2})?\Z")]

HORIZON_DAYS = 30
"""Days ahead that the early-delinquency target looks."""
SYNTHETIC = "simulation"
"""The source of a synthetic bank."""


class MissDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which fact is the delinquency that is to be foreseen, and on which bank-local day it happened.

    missed_payment: a PaymentOutcome `missed`; the day is its due date.
    days_past_due: a PaymentOutcome whose days_past_due reach `days_past_due_at_least`; the day it was booked.
    balance: a transaction that leaves a current account below `balance_below_minor`, or one of the
    categories in `penalty_categories` (sanction interest); the day it was booked.
    reporting_days: how long after that day the fact may still be on its way. Labels mature so much later.
    """

    kind: Literal["missed_payment", "days_past_due", "balance"]
    days_past_due_at_least: Annotated[int, Meta(ge=1, le=365)] = 1
    balance_below_minor: BalanceMinor = 0
    penalty_categories: tuple[Category, ...] = ()
    reporting_days: Annotated[int, Meta(ge=0, le=90)] = 0


class Eligibility(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is asked about on a day: known long enough, active lately, and not already in difficulty."""

    history_days: Annotated[int, Meta(ge=0, le=365)] = 60
    active_within_days: Annotated[int, Meta(ge=1, le=120)] = 120
    clear_days: Annotated[int, Meta(ge=0, le=365)] = 30


class Deployment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One deployment. Written once, when its first data arrive; the ledger's layout depends on it.

    time_zone: IANA name of the bank's zone.  country: ISO 3166 code (DE) of its bank holidays, "" for
    weekends only.
    opens_on: the first open day.  unsupported: what the feed cannot tell, as names of measures; every
    feature that needs one of them is NaN.
    """

    source: Name
    currency: Currency
    time_zone: Name
    opens_on: date
    miss: MissDefinition
    country: Country = ""
    eligibility: Eligibility = Eligibility()
    unsupported: tuple[str, ...] = ()

    @property
    def first_asked(self) -> date:
        """The first day on which anybody can have the days of history that eligibility asks for."""
        return self.opens_on + timedelta(days=self.eligibility.history_days)

    @property
    def synthetic(self) -> bool:
        """Whether the bank is made up, and with it every figure."""
        return self.source == SYNTHETIC

    def __post_init__(self) -> None:
        if not EARLIEST <= self.opens_on < LATEST:
            raise ValueError(f"opens_on {self.opens_on} lies outside [{EARLIEST}, {LATEST})")
