"""What must be known of a window before it can be shocked: what its shocked entries add up to, and what is owed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.events import CustomerUpdated, Obligation
from forbear.domain.terms import AccountKind, Channel, Direction, ObligationKind, Status
from forbear.engine.backfill import Feed
from forbear.engine.ports import Scanned
from forbear.engine.shocked_moments import Int64s, Moments, accounts_of, paired
from forbear.engine.shocked_onset import Onset, until_close
from forbear.engine.shocked_rows import PARTS, SALARIES, Bools, Borrowers, Changes, Rule
from forbear.engine.shocked_terms import PAID_AS, Shock, StressTerms
from forbear.features.batch import IDENTITY
from forbear.features.columns import NO_AMOUNT, EventKind, codes_of, day_of
from forbear.features.hashing import Keys
from forbear.features.local_time import DAY_US, local_time

UPDATES = msgspec.json.Decoder(CustomerUpdated)
_DEBIT = codes_of(Direction)[Direction.DEBIT]
_BOOKED, _CURRENT = codes_of(Status)[Status.BOOKED], codes_of(AccountKind)[AccountKind.CURRENT]
_COLLECTED = [codes_of(Channel)[channel] for channel in (Channel.DIRECT_DEBIT, Channel.STANDING_ORDER)]


@dataclass(frozen=True, slots=True)
class Reached:
    """How much of a window one part of a shock reaches. amount_minor: of what is late, or by which the rest rises."""

    entries: int
    customers: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What is known of a window under one shock.

    entries: sorted identities of what is shocked.  moved: the moments at which an account's balance leaves its course,
    and moved_minor by how much in all.  stood, stood_minor: the balances that were told.
    obliged: the updates in force as the window begins that tell of an obligation which is shocked.
    reached: by part of the shock.  never: late entries that are booked after the close.  overdrawn: collected payments
    that a current account covered, and under the shock does not.
    """

    rule: Rule
    entries: Keys
    moved: Moments
    moved_minor: Int64s
    stood: Moments
    stood_minor: Int64s
    obliged: tuple[CustomerUpdated, ...]
    reached: Mapping[str, Reached]
    never: int
    overdrawn: int

    def held(self, changes: Changes) -> Changes:
        """Those changes that happen: what takes something back is shocked if that is."""
        return changes.where(_happens(changes.takes_back, self.entries))

    def off_course(self, account: Keys, booked_us: Int64s, sequence: Int64s) -> Int64s:
        """(n,) by how much balances of accounts are off their course at some moments [minor units]."""
        found = self.moved.latest(account, booked_us, sequence)
        return np.where(found < 0, 0, np.append(self.moved_minor, 0)[found])

    def arrival(self, account: Keys, booked_us: Int64s, sequence: Int64s, later_us: Int64s) -> tuple[Int64s, Bools]:
        """(n,) balances that accounts had, before any shock, when late entries arrive; and whether one was told.

        None was where nothing came in between: then an entry's own balance stands.
        """
        found = self.stood.latest(account, booked_us + later_us, sequence)
        between = found >= 0
        between[between] = (self.stood.booked_us[found[between]] != booked_us[between]) | (
            self.stood.sequence[found[between]] != sequence[between]
        )
        return np.append(self.stood_minor, 0)[found], between


def survey(feed: Feed, onset: Onset, shock: Shock, terms: StressTerms, closed: int) -> Surveyed:
    """Read a window up to the close of a day. What was received after that close is not looked at."""
    zone, on = local_time(feed.deployment.time_zone), day_of(onset.day)
    owing = {key: UPDATES.decode(payload) for key, (_, payload) in sorted(onset.updates.items())}
    rule = Rule(shock=shock, terms=terms, zone=zone, since_us=onset.since_us, on=on)
    rule = replace(rule, borrowers={PAID_AS[kind]: _borrowers(owing, kind, rule) for kind in terms.rates})
    stood, hits = [], []
    for scanned in until_close(feed.archive.scan(zone, onset.offset), closed):
        stood.append(_Stood.of(scanned, rule))
        hits.append(_Hits.of(scanned, rule))
    kinds = {*terms.prices.obligations, *terms.rates}
    obliged = tuple(update for update in owing.values() if kinds & {owed.kind for owed in update.obligations})
    return _surveyed(rule, (_once(stood), _once(hits)), obliged, closed)


def _happens(takes_back: Keys, entries: Keys) -> Bools:
    """(n,) whether what takes something back takes back one of some sorted entries; what takes nothing back does."""
    happens: Bools = takes_back == 0
    if len(entries):
        rows = np.flatnonzero(~happens)
        place = np.minimum(np.searchsorted(entries, takes_back[rows]), len(entries) - 1)
        happens[rows] = entries[place] == takes_back[rows]
    return happens


