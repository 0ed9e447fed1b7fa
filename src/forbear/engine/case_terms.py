"""Kinds of cases, their deadlines and how they may end, as people state them (package data: cases.toml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from forbear.domain.calendar import BankCalendar
from forbear.domain.stated import Kind, StatedDocument
from forbear.features.columns import instant, micros

_KIND = Kind("cases", format=1, page="docs/collections.md")
_Days = Annotated[int, Meta(ge=1, le=366)]
_Word = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}\Z")]
_Says = Annotated[str, Meta(min_length=3, max_length=200)]


class CaseKind(StrEnum):
    """What a case is about.

    call: an offer that a person makes.  reply: a customer has answered.  human: asks for a person.  contest: contests
    a decision.  unknown: nobody knows whether something was sent.  promise: one was broken.  critical: very high risk.
    review: waits for an approval.
    """

    CALL = "call"
    REPLY = "reply"
    HUMAN = "human"
    CONTEST = "contest"
    UNKNOWN = "unknown"
    PROMISE = "promise"
    CRITICAL = "critical"
    REVIEW = "review"


class KindTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind. bank_days, days: the deadline from the opening on, one of the two.  results: how it may be closed."""

    says: _Says
    next_step: _Says
    priority: Annotated[int, Meta(ge=0, le=99)]
    source: Annotated[str, Meta(min_length=1)]
    results: Annotated[tuple[_Word, ...], Meta(min_length=1, max_length=20)]
    bank_days: _Days | None = None
    days: _Days | None = None


class PromiseTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """grace_days: after the due day.  look_back_days: so long a broken one may turn out to have been kept."""

    grace_days: Annotated[int, Meta(ge=0, le=31)]
    look_back_days: _Days
    most_days_ahead: _Days
    source: Annotated[str, Meta(min_length=1)]


class AlertTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """most_per_hour: messages that one channel is sent."""

    most_per_hour: Annotated[int, Meta(ge=1, le=1_000)]
    source: Annotated[str, Meta(min_length=1)]


class CaseTerms(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole document. override_reasons: what each code says.

    snooze_most_days: at once.  recent_days: for which a decision still makes a critical case; critical_again_days: for
    which there is no other once one was closed.  least_for_rates: customers.  horizon_days: by which overrides are
    judged.
    """

    escalate_after_refusals: Annotated[int, Meta(ge=1, le=20)]
    snooze_most_days: _Days
    recent_days: _Days
    critical_again_days: _Days
    least_for_rates: Annotated[int, Meta(ge=2, le=100_000)]
    horizon_days: _Days
    promises: PromiseTerms
    alerts: AlertTerms
    kinds: dict[CaseKind, KindTerms]
    override_reasons: dict[_Word, _Says]


def parse_case_terms(document: Mapping[str, Any]) -> CaseTerms:
    """The terms of a parsed TOML document, checked as a whole.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, CaseTerms, _faults)


def deadline(terms: KindTerms, opened_us: int, zone: str, calendar: BankCalendar) -> int:
    """When a case must be done that was opened at an instant [us UTC].

    Days end with their last second at the bank (`zone`, IANA). bank_days: only such days count, and the day of the
    opening does not.
    """
    day = instant(opened_us).astimezone(ZoneInfo(zone)).date()
    if terms.days is not None:
        day += timedelta(days=terms.days)
    for _ in range(terms.bank_days or 0):
        day = calendar.next_working(day + timedelta(days=1))
    return micros(datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=ZoneInfo(zone)))


def _faults(found: CaseTerms) -> Iterator[tuple[str, str]]:
    if missing := [kind.value for kind in CaseKind if kind not in found.kinds]:
        yield f"the kind {missing[0]} is missing", f"state [kinds.{missing[0]}]"
    for kind, terms in found.kinds.items():
        if (terms.bank_days is None) == (terms.days is None):
            yield f"kinds.{kind}: a deadline is either bank_days or days", "state one of the two"
    if not found.override_reasons:
        yield "override_reasons is empty", "state at least one reason"
