"""The gate before a retrained model: candidate and champion on the same later rows, and a verdict with its reasons.

Nothing here knows a registry, a clock or a file: equal arguments give an equal report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from forbear.models import gate_checks as checks
from forbear.models import metrics
from forbear.models.artefact import Artefact
from forbear.models.dataset import Dataset
from forbear.models.gate_checks import Check
from forbear.models.gate_terms import GateTerms, Verdict
from forbear.models.intervals import Bootstrap, bootstrap_figures
from forbear.models.logistic import logit, recalibrate
from forbear.models.results import Figure, Floats

REPORT_FORMAT = 1


class Scorer(Protocol):
    """What can be champion."""

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Champion:
    """Who is to be replaced. digest: of the model.  labels_end: when what it learnt from ends (ISO), "" if it did not.

    scorer: takes the candidate's columns.
    """

    digest: str
    scorer: Scorer
    labels_end: str


@dataclass(frozen=True, slots=True)
class Fairness:
    """A verdict on fairness that was reached elsewhere. digest: of the report that says so."""

    verdict: Literal["fair", "disparity", "cannot tell"]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A candidate, what it learnt from, and the later rows that it is judged on.

    champion: None where nobody is.  fairness: None where it was not examined.  seed: of the bootstrap.
    Raises ValueError where the hold-out does not lie behind all that was learnt from.
    """

    candidate: Artefact
    champion: Champion | None
    training: Dataset
    hold_out: Dataset
    fairness: Fairness | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not len(self.hold_out) or not len(self.training):
            raise ValueError("no rows to learn from, or none to judge on")
        if self.candidate.provenance.window.labels_end > str(self.hold_out.as_of.min()):
            raise ValueError("the candidate has learnt from labels that closed after the hold-out's first date")

    @property
    def champion_saw(self) -> bool:
        """Whether the champion has learnt from labels of the hold-out's days: it is then compared to its advantage."""
        return self.champion is not None and self.champion.labels_end > str(self.hold_out.as_of.min())


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the gate says, check by check. question, terms: what was asked, and by which measure."""

    question: Question
    terms: GateTerms
    checks: tuple[Check, ...]

    @property
    def outcome(self) -> Verdict:
        """Failed if any check failed; else a person decides if any is a person's matter; else passed."""
        return outcome_of(check.verdict for check in self.checks)

    def document(self) -> dict[str, Any]:
        """The report as JSON-able values."""
        asked, about = self.question, self.question.candidate.provenance
        return {
            "format": REPORT_FORMAT,
            "outcome": str(self.outcome),
            "candidate": asked.candidate.digest(),
            "kind": asked.candidate.model.kind,
            "champion": asked.champion.digest if asked.champion else None,
            "champion_saw_the_hold_out": asked.champion_saw,
            "terms": {"version": self.terms.version, "digest": self.terms.digest},
            "training": {
                "first_as_of": about.window.first_as_of,
                "last_as_of": about.window.last_as_of,
                "labels_end": about.window.labels_end,
                "rows": about.rows,
                "positives": about.positives,
            },
            "hold_out": {
                "first_as_of": str(asked.hold_out.as_of.min()),
                "last_as_of": str(asked.hold_out.as_of.max()),
                "rows": len(asked.hold_out),
                "positives": asked.hold_out.positives,
                "customers": len(np.unique(asked.hold_out.customers)),
                "fingerprint": asked.hold_out.fingerprint(),
            },
            "seed": asked.seed,
            "resamples": self.terms.evidence.resamples,
            "checks": [check.document() for check in self.checks],
        }


