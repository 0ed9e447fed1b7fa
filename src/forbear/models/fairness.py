"""Whether scores, and who is chosen by them, differ between groups of people by more than is tolerated.

Groups are numbers that come in here and nowhere else: no model is trained on them and no decision reads them.
Intervals are cluster-robust by customer, so equal inputs give equal reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forbear.models import fairness_estimates as estimates
from forbear.models.dataset import Bools, Ints
from forbear.models.fairness_estimates import Estimate
from forbear.models.fairness_terms import Measure, Terms
from forbear.models.fairness_verdicts import Compared, FairnessReport, Pair, Verdict, compare, judged
from forbear.models.results import Floats

__all__ = ["LARGEST", "REST", "FairnessInputs", "FairnessReport", "Grouping", "Verdict", "examine"]

LARGEST, REST = -1, -2
"""In place of a group to compare with: the one with most customers, or everybody who is in another group."""
UNKNOWN = -1
"""Code of who is in no group, and label of whose outcome is not known."""
_THE_REST = "all others"


@dataclass(frozen=True, slots=True)
class Grouping:
    """One attribute. codes: (n,) place in names of each row's group, -1 for none; one customer is in one group.

    against: place of the group that the others are compared with, or LARGEST, or REST.
    """

    attribute: str
    codes: Ints
    names: tuple[str, ...]
    against: int = LARGEST

    def __post_init__(self) -> None:
        if len(self.codes) and not UNKNOWN <= self.codes.min() <= self.codes.max() < len(self.names):
            raise ValueError(f"{self.attribute}: a code outside -1 to {len(self.names) - 1}")
        if not REST <= self.against < len(self.names):
            raise ValueError(f"{self.attribute}: no group {self.against} to compare with")

    def members(self, customers: Ints) -> list[tuple[Pair, Bools, Bools]]:
        """Every pair that is compared, with the rows (n,) of either. customers: (n,)."""
        sizes = [len(np.unique(customers[self.codes == place])) for place in range(len(self.names))]
        against = int(np.argmax(sizes)) if self.against == LARGEST else self.against
        found = []
        for place, name in enumerate(self.names):
            if place == against or not sizes[place]:
                continue
            rest = against == REST
            beside = (self.codes != place) & (self.codes != UNKNOWN) if rest else self.codes == against
            size = sum(sizes) - sizes[place] if rest else sizes[against]
            pair = Pair(self.attribute, name, _THE_REST if rest else self.names[against], (sizes[place], size))
            found.append((pair, self.codes == place, beside))
        # Of two groups either is the rest of the other: one comparison says both.
        return found[:1] if against == REST and sum(size > 0 for size in sizes) == 2 else found


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessInputs:
    """n rows of a book, of one or many days.

    pd: (n,) in [0, 1].  label: (n,) 1 missed, 0 did not, -1 not known.  chosen: (n,) bool, would be offered help.
    customers: (n,) int64.  groupings: one or more.  weights: (n,) above 0, how many rows each stands for where its
    outcome is used, as after `models.untreated`; None: for itself.
    Raises ValueError where a shape or a range disagrees, or a customer is in two groups of one attribute.
    """

    pd: Floats
    label: Ints
    chosen: Bools
    customers: Ints
    groupings: tuple[Grouping, ...]
    weights: Floats | None = None

    def __post_init__(self) -> None:
        columns = [
            self.outcome_weights,
            self.label,
            self.chosen,
            self.customers,
            *(one.codes for one in self.groupings),
        ]
        if any(column.shape != self.pd.shape for column in columns):
            raise ValueError("columns of different lengths")
        if not ((self.pd >= 0.0) & (self.pd <= 1.0)).all() or not np.isin(self.label, (-1, 0, 1)).all():
            raise ValueError("a PD outside [0, 1], or a label other than -1, 0 and 1")
        if not (np.isfinite(self.outcome_weights) & (self.outcome_weights > 0.0)).all():
            raise ValueError("weights: one is not above 0, or not finite")
        for one in self.groupings:
            both = np.unique(np.stack([self.customers, one.codes]), axis=1)
            if both.shape[1] > len(np.unique(self.customers)):
                raise ValueError(f"{one.attribute}: a customer is in two groups")

    @property
    def outcome_weights(self) -> Floats:
        """(n,) how many rows each stands for: 1 where nothing was given."""
        return np.ones(len(self.pd)) if self.weights is None else self.weights


def examine(inputs: FairnessInputs, terms: Terms) -> FairnessReport:
    """Every group of every attribute compared by every measure of scores, judged as one family.

    What is compared is AUC, calibration and who is chosen; `fairness_terms.Measure` says how. Chouldechova (2017) and
    Kleinberg, Mullainathan and Raghavan (2016): where groups differ in risk not all of it can be equal.
    """
    return FairnessReport(terms, judged([*_comparisons(inputs, terms)], terms))


def _comparisons(inputs: FairnessInputs, terms: Terms) -> Iterator[Compared]:
    for grouping in inputs.groupings:
        known: dict[bytes, Mapping[Measure, Estimate]] = {}  # the group that all are compared with is estimated once
        for pair, own, other in grouping.members(inputs.customers):
            for rows in (own, other):
                if rows.tobytes() not in known:
                    known[rows.tobytes()] = _of_group(inputs, rows)
            both = known[own.tobytes()], known[other.tobytes()]
            yield from compare(pair, {measure: (both[0][measure], both[1][measure]) for measure in both[0]}, terms)


def _of_group(inputs: FairnessInputs, rows: Bools) -> dict[Measure, Estimate]:
    """Every measure of one group, its rows being a mask (n,)."""
    pd, chosen, customers = inputs.pd[rows], inputs.chosen[rows], inputs.customers[rows]
    known, missed = inputs.label[rows] != UNKNOWN, inputs.label[rows] == 1
    kept, picked, weights = known & ~missed, known & chosen, inputs.outcome_weights[rows]
    of_known = pd[known], missed[known], customers[known], weights[known]
    selected = estimates.share_of(chosen, customers)
    return {
        Measure.AUC: estimates.area_under(*of_known),
        Measure.CALIBRATION: estimates.observed_over_expected(missed[known], pd[known], *of_known[2:]),
        Measure.SLOPE: estimates.slope_of(*of_known),
        Measure.DISPARATE_IMPACT: selected,
        Measure.STATISTICAL_PARITY: selected,
        Measure.EQUAL_OPPORTUNITY: estimates.share_of(chosen[missed], customers[missed], weights[missed]),
        Measure.FALSE_POSITIVE: estimates.share_of(chosen[kept], customers[kept], weights[kept]),
        Measure.PREDICTIVE_PARITY: estimates.share_of(missed[picked], customers[picked], weights[picked]),
    }
