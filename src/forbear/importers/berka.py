"""The Berka bank: the PKDD'99 financial data set, as published, into events.

Rules that the data leave open, and how they are settled here:

- One customer an account: its OWNER, called "B" and the account's id. A DISPONENT shares the owner's ledger.
- The source bears dates only. A posting is booked at 12:00 local and known at 23:59:59 local; an account's
  opening and a loan count from 00:00 and are known at 23:59:59. The day closes at 00:00 of the next one.
- Postings of one account and day are put in order by their running balance (`berka_days`), never by id.
- SIPO, the collective payment of household bills, is `utilities`. Incoming transfers are `salary`: those
  without a symbol come once a month, always on the same day for an account and in at most two amounts.
- Every instalment (UVER) is booked on the 12th: a loan is due from the first 12th on or after its date.
- Not read, because they are the future, protected or undated: loan.status, birth_number, order, card.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.errors import InvalidEvent
from forbear.domain.events import CustomerUpdated, Event, Transaction, convert
from forbear.domain.terms import AccountKind, Category, Channel, Direction, Frequency, ObligationKind
from forbear.features.columns import Column, EventColumns, codes_of, columns_of, joined, micros
from forbear.importers.base import (
    CHUNK_ROWS,
    ImportReport,
    Place,
    Progress,
    distinct,
    interleaved,
    with_day_closes,
)
from forbear.importers.berka_days import Posting, day_order
from forbear.importers.berka_tables import Account, Book, Folder, Loan, crowns, read_book, short_date, table_file
from forbear.importers.days import LocalDays
from forbear.importers.lines import Meter

_BATCH_ROWS = 10_000
_TABLES = ("district", "client", "disp", "account", "loan", "trans")
_COLUMNS = ("trans_id", "account_id", "date", "type", "operation", "amount", "balance", "k_symbol", "bank", "account")
_UNSUPPORTED = (
    "discretionary",
    "failed_debits",
    "gambling",
    "late_payments",
    "lateness_days",
    "lending",
    "night",
    "payments",
    "savings_out",
    "unpaid",
)
_DIRECTIONS = {"PRIJEM": Direction.CREDIT, "VYDAJ": Direction.DEBIT, "VYBER": Direction.DEBIT}
_BY_SYMBOL = {
    "UROK": (Channel.INTERNAL, Category.INTEREST),
    "SANKC. UROK": (Channel.INTERNAL, Category.OVERDRAFT_INTEREST),
    "SLUZBY": (Channel.INTERNAL, Category.FEE),
    "SIPO": (None, Category.UTILITIES),
    "POJISTNE": (None, Category.INSURANCE),
    "UVER": (None, Category.LOAN_REPAYMENT),
    "DUCHOD": (None, Category.PENSION),
    "": (None, None),
}
_BY_OPERATION = {
    "VKLAD": (Channel.BRANCH, Category.CASH),
    "VYBER": (Channel.BRANCH, Category.CASH),
    "VYBER KARTOU": (Channel.ATM, Category.CASH),
    "PREVOD Z UCTU": (Channel.TRANSFER, Category.SALARY),
    "PREVOD NA UCET": (Channel.TRANSFER, Category.OTHER),
    "": (Channel.INTERNAL, Category.OTHER),
}
_CREDIT = codes_of(Direction)[Direction.CREDIT]
_RANKED = {Category.INTEREST: 1, Category.FEE: 3, Category.OVERDRAFT_INTEREST: 4}


class _Day(NamedTuple):
    booked: datetime
    known: datetime


class BerkaImporter:
    """Imports a folder of the published files (`.asc` or `.csv`, each plain or gzip).

    opens_on: postings before it are refused.  until: so are postings after it; the publication ends there.
    Raises ConfigError where a file is missing or cannot be used.
    """

    def __init__(self, folder: Path, *, opens_on: date = date(1993, 1, 1), until: date = date(1998, 12, 31)) -> None:
        self.deployment = Deployment(
            source="berka",
            currency="CZK",
            time_zone="Europe/Prague",
            country="CZ",
            opens_on=opens_on,
            miss=MissDefinition(kind="balance", penalty_categories=(Category.OVERDRAFT_INTEREST,)),
            unsupported=_UNSUPPORTED,
        )
        self._folder = folder
        self._until = until
        self._days = LocalDays(self.deployment.time_zone)
        self._files = [table_file(folder, table) for table in _TABLES]

    def read(self, report: ImportReport, progress: Progress | None = None) -> Iterator[EventColumns]:
        """Every event in log order, as `Importer.read` says. Holds the postings in memory: some 0.5 GB for all."""
        folder = Folder(self._folder, report, Meter(self._files, progress))
        book = read_book(folder)
        batches = list(self._postings(folder, book))
        if not batches:
            return
        postings = in_log_order(joined(batches), self._days)
        del batches
        customers = self._customers(folder, book, int(postings.received_us[-1]))
        report.customers = distinct(customers.customer_id)
        report.accounts = distinct(postings.customer_id, postings.account_id)
        yield from with_day_closes(_chunks(postings, customers), self.deployment, report)

    def _postings(self, folder: Folder, book: Book) -> Iterator[EventColumns]:
        day = lru_cache(maxsize=4_096)(self._day)
        seen: dict[str, int] = {}
        batch: list[Event] = []
        for place, cells in folder.rows("trans", _COLUMNS):
            try:
                if _came_before(cells, seen):
                    folder.report.duplicates += 1
                    continue
                batch.append(convert(_row(cells, book, day(cells[2])), Transaction))
                seen[cells[0]] = hash(tuple(cells))
            except InvalidEvent as error:
                folder.refuse(error, place)
            if len(batch) >= _BATCH_ROWS:
                yield columns_of(batch)
                batch.clear()
        if batch:
            yield columns_of(batch)

    def _day(self, text: str) -> _Day:
        day = short_date(text)
        if day < self.deployment.opens_on:
            raise InvalidEvent(f"{day} lies before {self.deployment.opens_on}", field="date", code="before_opening")
        if day > self._until:
            raise InvalidEvent(f"{day} lies after {self._until}", field="date", code="in_future")
        return _Day(self._days.noon(day), self._days.end(day))

    def _customers(self, folder: Folder, book: Book, last_us: int) -> EventColumns:
        """What is known of each customer, when the account opens and when a loan is granted."""
        events: list[Event] = []
        for account in book.accounts.values():
            updates: list[tuple[date, Loan | None, Place]] = [(account.opened_on, None, account.place)]
            if account.account_id in book.loans:
                loan, place = book.loans[account.account_id]
                updates.append((loan.granted_on, loan, place))
            for day, loan_or_none, place in updates:
                try:
                    events.append(convert(self._update(account, day, loan_or_none), CustomerUpdated))
                except InvalidEvent as error:
                    folder.refuse(error, place)
        events.sort(key=lambda event: event.received_at)
        known = [event for event in events if micros(event.received_at) <= last_us]
        folder.report.set_aside["after_last_posting"] += len(events) - len(known)
        return columns_of(known)

    def _update(self, account: Account, day: date, loan: Loan | None) -> dict[str, object]:
        return {
            "update_id": f"{account.account_id}:{loan.loan_id if loan else 'opened'}",
            "customer_id": f"B{account.account_id}",
            "booked_at": self._days.start(day),
            "received_at": self._days.end(max(day, self.deployment.opens_on)),
            "segment": account.segment,
            "region": account.region,
            "obligations": [_obligation(loan)] if loan else [],
        }


def in_log_order(postings: EventColumns, days: LocalDays) -> EventColumns:
    """Postings by the day, account and true order within both, which becomes their `sequence`."""
    order, sequence = _account_order(postings, days)
    postings.sequence[order] = sequence
    return postings.take(np.lexsort((postings.sequence, postings.account_id, postings.received_us)))


def _account_order(postings: EventColumns, days: LocalDays) -> tuple[Column, Column]:
    """Rows by account, day and order within the day, and each one's place in its day."""
    accounts = np.unique(postings.account_id, return_inverse=True)[1]
    booked = days.numbers(postings.booked_us)
    order = np.lexsort((booked, accounts))
    keys = np.stack((accounts[order], booked[order]))
    starts = np.flatnonzero(np.concatenate(([True], (keys[:, 1:] != keys[:, :-1]).any(axis=0))))
    sizes = np.diff(np.append(starts, len(order)))
    after = postings.balance_after_minor
    before = after - np.where(postings.direction == _CREDIT, 1, -1) * postings.amount_minor
    ranks = _ranks(postings)
    ids = np.unique(postings.event_id, return_inverse=True)[1]
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        rows = order[start : start + size]
        same = start > 0 and keys[0, start - 1] == keys[0, start]
        opening = int(after[order[start - 1]]) if same else 0  # an account opens empty
        cells = (column[rows].tolist() for column in (before, after, ranks, ids))
        day = [Posting(b, a, (rank, number)) for b, a, rank, number in zip(*cells, strict=True)]
        order[start : start + size] = rows[day_order(day, opening)]
    return order, np.arange(len(order)) - np.repeat(starts, sizes)