def outcome_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of some verdicts; passed without any."""
    found = set(verdicts)
    for gravest in (Verdict.FAILED, Verdict.A_PERSON_DECIDES):
        if gravest in found:
            return gravest
    return Verdict.PASSED


def judge(question: Question, terms: GateTerms) -> GateReport:
    """Hold a candidate against the terms. All intervals are 95 % of one bootstrap over customers, so paired."""
    figures, hold_out = compared(question, terms), question.hold_out
    used, carried = (checks.weight_of_each(question.candidate, rows) for rows in (question.training, hold_out))
    found = [
        checks.evidence(hold_out, terms),
        *_against_champion(question, terms, figures),
        checks.in_band("calibration_slope", figures["slope"], terms.slope),
        checks.in_band("observed_over_expected", figures["observed_over_expected"], terms.observed_over_expected),
        checks.stability(question.candidate, question.training, hold_out, terms),
        checks.attributions_sum(question.candidate, hold_out),
        checks.directions(question.candidate, hold_out, terms),
        checks.one_feature(carried, hold_out, terms),
        checks.inputs(used, question.training, hold_out, terms),
        checks.leakage(question.training),
        _fairness(question.fairness, terms),
    ]
    return GateReport(question, terms, tuple(found))


def compared(question: Question, terms: GateTerms) -> dict[str, Figure]:
    """Figures of the candidate, of the champion and of their difference on the hold-out, each with its interval.

    Those of the champion, and the differences, are NaN where there is none.
    """
    hold_out = question.hold_out
    labels, own = hold_out.labels.astype(np.float64), hold_out.row_weights
    ours = question.candidate.predict(hold_out.features)
    theirs = question.champion.scorer.predict(hold_out.features) if question.champion else None
    ranks = [None if pd is None else metrics.rank(pd, labels) for pd in (ours, theirs)]
    log_odds = logit(ours)
    whole = recalibrate(log_odds, labels, own)

    def figures(copies: Floats) -> dict[str, float]:
        weights = own * copies
        counts = [None if rank is None else rank.counts(weights) for rank in ranks]
        areas = [np.nan if one is None else metrics.auc(one) for one in counts]
        precisions = [np.nan if one is None else metrics.pr_auc(one) for one in counts]
        expected = float(weights @ ours)
        return {
            "auc": areas[0],
            "champion_auc": areas[1],
            "auc_difference": areas[0] - areas[1],
            "pr_auc": precisions[0],
            "champion_pr_auc": precisions[1],
            "pr_auc_difference": precisions[0] - precisions[1],
            "slope": recalibrate(log_odds, labels, weights, whole).slope,
            "observed_over_expected": float(weights @ labels) / expected if expected > 0.0 else np.nan,
        }

    return bootstrap_figures(figures, hold_out.customers, Bootstrap(question.seed, terms.evidence.resamples))


def _against_champion(question: Question, terms: GateTerms, figures: dict[str, Figure]) -> list[Check]:
    """AUC and PR-AUC beside the champion's, and how far both rank people alike."""
    if question.champion is None:
        verdict = Verdict(terms.evidence.without_champion)
        return [
            Check(name, verdict, figures[name.removesuffix("_difference")], "", "nobody is champion to compare with")
            for name in ("auc_difference", "pr_auc_difference")
        ]
    found = [
        checks.not_worse(f"{name}_difference", (figures[name], figures[f"champion_{name}"]), difference, margin)
        for name, difference, margin in (
            ("auc", figures["auc_difference"], terms.auc),
            ("pr_auc", figures["pr_auc_difference"], terms.pr_auc),
        )
    ]
    if question.champion_saw:
        found = [checks.seen_by_champion(check, question.champion.labels_end) for check in found]
    features = question.hold_out.features
    pair = (question.candidate.predict(features), question.champion.scorer.predict(features))
    return [*found, checks.agreement(pair)]


def _fairness(given: Fairness | None, terms: GateTerms) -> Check:
    """What was found elsewhere about fairness."""
    if given is None:
        verdict = Verdict(terms.evidence.fairness_not_examined)
        return Check("fairness", verdict, None, "", "not examined")
    verdict = {"fair": Verdict.PASSED, "disparity": Verdict.FAILED}.get(given.verdict, Verdict.A_PERSON_DECIDES)
    return Check("fairness", verdict, None, "", f"{given.verdict}, by report {given.digest[:12]}", (given.digest,))
