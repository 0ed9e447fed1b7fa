"""Rows that teach the risk without help, where some customers were helped: who is left out, and who stands for them.

A row is left out if help was offered so that it could change the label. Help goes to the riskiest, so the rest alone
would tell of a safer population. But chance, of a known size h, kept help from some who would have been offered it:
each of these stands for 1/h rows (Horvitz and Thompson 1952), those who were left out among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from forbear.models import metrics
from forbear.models.dataset import Bools, Dataset, Days, Ints
from forbear.models.intervals import bootstrap_figures
from forbear.models.results import Figure, Floats
from forbear.models.training import TrainedModel

_DAY = np.timedelta64(1, "D")
_DAYS = np.int64(1 << 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """m decisions that came after the draw of the hold-out, in any order.

    customer: (m,) int64, as in the dataset.  day: (m,) datetime64[D] that each counts for.
    offered: (m,) help was offered.  held_out: (m,) chance alone kept it back. Where neither holds, help was proposed
    and something else kept it back.  chance: (m,) of being held out, read where that happened, (0, 1].
    exempt: (m,) the customer could not have been held out.
    Raises ValueError where lengths differ, a decision is both, or a chance is none.
    """

    customer: Ints
    day: Days
    offered: Bools
    held_out: Bools
    chance: Floats
    exempt: Bools

    def __post_init__(self) -> None:
        columns = (self.day, self.offered, self.held_out, self.chance, self.exempt)
        if any(column.shape != self.customer.shape for column in columns):
            raise ValueError("columns of different lengths")
        if (self.held_out & (self.offered | self.exempt)).any():
            raise ValueError("held out, and offered help or exempt")
        if not ((self.chance[self.held_out] > 0.0) & (self.chance[self.held_out] <= 1.0)).all():
            raise ValueError("a chance of being held out outside (0, 1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """When help may change a label, and how much a row may weigh.

    horizon_days: of the label.  lasts_days: for which help is taken to act, from the day of the offer on.
    most_weight: bound of 1/chance, >= 1.
    """

    horizon_days: int = 30
    lasts_days: int = 30
    most_weight: float = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What became of the rows.

    rows: all.  helped: help was offered so that it could change the label; left out.  kept_back: help was proposed
    and, not by chance, not given; left out, for those held out stand for them as well.  exempt: of both, rows of
    customers who cannot be held out: nobody stands for them.
    held_out: kept, each for 1/chance rows.  bounded: of these, those whose weight was bounded.
    stood_for: by weight, how many rows those held out stand for; about held_out + helped + kept_back - exempt.
    effective: so many rows of equal weight would tell as much (Kish 1965).
    """

    rows: int
    helped: int
    kept_back: int
    exempt: int
    held_out: int
    bounded: int
    stood_for: float
    effective: float


@dataclass(frozen=True, slots=True)
class Untreated:
    """Rows to learn the risk without help from. kept: (k,) their numbers in the dataset that was given."""

    dataset: Dataset
    kept: Ints
    left_out: LeftOut


def untreated(dataset: Dataset, draws: Draws, reach: Reach | None = None) -> Untreated:
    """The rows whose label no help can have changed, weighted so that they stand for all rows.

    Those held out weigh 1/chance, bounded, and then all by one factor so that they stand for as many rows as help was
    proposed for (Hajek 1971); all weights together are the effective number of rows.

    A customer's draw is one for all days, so two hold-outs of one salt have the chance of the smaller share.
    The dataset itself, without weights, where no help was offered that could change a label of it.
    """
    asked = reach or Reach()
    window = _Window.of(dataset, draws, asked)
    helped, drawn = window.any(draws.offered), window.any(np.ones(len(draws.customer), dtype=np.bool_))
    if not helped.any():
        return Untreated(dataset, np.arange(len(dataset), dtype=np.int64), _nothing(len(dataset)))
    held = drawn & ~window.any(~draws.held_out)
    exempt = window.any(draws.exempt)
    kept = np.flatnonzero(~drawn | held)
    plain = np.where(held, 1.0 / window.least(np.where(draws.held_out, draws.chance, 1.0)), 1.0)
    weights = np.minimum(plain, asked.most_weight)
    stood_for = float(weights[held].sum())
    weights[held] *= np.count_nonzero(drawn & ~exempt) / max(stood_for, 1.0)
    of_kept = weights[kept]
    found = LeftOut(
        rows=len(dataset),
        helped=int(helped.sum()),
        kept_back=int((drawn & ~held & ~helped).sum()),
        exempt=int(exempt.sum()),
        held_out=int(held.sum()),
        bounded=int((plain > asked.most_weight).sum()),
        stood_for=stood_for,
        effective=float(of_kept.sum() ** 2 / (of_kept @ of_kept)) if len(kept) else 0.0,
    )
    part = dataset.rows(kept)
    if len(kept):
        # So that priors and penalties meet as many rows as there is evidence.
        part = replace(part, weights=of_kept * part.row_weights * (found.effective / of_kept.sum()))
    return Untreated(part, kept, found)


