"""The checks of a gate, each a figure, a threshold and a reason in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forbear.domain.errors import ModelMismatch
from forbear.models.artefact import Artefact
from forbear.models.dataset import Dataset
from forbear.models.drift import bin_counts, psi_test, quantile_edges
from forbear.models.gate_terms import Band, GateTerms, Margin, Verdict
from forbear.models.leakage import suspects
from forbear.models.results import Figure, Floats

PASSED, FAILED, PERSON = Verdict.PASSED, Verdict.FAILED, Verdict.A_PERSON_DECIDES
_BY_CHANCE = 0.01
"""A month that moved as far by chance more often than this did not move for certain."""
_CERTAIN = 0.001
_AGAINST = -0.1
"""A rank correlation with the wrong sign that is no rounding."""
_LEAST_VALUES = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. figure: with its interval, None where there is none.  threshold: in words.

    details: what the figure leaves out, a line each.
    """

    name: str
    verdict: Verdict
    figure: Figure | None
    threshold: str
    reason: str
    details: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The check as JSON-able values."""
        return {
            "name": self.name,
            "verdict": str(self.verdict),
            "figure": None if self.figure is None else self.figure.as_dict(),
            "threshold": self.threshold,
            "reason": self.reason,
            "details": list(self.details),
        }


def evidence(hold_out: Dataset, terms: GateTerms) -> Check:
    """Whether the hold-out has positives enough for the rest to say anything."""
    least, found = terms.evidence.least_positives, hold_out.positives
    reason = f"{found:,} of {len(hold_out):,} rows of the hold-out are positive"
    return Check("evidence", PASSED if found >= least else PERSON, _plain(found), f"at least {least:,}", reason)


def not_worse(name: str, both: tuple[Figure, Figure], difference: Figure, margin: Margin) -> Check:
    """Candidate against champion. both: their figures.  difference: candidate less champion, paired."""
    threshold = f"at least {margin.least:+.3f}, its lower bound at least {margin.floor:+.3f}"
    told = f"{both[0].value:.4f} against the champion's {both[1].value:.4f}"
    if np.isnan(difference.value):
        return Check(name, PERSON, difference, threshold, "not defined: the hold-out lacks one of the two classes")
    if difference.value < margin.least:
        return Check(name, FAILED, difference, threshold, f"{told}: worse by more than the margin")
    if np.isnan(difference.low) or difference.low < margin.floor:
        reason = f"{told}: not worse by more than the margin, but the rows cannot exclude a fall below the floor"
        return Check(name, PERSON, difference, threshold, reason)
    return Check(name, PASSED, difference, threshold, f"{told}: not worse by more than the margin")


def seen_by_champion(check: Check, labels_end: str) -> Check:
    """A comparison that favours the champion: who does not pass it fails for no certain fault of its own."""
    told = f"the champion learnt from labels up to {labels_end}, so it has seen answers of these rows"
    verdict = PERSON if check.verdict is FAILED else check.verdict
    return replace(check, verdict=verdict, details=(*check.details, told))


def agreement(pair: tuple[Floats, Floats]) -> Check:
    """How far candidate and champion rank people alike: told, never judged. pair: both PDs, (n,)."""
    value = _rank_correlation(*pair)
    return Check("rank_agreement", PASSED, _plain(value), "told only", f"Spearman's correlation {value:.3f}")


def in_band(name: str, figure: Figure, band: Band) -> Check:
    """A figure that should lie in a band."""
    threshold = f"{band.low:g} to {band.high:g}"
    if np.isnan(figure.value):
        return Check(name, PERSON, figure, threshold, "not defined on these rows")
    if band.low <= figure.value <= band.high:
        return Check(name, PASSED, figure, threshold, f"{figure.value:.3f} lies in the band")
    reaches = not np.isnan(figure.low) and figure.low <= band.high and figure.high >= band.low
    if reaches:
        reason = f"{figure.value:.3f} lies outside of the band, into which its interval reaches"
        return Check(name, PERSON, figure, threshold, reason)
    return Check(name, FAILED, figure, threshold, f"{figure.value:.3f} lies outside of the band, its interval as well")


def stability(candidate: Artefact, training: Dataset, hold_out: Dataset, terms: GateTerms) -> Check:
    """PSI of the score of each month of the hold-out against the rows it learnt from."""
    learnt = candidate.log_odds(training.features)
    edges = quantile_edges(learnt)
    reference = bin_counts(learnt, edges)
    months = hold_out.as_of.astype("datetime64[M]")
    scores = candidate.log_odds(hold_out.features)
    moved = {str(month): psi_test(reference, bin_counts(scores[months == month], edges)) for month in np.unique(months)}
    worst = max(moved, key=lambda month: moved[month].effect)
    psi, p_value = moved[worst].effect, moved[worst].p_value
    bounds = terms.stability
    threshold = f"PSI at most {bounds.look:g}; above {bounds.most:g} it fails"
    details = tuple(f"{month}: PSI {one.effect:.3f}, by chance {one.p_value:.2g}" for month, one in moved.items())
    verdict, reason = PASSED, f"the month that moved most, {worst}, has PSI {psi:.3f}"
    if psi > bounds.look:
        verdict = FAILED if psi > bounds.most and p_value < _BY_CHANCE else PERSON
    return Check("stability", verdict, _plain(psi), threshold, reason, details)


def attributions_sum(candidate: Artefact, hold_out: Dataset) -> Check:
    """Whether what features add sums to the score, for every row of the hold-out."""
    threshold = "every row, to 1e-9 of its score"
    try:
        error = float(candidate.explain(hold_out.features).errors.max())
    except ModelMismatch as mismatch:
        return Check("attributions_sum", FAILED, None, threshold, str(mismatch))
    reason = f"{len(hold_out):,} rows explained; the largest distance is {error:.2g}"
    return Check("attributions_sum", PASSED, _plain(error), threshold, reason)


def weight_of_each(candidate: Artefact, rows: Dataset) -> Floats:
    """Share of each feature in what all attributions add up to, (k,); all 0 where nothing adds anything.

    Also where attributions do not sum: how heavy features are is then told by the model's own weights.
    """
    try:
        sizes = np.abs(candidate.explain(rows.features).attributions).mean(axis=0)
    except ModelMismatch:
        carried = {weight.feature: weight.share for weight in candidate.model.weights()}
        sizes = np.array([carried.get(name, 0.0) for name in rows.names])
    total = float(sizes.sum())
    shares: Floats = sizes / total if total > 0.0 else np.zeros(len(sizes))
    return shares


def directions(candidate: Artefact, hold_out: Dataset, terms: GateTerms) -> Check:
    """Whether the heaviest features that have a direction of risk push that way, over the rows where they are known."""
    threshold = f"the {terms.explanation.top} heaviest features with a direction"
    try:
        attributions = candidate.explain(hold_out.features).attributions
    except ModelMismatch as mismatch:
        return Check("directions", FAILED, None, threshold, str(mismatch))
    sizes = np.abs(attributions).mean(axis=0)
    directed = [k for k in np.argsort(-sizes, kind="stable").tolist() if hold_out.directions[k] and sizes[k] > 0.0]
    wrong, looked = [], 0
    for k in directed[: terms.explanation.top]:
        known = ~np.isnan(hold_out.features[:, k])
        if np.count_nonzero(known) < _LEAST_VALUES:
            continue
        found = _rank_correlation(hold_out.features[known, k], attributions[known, k]) * hold_out.directions[k]
        looked += 1
        if found < _AGAINST:
            wrong.append(f"{hold_out.names[k]}: correlation {found:.2f} with its direction of risk")
    reason = f"{looked} features looked at, {len(wrong)} push against their direction"
    return Check("directions", FAILED if wrong else PASSED, _plain(len(wrong)), threshold, reason, tuple(wrong))


def one_feature(weights: Floats, hold_out: Dataset, terms: GateTerms) -> Check:
    """Whether one feature alone carries the model. weights: of `weight_of_each` on the hold-out."""
    most = terms.explanation.most_share
    heaviest = int(np.argmax(weights))
    share = float(weights[heaviest])
    reason = f"{hold_out.names[heaviest]} carries {share:.1%} of all attributions"
    return Check("one_feature", PASSED if share <= most else PERSON, _plain(share), f"at most {most:.0%}", reason)


def inputs(weights: Floats, training: Dataset, hold_out: Dataset, terms: GateTerms) -> Check:
    """Features that the model uses and that the hold-out tells less of than the training rows did.

    weights: of `weight_of_each` on the training rows; what carried nothing there is let pass.  A feature that was
    rarely anything but one value may be that value throughout by chance; then it is let pass as well.
    """
    faults = []
    for k in np.flatnonzero(weights > 0.0).tolist():
        before, now = training.features[:, k], hold_out.features[:, k]
        missing = float(np.isnan(now).mean() - np.isnan(before).mean())
        if missing > terms.inputs.more_missing:
            faults.append(f"{hold_out.names[k]}: unknown in {np.isnan(now).mean():.1%} of the rows, {missing:+.1%}")
        elif _stuck(before[~np.isnan(before)], now[~np.isnan(now)]):
            faults.append(f"{hold_out.names[k]}: one value throughout the hold-out")
    threshold = f"at most {terms.inputs.more_missing:.0%} more unknown values, and none stuck at one value"
    reason = f"{np.count_nonzero(weights > 0.0)} features in use, {len(faults)} with less to tell than in training"
    return Check("inputs", FAILED if faults else PASSED, _plain(len(faults)), threshold, reason, tuple(faults))


def leakage(training: Dataset) -> Check:
    """Features that all but give the outcome away."""
    found = suspects(training)
    details = tuple(str(one) for one in found)
    reason = f"{len(found)} features alone rank the outcomes as no honest one does"
    return Check("leakage", FAILED if found else PASSED, _plain(len(found)), "none", reason, details)


def _stuck(before: Floats, now: Floats) -> bool:
    """Whether known values are all one now, and chance would hardly make them so of what they were."""
    if not len(now) or not len(before) or now.min() < now.max():
        return False
    same = float((before == now[0]).mean())
    return same ** len(now) < _CERTAIN


def _rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation, 0 where either is constant."""
    if one.min() == one.max() or other.min() == other.max():
        return 0.0
    from scipy.stats import spearmanr  # noqa: PLC0415  # slow to load, and only a gate asks

    return float(spearmanr(one, other).statistic)


def _plain(value: float) -> Figure:
    """A figure that no interval belongs to."""
    return Figure(float(value), np.nan, np.nan)