def _ranks(postings: EventColumns) -> Column:
    """Where a posting stands in its day if balances do not tell: money in, interest, money out, fee, sanction."""
    codes = codes_of(Category)
    kinds = [postings.category == codes[category] for category in _RANKED]
    return np.select(kinds, list(_RANKED.values()), default=np.where(postings.direction == _CREDIT, 0, 2))


def _chunks(postings: EventColumns, customers: EventColumns) -> Iterator[EventColumns]:
    """Both in log order, customers first at the same instant."""
    done = 0
    for start in range(0, len(postings), CHUNK_ROWS):
        part = postings.take(slice(start, start + CHUNK_ROWS))
        known = int(np.searchsorted(customers.received_us, part.received_us[-1], side="right"))
        yield interleaved(customers.take(slice(done, known)), part)
        done = known


def _came_before(cells: list[str], seen: dict[str, int]) -> bool:
    content = seen.get(cells[0])
    if content is not None and content != hash(tuple(cells)):
        raise InvalidEvent("this trans_id came before with other content", field="trans_id", code="conflict")
    return content is not None


def _row(cells: list[str], book: Book, day: _Day) -> dict[str, object]:
    trans_id, account_id, _, kind, operation, amount, balance, symbol, bank, partner = cells
    if account_id not in book.accounts:
        raise InvalidEvent(f"account {account_id[:64]!r} is not known", field="account_id", code="unknown_account")
    direction, channel, category = _terms(kind, operation, symbol)
    amount_minor = crowns(amount, "amount")
    if amount_minor < 0:
        raise InvalidEvent(f"amount {amount} is negative", field="amount", code="negative_amount")
    return {
        "transaction_id": trans_id,
        "customer_id": f"B{account_id}",
        "account_id": account_id,
        "account_kind": AccountKind.CURRENT,
        "direction": direction,
        "amount_minor": amount_minor,
        "currency": "CZK",
        "booked_at": day.booked,
        "received_at": day.known,
        "channel": channel,
        "category": category,
        "balance_after_minor": crowns(balance, "balance"),
        "counterparty": f"{bank}/{partner}" if bank or partner else None,
    }


@lru_cache(maxsize=256)
def _terms(kind: str, operation: str, symbol: str) -> tuple[Direction, Channel, Category]:
    for field, code, table in (("type", kind, _DIRECTIONS), ("operation", operation, _BY_OPERATION)):
        if code not in table:
            raise InvalidEvent(f"{field} {code[:64]!r} is not a published code", field=field, code="unknown_code")
    if symbol not in _BY_SYMBOL:
        raise InvalidEvent(f"k_symbol {symbol[:64]!r} is not a published code", field="k_symbol", code="unknown_code")
    channel, category = _BY_SYMBOL[symbol]
    usual_channel, usual_category = _BY_OPERATION[operation]
    return _DIRECTIONS[kind], channel or usual_channel, category or usual_category


def _obligation(loan: Loan) -> dict[str, object]:
    return {
        "obligation_id": loan.loan_id,
        "kind": ObligationKind.LOAN,
        "amount_minor": loan.payment_minor,
        "due_on": loan.first_due,
        "frequency": Frequency.MONTHLY,
        "ends_on": loan.ends_on,
        "exposure_minor": loan.amount_minor,
    }
