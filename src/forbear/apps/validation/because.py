"""What each light of a validation rests on, in sentences whose every number was computed."""

from __future__ import annotations

from collections.abc import Callable

from forbear.apps.jobs.validating import TOP_SHARE, Validation
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SLOPE, Notation, round_percent
from forbear.models.explanation import ADDITIVITY_TOLERANCE
from forbear.models.results import Figure
from forbear.models.validation.lights import Light

LEAD = Notation(lambda _: 3, signed=True)
"""Differences of AUC."""
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
    return f"AUC {RATIO.estimate(auc)} out of time. Its lead: {led}.{unsure}{beaten}{_few(found)}"


def _calibration(found: Validation) -> str:
    part, slope = found.everybody, found.evaluations[0].figures["calibration_slope"]
    lines = found.terms.calibration
    said = (
        f"The model expected {COUNT.write(part.mean_pd * part.rows)} misses and {COUNT.write(part.positives)} came: "
        f"observed over expected {SLOPE.estimate(part.ratio)}, tolerated {_range(lines.observed_over_expected)}. "
        f"Slope {SLOPE.estimate(slope)}, tolerated {_range(lines.slope)}."
    )
    if found.lights["calibration"] is Light.RED:
        return f"{said} An interval lies wholly outside: recalibrate before the probabilities are used.{_few(found)}"
    if _reaches(part.ratio, lines.observed_over_expected) or _reaches(slope, lines.slope):
        return (
            f"{said} An interval reaches beyond: these data cannot show that the probabilities are right.{_few(found)}"
        )
    return said + _few(found)


def _stability(found: Validation) -> str:
    steady, terms = found.steady, found.terms
    median, high, _ = steady.refits.spread
    said = (
        f"The scores moved by a PSI of {SLOPE.write(steady.score.psi)} against training ({terms.drift.look:g} is "
        "worth a "
        f"look, {terms.drift.change:g} a change). Trained again {steady.refits.number} times on resampled customers, a "
        f"customer's PD varies by {PERCENT.write(median)} of itself (median; {PERCENT.write(high)} at the 90th "
        f"percentile), and {PERCENT.write(steady.refits.top)} of the riskiest {round_percent(TOP_SHARE)} stay the same."
    )
    if median > terms.refits.most_spread:
        return f"{said} A single customer's PD is not to be taken at its digits."
    if steady.refits.top < terms.refits.least_top:
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


def _fairness(_: Validation) -> str:
    return NOT_EXAMINED


def _reproducibility(found: Validation) -> str:
    if found.same_model:
        return "Trained again from the archive with the same seed, the model is the same to the last bit."
    if not found.subject.same_rows:
        return "Not shown: the archive no longer gives the same training rows, so nothing was trained again."
    return "Trained again from the same rows, the model differs: compare the versions of the libraries."


def _range(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}"


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
