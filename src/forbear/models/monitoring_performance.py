"""Does a model still do what it did: by labels that are mature, and before that by what its PDs promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from forbear.models import metrics
from forbear.models.dataset import Bools, Ints
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.logistic import logit, recalibrate
from forbear.models.monitoring import Finding
from forbear.models.monitoring_terms import PerformanceLimits
from forbear.models.results import Figure, Floats

Basis: TypeAlias = Literal["labels", "estimate"]

AUC, SLOPE, OBSERVED_EXPECTED = "auc", "calibration_slope", "observed_over_expected"
PRECISION, RECALL = "precision_at_cut_off", "recall_at_cut_off"
DEGRADED, MISCALIBRATED, FORESEEN = "degraded", "miscalibrated", "estimated_degraded"


@dataclass(frozen=True, slots=True)
class Closes:
    """Rows of some closes with one model's PDs. pd, customer, day, labels: (n,).  cut_off: where contacts begin."""

    pd: Floats
    customer: Ints
    day: Ints
    labels: Bools
    cut_off: float


@dataclass(frozen=True, slots=True)
class Performance:
    """Figures with their intervals. basis: observed labels, or what calibrated PDs promise.  first, last: closed days.

    positives: missed payments among the rows; expected ones for an estimate.
    """

    basis: Basis
    figures: Mapping[str, Figure]
    rows: int
    customers: int
    positives: float
    first: int
    last: int


def observed(closes: Closes, bootstrap: Bootstrap) -> Performance:
    """What mature labels say: AUC, calibration, precision and recall at the cut-off.

    Intervals draw customers with all their rows, since one of them is there at several closes.
    """
    labels, log_odds = closes.labels.astype(np.float64), logit(closes.pd)
    ranking, contacted = metrics.rank(closes.pd, labels), (closes.pd >= closes.cut_off).astype(np.float64)
    whole = recalibrate(log_odds, labels, np.ones(len(labels)))

    def figures(weights: Floats) -> dict[str, float]:
        hits = float((weights * contacted) @ labels)
        return {
            AUC: metrics.auc(ranking.counts(weights)),
            SLOPE: recalibrate(log_odds, labels, weights, whole).slope,
            OBSERVED_EXPECTED: _ratio(float(weights @ labels), float(weights @ closes.pd)),
            PRECISION: _ratio(hits, float(weights @ contacted)),
            RECALL: _ratio(hits, float(weights @ labels)),
        }

    return _performance("labels", closes, bootstrap_figures(figures, closes.customer, bootstrap), float(labels.sum()))


def estimated(closes: Closes, bootstrap: Bootstrap) -> Performance:
    """What the PDs promise before their labels are mature, if they are still calibrated; the labels are not looked at.

    Each row counts as p of a miss and 1 - p of none. A change of what follows from the features is not seen by this.
    Source: confidence-based performance estimation, NannyML documentation, "Confidence-based Performance Estimation
    (CBPE)"; Kivimäki et al. (2024), arXiv:2407.08649.
    """
    ranking, contacted = metrics.rank(closes.pd, closes.pd), (closes.pd >= closes.cut_off).astype(np.float64)

    def figures(weights: Floats) -> dict[str, float]:
        hits = float((weights * contacted) @ closes.pd)
        return {
            AUC: metrics.auc(ranking.counts(weights)),
            PRECISION: _ratio(hits, float(weights @ contacted)),
            RECALL: _ratio(hits, float(weights @ closes.pd)),
        }

    found = bootstrap_figures(figures, closes.customer, bootstrap)
    return _performance("estimate", closes, found, float(closes.pd.sum()))


def degradation(found: Performance, validation: Mapping[str, Figure], limits: PerformanceLimits) -> tuple[Finding, ...]:
    """Whether the model does worse than in its own validation, by whole intervals.

    validation: of the artefact; empty for an expert scorecard, whose AUC is then not judged.
    """
    few = found.positives < limits.least_positives or found.customers < limits.least_customers
    why = f"{found.positives:,.0f} misses of {found.customers:,} customers are too few" if few else ""
    own = validation.get(AUC)
    kinds = {AUC: DEGRADED if found.basis == "labels" else FORESEEN}
    findings = []
    if own is None:
        findings.append(_unknown(kinds[AUC], AUC, "the model states no AUC of its validation"))
    else:
        figure = found.figures[AUC]
        worse = figure.high < own.value - limits.auc_drop
        findings.append(_finding(kinds[AUC], AUC, figure, own.value, (worse, why, found.first)))
    if found.basis == "labels":
        for name, (low, high) in ((SLOPE, limits.slope), (OBSERVED_EXPECTED, limits.observed_over_expected)):
            figure = found.figures[name]
            outside = figure.high < low or figure.low > high
            findings.append(_finding(MISCALIBRATED, name, figure, 1.0, (outside, why, found.first)))
    return tuple(findings)


def _finding(kind: str, name: str, figure: Figure, expected: float, told: tuple[bool, str, int]) -> Finding:
    drifts, why, since = told
    if why or np.isnan(figure.low):
        return _unknown(kind, name, why or "no interval could be found")
    return Finding(
        kind=kind,
        name=name,
        verdict="drifting" if drifts else "steady",
        severity="warn" if drifts else "",
        since=since if drifts else None,
        effect=figure.value - expected,
        expected=expected,
        said=f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}] beside {expected:.3f}",
    )


def _unknown(kind: str, name: str, why: str) -> Finding:
    return Finding(kind=kind, name=name, verdict="cannot tell", severity="", since=None, effect=np.nan, said=why)


def _performance(basis: Basis, closes: Closes, figures: Mapping[str, Figure], positives: float) -> Performance:
    distinct = len(np.unique(closes.customer))
    days = (int(closes.day.min()), int(closes.day.max()))
    return Performance(basis, figures, len(closes.pd), distinct, positives, *days)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else np.nan
