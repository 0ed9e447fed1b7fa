"""Events as the ledger's kernels want them: numbers only, one row an event, in log order."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.domain.events import CustomerUpdated
from forbear.domain.terms import Frequency, OutcomeStatus
from forbear.features.columns import NO_DAY, EventColumns, EventKind, day_number
from forbear.features.hashing import Keys, keys_of, mixed
from forbear.features.local_time import DAY_US, LocalTime
from forbear.features.measures import (
    AMOUNTS,
    NIGHT_FROM_HOUR,
    NIGHT_UNTIL_HOUR,
    OUTCOME_DELTAS,
    Measure,
    booked_masks,
    failed_masks,
)

ONCE, WEEKLY, MONTHLY = range(len(Frequency))
_FREQUENCY_CODES = {member: code for code, member in enumerate(Frequency)}
NO_OBLIGATION = -1
"""Frequency of the row that marks an update itself, so that an update without obligations is known too."""

_NIGHT_BIT = np.uint32(1 << Measure.NIGHT)
_AMOUNT_BITS = np.uint32((1 << AMOUNTS) - 1)
_CURED, _PAID = list(OutcomeStatus).index(OutcomeStatus.CURED), list(OutcomeStatus).index(OutcomeStatus.PAID)
_TRANSACTION, _CUSTOMER, _OUTCOME = EventKind.TRANSACTION.value, EventKind.CUSTOMER.value, EventKind.OUTCOME.value
_KIND_SALT = np.uint64(0x9E3779B97F4A7C15)
_HOUR_US = DAY_US // 24
_SEQUENCE_BITS = np.int64(36)


class Schedules(NamedTuple):
    """The obligations of all customer updates of a batch, flattened; one marker row an update comes first.

    first: (updates + 1,) int64: rows of update u are first[u]..first[u + 1].  amount_minor: (r,) int64.
    due, ends: (r,) int32 days (NO_DAY: no end).  frequency: (r,) int8, NO_OBLIGATION for a marker row.
    """

    first: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    due: NDArray[np.int32]
    ends: NDArray[np.int32]
    frequency: NDArray[np.int8]


# One event is one line of the cache: eight words. The first five are one number each, the rest are packed.
IDENTITY, ACCOUNT, AMOUNT, BALANCE_AFTER, ORDER, DAYS, CODES, OUTCOME = range(8)
RECORD_WORDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """n events in log order.

    kind: (n,) int8, EventKind.  customer: (n,) uint64 keys.  received_us: (n,) int64.  day: (n,) int32, the
    bucket: bank-local booked day, due day of an outcome, closed day of a day close.
    record: (n, 8) int64, what the fold reads of an event:
      IDENTITY, ACCOUNT keys | AMOUNT signed minor units | BALANCE_AFTER, NO_AMOUNT = none | ORDER total order
      of balances within a day, or of customer updates in all | DAYS bucket, index into schedules << 32 |
      CODES mask of measures, content check << 32, currency << 48 | OUTCOME kind, account kind << 8,
      payments << 16, unpaid << 24 (int8 each), lateness << 32
    """

    kind: NDArray[np.int8]
    customer: Keys
    received_us: NDArray[np.int64]
    day: NDArray[np.int32]
    record: NDArray[np.int64]
    schedules: Schedules

    def __len__(self) -> int:
        return len(self.kind)

    def slice(self, start: int, stop: int) -> Self:
        """Rows start..stop; the schedules are shared."""
        columns = {f.name: getattr(self, f.name)[start:stop] for f in fields(self) if f.name != "schedules"}
        return type(self)(**columns, schedules=self.schedules)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKeys:
    """The keys of a batch's customers, events and accounts: (n,) each; an archive keeps them beside the names."""

    customer: Keys
    identity: Keys
    account: Keys

    @classmethod
    def of(cls, columns: EventColumns) -> Self:
        """The keys of these columns, made from the names."""
        return cls(
            customer=keys_of(columns.customer_id),
            identity=keys_of(columns.event_id),
            account=keys_of(columns.account_id),
        )


def batch_of(columns: EventColumns, zone: LocalTime, keys: EventKeys | None = None) -> EventBatch:
    """The batch of some columns, days taken in the bank's time zone. keys: as stored beside them, if they were."""
    keys = EventKeys.of(columns) if keys is None else keys
    rows = len(columns)
    local_us = zone.local_us(columns.booked_us)
    reversal = (
        np.zeros(rows, dtype=np.bool_)
        if columns.reverses.dtype.itemsize <= 1 and not columns.reverses.any()
        else columns.reverses != b""
    )
    update, schedules = _schedules(columns)
    day = np.empty(rows, dtype=np.int32)
    record = np.empty((rows, RECORD_WORDS), dtype=np.int64)
    _fill(
        columns.kind, local_us, columns.booked_us, columns.sequence,
        columns.direction, columns.account_kind, columns.channel, columns.category, columns.status,
        columns.failure_reason, columns.outcome_status, columns.day, columns.paid_on, columns.amount_minor,
        columns.balance_after_minor, reversal, keys.identity, keys.account, currency_codes(columns.currency),
        update, booked_masks(), failed_masks(), _DELTAS, day, record,
    )  # fmt: skip
    return EventBatch(
        kind=columns.kind,
        customer=keys.customer,
        received_us=columns.received_us,
        day=day,
        record=record,
        schedules=schedules,
    )


