"""A challenger in the shadow: it scores what was recorded of the champion's decisions, and changes nothing.

The inputs are those that were sealed with each decision. Nothing is computed anew from the archive: what the champion
knew is what the challenger is given, to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.engine.scorer import Scoring
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.models.credit.movements import Transitions
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.paired import PairedAuc, paired_auc
from forbear.models.results import Figure
from forbear.policy.bands import OUTSIDE, Places, bands_of
from forbear.policy.document import Policy

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
NO_BAND = "no band"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """n decisions as they were recorded, in log order; the erased are not among them.

    customer: (n,) keys.  day: (n,) bank-local, since 1970.  model, policy: (n,) numbers of `Part`.
    offered: (n,) whether help was offered.  values: (n, k) features, NaN where they were unknown.
    log_odds, pd: (n,) as the champion told them.  missed: (n,) 1 where a payment was missed in the 30 days behind, 0
    where none was, NaN where that is not known yet.
    """

    customer: Keys
    day: Ints
    model: Ints
    policy: Ints
    offered: Bools
    values: Floats
    log_odds: Floats
    pd: Floats
    missed: Floats

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Who would be on a list as long as the champion's offers of each day, by PD alone. common: on both lists."""

    places: int
    common: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A challenger beside the champion.

    reproduced: rows whose recorded score the champion gives again from the recorded inputs, to the bit.
    log_odds, pd: (n,) of the challenger.  mean_pd: of both, and the challenger's less the champion's.
    agreement: Spearman's correlation of the two orders.  moves: from the champion's bands to the challenger's, each PD
    by the lines to enter a band.  still_in_band: of the offers, how many the challenger would put into a band.
    matured, without_offer: AUC where it is known what became of it, of all and of those who had no offer; None for
    nobody.
    """

    recorded: Recorded
    reproduced: int
    log_odds: Floats
    pd: Floats
    mean_pd: Mapping[str, Figure]
    agreement: float
    moves: Transitions
    still_in_band: int
    ranks: Ranks
    matured: PairedAuc | None
    without_offer: PairedAuc | None

    def document(self) -> Mapping[str, object]:
        """For JSON."""
        offered = int(np.count_nonzero(self.recorded.offered))
        return {
            "decisions": len(self.recorded),
            "customers": len(np.unique(self.recorded.customer)),
            "reproduced": self.reproduced,
            "mean_pd": {name: one.as_dict() for name, one in self.mean_pd.items()},
            "rank_correlation": None if np.isnan(self.agreement) else self.agreement,
            "bands": {"names": list(self.moves.states), "counts": self.moves.counts.tolist()},
            "contacts": {
                "offered": offered,
                "still_in_band": self.still_in_band,
                "places": self.ranks.places,
                "on_both_lists": self.ranks.common,
            },
            "auc": None if self.matured is None else self.matured.document(),
            "auc_without_offer": None if self.without_offer is None else self.without_offer.document(),
        }


def shadow(
    recorded: Recorded,
    champions: Mapping[int, Scoring],
    challenger: Scoring,
    policies: Mapping[int, Policy],
    bootstrap: Bootstrap,
) -> Shadow:
    """Have a challenger score what was recorded. champions, policies: by their numbers.

    Raises ModelMismatch for inputs of other features.
    """
    explained = challenger.explain(np.ascontiguousarray(recorded.values))
    pd = challenger.calibrated(explained.log_odds)
    states, before, after = _banded(recorded, pd, policies)
    known = ~np.isnan(recorded.missed)
    both = (recorded.pd, pd)
    return Shadow(
        recorded=recorded,
        reproduced=_reproduced(recorded, champions),
        log_odds=explained.log_odds,
        pd=pd,
        mean_pd=_means(recorded, pd, bootstrap),
        agreement=_spearman(*both),
        moves=Transitions(states, _counted(before, after, len(states))),
        still_in_band=int(np.count_nonzero(recorded.offered & (after != len(states) - 1))),
        ranks=_ranks(recorded, pd),
        matured=_auc(recorded, pd, known, bootstrap),
        without_offer=_auc(recorded, pd, known & ~recorded.offered, bootstrap),
    )


def _reproduced(recorded: Recorded, champions: Mapping[int, Scoring]) -> int:
    """Rows whose score comes out again as it was recorded."""
    same = 0
    for number, scoring in champions.items():
        rows = np.flatnonzero(recorded.model == number)
        if len(rows):
            again = scoring.explain(np.ascontiguousarray(recorded.values[rows])).log_odds
            same += int(np.count_nonzero(again == recorded.log_odds[rows]))
    return same


def _means(recorded: Recorded, pd: Floats, bootstrap: Bootstrap) -> Mapping[str, Figure]:
    columns = {"champion": recorded.pd, "challenger": pd, "difference": pd - recorded.pd}

    def figures(weights: Floats) -> dict[str, float]:
        total = float(weights.sum())
        return {name: float(weights @ column) / total for name, column in columns.items()}

    return bootstrap_figures(figures, recorded.customer.view(np.int64), bootstrap)


def _banded(recorded: Recorded, pd: Floats, policies: Mapping[int, Policy]) -> tuple[tuple[str, ...], Ints, Ints]:
    """Names of all bands, "no band" last, and (n,) places among them by the champion's PD and by the challenger's."""
    names = dict.fromkeys(band.name for policy in policies.values() for band in policy.bands)
    states = (*names, NO_BAND)
    before, after = (np.full(len(recorded), len(states) - 1, dtype=np.int64) for _ in range(2))
    for number, policy in policies.items():
        rows = np.flatnonzero(recorded.policy == number)
        places = np.array([*(states.index(band.name) for band in policy.bands), len(states) - 1])
        fresh: Places = np.full(len(rows), OUTSIDE, dtype=np.int8)
        before[rows] = places[bands_of(policy, recorded.pd[rows], fresh)]
        after[rows] = places[bands_of(policy, pd[rows], fresh)]
    return states, before, after


def _counted(before: Ints, after: Ints, size: int) -> Ints:
    return np.bincount(before * size + after, minlength=size * size).reshape(size, size).astype(np.int64)


def _ranks(recorded: Recorded, pd: Floats) -> Ranks:
    """Of each day's proposals the riskiest, as many as there were offers, by either model; equals in log order."""
    places = common = 0
    for day in np.unique(recorded.day[recorded.offered]).tolist():
        rows = np.flatnonzero(recorded.day == day)
        many = int(np.count_nonzero(recorded.offered[rows]))
        first, second = (rows[np.argsort(-column[rows], kind="stable")[:many]] for column in (recorded.pd, pd))
        places += many
        common += len(np.intersect1d(first, second))
    return Ranks(places=places, common=common)


def _auc(recorded: Recorded, pd: Floats, rows: Bools, bootstrap: Bootstrap) -> PairedAuc | None:
    if not rows.any():
        return None
    scores = recorded.pd[rows], pd[rows]
    return paired_auc(recorded.missed[rows], scores, recorded.customer[rows].view(np.int64), bootstrap)


def _spearman(one: Floats, other: Floats) -> float:
    """Pearson's correlation of mean ranks; NaN where one of the two is constant."""
    ranks = [_mean_ranks(column) for column in (one, other)]
    centred = [column - column.mean() for column in ranks] if len(one) else ranks
    size = float(np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))
    return float(centred[0] @ centred[1]) / size if size else float("nan")


def _mean_ranks(column: Floats) -> Floats:
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    past = np.cumsum(counts)
    ranks: Floats = (past - (counts - 1) / 2.0)[place]
    return ranks