def beside_naive(found: Untreated, ours: TrainedModel, naive: TrainedModel) -> dict[str, Figure]:
    """Out-of-fold AUC of both on the same rows without help, by weight: "ours", "naive" and "gain", the difference.

    naive: trained on all rows as though nobody had been helped.  ours: on those of `found`.
    """
    own = found.kept[ours.unseen.rows]
    both, at_ours, at_naive = np.intersect1d(own, naive.unseen.rows, return_indices=True)
    judged = found.dataset.rows(np.searchsorted(found.kept, both))
    aucs = {
        "ours": _auc_of(ours.unseen.log_odds[at_ours], judged),
        "naive": _auc_of(naive.unseen.log_odds[at_naive], judged),
    }

    def figures(copies: Floats) -> dict[str, float]:
        values = {name: auc(copies) for name, auc in aucs.items()}
        return {**values, "gain": values["ours"] - values["naive"]}

    return bootstrap_figures(figures, judged.customers, ours.spec.bootstrap)


def _auc_of(scores: Floats, judged: Dataset) -> Callable[[Floats], float]:
    ranking = metrics.rank(scores, judged.labels.astype(np.float64))
    return lambda copies: metrics.auc(ranking.counts(copies * judged.row_weights))


def _nothing(rows: int) -> LeftOut:
    return LeftOut(
        rows=rows, helped=0, kept_back=0, exempt=0, held_out=0, bounded=0, stood_for=0.0, effective=float(rows)
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """Of each row the draws that could change its label: places [first, past) in the order of customer and day."""

    order: Ints
    first: Ints
    past: Ints

    @classmethod
    def of(cls, dataset: Dataset, draws: Draws, reach: Reach) -> _Window:
        customers, number = np.unique(draws.customer, return_inverse=True)
        key = number * _DAYS + draws.day.astype("datetime64[D]").astype(np.int64)
        order = np.argsort(key, kind="stable")
        place = np.minimum(np.searchsorted(customers, dataset.customers), max(len(customers) - 1, 0))
        known = customers[place] == dataset.customers if len(customers) else np.zeros(len(dataset), dtype=np.bool_)
        opens = dataset.as_of - (reach.lasts_days - 1) * _DAY
        ends = dataset.as_of + reach.horizon_days * _DAY
        first, past = (
            np.where(known, np.searchsorted(key[order], place * _DAYS + day.astype(np.int64)), 0)
            for day in (opens, ends)
        )
        return cls(order, first, past)

    def any(self, of_draws: Bools) -> Bools:
        """(n,) whether it holds of any draw of the row's."""
        counted = np.concatenate([[0], np.cumsum(of_draws[self.order])])
        found: Bools = counted[self.past] > counted[self.first]
        return found

    def least(self, of_draws: Floats) -> Floats:
        """(n,) the least of the row's draws, 1 where there are none; of_draws: (m,) at most 1."""
        found, some = np.ones(len(self.first)), np.flatnonzero(self.past > self.first)
        if len(some):
            ends = np.stack([self.first[some], self.past[some]], axis=1).ravel()
            # reduceat wants every bound to be a place: one more draw that changes no minimum.
            found[some] = np.minimum.reduceat(np.append(of_draws[self.order], 1.0), ends)[::2]
        return found
