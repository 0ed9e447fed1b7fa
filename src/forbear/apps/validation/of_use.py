"""The parts of the pack about using the model: limits, fairness, monitoring, how to make all of it again, and words."""

from __future__ import annotations

import forbear
from forbear.apps.jobs.validating import Validation
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SLOPE
from forbear.apps.validation.because import because
from forbear.apps.validation.blocks import Facts, Grid, Listed, Section, Text
from forbear.domain.deployment import HORIZON_DAYS

_WORDS = {
    "PD": "the probability that the event of this document happens to a customer within its days; no default is meant",
    "Score": "what the model computes of a customer; the PD is the score after calibration",
    "Feature": "one number about a customer's last months, computed by a stated formula",
    "Row, positive": "one customer on one date; positive if the event followed",
    "Unseen, out of time": "later than everything that the model learned from",
    "Interval": "95 %, by drawing customers with replacement (bootstrap): a customer's rows stand or fall together",
    "AUC": "the chance that a row with the event has a higher score than one without; 0.5 is chance, 1 perfect",
    "PR-AUC": "mean share of alarms that are right over all thresholds; chance is the base rate",
    "KS": "largest distance between the scores of rows with the event and without",
    "Brier score": "mean squared error of the PD; smaller is better",
    "Calibration slope": "below 1: the PDs are too extreme; above 1: they are too timid",
    "PSI": "population stability index: how far a distribution has moved, in ten bins and one for unknown",
    "Lead time": "days from the first alarm to the event",
    "Attribution": "what one feature adds to a customer's score, in log-odds",
    "Log-odds": "the logarithm of p / (1 - p); scores add up in it",
    "Base rate": "share of rows that are positive",
}


def limits_section(found: Validation) -> Section:
    """What the figures cannot say."""
    return Section(
        "Limits and assumptions",
        "What these figures rest on, and what they cannot tell.",
        (Listed([text for text in limits_of(found) if text]),),
    )


def limits_of(found: Validation) -> list[str]:
    """Every limit that holds of these data, in plain sentences; an empty one does not hold."""
    subject, part = found.subject, found.everybody
    auc = found.evaluations[0].figures["auc"]
    helped = [one.helped for one in subject.left_out]
    months = len(found.months)
    return [
        (
            "The bank is simulated. The figures show that the method works on what its authors imagined; they are no "
            "evidence about any real customer."
            if subject.home.synthetic
            else "The records are of one bank, its products and its years. Nothing here says how the model would do at "
            "another bank, in another country or in other times."
        ),
        (
            f"There are {COUNT.write(part.positives)} events among the unseen rows, of {COUNT.write(part.customers)} "
            f"customers. That is why the interval of the AUC is {RATIO.write(auc.high - auc.low)} wide, and that of "
            f"observed over expected {SLOPE.write(part.ratio.high - part.ratio.low)}."
        ),
        (
            f"The unseen time is {months} dates"
            + (", less than a year: no season was seen twice, and not each of them once." if months < 12 else ".")
        ),
        (
            f"{COUNT.write(helped[0])} training rows are of customers who were helped, and are left out; "
            f"{COUNT.write(helped[1])} unseen rows are, and are judged as they came out: help that works makes the "
            "model look as if it had been wrong."
            if any(helped)
            else "No help is on record for these customers. If some were helped all the same, the risk without help is "
            "higher than what was learned."
        ),
        (
            "The target is a first difficulty within "
            f"{HORIZON_DAYS} days. A customer who is in difficulty already is not asked about, and one who recovers "
            "may be asked about again."
        ),
        (
            f"The baseline of one feature ({found.alone}) was chosen on the training rows; the expert scorecard's "
            "points are assumptions and were not fitted to anything."
        ),
        (
            f"The lines between the lights are those of validation terms {found.terms.version}; most are choices. A "
            "light is a rule applied to a figure, and no validator's judgement."
        ),
        "Who built the model and who runs this command may be the same. An independent reader should run it again.",
    ]


def fairness_section(found: Validation) -> Section:
    """What is known of groups of people."""
    return Section(
        "Fairness",
        "Whether scores, and who is chosen by them, differ between groups of people by more than is tolerated.",
        (
            Text(
                "No protected attribute enters the model or this document, so nothing can be said of groups. That a "
                "model "
                "does not know an attribute does not make it fair: other features may stand for it. Have somebody who "
                "may hold such attributes examine it before it is used, and repeat that with every new model."
            ),
        ),
        found.lights["fairness"],
        because(found, "fairness"),
    )


def monitoring_section(found: Validation) -> Section:
    """What is to be looked at while the model is in use, how often, and who acts."""
    drift, calibration = found.terms.drift, found.terms.calibration
    auc, slope = found.evaluations[0].figures["auc"], calibration.slope
    ratio = calibration.observed_over_expected
    weight = [one.feature for one in found.sensitive.importances.features[:3]]
    unknown = {one.name: one.unknown[1] for one in found.steady.features}
    rows = [
        ("PSI of the scores", "daily", f"{drift.look:g}; {drift.change:g}", "model owner: find the feature that moved"),
        ("PSI of each feature", "daily", f"{drift.look:g}; {drift.change:g}", "model owner, with who runs the feed"),
        *(
            (
                f"unknown share of {name}",
                "daily",
                f"{PERCENT.write(unknown[name])} now; 10 points more",
                "who runs the feed",
            )
            for name in weight
        ),
        (
            "observed over expected",
            "monthly, once outcomes are known",
            f"{ratio[0]:g} to {ratio[1]:g}",
            "model owner: recalibrate",
        ),
        (
            "calibration slope",
            "monthly, once outcomes are known",
            f"{slope[0]:g} to {slope[1]:g}",
            "model owner: recalibrate",
        ),
        ("AUC", "quarterly, whole interval", f"below {RATIO.write(auc.low)}", "model owner: train a challenger"),
        ("attributions that do not sum to their score", "each score", "any", "operator: stop telling reasons"),
        (
            "this document",
            "yearly, and with each new model",
            "any red",
            "validator: withdraw or condition the approval",
        ),
    ]
    return Section(
        "Monitoring plan",
        "What to look at while the model is in use. It is a plan made from the figures above; that somebody follows "
        "it is not shown here.",
        (
            Grid(
                "Figure, how often, at which value somebody acts, and who.",
                ("Figure", "How often", "Limit", "Who acts"),
                rows,
                frozenset({0, 1, 2, 3}),
            ),
        ),
    )


def reproducibility_section(found: Validation) -> Section:
    """How to make the model and this document again."""
    about = found.subject.artefact.provenance
    facts = {
        "Command": found.request.command or "not recorded",
        "Model": f"SHA-256 {found.digest}",
        "Training rows": f"SHA-256 {about.data_fingerprint}",
        "Formulas of the features": f"SHA-256 {about.feature_set_hash}",
        "Seed": f"{about.seed} of the model, {found.request.seed} of intervals and shuffles",
        "Trained with": ", ".join(f"{name} {version}" for name, version in sorted(about.versions.items())),
        "Validated with": f"forbear {forbear.__version__}",
        "Lines of the lights": f"validation terms {found.terms.version}, SHA-256 {found.terms.digest}",
    }
    return Section(
        "Reproducibility",
        "With the same archive and these, anybody gets the same figures.",
        (Facts(facts),),
        found.lights["reproducibility"],
        because(found, "reproducibility"),
    )


def words_section() -> Section:
    """Every term of the documents."""
    return Section("Words used here", "", (Facts(_WORDS),))