def currency_codes(currency: NDArray[np.bytes_]) -> NDArray[np.uint16]:
    """(n,) uint16 codes of (n,) three-letter currencies; 0 for none."""
    letters = np.ascontiguousarray(currency.astype("S3")).view(np.uint8).reshape(-1, 3).astype(np.uint16)
    code = ((letters[:, 0] - 64) * 27 + (letters[:, 1] - 64)) * 27 + (letters[:, 2] - 64)
    return np.where(letters[:, 0] == 0, 0, code).astype(np.uint16)


_DELTAS = np.array([OUTCOME_DELTAS[status] for status in OutcomeStatus], dtype=np.int16)


def _schedules(columns: EventColumns) -> tuple[NDArray[np.int32], Schedules]:
    update = np.full(len(columns), -1, dtype=np.int32)
    rows = np.flatnonzero(columns.kind == EventKind.CUSTOMER)
    update[rows] = np.arange(len(rows), dtype=np.int32)
    first, flat = [0], []
    for row in rows:
        event = _UPDATES.decode(columns.payload[row])
        flat.append((0, NO_DAY, NO_DAY, NO_OBLIGATION))
        for owed in event.obligations:
            ends = NO_DAY if owed.ends_on is None else day_number(owed.ends_on)
            flat.append((owed.amount_minor, day_number(owed.due_on), ends, _FREQUENCY_CODES[owed.frequency]))
        first.append(len(flat))
    amounts, due, ends_on, frequency = zip(*flat, strict=True) if flat else ((), (), (), ())
    return update, Schedules(
        first=np.array(first, dtype=np.int64),
        amount_minor=np.array(amounts, dtype=np.int64),
        due=np.array(due, dtype=np.int32),
        ends=np.array(ends_on, dtype=np.int32),
        frequency=np.array(frequency, dtype=np.int8),
    )


_UPDATES = msgspec.json.Decoder(CustomerUpdated)


@compiled
def _fill(  # one pass over many columns: a kernel has as many parameters as it has columns
    kind: Any, local_us: Any, booked_us: Any, sequence: Any,
    direction: Any, account_kind: Any, channel: Any, category: Any, status: Any,
    failure_reason: Any, outcome_status: Any, due: Any, paid_on: Any, amount_minor: Any,
    balance: Any, reversal: Any, identity: Any, account: Any, currency: Any,
    update: Any, booked_mask: Any, failed_mask: Any, deltas: Any, out_day: Any, record: Any,
) -> None:  # fmt: skip
    for i in range(len(kind)):
        check = np.uint64(amount_minor[i]) ^ mixed(np.uint64(booked_us[i]) + np.uint64(kind[i]))
        day = local_us[i] // DAY_US
        order, mask, sign, outcome = np.int64(0), np.uint32(0), np.int64(1), np.int64(0)
        if kind[i] == _TRANSACTION:
            within = local_us[i] - day * DAY_US
            order = ((within // 1000) << _SEQUENCE_BITS) | sequence[i]
            towards = np.int64(direction[i])
            if reversal[i]:  # it takes back an entry of the other direction, in its own day
                towards, sign = 1 - towards, np.int64(-1)
            if status[i] == 0:
                mask = booked_mask[towards, account_kind[i], channel[i], category[i]]
            else:
                mask = failed_mask[towards, failure_reason[i]]
            hour = within // _HOUR_US
            if NIGHT_UNTIL_HOUR <= hour < NIGHT_FROM_HOUR:
                mask &= ~_NIGHT_BIT
            if reversal[i]:
                mask &= _AMOUNT_BITS
            codes = direction[i] + 4 * account_kind[i] + 16 * channel[i] + 256 * category[i] + 16384 * status[i]
            check ^= mixed(np.uint64(codes) ^ account[i]) + np.uint64(balance[i])
            outcome = np.int64(account_kind[i]) << 8
        elif kind[i] == _OUTCOME:
            day = np.int64(due[i])
            payments, unpaid = np.int64(deltas[outcome_status[i], 0]), np.int64(deltas[outcome_status[i], 1])
            late = np.int64(0)
            if (outcome_status[i] == _PAID or outcome_status[i] == _CURED) and paid_on[i] > day:
                late = min(np.int64(paid_on[i]) - day, np.int64(32_767))
            outcome = (payments & 0xFF) << 16 | (unpaid & 0xFF) << 24 | late << 32
            check ^= mixed(np.uint64(outcome_status[i]) ^ account[i]) + np.uint64(np.int64(paid_on[i]) + due[i])
        elif kind[i] == _CUSTOMER:
            # milliseconds first, then the id: a total order of updates that needs no arrival order
            order = ((booked_us[i] // 1000) << np.int64(21)) | np.int64(identity[i] >> np.uint64(43))
        else:
            day = np.int64(due[i])
        out_day[i] = day
        content = np.int64(mixed(check) >> np.uint64(48))
        # An id is its customer's and its kind's: a payment may carry the id of a transaction.
        own = identity[i] ^ np.uint64(kind[i]) * _KIND_SALT
        record[i, IDENTITY], record[i, ACCOUNT] = np.int64(own), np.int64(account[i])
        record[i, AMOUNT], record[i, BALANCE_AFTER], record[i, ORDER] = sign * amount_minor[i], balance[i], order
        record[i, DAYS] = (day & 0xFFFFFFFF) | np.int64(update[i]) << 32
        record[i, CODES] = np.int64(mask) | content << 32 | np.int64(currency[i]) << 48
        record[i, OUTCOME] = outcome | np.int64(kind[i])
