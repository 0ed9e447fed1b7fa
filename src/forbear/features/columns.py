"""Events as columns: the lossless columnar form that archives, simulators and importers exchange.

One row an event, in log order. Enumerations are codes into the order in which `domain.terms` lists them
(-1 = absent); instants are microseconds since 1970 UTC; days are days since 1970, bank-local.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import Any, Self, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.events import (
    CustomerUpdated,
    DayClosed,
    Event,
    HelpRequested,
    Instructed,
    OfferAnswered,
    PaymentOutcome,
    Transaction,
    decode,
    encode,
)
from forbear.domain.terms import AccountKind, Category, Channel, Direction, FailureReason, OutcomeStatus, Status

Column: TypeAlias = NDArray[Any]

NO_AMOUNT = np.iinfo(np.int64).min
NO_DAY = np.iinfo(np.int32).min
ABSENT = -1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)


class EventKind(IntEnum):
    """What a row is."""

    TRANSACTION = 0
    CUSTOMER = 1
    OUTCOME = 2
    DAY_CLOSED = 3
    INSTRUCTED = 4
    REQUESTED = 5
    ANSWERED = 6


def codes_of(terms: type[StrEnum]) -> dict[StrEnum, int]:
    """The code of each member: its place in the enumeration."""
    return {member: code for code, member in enumerate(terms)}


VOCABULARIES: dict[str, type[StrEnum]] = {
    "account_kind": AccountKind,
    "direction": Direction,
    "channel": Channel,
    "category": Category,
    "status": Status,
    "failure_reason": FailureReason,
    "outcome_status": OutcomeStatus,
}
_MEMBERS = {name: tuple(terms) for name, terms in VOCABULARIES.items()}
# One table a vocabulary: members of two StrEnums with the same text are equal, and would share one key.
_CODES = {name: codes_of(terms) for name, terms in VOCABULARIES.items()}


def micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(micros_utc: int) -> datetime:
    """The instant of so many microseconds since 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=int(micros_utc))


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


