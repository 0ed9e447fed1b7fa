"""The validation pack: what an independent reader asks of a model, in the order in which they ask."""

from __future__ import annotations

from forbear.apps.jobs.validating import Validation
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SLOPE, SPACE
from forbear.apps.validation.because import TITLES, VERDICTS, because
from forbear.apps.validation.blocks import WORDS, Document, Grid, Section, Text
from forbear.apps.validation.of_data import data_section, method_section, target_section
from forbear.apps.validation.of_results import (
    calibration_section,
    explanations_section,
    ranking_section,
    sensitivity_section,
    stability_section,
)
from forbear.apps.validation.of_use import (
    fairness_section,
    limits_section,
    monitoring_section,
    reproducibility_section,
    words_section,
)
from forbear.models.validation.lights import Light

_FOLLOWS = (
    "The order and the questions follow what supervisors ask of model validation: conceptual soundness, data, outcomes "
    "analysis, sensitivity, limits and ongoing monitoring (in the United States SR 11-7 of 2011 and what has come in "
    "its "
    "place; in the United Kingdom SS1/23 of the PRA; for PD models in the European Union EBA/GL/2017/16). Whether one "
    "of them applies to this model, and whether this document meets it, is for counsel and the validator to say."
)


def pack_document(found: Validation) -> Document:
    """The whole pack."""
    about = found.subject.artefact.provenance
    return Document(
        title=f"Validation of the {found.subject.kind} model {found.digest[:12]}",
        eyebrow=(
            f"Probability of {about.target.event} within {about.target.within_days} days, on "
            f"{found.subject.home.deployment.source}. Made {found.request.created}."
        ),
        headline=headline(found),
        told=_told(found),
        sections=(
            _summary(found),
            data_section(found),
            target_section(found),
            method_section(found),
            ranking_section(found),
            calibration_section(found),
            stability_section(found),
            sensitivity_section(found),
            explanations_section(found),
            limits_section(found),
            fairness_section(found),
            monitoring_section(found),
            reproducibility_section(found),
            words_section(),
        ),
        synthetic=found.subject.home.synthetic,
        created=found.request.created,
        facts=facts_of(found),
    )


def headline(found: Validation) -> str:
    """The verdict in a sentence or two."""
    counts = {light: [TITLES[name].lower() for name, one in found.lights.items() if one is light] for light in Light}
    told = [
        f"{word}: {', '.join(counts[light])}."
        for light, word in ((Light.RED, "Fails"), (Light.AMBER, "Open"))
        if counts[light]
    ]
    return " ".join([VERDICTS[found.light], *told])


def facts_of(found: Validation) -> dict[str, str]:
    """What a document of this validation can be traced by."""
    about = found.subject.artefact.provenance
    return {
        "model": found.digest,
        "training rows": about.data_fingerprint,
        "features": about.feature_set_hash,
        "terms": f"{found.terms.version} {found.terms.digest}",
    }


def _told(found: Validation) -> tuple[tuple[str, str, str], ...]:
    auc, part = found.evaluations[0].figures["auc"], found.everybody
    slope = found.evaluations[0].figures["calibration_slope"]
    return (
        ("Ranking (AUC)", RATIO.write(auc.value), f"95{SPACE}% interval {RATIO.interval(auc)}"),
        ("Observed over expected", SLOPE.write(part.ratio.value), f"95{SPACE}% interval {SLOPE.interval(part.ratio)}"),
        ("Calibration slope", SLOPE.write(slope.value), f"95{SPACE}% interval {SLOPE.interval(slope)}"),
        (
            "Unseen rows",
            COUNT.write(part.rows),
            f"{COUNT.write(part.positives)} with the event, {PERCENT.write(part.observed.value)}",
        ),
    )


def _summary(found: Validation) -> Section:
    rows = [(TITLES[name], WORDS[light], because(found, name)) for name, light in found.lights.items()]
    return Section(
        "Summary and verdict",
        "A light is a rule applied to a figure: it stands where the figures show it, is open where they cannot or "
        "nobody "
        "has looked, and fails where they contradict it. The rules are stated and can be changed; a validator decides. "
        "All terms are explained at the end, under the words used here.",
        (
            Grid(
                "What was examined, and what each light rests on.",
                ("Part", "Light", "Because"),
                rows,
                frozenset({0, 1, 2}),
            ),
            Text(_FOLLOWS),
        ),
        found.light,
        VERDICTS[found.light],
    )