def _borrowers(owing: Mapping[int, CustomerUpdated], kind: ObligationKind, rule: Rule) -> Borrowers:
    """By how much what each customer owes under one kind rises, all obligations of that kind together."""
    found = []
    for key, update in owing.items():
        debts = [owed for owed in update.obligations if owed.kind is kind and not _over(owed, rule.on)]
        owed_minor = sum(owed.amount_minor for owed in debts)
        if owed_minor:
            more = sum(owed.amount_minor * rule.terms.dearer(owed, rule.shock, rule.on) for owed in debts)
            found.append((key, more / owed_minor))
    keys, ratios = zip(*found, strict=True) if found else ((), ())
    return Borrowers(np.array(keys, dtype=np.uint64), np.array(ratios, dtype=np.float64))


def _over(owed: Obligation, on: date) -> bool:
    return owed.ends_on is not None and owed.ends_on < on


@dataclass(frozen=True, slots=True)
class _Stood:
    """The n transactions of a window. drawn: payments that a creditor drew from a current account."""

    identity: Keys
    account: Keys
    booked_us: Int64s
    sequence: Int64s
    balance: Int64s
    drawn: Bools

    @classmethod
    def of(cls, scanned: Scanned, rule: Rule) -> Self:
        """Those of one batch."""
        columns, batch = scanned.columns, scanned.batch
        rows = rule.within(columns, EventKind.TRANSACTION)
        drawn = (columns.status[rows] == _BOOKED) & (columns.account_kind[rows] == _CURRENT)
        drawn &= (columns.direction[rows] == _DEBIT) & np.isin(columns.channel[rows], _COLLECTED)
        return cls(
            paired(batch.customer[rows], batch.record[rows, IDENTITY].view(np.uint64)),
            accounts_of(batch, rows),
            columns.booked_us[rows],
            columns.sequence[rows],
            columns.balance_after_minor[rows],
            drawn,
        )


@dataclass(frozen=True, slots=True)
class _Hits:
    """The n transactions of a window that a shock would reach. signed, more: amount and rise, below 0 for debits."""

    identity: Keys
    takes_back: Keys
    part: NDArray[np.int8]
    customer: Keys
    account: Keys
    booked_us: Int64s
    sequence: Int64s
    later_us: Int64s
    signed: Int64s
    more: Int64s

    @classmethod
    def of(cls, scanned: Scanned, rule: Rule) -> Self:
        """Those of one batch."""
        columns, batch = scanned.columns, scanned.batch
        found = rule.changes(columns, batch)
        sign = np.where(columns.direction[found.row] == _DEBIT, -1, 1)
        return cls(
            found.identity,
            found.takes_back,
            found.part,
            batch.customer[found.row],
            accounts_of(batch, found.row),
            columns.booked_us[found.row],
            columns.sequence[found.row],
            found.later_us,
            sign * columns.amount_minor[found.row],
            sign * found.more_minor,
        )

    def where(self, mask: Bools) -> Self:
        """Some of them."""
        return type(self)(*(getattr(self, f.name)[mask] for f in fields(self)))

    def reached(self, part: int) -> Reached:
        """How much one part of the shock reaches."""
        rows = self.part == part
        amount = np.abs(self.signed if part == SALARIES else self.more)[rows]
        return Reached(int(rows.sum()), len(np.unique(self.customer[rows])), int(amount.sum()))


_Rows = TypeVar("_Rows", _Stood, _Hits)


def _once(parts: Sequence[_Rows]) -> _Rows:
    """All parts as one, each entry once: of what was delivered twice the ledger takes the first."""
    columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(parts[0])}
    _, first = np.unique(columns["identity"], return_index=True)
    return type(parts[0])(**{name: column[first] for name, column in columns.items()})


def _surveyed(rule: Rule, window: tuple[_Stood, _Hits], obliged: tuple[CustomerUpdated, ...], closed: int) -> Surveyed:
    stood, hits = window
    own = np.sort(hits.identity[hits.takes_back == 0])
    hits = hits.where(_happens(hits.takes_back, own))
    # Each entry leaves its place and comes in at its new one, which is the same for what is only dearer.
    arrives_us = hits.booked_us + hits.later_us
    both_us = np.concatenate([hits.booked_us, arrives_us])
    moved, order = Moments.of(np.tile(hits.account, 2), both_us, np.tile(hits.sequence, 2))
    steps = np.concatenate([-hits.signed, hits.signed + hits.more])[order]
    known = stood.balance != NO_AMOUNT
    told, places = Moments.of(stood.account[known], stood.booked_us[known], stood.sequence[known])
    late = (hits.part == SALARIES) & (rule.zone.local_us(arrives_us) // DAY_US > closed)
    found = Surveyed(
        rule=rule,
        entries=own,
        moved=moved,
        moved_minor=moved.added_up(steps),
        stood=told,
        stood_minor=stood.balance[known][places],
        obliged=obliged,
        reached={name: hits.reached(part) for part, name in enumerate(PARTS)},
        never=int(late.sum()),
        overdrawn=0,
    )
    drawn = known & stood.drawn & (stood.balance >= 0)
    off = found.off_course(stood.account[drawn], stood.booked_us[drawn], stood.sequence[drawn])
    return replace(found, overdrawn=int((stood.balance[drawn] + off < 0).sum()))
