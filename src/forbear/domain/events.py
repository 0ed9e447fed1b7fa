"""The facts that the engine folds, and the strict door that they come in through.

Every fact has two clocks: `booked_at` (when it happened) and `received_at` (when we knew; stamped once,
at entry). Money is an integer in minor units. A time carries its offset. Nothing else passes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct

from forbear.domain.errors import InvalidEvent
from forbear.domain.terms import (
    NAME_A_DIGEST,
    AccountKind,
    Answer,
    Category,
    Channel,
    Circumstance,
    Direction,
    FailureReason,
    Frequency,
    Instruction,
    ObligationKind,
    OutcomeStatus,
    Status,
)

# \Z and not $: that one lets a line break pass behind the last character.
Identifier: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+\Z")]
# Neither columns of bytes nor UTF-8 can hold what is left out here.
Name: TypeAlias = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00\ud800-\udfff]*\Z")]
AmountMinor: TypeAlias = Annotated[int, Meta(ge=0, le=10**15)]
BalanceMinor: TypeAlias = Annotated[int, Meta(ge=-(10**15), le=10**15)]
Currency: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Sequence36: TypeAlias = Annotated[int, Meta(ge=0, lt=2**36)]

EARLIEST = date(1970, 1, 2)
LATEST = date(2100, 1, 1)
FURTHEST_AHEAD = timedelta(days=366)
"""A fact may be dated so far after it was received (a standing order entered early), never further."""


class Transaction(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False, tag="transaction", tag_field="type"
):
    """One movement, or failed movement, on one account.

    amount_minor: [0, 1e15] minor units of `currency`, the direction is beside it.
    balance_after_minor: of this account; None where the source does not say.
    sequence: orders transactions of one account that share `booked_at`.
    reverses: transaction_id of the transaction that this one takes back, in its own day.
    original_*: what a converted transaction was before conversion.
    counterparty: None where unknown; the door takes an empty text as that.
    """

    transaction_id: Identifier
    customer_id: Identifier
    account_id: Identifier
    account_kind: AccountKind
    direction: Direction
    amount_minor: AmountMinor
    currency: Currency
    booked_at: Instant
    received_at: Instant
    channel: Channel = Channel.OTHER
    category: Category = Category.OTHER
    status: Status = Status.BOOKED
    failure_reason: FailureReason | None = None
    balance_after_minor: BalanceMinor | None = None
    counterparty: Name | None = None
    reverses: Identifier | None = None
    sequence: Sequence36 = 0
    original_amount_minor: AmountMinor | None = None
    original_currency: Currency | None = None


class Obligation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment that the customer owes on a schedule.

    amount_minor: each time it falls due.  due_on: the first due date of the schedule, a bank-local day.
    ends_on: last due date at the latest.  exposure_minor: what is owed in all, the later basis of EAD.
    """

    obligation_id: Identifier
    kind: ObligationKind
    amount_minor: AmountMinor
    due_on: date
    frequency: Frequency = Frequency.MONTHLY
    ends_on: date | None = None
    exposure_minor: AmountMinor = 0


class CustomerUpdated(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="customer", tag_field="type"):
    """All that is known of a customer from `booked_at` on: it replaces what an earlier update said.

    consents: channels or purposes that the customer agrees to.  circumstances: what decides who may be contacted.
    """

    update_id: Identifier
    customer_id: Identifier
    booked_at: Instant
    received_at: Instant
    segment: Name = ""
    region: Name = ""
    time_zone: Name | None = None
    consents: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()
    circumstances: Annotated[tuple[Circumstance, ...], Meta(max_length=16)] = ()
    obligations: Annotated[tuple[Obligation, ...], Meta(max_length=64)] = ()


class PaymentOutcome(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="outcome", tag_field="type"):
    """What became of one scheduled payment; it lands in the bucket of the day on which it was due.

    days_past_due: of the obligation when this was established, where the source keeps it.
    """

    outcome_id: Identifier
    customer_id: Identifier
    obligation_id: Identifier
    due_on: date
    amount_due_minor: AmountMinor
    status: OutcomeStatus
    booked_at: Instant
    received_at: Instant
    paid_on: date | None = None
    days_past_due: Annotated[int, Meta(ge=0, le=36_500)] | None = None


class DayClosed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="day_closed", tag_field="type"):
    """The feed of a partition is complete up to the end of `day` (bank-local). Alone moves the ring of days."""

    partition: Annotated[int, Meta(ge=0, lt=65_536)]
    day: date
    received_at: Instant


class Instructed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="instruction", tag_field="type"):
    """What a person told the deployment. value: the digest that it names, None where it names none.  by: who it was."""

    instruction_id: Identifier
    instruction: Instruction
    by: Annotated[Name, Meta(min_length=1)]
    booked_at: Instant
    received_at: Instant
    value: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")] | None = None


class HelpRequested(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="request", tag_field="type"):
    """A person asks that a customer be scored now and offered help, under the rules in force.

    by: who.  why: in a few words, "" only without an override.  override: what the bank has set for itself gives way
    (the cut-off of the bands, an earlier answer, the cool-down); law, consent, the kill switch and capacity do not.
    """

    request_id: Identifier
    customer_id: Identifier
    by: Annotated[Name, Meta(min_length=1)]
    booked_at: Instant
    received_at: Instant
    why: Annotated[str, Meta(max_length=500)] = ""
    override: bool = False


class OfferAnswered(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="answer", tag_field="type"):
    """What came back on an offer. decision_id: of the offer.  booked_at: when it was given.  by: who told of it."""

    answer_id: Identifier
    customer_id: Identifier
    decision_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    answer: Answer
    by: Annotated[Name, Meta(min_length=1)]
    booked_at: Instant
    received_at: Instant


