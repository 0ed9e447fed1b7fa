"""What each light of a validation rests on, in sentences whose every number was computed."""

from __future__ import annotations

from collections.abc import Callable

from forbear.apps.jobs.validating import TOP_SHARE, Validation
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SLOPE, Notation, round_percent
from forbear.models.explanation import ADDITIVITY_TOLERANCE
from forbear.models.fairness_verdicts import Verdict
from forbear.models.results import Figure
from forbear.models.validation.lights import Light

LEAD = Notation(lambda _: 3, signed=True)
"""Differences of AUC."""
MOST_NAMED = 3
"""Segments that a sentence names; the tables have the others."""
NOT_EXAMINED = "Not examined: no protected attributes were given."
TITLES = {
    "data": "Data",
    "ranking": "Ranking",
    "calibration": "Calibration",
    "stability": "Stability",
    "sensitivity": "Sensitivity",
    "explanations": "Explanations",
    "fairness": "Fairness",
    "reproducibility": "Reproducibility",
}
"""Names of what has a light, in the order of the pack."""
VERDICTS = {
    Light.GREEN: "Nothing in the figures speaks against using the model as described.",
    Light.AMBER: "The model may be used as described once somebody has answered for what is open.",
    Light.RED: "The model should not be used as described: the figures contradict part of what it is used for.",
}


def because(found: Validation, name: str) -> str:
    """What the light of one section rests on."""
    return _SENTENCES[name](found)


def _data(found: Validation) -> str:
    about, subject = found.subject.artefact.provenance, found.subject
    if subject.same_rows:
        return (
            f"The archive still gives the very {COUNT.write(about.rows)} rows that the model learned from: their "
            "fingerprints are equal."
        )
    return (
        f"The archive gives {COUNT.write(len(subject.trained))} training rows, "
        f"{COUNT.write(subject.trained.positives)} "
        f"positive; the model counts {COUNT.write(about.rows)} and {COUNT.write(about.positives)}, and the "
        "fingerprints "
        "differ. Facts that came in late change labels; repeat this with the same `--until` as training had."
    )


def _few(found: Validation) -> str:
    positives, least = found.subject.unseen.positives, found.terms.positives.least
    few = f" Only {COUNT.write(positives)} rows are positive, fewer than the {least} that a green light needs."
    return few if positives < least else ""


def _ranking(found: Validation) -> str:
    auc = found.evaluations[0].figures["auc"]
    led = "; ".join(f"over the {name} {LEAD.estimate(lead)}" for name, lead in found.leads.items())
    doubt = [name for name, lead in found.leads.items() if lead.low <= 0.0 <= lead.high]
    worse = [name for name, lead in found.leads.items() if lead.high < 0.0]
    unsure = f" The lead over the {' and the '.join(doubt)} may be chance: its interval holds 0." if doubt else ""
    beaten = f" The {' and the '.join(worse)} ranks better: use that instead." if worse else ""
    return f"AUC {RATIO.estimate(auc)} out of time. {_expected_of(found)}Its lead: {led}.{unsure}{beaten}{_few(found)}"


