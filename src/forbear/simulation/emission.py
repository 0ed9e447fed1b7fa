"""From rows to event columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from forbear.domain.terms import AccountKind, Direction, FailureReason, Status
from forbear.features.columns import ABSENT, NO_AMOUNT, NO_DAY, EventColumns, EventKind, blank, codes_of
from forbear.simulation.movements import CATEGORY_OF, CHANNEL_OF, DIRECTION_OF
from forbear.simulation.names import Texts
from forbear.simulation.profiles import Profiles
from forbear.simulation.records import Records
from forbear.simulation.world import NO_INDEX

_FAILED = codes_of(Status)[Status.FAILED]
_SHORT_OF_MONEY = codes_of(FailureReason)[FailureReason.INSUFFICIENT_FUNDS]
_KIND_OF_ACCOUNT = np.array(
    [codes_of(AccountKind)[k] for k in (AccountKind.CURRENT, AccountKind.SAVINGS, AccountKind.CARD, AccountKind.LOAN)],
    dtype=np.int8,
)
_UPDATES_AT_ONCE = 10_000
_CREDIT = codes_of(Direction)[Direction.CREDIT]


def pieces(rows: Records) -> Iterator[Records]:
    """The rows in their order, cut where customer updates begin and end, and where there are very many of them.

    Column texts are of one width, and an update is a hundred times as long as any other: a piece that
    mixed them would be mostly padding.
    """
    is_update = rows["kind"] == EventKind.CUSTOMER
    cuts = np.flatnonzero(is_update[1:] != is_update[:-1]) + 1
    for alike in np.split(rows, cuts):
        size = _UPDATES_AT_ONCE if len(alike) and alike["kind"][0] == EventKind.CUSTOMER else max(1, len(alike))
        for first in range(0, len(alike), size):
            yield alike[first : first + size]


def columns(rows: Records, profiles: Profiles) -> EventColumns:
    """The event columns of one piece, in its order."""
    if rows["kind"][0] == EventKind.CUSTOMER:
        return blank(
            len(rows),
            kind=rows["kind"],
            received_us=rows["received_us"],
            booked_us=rows["booked_us"],
            customer_id=profiles.names.customers[rows["customer"]],
            event_id=profiles.names.event_ids(rows),
            payload=np.array(profiles.payloads(rows)),
        )
    return _facts(rows, profiles)


def _facts(rows: Records, profiles: Profiles) -> EventColumns:
    """Transactions, outcomes and day closes."""
    names = profiles.names
    movement, customer = rows["movement"], rows["customer"]
    transaction = rows["kind"] == EventKind.TRANSACTION
    outcome = rows["kind"] == EventKind.OUTCOME
    closed = rows["kind"] == EventKind.DAY_CLOSED
    failed = transaction & (rows["status"] == _FAILED)
    back = np.flatnonzero(transaction & (rows["reverses"] != NO_INDEX))
    direction = DIRECTION_OF[movement]
    direction[back] = _CREDIT
    first_day = profiles.calendar.first_day
    accounts = names.accounts[customer, rows["account"]]
    return blank(
        len(rows),
        kind=rows["kind"],
        received_us=rows["received_us"],
        booked_us=rows["booked_us"],
        customer_id=np.where(closed, b"", names.customers[customer]),
        event_id=np.where(closed, b"", names.event_ids(rows)),
        account_id=np.where(outcome, names.obligations[customer, rows["duty"]], np.where(closed, b"", accounts)),
        account_kind=np.where(transaction, _KIND_OF_ACCOUNT[rows["account"]], ABSENT),
        direction=np.where(transaction, direction, ABSENT),
        channel=np.where(transaction, CHANNEL_OF[movement], ABSENT),
        category=np.where(transaction, CATEGORY_OF[movement], ABSENT),
        status=np.where(transaction, rows["status"], ABSENT),
        failure_reason=np.where(failed, _SHORT_OF_MONEY, ABSENT),
        amount_minor=np.where(closed, NO_AMOUNT, rows["amount"]),
        currency=np.where(transaction, profiles.spec.currency.encode(), b""),
        balance_after_minor=np.where(transaction, rows["balance"], NO_AMOUNT),
        sequence=np.where(transaction, rows["sequence"], 0),
        counterparty=np.where(transaction, names.counterparties(rows), b""),
        reverses=_reversed(rows, back, profiles),
        day=np.where(transaction, NO_DAY, first_day + rows["due"]),
        outcome_status=np.where(outcome, rows["status"], ABSENT),
        paid_on=np.where(outcome & (rows["paid"] != NO_INDEX), first_day + rows["paid"], NO_DAY),
    )


def _reversed(rows: Records, back: Texts, profiles: Profiles) -> Texts:
    ids = profiles.names.reversed_ids(rows[back])
    texts = np.zeros(len(rows), dtype=ids.dtype)
    texts[back] = ids
    return texts