def day_of(number: int) -> date:
    """The date of so many days since 1970-01-01."""
    return date.fromordinal(int(number) + _EPOCH_ORDINAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventColumns:
    """n events in log order. Which columns a kind fills is told by `columns_of`; the rest hold "absent".

    kind: (n,) int8, EventKind.  received_us, booked_us: (n,) int64.  customer_id, event_id, account_id,
    currency, counterparty, reverses: (n,) bytes (UTF-8), b"" = absent.  account_kind, direction, channel,
    category, status, failure_reason, outcome_status: (n,) int8 codes.  amount_minor, balance_after_minor:
    (n,) int64, NO_AMOUNT = absent.  sequence: (n,) int64 (the partition, for a day close).  day: (n,) int32:
    due_on of an outcome, day of a day close.  paid_on: (n,) int32, NO_DAY = absent.  days_past_due: (n,)
    int32.  payload: (n,) bytes, the JSON of what has no column of its own.
    """

    kind: Column
    received_us: Column
    booked_us: Column
    customer_id: Column
    event_id: Column
    account_id: Column
    account_kind: Column
    direction: Column
    channel: Column
    category: Column
    status: Column
    failure_reason: Column
    amount_minor: Column
    currency: Column
    balance_after_minor: Column
    sequence: Column
    counterparty: Column
    reverses: Column
    day: Column
    outcome_status: Column
    paid_on: Column
    days_past_due: Column
    payload: Column

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, rows: Column | slice) -> Self:
        """These rows, in this order."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


DTYPES: dict[str, str] = {
    **{f.name: "S" for f in fields(EventColumns)},
    **dict.fromkeys(("received_us", "booked_us", "amount_minor", "balance_after_minor", "sequence"), "int64"),
    **dict.fromkeys(("day", "paid_on", "days_past_due"), "int32"),
    **dict.fromkeys(("kind", *VOCABULARIES), "int8"),
}
EMPTY: dict[str, Any] = {
    **{name: b"" for name, dtype in DTYPES.items() if dtype == "S"},
    **dict.fromkeys(("received_us", "booked_us", "sequence"), 0),
    **dict.fromkeys(("amount_minor", "balance_after_minor"), NO_AMOUNT),
    **dict.fromkeys(("day", "paid_on"), NO_DAY),
    **dict.fromkeys(("days_past_due", *VOCABULARIES), ABSENT),
}


def blank(rows: int, **given: Column) -> EventColumns:
    """Columns of so many rows in which everything not given is absent. For writers of whole columns."""
    made = {
        name: np.asarray(given[name]).astype(dtype, copy=False)
        if name in given
        else np.full(rows, EMPTY[name], dtype="S1" if dtype == "S" else dtype)
        for name, dtype in DTYPES.items()
        if name != "kind"
    }
    return EventColumns(kind=np.asarray(given["kind"], dtype=np.int8), **made)


def joined(parts: Iterable[EventColumns]) -> EventColumns:
    """Columns one after the other. Raises ValueError for no parts."""
    given = list(parts)
    return EventColumns(
        **{f.name: np.concatenate([getattr(part, f.name) for part in given]) for f in fields(EventColumns)}
    )


def columns_of(events: Sequence[Event]) -> EventColumns:
    """The columns of some events, in their order. `list(events_of(columns_of(events))) == list(events)`."""
    kinds = np.array([_KINDS[type(event)] for event in events], dtype=np.int8)
    parts = {}
    for kind in np.unique(kinds).tolist():
        rows = np.flatnonzero(kinds == kind)
        alike = [events[row] for row in rows.tolist()] if len(rows) < len(events) else events
        parts[kind] = rows, {name: [value(event) for event in alike] for name, value in _VALUES[kind].items()}
    filled = {name: _column(name, len(events), parts) for name in DTYPES if name != "kind"}
    return EventColumns(kind=kinds, **filled)


def _column(name: str, rows: int, parts: dict[int, tuple[Column, dict[str, list[Any]]]]) -> Column:
    """One column from what each kind of event has to put into it."""
    given = [(at, np.array(values[name], dtype=DTYPES[name])) for at, values in parts.values() if name in values]
    if len(given) == 1 and len(given[0][0]) == rows:
        return given[0][1]
    dtype = max((part.dtype for _, part in given), key=lambda d: d.itemsize, default=np.dtype("S1"))
    column = np.full(rows, EMPTY[name], dtype=dtype if DTYPES[name] == "S" else DTYPES[name])
    for at, part in given:
        column[at] = part
    return column


def events_of(columns: EventColumns) -> Iterator[Event]:
    """The events of some columns, in their order."""
    names = [f.name for f in fields(EventColumns)]
    for values in zip(*(getattr(columns, name).tolist() for name in names), strict=True):
        yield _event(dict(zip(names, values, strict=True)))


def _code(name: str) -> Callable[[Any], int]:
    """The code of an event's field, ABSENT for None."""
    codes: dict[Any, int] = {**_CODES[name], None: ABSENT}
    return lambda event: codes[getattr(event, name)]


def _text(name: str) -> Callable[[Any], bytes]:
    """An event's field as UTF-8, empty for None."""
    return lambda event: (getattr(event, name) or "").encode()


def _original(event: Transaction) -> bytes:
    if event.original_amount_minor is None:
        return b""
    return msgspec.json.encode([event.original_amount_minor, event.original_currency])