def _expected_of(found: Validation) -> str:
    """The AUC beside the one that training had promised."""
    told, auc = found.subject.artefact.provenance.metrics.get("auc", {}), found.evaluations[0].figures["auc"]
    value, low, high = (told.get(name) for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return ""
    inside = RATIO.estimate(Figure(value, low, high))
    promised = f"Inside training, on dates later than what was learned from, it was {inside}"
    if auc.high < low:
        return f"{promised}: it has become worse. "
    if auc.low > high:
        return f"{promised}: better than expected, so ask whether the unseen time is easier, or the answers leak. "
    return f"{promised}. "


def _calibration(found: Validation) -> str:
    part, slope = found.everybody, found.evaluations[0].figures["calibration_slope"]
    lines = found.terms.calibration
    said = (
        f"The model expected {COUNT.write(part.mean_pd * part.rows)} events and {COUNT.write(part.positives)} came: "
        f"observed over expected {SLOPE.estimate(part.ratio)}, tolerated {_range(lines.observed_over_expected)}. "
        f"Slope {SLOPE.estimate(slope)}, tolerated {_range(lines.slope)}."
    )
    if _outside(part.ratio, lines.observed_over_expected) or _outside(slope, lines.slope):
        said += " An interval lies wholly outside: recalibrate before the probabilities are used."
    elif _reaches(part.ratio, lines.observed_over_expected) or _reaches(slope, lines.slope):
        said += " An interval reaches beyond: these data cannot show that the probabilities are right."
    return f"{said}{_off(found)}{_few(found)}"


def _off(found: Validation) -> str:
    """Dates and segments on which the probabilities are surely wrong."""
    bounds, told = found.terms.calibration.observed_over_expected, ""
    dates = [part for part in found.months if _outside(part.ratio, bounds)]
    if dates:
        furthest = max(dates, key=lambda part: abs(part.ratio.value - 1.0))
        told += (
            f" Right on the whole is not right on each date: on {len(dates)} of {len(found.months)} the whole "
            "interval lies "
            f"outside, furthest on {furthest.name} with {SLOPE.estimate(furthest.ratio)}."
        )
    segments = [
        f"{dimension} {part.name} {SLOPE.estimate(part.ratio)}"
        for dimension, parts in found.segments.items()
        for part in parts
        if part.ratio.low > 1.0 or part.ratio.high < 1.0
    ]
    if segments:
        told += f" Segments whose interval leaves 1 out: {'; '.join(segments[:MOST_NAMED])}"
        told += f", and {len(segments) - MOST_NAMED} more." if len(segments) > MOST_NAMED else "."
    return told


def _stability(found: Validation) -> str:
    steady, terms = found.steady, found.terms
    refits = steady.refits
    said = (
        f"The scores moved by a PSI of {SLOPE.write(steady.score.psi)} against training ({terms.drift.look:g} is worth "
        f"a look, {terms.drift.change:g} a change)."
    )
    dates = [one for one in steady.months if one.psi >= terms.drift.look]
    if dates:
        furthest = max(dates, key=lambda one: one.psi)
        said += (
            f" On {len(dates)} of {len(steady.months)} dates they moved by {terms.drift.look:g} or more, furthest on "
            f"{furthest.name} by {SLOPE.write(furthest.psi)}."
        )
    if refits.failed:
        said += (
            f" {refits.failed} of {refits.failed + refits.number} trainings on resampled customers found too few "
            "events to "
            "learn from."
        )
    if refits.number < 2:
        return f"{said} What another training would have said is not known."
    said += (
        f" Trained again {refits.number} times on resampled customers, a customer's PD varies by "
        f"{PERCENT.write(refits.spread[0])} of itself (median; {PERCENT.write(refits.spread[1])} at the 90th "
        "percentile), "
        f"and {PERCENT.write(refits.top)} of the riskiest {round_percent(TOP_SHARE)} stay the same."
    )
    if refits.spread[0] > terms.refits.most_spread:
        return f"{said} A single customer's PD is not to be taken at its digits."
    if refits.top < terms.refits.least_top:
        return f"{said} Who is on the list depends much on who happened to be in the training data."
    return said


def _sensitivity(found: Validation) -> str:
    walked, base = found.sensitive.walked, found.everybody.mean_pd
    far = [
        one.feature
        for one in found.sensitive.shocks
        if abs(one.unknown.mean_pd - base) > found.terms.inputs.most_change * base
    ]
    said = (
        f"{COUNT.write(walked.violations)} of {COUNT.write(walked.pairs)} comparisons went against a feature's stated "
        f"direction ({walked.features} features, {COUNT.write(walked.rows)} rows)."
    )
    hidden = found.sensitive.nothing < base / 2.0
    said += (
        f" A customer of whom nothing is known gets {PERCENT.write(found.sensitive.nothing)}: a gap hides risk."
        if hidden
        else ""
    )
    moved = f" Unknown for everybody, {_joined(far)} would move the mean PD by more than half." if far else ""
    return said + (moved or " No single feature, if unknown for everybody, moves the mean PD by more than half.")


def _explanations(found: Validation) -> str:
    reasoned = found.reasoned
    share = reasoned.told / reasoned.riskiest if reasoned.riskiest else 0.0
    error = reasoned.largest_error
    summed = f"to within {error:.0e} (tolerance {ADDITIVITY_TOLERANCE:.0e})" if error else "exactly"
    return (
        f"On {COUNT.write(reasoned.rows)} rows the attributions sum to the score {summed}. Of the riskiest "
        f"{COUNT.write(reasoned.riskiest)} customers of the "
        f"last date {PERCENT.write(share)} can be told at least one reason; "
        f"{round_percent(found.terms.reasons.least_share)} "
        "is asked for."
    )


def _fairness(found: Validation) -> str:
    report = found.fairness
    if report is None:
        return NOT_EXAMINED
    binding = [one for one in report.compared if one.binding]
    counts = ", ".join(
        f"{sum(one.verdict == verdict for one in binding)} {word}"
        for verdict, word in (
            (Verdict.WITHIN, "within the limits"),
            (Verdict.DISPARITY, "a disparity"),
            (Verdict.CANNOT_TELL, "that nobody can tell"),
        )
    )
    return (
        f"{len(binding)} comparisons of groups count for the verdict (limits: {report.terms.name}): {counts}. All of "
        "them "
        f"were judged as one family, with {len(report.compared)} comparisons in the record."
    )


def _reproducibility(found: Validation) -> str:
    if found.same_model:
        return "Trained again from the archive with the same seed, the model is the same to the last bit."
    if not found.subject.same_rows:
        return "Not shown: the archive no longer gives the same training rows, so nothing was trained again."
    return "Trained again from the same rows, the model differs: compare the versions of the libraries."


def _range(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}"


def _outside(figure: Figure, bounds: tuple[float, float]) -> bool:
    return figure.high < bounds[0] or figure.low > bounds[1]


def _reaches(figure: Figure, bounds: tuple[float, float]) -> bool:
    return not (bounds[0] <= figure.low and figure.high <= bounds[1])


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


_SENTENCES: dict[str, Callable[[Validation], str]] = {
    "data": _data,
    "ranking": _ranking,
    "calibration": _calibration,
    "stability": _stability,
    "sensitivity": _sensitivity,
    "explanations": _explanations,
    "fairness": _fairness,
    "reproducibility": _reproducibility,
}