Event: TypeAlias = (
    Transaction | CustomerUpdated | PaymentOutcome | DayClosed | Instructed | HelpRequested | OfferAnswered
)

_EARLIEST_INSTANT = datetime.combine(EARLIEST, time(), UTC)
_LATEST_INSTANT = datetime.combine(LATEST, time(), UTC)
_FIELD = re.compile(r"`\$\.?([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_LOOSE = re.compile(rb'"[ \t\r\n]')


def decode(raw: bytes | str) -> Event:
    """One event from its JSON text. Raises InvalidEvent, which names the field, for anything not exactly right."""
    try:
        event = _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise refusal(error) from error
    _refuse_repeated_keys(raw.encode() if isinstance(raw, str) else raw)
    return checked(event)


def convert(raw: Mapping[str, object], kind: type[Transaction | CustomerUpdated | PaymentOutcome]) -> Event:
    """One event from a mapping of already parsed values (a row of a table), under the same rules as `decode`."""
    try:
        event = msgspec.convert(raw, kind)
    except msgspec.MsgspecError as error:
        raise refusal(error) from error
    return checked(event)


def encode(event: Event) -> bytes:
    """The event as JSON; `decode(encode(event)) == event`."""
    return _ENCODER.encode(event)


def refusal(error: Exception) -> InvalidEvent:
    """The decoder's own message as an InvalidEvent that names the field.

    code: "not_json", "missing" for a required field that is not there, else "mistyped".
    """
    text = str(error)
    if not isinstance(error, msgspec.ValidationError | UnicodeError | RecursionError):
        return InvalidEvent(text, code="not_json")
    if missing := _MISSING.search(text):
        return InvalidEvent(text, field=missing.group(1), code="missing")
    found = _UNKNOWN.search(text) or _FIELD.search(text)
    return InvalidEvent(text, field=found.group(1) if found else "", code="mistyped")


def _refuse_repeated_keys(raw: bytes) -> None:
    """A decoder takes the last of two fields with one name, others the first: nobody knows which one was meant."""
    fields: dict[str, Any] = msgspec.json.decode(raw)
    different = len(fields) + sum(map(len, fields.get("obligations", ())))
    if different != raw.count(b'":') or _LOOSE.search(raw):
        json.loads(raw, object_pairs_hook=_only_once)  # slow, and sure whatever blanks and escapes there are


def _only_once(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidEvent(f"the field {name!r} stands twice", field=name, code="repeated_field")


def checked(event: Event) -> Event:
    """The event, once what a type cannot say holds as well. Raises InvalidEvent."""
    _instant_within("received_at", event.received_at)
    match event:
        case DayClosed():
            _within("day", event.day)
        case Transaction():
            _booked(event.booked_at, event.received_at)
            _check_transaction(event)
            if event.counterparty == "":
                return msgspec.structs.replace(event, counterparty=None)
        case Instructed():
            _booked(event.booked_at, event.received_at)
            _check_instruction(event)
        case HelpRequested():
            _booked(event.booked_at, event.received_at)
            if event.override and not event.why.strip():
                raise InvalidEvent("an override needs a reason", field="why", code="missing")
        case OfferAnswered():
            _booked(event.booked_at, event.received_at)
        case CustomerUpdated():
            _booked(event.booked_at, event.received_at)
            _check_obligations(event.obligations)
        case PaymentOutcome():
            _booked(event.booked_at, event.received_at)
            _within("due_on", event.due_on)
            if event.status in (OutcomeStatus.PAID, OutcomeStatus.CURED) and event.paid_on is None:
                raise InvalidEvent(f"a payment that is {event.status} needs paid_on", field="paid_on")
            if event.paid_on is not None:
                _within("paid_on", event.paid_on)
    return event


def _check_transaction(event: Transaction) -> None:
    if event.status is Status.BOOKED and event.failure_reason is not None:
        raise InvalidEvent("a booked transaction has no failure_reason", field="failure_reason")
    if (event.original_amount_minor is None) != (event.original_currency is None):
        raise InvalidEvent("original_amount_minor and original_currency go together", field="original_currency")
    if event.reverses == event.transaction_id:
        raise InvalidEvent("a transaction cannot reverse itself", field="reverses")


def _check_instruction(event: Instructed) -> None:
    if (event.instruction in NAME_A_DIGEST) != (event.value is not None):
        raise InvalidEvent("a promotion, and nothing else, names a digest", field="value")


def _check_obligations(obligations: tuple[Obligation, ...]) -> None:
    ids = [obligation.obligation_id for obligation in obligations]
    if len(set(ids)) < len(ids):
        raise InvalidEvent("an obligation stands twice in one update", field="obligations", code="repeated_obligation")
    for obligation in obligations:
        _within("obligations.due_on", obligation.due_on)


def _booked(booked_at: datetime, received_at: datetime) -> None:
    _instant_within("booked_at", booked_at)
    if booked_at - received_at > FURTHEST_AHEAD:
        raise InvalidEvent(
            f"booked_at {booked_at.isoformat()} lies more than {FURTHEST_AHEAD.days} days after it was received",
            field="booked_at",
            code="absurd_date",
        )


def _within(field: str, day: date) -> None:
    if not EARLIEST <= day < LATEST:
        raise InvalidEvent(f"{field} {day} lies outside [{EARLIEST}, {LATEST})", field=field, code="absurd_date")


def _instant_within(field: str, instant: datetime) -> None:
    if not _EARLIEST_INSTANT <= instant < _LATEST_INSTANT:
        raise InvalidEvent(
            f"{field} {instant.isoformat()} lies outside [{EARLIEST}, {LATEST})", field=field, code="absurd_date"
        )


_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_ENCODER = msgspec.json.Encoder()
