"""Two replays of one log compared, decision by decision: the first is what was, the second what would have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import NotEnoughData
from forbear.engine.outputs import DayRow, Ints
from forbear.engine.replayed import CODED, OFFER, Decided, Replayed
from forbear.policy.proposals import Bools

WEEK = 7
PLAIN = ("offset", "cost_minor", "propensity", "explored", "held_out", "expires_day")
"""Columns that two equal decisions share, beside their words; a PD is that of the scores, which the closes compare."""
_FIGURES = ("day", "customers", "scored", "expected_misses", "bands", "verdicts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two in numbers. contacted: customers with an offer.  cost_minor: of the offers.

    outcomes: decisions by what became of them.  verdicts: what the policy said to the scores of the closes.
    offers, cost_by_week: by the first day of a week [days since 1970].  by_channel, by_action: offers.
    most_a_day: the most offers of one day, by channel.
    """

    decisions: int
    offers: int
    contacted: int
    cost_minor: int
    scored: int
    expected_misses: float
    outcomes: Mapping[str, int]
    verdicts: Mapping[str, int]
    offers_by_week: Mapping[int, int]
    cost_by_week: Mapping[int, int]
    by_channel: Mapping[str, int]
    by_action: Mapping[str, int]
    most_a_day: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs. stretch: the events that are compared.  days: first and last of the decisions and closes.

    alike: decisions on the same customer, matter and day that agree in all that is recorded of them but the PD.
    changed: those that do not, by what differs: "outcome", "band", "action", "channel", or "detail" alone.
    only_first, only_second: decisions without one in the other, by outcome.
    moved: offers of the same customer and matter on another day of the other, at most 30 days apart.
    offers_only_first, offers_only_second: customers who are contacted in one and not in the other.
    closes: days whose figures differ.
    """

    stretch: tuple[int, int]
    days: tuple[int, int]
    first: Side
    second: Side
    alike: int
    changed: Mapping[str, int]
    changed_decisions: int
    only_first: Mapping[str, int]
    only_second: Mapping[str, int]
    moved: int
    contacted_only_first: int
    contacted_only_second: int
    closes: int

    @property
    def differences(self) -> int:
        """Decisions that are not in both alike, and closes with other figures. 0: the two are identical."""
        return self.changed_decisions + sum(self.only_first.values()) + sum(self.only_second.values()) + self.closes

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return self.differences == 0


def compared(first: Replayed, second: Replayed) -> Difference:
    """What differs between two replays of one log, over the events that both have worked through.

    The order of their decisions does not matter. Raises NotEnoughData where they have no events in common.
    """
    stretch = max(first.first, second.first), min(first.past, second.past)
    if stretch[0] >= stretch[1]:
        raise NotEnoughData(
            f"events {first.first} to {first.past} and {second.first} to {second.past} have none in common",
            mend="compare replays of the same days",
        )
    one, other = (replayed.within(*stretch) for replayed in (first, second))
    days = [row.day for side in (one, other) for row in side.days]
    days += [int(day) for side in (one, other) for day in (side.decided.day.min(initial=1 << 30),) if day < 1 << 30]
    days += [int(day) for side in (one, other) for day in (side.decided.day.max(initial=-1),) if day >= 0]
    whole = (min(days), max(days)) if days else (0, -1)
    pairs = _paired(one.decided, other.decided)
    differs = _differing(one.decided.take(pairs.first), other.decided.take(pairs.second))
    changed = np.zeros(len(pairs.first), dtype=np.bool_)
    for rows in differs.values():
        changed |= rows
    worded = np.zeros(len(changed), dtype=np.bool_)
    for name in CODED:
        worded |= differs[name]
    alone = (one.decided.take(pairs.only_first), other.decided.take(pairs.only_second))
    contacted = [np.unique(side.decided.customer[side.decided.where("outcome", OFFER)]) for side in (one, other)]
    return Difference(
        stretch=stretch,
        days=whole,
        first=_side(one, whole[0]),
        second=_side(other, whole[0]),
        alike=int((~changed).sum()),
        changed={
            **{name: int(differs[name].sum()) for name in CODED if differs[name].any()},
            **({"detail": int((changed & ~worded).sum())} if (changed & ~worded).any() else {}),
        },
        changed_decisions=int(changed.sum()),
        only_first=_counted(alone[0], "outcome"),
        only_second=_counted(alone[1], "outcome"),
        moved=_moved(*(side.take(side.where("outcome", OFFER)) for side in alone)),
        contacted_only_first=len(np.setdiff1d(contacted[0], contacted[1])),
        contacted_only_second=len(np.setdiff1d(contacted[1], contacted[0])),
        closes=_other_closes(one.days, other.days),
    )


# ---- decisions


class _Pairs(NamedTuple):
    """Rows of two sets of decisions: those that belong together, in one order, and those alone."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    only_first: NDArray[np.intp]
    only_second: NDArray[np.intp]


