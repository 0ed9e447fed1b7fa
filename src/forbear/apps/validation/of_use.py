"""The parts of the pack about using the model: limits, fairness, monitoring, how to make all of it again, and words."""

from __future__ import annotations

import forbear
from forbear.apps.jobs.validating import Validation
from forbear.apps.package_data import shipped
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SLOPE
from forbear.apps.validation.because import because
from forbear.apps.validation.blocks import Facts, Grid, Listed, Section, Text
from forbear.domain.deployment import HORIZON_DAYS
from forbear.models.fairness_verdicts import FairnessReport
from forbear.models.monitoring_terms import MonitorTerms, parse_monitoring

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
            f"The unseen time is {months} dates of observation, one a month"
            + (
                ", less than a year: no season was seen twice, and not each of them once."
                if months < 12
                else ": few of any season."
            )
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
        (Text(_UNEXAMINED),) if found.fairness is None else (_compared(found.fairness), Text(_EXAMINED)),
        found.lights["fairness"],
        because(found, "fairness"),
    )


_UNEXAMINED = (
    "No protected attribute enters the model, and no file said which groups customers belong to, so nothing can be "
    "said of "
    "groups. That a model does not know an attribute does not make it fair: other features may stand for it. Have "
    "somebody "
    "who may hold such attributes run this again with `--groups`, or `forbear fairness`, before the model is used."
)
_EXAMINED = (
    "The attributes were read for these comparisons alone; no model is trained on them and no decision reads them. "
    "Where "
    "groups differ in risk not every measure can be equal (Chouldechova 2017), and what law asks is for counsel to "
    "say. "
    "`forbear fairness` gives every comparison, the help that was recorded, and which features tell of groups."
)


def _compared(report: FairnessReport) -> Grid:
    rows = [
        (
            f"{one.pair.attribute}: {one.pair.group} beside {one.pair.against}",
            one.measure.replace("_", " "),
            SLOPE.estimate(one.figure),
            f"{one.bounds[0]:.2f} to {one.bounds[1]:.2f}",
            f"{one.verdict}{f': {one.why}' if one.why else ''}",
        )
        for one in report.compared
        if one.binding
    ]
    return Grid(
        "Comparisons that the verdict rests on: a ratio or a difference of the two groups, with its interval.",
        ("Groups", "Measure", "Found", "Tolerated", "Verdict"),
        rows,
        frozenset({0, 1, 4}),
    )


_WHO_ACTS = (
    "A warning is read by the model's owner on the next working day, who says what moved: the customers, the feed or "
    "the "
    "model. A page goes at once to whoever operates the system, who stops offers if scores cannot be trusted."
)


def monitoring_section(found: Validation) -> Section:
    """What is to be looked at while the model is in use, how often, and who acts."""
    terms = parse_monitoring(shipped("monitor.toml"))
    auc = found.evaluations[0].figures["auc"]
    known = {one.name: one.unknown[1] for one in found.steady.features}
    carried = [
        f"{one.feature} (unknown today for {PERCENT.write(known[one.feature])})"
        for one in found.sensitive.importances.features[:3]
    ]
    first = f"Watch first what carries the ranking: {', '.join(carried)}."
    again = (
        f"If the AUC falls below {RATIO.write(auc.low)}, the lower end of its interval here, a challenger is trained; "
        "the "
        "validator repeats this document before it becomes champion."
    )
    return Section(
        "Monitoring plan",
        "What to look at while the model is in use. That somebody does is not shown here.",
        (
            Grid(
                f"Series and lines of monitoring terms {terms.version}; `forbear monitor` looks at them.",
                ("Figure", "How often", "Warns from", "Pages from"),
                _monitored(terms),
                frozenset({0, 1, 2, 3}),
            ),
            Listed((_WHO_ACTS, first, again)),
        ),
    )


def _line(name: str, value: float) -> str:
    """A limit as it is read: an index as it is, a change of a share in points."""
    return f"{value:g}" if name.startswith("PSI") else f"{100.0 * value:g} points more or less"


def _lasting(days: int) -> str:
    return "on one day" if days == 1 else f"on {days} days on end"


def _monitored(terms: MonitorTerms) -> list[tuple[str, ...]]:
    """Every figure to watch: how often, and from where on it warns and pages."""
    series = {
        "PSI of each feature": terms.feature_drift,
        "PSI of the scores": terms.score_drift,
        "share of customers whose feature is unknown": terms.missing_values,
        "share of customers at high risk": terms.high_risk,
        "mean PD from week to week": terms.score_shift,
        "share of scores that did not move at all": terms.unmoved_scores,
    }
    rows = [
        (
            name,
            "daily",
            f"{_line(name, one.warn)}, {_lasting(one.warn_after_days)}",
            f"{_line(name, one.page)}, {_lasting(one.page_after_days)}",
        )
        for name, one in series.items()
    ]
    late = terms.performance
    outcomes = f"weekly, over {late.closes} weeks of known outcomes"
    return [
        *rows,
        ("AUC", outcomes, f"{late.auc_drop:g} below that of training, with the whole interval", ""),
        ("calibration slope", outcomes, f"outside {late.slope[0]:g} to {late.slope[1]:g}, with the whole interval", ""),
        (
            "observed over expected",
            outcomes,
            f"outside {late.observed_over_expected[0]:g} to {late.observed_over_expected[1]:g}, likewise",
            "",
        ),
        ("attributions that do not sum to their score", "each score", "", "any: such a score is refused"),
        ("this document", "yearly, and with each new model", "anything that has become open", "anything that fails"),
    ]


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
