"""How early and how surely misses were foreseen: what was recorded, held against what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from forbear.domain.deployment import HORIZON_DAYS, Deployment
from forbear.engine.outputs import DayRow, Predictions
from forbear.engine.queries import Lead
from forbear.features.ledger import Floats
from forbear.models.evaluate import calibration_bins, wilson
from forbear.models.results import CalibrationBin, Figure, LeadTime

MARKED_DAYS = (7, 14, 21)
"""Days ahead that shares caught are quoted at."""
MOST_CLOSES = 26
"""Closes that are held against what followed, evenly over the period: each reads the whole book."""


@dataclass(frozen=True, slots=True)
class Earliness:
    """Misses due in a period. missed: all.  scored: those whose customer had a score in the 30 days before: the base.

    by_score, by_offer: days from the first score in a band, and from the first offer, to the day it was due, of those
    of the base that had one.
    """

    missed: int
    scored: int
    by_score: tuple[int, ...]
    by_offer: tuple[int, ...]

    @classmethod
    def of(cls, leads: Iterable[Lead]) -> Earliness:
        """From the misses with what was known before each."""
        every = list(leads)
        base = [one for one in every if one.first_scored_day is not None]
        by_score = (one.due_day - one.first_in_band_day for one in base if one.first_in_band_day is not None)
        by_offer = (one.due_day - one.first_offer_day for one in base if one.first_offer_day is not None)
        return cls(len(every), len(base), tuple(sorted(by_score)), tuple(sorted(by_offer)))

    def caught(self, ahead: Sequence[int], days: int) -> Figure:
        """Share of the base that was caught at least so many days ahead; NaN without a base."""
        if not self.scored:
            return Figure(np.nan, np.nan, np.nan)
        return wilson(sum(lead >= days for lead in ahead), self.scored)

    def lines(self) -> tuple[LeadTime, LeadTime]:
        """The share caught by days ahead: by the first score in a band, and by the first offer. scored: above 0."""
        days = tuple(range(1, HORIZON_DAYS + 1))
        score, offer = (
            LeadTime(0.0, days, tuple(self.caught(ahead, day) for day in days), self.scored)
            for ahead in (self.by_score, self.by_offer)
        )
        return score, offer


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedClose:
    """One closed day whose 30 days are over. pd: (n,) of those scored, the erased left out.

    missed: (n,) whether each missed a payment in the 30 days.
    """

    day: int
    pd: Floats
    missed: Floats

    @property
    def expected(self) -> float:
        """Mean PD."""
        return float(self.pd.mean())

    @property
    def observed(self) -> Figure:
        """Share that missed."""
        return wilson(float(self.missed.sum()), len(self.missed))

    @property
    def within(self) -> bool:
        """Whether the mean PD lies in the interval of the share that missed."""
        return self.observed.low <= self.expected <= self.observed.high


@dataclass(frozen=True, slots=True)
class Sureness:
    """Closes held against what followed, the oldest first. waiting: closes of the period whose 30 days are not over.

    days: rows of the period with a score, for what was expected on every day.
    """

    closes: tuple[JudgedClose, ...]
    waiting: int
    days: tuple[DayRow, ...]

    @property
    def apart(self) -> tuple[JudgedClose, ...]:
        """Closes at least 30 days apart, counted from the newest: no miss is counted for two of them."""
        kept: list[JudgedClose] = []
        for close in reversed(self.closes):
            if not kept or kept[-1].day - close.day >= HORIZON_DAYS:
                kept.append(close)
        return tuple(reversed(kept))

    def totals(self) -> tuple[int, float, int]:
        """Customer-days of the closes apart, misses expected of them, misses observed."""
        pd, missed = self.pooled()
        return len(pd), float(pd.sum()), int(missed.sum())

    def pooled(self) -> tuple[Floats, Floats]:
        """PDs and misses of the closes apart, one behind another."""
        none = np.empty(0)
        return (
            np.concatenate([none, *(close.pd for close in self.apart)]),
            np.concatenate([none, *(close.missed for close in self.apart)]),
        )

    def bins(self) -> tuple[CalibrationBin, ...]:
        """Ten bins of equal count by rising PD over the closes apart."""
        pd, missed = self.pooled()
        return calibration_bins(pd, missed) if len(pd) else ()


def first_unripe(deployment: Deployment, last_day: int) -> int:
    """The first closed day whose 30 days, and the time to report them, are not over by the last closed day."""
    return last_day - HORIZON_DAYS - deployment.miss.reporting_days + 1


def judged(
    rows: Sequence[DayRow],
    unripe: int,
    leads: Sequence[Lead],
    close_of: Callable[[int], Predictions | None],
) -> Sureness:
    """Hold some of the ripe closes of a period against what followed.

    rows: closed days of the period.  unripe: see `first_unripe`.  leads: misses due up to 30 days behind each.
    close_of: every prediction of the close of a day.
    """
    scored = tuple(row for row in rows if row.scored)
    ripe = [row.day for row in scored if row.day < unripe]
    step = max(1, -(-len(ripe) // MOST_CLOSES))
    due = due_days(leads)
    closes = []
    for day in reversed(ripe[::-1][::step]):
        found = close_of(day)
        known = np.flatnonzero(found.customer != 0) if found is not None else ()
        if found is not None and len(known):
            missed = [missed_after(due.get(customer, ()), day) for customer in found.customer[known].tolist()]
            closes.append(JudgedClose(day=day, pd=found.pd[known], missed=np.array(missed, dtype=np.float64)))
    return Sureness(tuple(closes), len(scored) - len(ripe), scored)


def due_days(leads: Iterable[Lead]) -> dict[int, list[int]]:
    """Days on which payments were due that each customer missed."""
    found: dict[int, list[int]] = {}
    for lead in leads:
        found.setdefault(lead.customer, []).append(lead.due_day)
    return found


def missed_after(due: Sequence[int], day: int) -> bool:
    """Whether one of the days that payments were due on and missed lies in the 30 days behind a day."""
    return any(day < one <= day + HORIZON_DAYS for one in due)