_KINDS: dict[type[Event], EventKind] = {
    Transaction: EventKind.TRANSACTION,
    CustomerUpdated: EventKind.CUSTOMER,
    PaymentOutcome: EventKind.OUTCOME,
    DayClosed: EventKind.DAY_CLOSED,
    Instructed: EventKind.INSTRUCTED,
    HelpRequested: EventKind.REQUESTED,
    OfferAnswered: EventKind.ANSWERED,
}
_COMMON: dict[str, Callable[[Any], Any]] = {
    "received_us": lambda event: micros(event.received_at),
    "booked_us": lambda event: micros(event.booked_at),
    "customer_id": _text("customer_id"),
}
_VALUES: dict[int, dict[str, Callable[[Any], Any]]] = {
    EventKind.TRANSACTION: {
        **_COMMON,
        "event_id": _text("transaction_id"),
        "account_id": _text("account_id"),
        "currency": _text("currency"),
        "counterparty": _text("counterparty"),
        "reverses": _text("reverses"),
        **{name: _code(name) for name in VOCABULARIES if name != "outcome_status"},
        "amount_minor": attrgetter("amount_minor"),
        "balance_after_minor": lambda e: NO_AMOUNT if e.balance_after_minor is None else e.balance_after_minor,
        "sequence": attrgetter("sequence"),
        "payload": _original,
    },
    EventKind.CUSTOMER: {**_COMMON, "event_id": _text("update_id"), "payload": encode},
    EventKind.OUTCOME: {
        **_COMMON,
        "event_id": _text("outcome_id"),
        "account_id": _text("obligation_id"),
        "amount_minor": attrgetter("amount_due_minor"),
        "day": lambda event: day_number(event.due_on),
        "outcome_status": lambda event: _CODES["outcome_status"][event.status],
        "paid_on": lambda event: NO_DAY if event.paid_on is None else day_number(event.paid_on),
        "days_past_due": lambda event: ABSENT if event.days_past_due is None else event.days_past_due,
    },
    EventKind.INSTRUCTED: {
        "received_us": _COMMON["received_us"],
        "booked_us": _COMMON["booked_us"],
        "event_id": _text("instruction_id"),
        "payload": encode,
    },
    EventKind.REQUESTED: {**_COMMON, "event_id": _text("request_id"), "payload": encode},
    EventKind.ANSWERED: {**_COMMON, "event_id": _text("answer_id"), "payload": encode},
    EventKind.DAY_CLOSED: {
        "received_us": _COMMON["received_us"],
        "booked_us": _COMMON["received_us"],
        "sequence": attrgetter("partition"),
        "day": lambda event: day_number(event.day),
    },
}
"""What each kind of event puts into which column; the others stay absent."""


def _event(row: dict[str, Any]) -> Event:
    received = instant(row["received_us"])
    match row["kind"]:
        case EventKind.TRANSACTION:
            return _transaction(row)
        case EventKind.CUSTOMER | EventKind.INSTRUCTED | EventKind.REQUESTED | EventKind.ANSWERED:
            return decode(row["payload"])
        case EventKind.OUTCOME:
            return PaymentOutcome(
                outcome_id=row["event_id"].decode(),
                customer_id=row["customer_id"].decode(),
                obligation_id=row["account_id"].decode(),
                due_on=day_of(row["day"]),
                amount_due_minor=row["amount_minor"],
                status=_MEMBERS["outcome_status"][row["outcome_status"]],
                booked_at=instant(row["booked_us"]),
                received_at=received,
                paid_on=None if row["paid_on"] == NO_DAY else day_of(row["paid_on"]),
                days_past_due=None if row["days_past_due"] == ABSENT else row["days_past_due"],
            )
        case _:
            return DayClosed(partition=row["sequence"], day=day_of(row["day"]), received_at=received)


def _transaction(row: dict[str, Any]) -> Transaction:
    original = msgspec.json.decode(row["payload"]) if row["payload"] else (None, None)
    terms: dict[str, Any] = {
        name: None if row[name] == ABSENT else members[row[name]]
        for name, members in _MEMBERS.items()
        if name != "outcome_status"
    }
    return Transaction(
        transaction_id=row["event_id"].decode(),
        customer_id=row["customer_id"].decode(),
        account_id=row["account_id"].decode(),
        amount_minor=row["amount_minor"],
        currency=row["currency"].decode(),
        booked_at=instant(row["booked_us"]),
        received_at=instant(row["received_us"]),
        balance_after_minor=None if row["balance_after_minor"] == NO_AMOUNT else row["balance_after_minor"],
        sequence=row["sequence"],
        counterparty=row["counterparty"].decode() or None,
        reverses=row["reverses"].decode() or None,
        original_amount_minor=original[0],
        original_currency=original[1],
        **terms,
    )
