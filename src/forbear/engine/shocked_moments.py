"""Entries of accounts in the order in which they were booked: what stood last at any moment, and what had added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forbear.features.batch import ACCOUNT, EventBatch
from forbear.features.hashing import Keys

Int64s = NDArray[np.int64]
_TURN = np.uint64(0x9E3779B97F4A7C15)


def paired(first: Keys, second: Keys) -> Keys:
    """(n,) one key for each pair: of an account with its customer, of an identity with its customer."""
    with np.errstate(over="ignore"):
        return first * _TURN + second


def accounts_of(batch: EventBatch, rows: Int64s) -> Keys:
    """(n,) keys of the accounts of some rows; one that two customers share is two."""
    return paired(batch.customer[rows], batch.record[rows, ACCOUNT].view(np.uint64))


@dataclass(frozen=True, slots=True)
class Moments:
    """m entries by account, booked instant and sequence.

    accounts: (g,) keys, rising.  first: (g + 1,) where each account's entries begin.  booked_us, sequence: (m,).
    """

    accounts: Keys
    first: Int64s
    booked_us: Int64s
    sequence: Int64s

    @classmethod
    def of(cls, account: Keys, booked_us: Int64s, sequence: Int64s) -> tuple[Self, Int64s]:
        """The moments of (m,) entries in any order, and (m,) their places in it; equal moments keep their order."""
        order = np.lexsort((sequence, booked_us, account))
        accounts, first = np.unique(account[order], return_index=True)
        return cls(accounts, np.append(first, len(order)), booked_us[order], sequence[order]), order

    def latest(self, account: Keys, booked_us: Int64s, sequence: Int64s) -> Int64s:
        """(n,) the last entry of each account at or before a moment, -1 where there is none."""
        if not len(self.booked_us):
            return np.full(len(account), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.accounts, account), len(self.accounts) - 1)
        begins = self.first[place].astype(np.int64)
        low, high = begins.copy(), np.where(self.accounts[place] == account, self.first[place + 1], begins)
        while (looking := low < high).any():
            middle = np.minimum((low + high) // 2, len(self.booked_us) - 1)
            booked = self.booked_us[middle]
            passed = (booked < booked_us) | ((booked == booked_us) & (self.sequence[middle] <= sequence))
            low = np.where(looking & passed, middle + 1, low)
            high = np.where(looking & ~passed, middle, high)
        return np.where(low > begins, low - 1, -1)

    def added_up(self, steps: Int64s) -> Int64s:
        """(m,) sum of each account's steps up to and with each entry; steps: (m,) in the order of the entries."""
        total = np.cumsum(steps)
        before = (total - steps)[self.first[:-1]]
        return np.asarray(total - np.repeat(before, np.diff(self.first)), dtype=np.int64)