def _paired(first: Decided, second: Decided) -> _Pairs:
    """Decisions on the same customer, matter and day."""
    keys = np.concatenate([_keys(first), _keys(second)])
    _, group = np.unique(keys, return_inverse=True)
    mine, theirs = group[: len(first)], group[len(first) :]
    both, one, other = np.intersect1d(mine, theirs, return_indices=True)
    del both
    rows = [np.arange(len(part), dtype=np.intp) for part in (mine, theirs)]
    return _Pairs(one, other, np.setdiff1d(rows[0], one), np.setdiff1d(rows[1], other))


def _keys(decided: Decided) -> NDArray[np.void]:
    keys = np.zeros(len(decided), dtype=[("customer", "u8"), ("matter", "u8"), ("day", "i4")])
    for name in ("customer", "matter", "day"):
        keys[name] = getattr(decided, name)
    return keys


def _differing(first: Decided, second: Decided) -> dict[str, Bools]:
    """(n,) for each column, whether pairs of decisions differ in it."""
    differs = {name: first.named(name) != second.named(name) for name in CODED}
    return differs | {name: getattr(first, name) != getattr(second, name) for name in PLAIN}


def _moved(first: Decided, second: Decided) -> int:
    """Offers of one that the other makes on another day: the earliest to the earliest, of each customer and matter."""
    ranked = [_ranked(side) for side in (first, second)]
    both, one, other = np.intersect1d(ranked[0], ranked[1], return_indices=True)
    near = np.abs(first.day[one].astype(np.int64) - second.day[other]) <= HORIZON_DAYS
    return int(np.count_nonzero(near)) if len(both) else 0


def _ranked(decided: Decided) -> NDArray[np.void]:
    """Customer, matter, and the how-manieth of them each offer is, by day."""
    order = np.lexsort((decided.day, decided.matter, decided.customer))
    keys = np.zeros(len(decided), dtype=[("customer", "u8"), ("matter", "u8"), ("rank", "i8")])
    keys["customer"], keys["matter"] = decided.customer, decided.matter
    sorted_keys = keys[order]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = sorted_keys[1:] != sorted_keys[:-1]
    starts = np.flatnonzero(fresh)
    places: Ints = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    keys["rank"][order] = places
    return keys


# ---- sides


def _side(replayed: Replayed, first_day: int) -> Side:
    decided = replayed.decided
    offers = decided.take(decided.where("outcome", OFFER))
    weeks = offers.day - (offers.day - first_day) % WEEK
    verdicts: Counter[str] = Counter()
    for row in replayed.days:
        verdicts.update(row.verdicts)
    return Side(
        decisions=len(decided),
        offers=len(offers),
        contacted=len(np.unique(offers.customer)),
        cost_minor=int(offers.cost_minor.sum()),
        scored=sum(row.scored for row in replayed.days),
        expected_misses=sum(row.expected_misses for row in replayed.days),
        outcomes=_counted(decided, "outcome"),
        verdicts=dict(sorted(verdicts.items())),
        offers_by_week={int(week): int((weeks == week).sum()) for week in np.unique(weeks)},
        cost_by_week={int(week): int(offers.cost_minor[weeks == week].sum()) for week in np.unique(weeks)},
        by_channel=_counted(offers, "channel"),
        by_action=_counted(offers, "action"),
        most_a_day=_most_a_day(offers),
    )


def _counted(decided: Decided, column: str) -> dict[str, int]:
    counts = np.bincount(getattr(decided, column), minlength=len(decided.words))
    return {word: int(count) for word, count in sorted(zip(decided.words, counts, strict=True)) if count}


def _most_a_day(offers: Decided) -> dict[str, int]:
    found: dict[str, int] = {}
    for channel in _counted(offers, "channel"):
        _, times = np.unique(offers.day[offers.where("channel", channel)], return_counts=True)
        found[channel] = int(times.max())
    return found


def _other_closes(first: tuple[DayRow, ...], second: tuple[DayRow, ...]) -> int:
    """Days whose close is in one alone, or has other figures."""
    one, other = ({row.offset: [getattr(row, name) for name in _FIGURES] for row in rows} for rows in (first, second))
    return sum(one.get(offset) != other.get(offset) for offset in one.keys() | other.keys())
