"""Two groups compared by one measure, many such comparisons judged together, and the verdict that comes of them.

A disparity is found where, after adjustment for all that was asked, the comparison lies beyond its limit; a difference
that is merely there is none. Within means that all of its interval is tolerated. All else: cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from forbear.models.effects.effect import LEVEL
from forbear.models.effects.multiplicity import adjusted
from forbear.models.fairness_estimates import Estimate
from forbear.models.fairness_terms import OF_HELP, RATIOS, Measure, Sizes, Terms
from forbear.models.results import Figure

_ACTUAL = frozenset({Measure.AUC, Measure.CALIBRATION, Measure.SLOPE, Measure.BENEFIT, Measure.HARM})
"""Measures that need what is counted to have happened; a share of none, where many were due, says enough."""


class Verdict(StrEnum):
    """What a comparison, or a report, comes to. FAIR is of a report alone, WITHIN of a comparison alone."""

    FAIR = "fair"
    WITHIN = "within"
    DISPARITY = "disparity"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Pair:
    """Who is compared with whom, by name. customers: of either, whatever is known of them."""

    attribute: str
    group: str
    against: str
    customers: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One group beside another by one measure.

    own, other: of either.  figure: own over other for `RATIOS`, else own less other; NaN where nothing is said.
    p_value: two-sided, of lying beyond the limit; NaN where nothing is said.  adjusted_p: in its family.
    binding: whether the verdict of a report rests on it.  why: nothing can be said, "" where something is.
    """

    pair: Pair
    measure: Measure
    own: Figure
    other: Figure
    figure: Figure
    p_value: float
    adjusted_p: float
    limit: float
    binding: bool
    verdict: Verdict
    why: str

    @property
    def bounds(self) -> tuple[float, float]:
        """What is tolerated, from and to."""
        return (self.limit, 1.0 / self.limit) if self.measure in RATIOS else (-self.limit, self.limit)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN is null."""
        low, high = self.bounds
        return {
            "attribute": self.pair.attribute,
            "group": self.pair.group,
            "against": self.pair.against,
            "customers": list(self.pair.customers),
            "measure": str(self.measure),
            "compared_as": "ratio" if self.measure in RATIOS else "difference",
            "own": self.own.as_dict(),
            "other": self.other.as_dict(),
            "figure": self.figure.as_dict(),
            "tolerated": {"from": low, "to": high},
            "p": None if np.isnan(self.p_value) else self.p_value,
            "adjusted_p": None if np.isnan(self.adjusted_p) else self.adjusted_p,
            "binding": self.binding,
            "verdict": str(self.verdict),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """Everything that was compared, judged. terms: by which."""

    terms: Terms
    compared: tuple[Compared, ...]

    @property
    def verdict(self) -> Verdict:
        """DISPARITY where a binding comparison is one; FAIR where all of them are within; else CANNOT_TELL.

        That all are within needs no adjustment: each of them must be, by itself (Berger 1982).
        """
        found = [one.verdict for one in self.compared if one.binding]
        if Verdict.DISPARITY in found:
            return Verdict.DISPARITY
        return Verdict.FAIR if found and set(found) == {Verdict.WITHIN} else Verdict.CANNOT_TELL

    def of(self, verdict: Verdict, *, binding: bool = True) -> tuple[Compared, ...]:
        """The comparisons of one verdict, binding or else not."""
        return tuple(one for one in self.compared if one.verdict == verdict and one.binding == binding)

    def joined(self, others: Iterable[Compared]) -> FairnessReport:
        """This report with comparisons of another family."""
        return FairnessReport(self.terms, (*self.compared, *others))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        terms = self.terms
        return {
            "verdict": str(self.verdict),
            "jurisdiction": {"code": terms.jurisdiction, "name": terms.name, "law": list(terms.law)},
            "terms": {"version": terms.version, "sha256": terms.digest, "level": terms.tests.level}
            | {"method": terms.tests.method, "least_customers": terms.sizes.least_customers}
            | {"least_events": terms.sizes.least_events},
            "tests": {"of_scores": _asked(self.compared, help=False), "of_help": _asked(self.compared, help=True)},
            "compared": [one.as_dict() for one in self.compared],
        }


def compare(pair: Pair, estimates: Mapping[Measure, tuple[Estimate, Estimate]], terms: Terms) -> tuple[Compared, ...]:
    """One group beside another by each measure; not judged yet. estimates: of the group and of who it is beside."""
    return tuple(_compared(pair, measure, both, terms) for measure, both in estimates.items())


def judged(compared: Sequence[Compared], terms: Terms) -> tuple[Compared, ...]:
    """All comparisons of one family, with p-values adjusted for each other, and their verdicts."""
    asked = [place for place, one in enumerate(compared) if not np.isnan(one.p_value)]
    p_values = adjusted(np.array([compared[place].p_value for place in asked]), terms.tests.method)
    found = list(compared)
    for place, p in zip(asked, p_values.tolist(), strict=True):
        one = found[place]
        low, high = one.bounds
        within = low < one.figure.low and one.figure.high < high
        verdict = Verdict.WITHIN if within else Verdict.CANNOT_TELL
        found[place] = replace(one, adjusted_p=p, verdict=Verdict.DISPARITY if p <= terms.tests.level else verdict)
    return tuple(found)


def _compared(pair: Pair, measure: Measure, both: tuple[Estimate, Estimate], terms: Terms) -> Compared:
    limit = terms.limits[measure].limit
    why = _lacking(pair, measure, both, terms.sizes)
    figure, p_value = (Figure(np.nan, np.nan, np.nan), np.nan) if why else _beside(measure, both, limit)
    own, other = (
        one.figure if size >= terms.sizes.least_customers else Figure(np.nan, np.nan, np.nan)
        for one, size in zip(both, pair.customers, strict=True)
    )
    return Compared(
        pair=pair,
        measure=measure,
        own=own,
        other=other,
        figure=figure,
        p_value=p_value,
        adjusted_p=np.nan,
        limit=limit,
        binding=measure in terms.binding,
        verdict=Verdict.CANNOT_TELL,
        why=why,
    )


def _beside(measure: Measure, both: tuple[Estimate, Estimate], limit: float) -> tuple[Figure, float]:
    """The comparison with its interval, and the two-sided p-value of lying beyond the limit.

    Ratios are compared by their logarithms; twice the one-sided value, so that what is at most 5 % has an interval
    of 95 % beyond the limit.
    """
    own, other = both
    freedom = min(own.customers, other.customers) - 1
    reach = float(stdtrit(freedom, 1.0 - LEVEL / 2.0))
    if measure in RATIOS:
        one, beside = (_positive(estimate) for estimate in both)
        value, error = float(np.log(one / beside)), float(np.hypot(own.error / one, other.error / beside))
        margin = -float(np.log(limit))
        figure = Figure(*(float(np.exp(at)) for at in (value, value - reach * error, value + reach * error)))
    else:
        value, error, margin = own.value - other.value, float(np.hypot(own.error, other.error)), limit
        figure = Figure(value, value - reach * error, value + reach * error)
    beyond = abs(value) - margin
    if error <= 0.0:
        return figure, 0.0 if beyond > 0.0 else 1.0
    return figure, min(1.0, 2.0 * float(stdtr(freedom, -beyond / error)))


def _positive(estimate: Estimate) -> float:
    """The value, or where none count that of half a customer, whose logarithm there is (Haldane 1956)."""
    return estimate.value if estimate.value > 0.0 else 0.5 / (estimate.customers + 1.0)


def _lacking(pair: Pair, measure: Measure, both: tuple[Estimate, Estimate], sizes: Sizes) -> str:
    """Why two groups cannot be compared; "" where they can."""
    if min(pair.customers) < sizes.least_customers:
        return f"fewer than {sizes.least_customers} customers in a group"
    for own, other in (both, both[::-1]):
        hits, others = (own.hits, own.others) if measure in _ACTUAL else _due(own, other)
        if min(hits, others) < sizes.least_events:
            return f"fewer than {sizes.least_events} customers with, or without, what is counted"
    return "" if all(np.isfinite([one.value, one.error]).all() for one in both) else "not defined here"


def _due(own: Estimate, other: Estimate) -> tuple[float, float]:
    """Customers with what is counted, and without: those there are, or as many as the other's share would make."""
    rate = other.hits / max(other.hits + other.others, 1)
    return max(own.hits, rate * own.customers), max(own.others, (1.0 - rate) * own.customers)


def _asked(compared: Sequence[Compared], *, help: bool) -> int:  # noqa: A002  # the word of the field
    return sum(not np.isnan(one.p_value) for one in compared if (one.measure in OF_HELP) == help)
