"""How customers move between states of days past due from month to month, and how cohorts fare by age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.engine.arrears import NEVER, Arrears
from forbear.engine.register import Register
from forbear.features.columns import day_of
from forbear.models.credit.movements import Transitions, Vintage, roll_rates, together, vintage
from forbear.models.evaluate import wilson
from forbear.models.results import Figure

LEAST = 30
"""Of a row or a cohort: of fewer only their number is told."""
MOST_MONTHS = 24
"""The newest months that are told."""
MISSED_AGES, PAID_AGES = (30, 60, 90, 180, 360), (7, 14, 30, 60, 90)
"""Ages [days] at which vintages of customers, and of missed payments, are told."""


@dataclass(frozen=True, slots=True)
class MonthMoves:
    """Moves from the close of one month, `first`, to that of the next, `last`, of whoever had payments by the first."""

    first: date
    last: date
    moves: Transitions


@dataclass(frozen=True, slots=True)
class ArrearsMoves:
    """Days past due of a book. months: oldest first.  pooled: all of them together.

    missed: cohorts by month of the first event; share of customers with a missed payment, by days since that event.
    paid: missed payments by month of the due day; share that was paid, by days since then.
    begins: the month in which the records begin, "2024-01": that cohort of customers holds whoever was there already.
    A curve ends where the youngest of its cohort does, and may not be there at all.
    """

    months: tuple[MonthMoves, ...]
    pooled: Transitions
    missed: tuple[Vintage, ...]
    paid: tuple[Vintage, ...]
    begins: str

    def document(self) -> dict[str, Any]:
        """Plain values for a script."""
        return {
            "least": LEAST,
            "states": list(self.pooled.states),
            "counts": self.pooled.counts.tolist(),
            "shares": _shares(self.pooled),
            "months": [
                {
                    "first": one.first.isoformat(),
                    "last": one.last.isoformat(),
                    "counts": one.moves.counts.tolist(),
                    "shares": _shares(one.moves),
                }
                for one in self.months
            ],
            "records_begin": self.begins,
            "vintages_missed": [_cohort(one, MISSED_AGES) for one in self.missed],
            "vintages_paid": [_cohort(one, PAID_AGES) for one in self.paid],
        }


def arrears_moves(arrears: Arrears, register: Register, last: int) -> ArrearsMoves | None:
    """What became of scheduled payments up to a closed day.

    register: of everybody in `arrears`. None unless payments were told of by the closes of two months.
    """
    if not len(arrears.customer):
        return None
    ends = _month_ends(int(arrears.since.min()), last)
    standing = [arrears.days_past_due(day) for day in ends]
    months = []
    for place in range(len(ends) - 1):
        there = ~np.isnan(standing[place])
        moves = roll_rates(standing[place][there], standing[place + 1][there])
        months.append(MonthMoves(day_of(ends[place]), day_of(ends[place + 1]), moves))
    if not months:
        return None
    begun = register.first_day[register.rows_of(arrears.customer)]
    return ArrearsMoves(
        months=tuple(months),
        pooled=together([one.moves for one in months]),
        missed=_missed(arrears, begun, last),
        paid=_paid(arrears, last),
        begins=_month(int(register.first_day.min())),
    )


def share_at(one: Vintage, days: int) -> Figure | None:
    """Share of a cohort at an age, with its 95 % interval (Wilson); None where it is too small or too young.

    Everybody was followed that long, so the share is a plain one.
    """
    if one.loans < LEAST or days > len(one.age) - 1:
        return None
    return wilson(float(one.defaulted[days]) * one.loans, one.loans)


def share_of(moves: Transitions, before: int, after: int) -> Figure | None:
    """Share of a row that went to a state, with its 95 % interval (Wilson); None of a row with fewer than LEAST."""
    return moves.figure(before, after) if moves.counts[before].sum() >= LEAST else None


def share_from_current(moves: Transitions) -> Figure | None:
    """Share of those with nothing past due who have something past due after, as `share_of` tells it."""
    current, total = int(moves.counts[0, 0]), int(moves.counts[0].sum())
    return wilson(float(total - current), total) if total >= LEAST else None


def _month_ends(first: int, last: int) -> list[int]:
    """Last days of months from `first` to `last`, the newest MOST_MONTHS + 1."""
    return [day for day in range(first, last + 1) if day_of(day + 1).day == 1][-MOST_MONTHS - 1 :]


def _missed(arrears: Arrears, begun: NDArray[np.int64], last: int) -> tuple[Vintage, ...]:
    first = np.full(len(begun), NEVER)
    stood = ~arrears.in_error
    np.minimum.at(first, arrears.place[stood], arrears.due[stood])
    return _vintages(begun, first, np.full(len(begun), NEVER), last)


def _paid(arrears: Arrears, last: int) -> tuple[Vintage, ...]:
    stood = ~arrears.in_error
    waived = np.where(arrears.paid == NEVER, arrears.settled, NEVER)
    return _vintages(arrears.due[stood], arrears.paid[stood], waived[stood], last)


def _vintages(
    begun: NDArray[np.int64], came: NDArray[np.int64], ended: NDArray[np.int64], last: int
) -> tuple[Vintage, ...]:
    """Cohorts by the month in which n began. came, ended: (n,) the day of what is counted, and of another end."""
    months = np.array([_month(day) for day in begun.tolist()], dtype=object)
    over = np.minimum(came, ended)
    censored = over > last
    age = np.where(censored, last, over) - begun
    found = []
    for month in sorted(set(months.tolist()))[-MOST_MONTHS:]:
        rows = months == month
        whole = vintage(month, age[rows], (came <= last)[rows], censored[rows])
        followed = last - int(begun[rows].max())
        reach = np.minimum(np.arange(followed + 1), len(whole.age) - 1)
        found.append(Vintage(month, whole.loans, np.arange(followed + 1), whole.defaulted[reach]))
    return tuple(found)


def _month(day: int) -> str:
    return f"{day_of(day):%Y-%m}"


def _shares(moves: Transitions) -> list[list[dict[str, float | None]] | None]:
    """Shares by row; None for a row with too few."""
    size = range(len(moves.states))
    return [
        [moves.figure(row, column).as_dict() for column in size] if moves.counts[row].sum() >= LEAST else None
        for row in size
    ]


def _cohort(one: Vintage, ages: Sequence[int]) -> dict[str, Any]:
    shares = {days: share_at(one, days) for days in ages}
    return {
        "month": one.cohort,
        "number": one.loans,
        "by_days": [{"days": days, "share": share.as_dict()} for days, share in shares.items() if share is not None],
    }
