"""What a shock does to single transactions: which it reaches, by how much they rise, and when they are booked then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from forbear.domain.terms import AccountKind, Category, Direction, Status
from forbear.engine.shocked_moments import Int64s, paired
from forbear.engine.shocked_terms import PAID_AS, Shock, StressTerms
from forbear.features.batch import IDENTITY, EventBatch
from forbear.features.columns import EventColumns, EventKind, codes_of
from forbear.features.hashing import Keys, keys_of
from forbear.features.ledger import Floats
from forbear.features.local_time import DAY_US, LocalTime

Bools = NDArray[np.bool_]
LARGEST_MINOR = 10**15
"""What an amount may be at most, and a balance either way."""
SALARIES, PRICES, RATES = range(3)
PARTS = ("salaries", "prices", "rates")
"""The parts of a shock, by their code in `Changes.part`."""

_CATEGORIES, _DIRECTIONS = codes_of(Category), codes_of(Direction)
_CREDIT, _DEBIT = _DIRECTIONS[Direction.CREDIT], _DIRECTIONS[Direction.DEBIT]
_BOOKED = codes_of(Status)[Status.BOOKED]
_LOAN = codes_of(AccountKind)[AccountKind.LOAN]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a shock does to n transactions that it would reach.

    row: (n,) of the batch.  part: (n,) code of PARTS.  identity: (n,) keys of the entries, paired with the customer's;
    takes_back: (n,) of the entry that one reverses, 0 for none.  more_minor: (n,) by which the amount rises, >= 0.
    later_us: (n,) by which it is booked later.
    """

    row: Int64s
    part: NDArray[np.int8]
    identity: Keys
    takes_back: Keys
    more_minor: Int64s
    later_us: Int64s

    def where(self, mask: Bools) -> Self:
        """Some of them."""
        return type(self)(*(getattr(self, f.name)[mask] for f in fields(self)))


class Borrowers(NamedTuple):
    """By how much the payments of m customers rise under one category.  customer: (m,) keys, rising.  ratio: (m,)."""

    customer: Keys
    ratio: Floats

    def of(self, customers: Keys) -> Floats:
        """(n,) ratios of some customers, 0 for one who is not among them."""
        if not len(self.customer):
            return np.zeros(len(customers))
        place = np.minimum(np.searchsorted(self.customer, customers), len(self.customer) - 1)
        return np.where(self.customer[place] == customers, self.ratio[place], 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One shock as a rule for rows.

    since_us: rows that were received or booked before it stay as they are.  on: its bank-local day.
    borrowers: by category of a debt's payments.
    """

    shock: Shock
    terms: StressTerms
    zone: LocalTime
    since_us: int
    on: date
    borrowers: Mapping[Category, Borrowers] = field(default_factory=dict)

    def within(self, columns: EventColumns, kind: EventKind) -> Int64s:
        """Rows of one kind that were both booked and received in the window."""
        dated = (columns.kind == kind) & (columns.booked_us >= self.since_us)
        return np.flatnonzero(dated & (columns.received_us >= self.since_us))

    def changes(self, columns: EventColumns, batch: EventBatch) -> Changes:
        """What happens to the transactions of a batch, one that takes back another treated like what it takes back.

        Whether that other one was shocked is not asked here. A movement on a loan account, or that failed, is not
        reached.
        """
        rows = self.within(columns, EventKind.TRANSACTION)
        rows = rows[(columns.status[rows] == _BOOKED) & (columns.account_kind[rows] != _LOAN)]
        reverses = columns.reverses[rows] != b""
        towards = np.where(reverses, _CREDIT + _DEBIT - columns.direction[rows], columns.direction[rows])
        category, customer = columns.category[rows], batch.customer[rows]
        ratio = np.zeros(len(rows))
        part = np.full(len(rows), -1, dtype=np.int8)
        spent = towards == _DEBIT
        part[(towards == _CREDIT) & np.isin(category, _codes(self.terms.salaries.categories))] = SALARIES
        dearer = spent & np.isin(category, _codes(self.terms.prices.categories))
        part[dearer], ratio[dearer] = PRICES, self.shock.prices_up_ratio
        for paid_as in map(PAID_AS.__getitem__, self.terms.rates):
            paid = spent & (category == _CATEGORIES[paid_as])
            part[paid] = RATES
            ratio[paid] = self.borrowers.get(paid_as, _NOBODY).of(customer[paid])
        reached = part >= 0
        rows, part, ratio, reverses = rows[reached], part[reached], ratio[reached], reverses[reached]
        amount, customer = columns.amount_minor[rows], batch.customer[rows]
        back = np.zeros(len(rows), dtype=np.uint64)
        back[reverses] = paired(customer[reverses], keys_of(columns.reverses[rows[reverses]]))
        return Changes(
            row=rows,
            part=part,
            identity=paired(customer, batch.record[rows, IDENTITY].view(np.uint64)),
            takes_back=back,
            more_minor=np.minimum(np.rint(amount * ratio).astype(np.int64), LARGEST_MINOR - amount),
            later_us=np.where(part == SALARIES, self._later(columns.booked_us[rows]), 0),
        )

    def _later(self, booked_us: Int64s) -> Int64s:
        """(n,) microseconds until the same local time so many days later."""
        moved = booked_us + self.shock.salaries_late_days * DAY_US
        offset, offset_then = self.zone.local_us(booked_us) - booked_us, self.zone.local_us(moved) - moved
        return np.asarray(moved - (offset_then - offset) - booked_us, dtype=np.int64)


_NOBODY = Borrowers(np.empty(0, dtype=np.uint64), np.empty(0))


def _codes(categories: tuple[Category, ...]) -> list[int]:
    return [_CATEGORIES[category] for category in categories]
