"""The model card: what a model is for, and what it is not for, on one page (after Mitchell et al. 2019)."""

from __future__ import annotations

from forbear.apps.jobs.modelling import event_in_words
from forbear.apps.jobs.validating import Validation
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SLOPE
from forbear.apps.validation.because import LEAD, TITLES, because
from forbear.apps.validation.blocks import WORDS, Document, Facts, Grid, Listed, Section
from forbear.apps.validation.of_data import calibrator_in_words, kind_in_words
from forbear.apps.validation.of_results import page_words
from forbear.apps.validation.of_use import limits_of
from forbear.apps.validation.pack import facts_of, headline
from forbear.domain.deployment import HORIZON_DAYS


def card_document(found: Validation) -> Document:
    """The whole card."""
    return Document(
        title=f"Model card: {found.subject.kind} {found.digest[:12]}",
        eyebrow=f"On {found.subject.home.deployment.source}. Made {found.request.created}.",
        headline=headline(found),
        sections=(
            _details(found),
            _intended(found),
            _out_of_scope(found),
            _factors(found),
            _metrics(),
            _evaluation(found),
            _training(found),
            _analyses(found),
            _ethics(found),
            _caveats(found),
        ),
        synthetic=found.subject.home.synthetic,
        created=found.request.created,
        facts=facts_of(found),
    )


def _details(found: Validation) -> Section:
    about = found.subject.artefact.provenance
    facts = {
        "Model": f"{kind_in_words(found)}",
        "Calibration": calibrator_in_words(found),
        "Version": f"SHA-256 {found.digest}",
        "Made with": ", ".join(f"{name} {version}" for name, version in sorted(about.versions.items())),
        "Answers": f"the probability of {about.target.event} within {about.target.within_days} days.",
        "Questions": "to the lender's model owner; this document was written by the program and names nobody.",
    }
    return Section("Model details", "", (Facts(facts),))


def _intended(found: Validation) -> Section:
    return Section(
        "Intended use",
        "",
        (
            Listed(
                [
                    f"To see {page_words(found)} up to {HORIZON_DAYS} days ahead, so that a lender can offer help.",
                    "By people who decide what help to offer, under a policy that says who is contacted how often.",
                    "About customers who are known long enough, active, and not in difficulty yet.",
                ]
            ),
        ),
    )


def _out_of_scope(found: Validation) -> Section:
    event = event_in_words(found.subject.home.deployment)
    return Section(
        "Uses that are out of scope",
        "",
        (
            Listed(
                [
                    "To grant, refuse, price, cut or call in credit.",
                    f"As a probability of default, in capital, provisions or expected loss: it is one of {event}.",
                    "About customers who are in arrears already, or whom the lender has known for too short a time.",
                    "At another lender, or on another feed, without training and validating it there.",
                    "To select people for anything that harms them.",
                ]
            ),
        ),
    )


def _factors(found: Validation) -> Section:
    dimensions = ", ".join(name for name, parts in found.segments.items() if len(parts) > 1) or "none that differ here"
    facts = {
        "Examined": f"date of observation, and segments by {dimensions}; the pack has the figures.",
        "Groups of people": f"{_attributes(found)}. The model knows none of them.",
        "Matter most": ", ".join(one.feature for one in found.sensitive.importances.features[:5]) or "no feature",
    }
    return Section("Factors", "", (Facts(facts),))


def _attributes(found: Validation) -> str:
    if found.fairness is None:
        return "none were given, so none were examined"
    return ", ".join(dict.fromkeys(one.pair.attribute.replace("_", " ") for one in found.fairness.compared))


def _metrics() -> Section:
    facts = {
        "AUC": "chance that a row with the event has the higher score: how well the model ranks.",
        "Observed over expected, slope": "whether the probabilities are right, on the whole and at both ends.",
        "Lead time": "how many days ahead the riskiest few hold those to whom it happens.",
        "Intervals": "95 %, by drawing customers with replacement.",
    }
    return Section("Metrics", "", (Facts(facts),))


def _evaluation(found: Validation) -> Section:
    return Section("Evaluation data", "", (Facts(_counted(found, trained=False)),))


def _training(found: Validation) -> Section:
    return Section("Training data", "", (Facts(_counted(found, trained=True)),))


def _counted(found: Validation, *, trained: bool) -> dict[str, str]:
    subject = found.subject
    rows, looked = (subject.trained if trained else subject.unseen), subject.looked[not trained]
    return {
        "Source": subject.home.deployment.source + (" (simulated)" if subject.home.synthetic else ""),
        "Dates": f"{rows.as_of.min()} to {rows.as_of.max()}"
        + ("." if trained else "; all later than anything that the model learned from."),
        "Rows": f"{COUNT.write(len(rows))} customer-dates, {COUNT.write(rows.positives)} with the event "
        f"({PERCENT.write(rows.positives / len(rows))}).",
        "Left out": f"{COUNT.write(looked.met - looked.asked)} of {COUNT.write(looked.met)} customer-dates, by "
        "the rules of eligibility.",
    }


def _analyses(found: Validation) -> Section:
    leading = found.evaluations[0].figures
    rows = [
        ("AUC", RATIO.estimate(leading["auc"])),
        ("PR-AUC", RATIO.estimate(leading["pr_auc"])),
        ("Observed over expected", SLOPE.estimate(found.everybody.ratio)),
        ("Calibration slope", SLOPE.estimate(leading["calibration_slope"])),
        ("Rows with the event among the riskiest 5 %", PERCENT.estimate(leading["recall_at_5pct"])),
        *((f"AUC lead over the {name}", LEAD.estimate(lead)) for name, lead in found.leads.items()),
    ]
    lights = [(TITLES[name], WORDS[light], because(found, name)) for name, light in found.lights.items()]
    return Section(
        "Quantitative analyses",
        "",
        (
            Grid("Out of time, with 95 % intervals.", ("Figure", "Value"), rows),
            Grid("Lights of the validation pack.", ("Part", "Light", "Because"), lights, frozenset({0, 1, 2})),
        ),
    )


def _ethics(found: Validation) -> Section:
    items = [
        "The model looks at how people use their money. No feature is a protected attribute; some may stand for one.",
        "Help is offered by its scores, so who is missed is helped less. Groups that it ranks worse are helped worse.",
        "A customer can be told why in approved sentences, and what would help. Some cannot: the pack says how many.",
    ]
    unexamined = "Fairness has not been examined." if found.fairness is None else because(found, "fairness")
    return Section("Ethical considerations", "", (Listed([*items, unexamined]),))


def _caveats(found: Validation) -> Section:
    return Section("Caveats and recommendations", "", (Listed([text for text in limits_of(found) if text]),))
