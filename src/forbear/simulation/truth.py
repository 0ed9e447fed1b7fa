"""The true probability of a miss: many futures of each household, lived from its hidden state.

At the first instant of a day a household's record is all that the past has decided. Each future gives it another key
of chance, and so everything that chance has yet to decide; what is under way (a job search, a bill in parts, a debt,
its habits) stays. The share of futures with a miss is the probability that no model can know better than.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.domain.errors import ConfigError
from forbear.features.columns import day_number
from forbear.features.hashing import Keys
from forbear.features.hashing import keys_of as keys_of_names
from forbear.simulation.lives import KNOWN_AFTER_DAYS, Lives, days_to_miss, last_due, scratch
from forbear.simulation.names import names_of
from forbear.simulation.randomness import mixed
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

QUARTERS = 4
"""Parts that the futures of a question are kept in."""
_TOGETHER = 64
_BY_DAY = np.uint64(0xA0761D6478BD642F)


@dataclass(frozen=True, slots=True)
class Moments:
    """n questions. customer: (n,) number in the bank.  t: (n,) index of the as-of day, asked at its first instant."""

    customer: Ints
    t: Ints

    def __len__(self) -> int:
        return len(self.customer)

    def where(self, mask: Bools) -> Moments:
        """The questions of a mask."""
        return Moments(self.customer[mask], self.t[mask])


def moments_of(spec: BankSpec, customers: Keys, as_of_day: Ints) -> Moments:
    """The questions that rows of the bank's archive ask. customers: (n,) keys.  as_of_day: (n,) days since 1970.

    Raises ConfigError for a customer that the bank does not have.
    """
    keys = keys_of_names(names_of(spec.customers).customers)
    order = np.argsort(keys)
    place = order[np.minimum(np.searchsorted(keys, customers, sorter=order), len(keys) - 1)]
    if not np.array_equal(keys[place], customers):
        raise ConfigError("the rows are of customers whom this bank does not have", mend="simulate the bank again")
    return Moments(place, as_of_day - day_number(spec.start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How many futures a question gets, a multiple of 4, and on how many threads they are lived.

    The threads change the time that it takes, and nothing else. Raises ConfigError for another number.
    """

    futures: int = 200
    threads: int = 2

    def __post_init__(self) -> None:
        if self.futures < QUARTERS or self.futures % QUARTERS or self.threads < 1:
            raise ConfigError(f"{self.futures} futures on {self.threads} threads", mend="use a multiple of 4 futures")


@dataclass(frozen=True, slots=True)
class Truth:
    """What was found for n questions, in their order.

    quarters: (n, 4) share of the futures of each quarter in which a payment due within 30 days is missed; the quarters
    have no chance in common, so that some can score and the others judge.  futures: of all quarters.
    days_ahead: (n,) days to the first miss due within 30 days in the life that was lived, NaN if there was none.
    """

    quarters: Floats
    days_ahead: Floats
    futures: int

    def __len__(self) -> int:
        return len(self.days_ahead)

    @property
    def probabilities(self) -> Floats:
        """(n,) the share of all futures."""
        shares: Floats = self.quarters.mean(axis=1)
        return shares

    @property
    def halves(self) -> Floats:
        """(n, 2) the share of the first half of the futures, and of the second."""
        shares: Floats = self.quarters.reshape(-1, 2, QUARTERS // 2).mean(axis=2)
        return shares

    @property
    def labels(self) -> Floats:
        """(n,) 1 where a payment was missed in the life that was lived, else 0."""
        return (~np.isnan(self.days_ahead)).astype(np.float64)


def true_probabilities(
    spec: BankSpec,
    moments: Moments,
    sampling: Sampling | None = None,
    progress: Callable[[int], None] | None = None,
) -> Truth:
    """The probability, at each of these moments, that a payment due in the 30 days from then on is missed.

    An answer depends on the bank, the customer and the day only: not on the other questions, nor on their order.
    Who is eligible is up to the caller. progress: called with the number of questions done.
    Raises ValueError for a day before the first.
    """
    asked = sampling or Sampling()
    ahead = np.empty((len(moments), 1 + asked.futures), dtype=np.int8)
    lives = Lives.of(spec, int(moments.t.max(initial=0)) + KNOWN_AFTER_DAYS)
    done = 0
    with ThreadPoolExecutor(asked.threads) as pool:
        for t in np.unique(moments.t):
            lives.live_until(int(t))
            at = np.flatnonzero(moments.t == t)
            days = lives.ahead(KNOWN_AFTER_DAYS)
            parts = [at[first : first + _TOGETHER] for first in range(0, len(at), _TOGETHER)]
            waiting = [
                pool.submit(_lived_on, lives.houses[moments.customer[part]], days, asked.futures) for part in parts
            ]
            for part, found in zip(parts, waiting, strict=True):
                ahead[part] = found.result()
                done += len(part)
                if progress is not None:
                    progress(done)
    missed = ahead[:, 1:] >= 0
    quarters = missed.reshape(len(missed), QUARTERS, asked.futures // QUARTERS).mean(axis=2)
    return Truth(quarters, np.where(ahead[:, 0] >= 0, ahead[:, 0], np.nan), asked.futures)


def _lived_on(houses: Records, days: Records, futures: int) -> NDArray[np.int8]:
    ahead = np.empty((len(houses), 1 + futures), dtype=np.int8)
    _live_on(houses, days, (houses[:1].copy(), scratch()), ahead)
    return ahead


@compiled
def _live_on(houses: Records, days: Records, work: tuple[Records, Records], ahead: NDArray[np.int8]) -> None:
    """Days to the miss of each household (row) in the life that it lives (column 0) and in its other futures.

    houses: (n,) of HOUSE at the first instant of days[0].  work: one HOUSE to write into, and a scratch book.
    """
    copies, books = work
    for c in range(len(houses)):
        last = last_due(houses[c], days)
        for future in range(ahead.shape[1]):
            copies[0] = houses[c]
            if future > 0:
                copies[0].traits.key = _key_of_future(houses[c].traits.key, days[0].t, future)
            ahead[c, future] = days_to_miss(copies[0], days, books[0], last)


@compiled
def _key_of_future(key: np.uint64, t: int, future: int) -> np.uint64:
    """The key of chance of one future, from 1 on, of a customer at day t."""
    return mixed(mixed(key ^ mixed(np.uint64(t) + _BY_DAY)) + np.uint64(future))
