"""The parts of the pack about data, target and method."""

from __future__ import annotations

from forbear.apps.feature_page import DIRECTIONS
from forbear.apps.jobs.modelling import event_in_words
from forbear.apps.jobs.validating import Validation
from forbear.apps.jobs.validating_rows import Looked, label_days
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.frame import OUTCOME_MEANINGS
from forbear.apps.page.legend import key_square, plotted
from forbear.apps.page.markup import element, joined
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, SLOPE
from forbear.apps.validation import plots
from forbear.apps.validation.because import because
from forbear.apps.validation.blocks import Block, Facts, Grid, Picture, Section, Text
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ModelMismatch
from forbear.models.boosting import Boosting, default_settings
from forbear.models.calibration import Platt
from forbear.models.scorecard import Scorecard, ScorecardSettings

_HURDLES = {
    "known_too_short": "known for too short a time",
    "inactive": "no movement for too long",
    "in_arrears": "a payment is owed already",
    "below_line": "below the line already",
    "recent_miss": "a miss in the days before",
}


def data_section(found: Validation) -> Section:
    """What the model learned from and what it is judged on."""
    subject, home = found.subject, found.subject.home
    made_up = "a simulated bank; none of it happened" if home.synthetic else "records of real customers, as imported"
    facts = {
        "Source": f"{home.deployment.source}: {made_up}.",
        "A row": "one customer on one date, with what was known at the first moment of that date and nothing later.",
        "Training": f"{_counted(found, trained=True)}. Observed at the first of each {subject.every}."
        if subject.every == "month"
        else f"{_counted(found, trained=True)}. Observed each Monday.",
        "Judged on": f"{_counted(found, trained=False)}. Observed on the first of each month; all later than training.",
        "Fingerprint": f"SHA-256, training {subject.fingerprints[0]}; unseen {subject.fingerprints[1]}.",
    }
    return Section(
        "Data",
        "Where the rows come from, who is left out and why, and what is not known of them.",
        (Facts(facts), _excluded(found), _rates(found), _unknown(found), _feed(found)),
        found.lights["data"],
        because(found, "data"),
    )


def target_section(found: Validation) -> Section:
    """What a probability is of."""
    deployment = found.subject.home.deployment
    eligibility, miss = deployment.eligibility, deployment.miss
    facts = {
        "The event": f"{event_in_words(deployment)}, within {HORIZON_DAYS} days of the date of the row.",
        "Who is asked about": (
            f"customers known for at least {eligibility.history_days} days, with a movement in the last "
            f"{eligibility.active_within_days} days, not in arrears, and without such an event in the "
            f"{eligibility.clear_days} days before."
        ),
        "When it is known": (
            f"{HORIZON_DAYS + miss.reporting_days} days after the date of the row: {HORIZON_DAYS} for the event to "
            f"happen, {miss.reporting_days} for it to be reported."
        ),
        "What it is not": (
            "a default. It is no probability of default in the sense of capital or provisioning rules (there commonly "
            "90 days past due within a year) and enters no expected loss."
        ),
    }
    return Section(
        "What is foreseen", "The target: what one probability of this model is the probability of.", (Facts(facts),)
    )


def method_section(found: Validation) -> Section:
    """How the model works and how it was made."""
    subject = found.subject
    model, about = subject.artefact.model, subject.artefact.provenance
    facts = {
        "Kind": kind_in_words(found),
        "Settings": _settings(found),
        "Calibration": calibrator_in_words(found),
        "Split": (
            "by time, never at random. Inside training, blocks of dates are judged by models that learned from earlier "
            f"ones only, at least {HORIZON_DAYS} days apart, so that no outcome of a training row falls into the days "
            "that judge it (an embargo). The rows of this document come after all of that."
        ),
        "Seed": f"{about.seed}; equal rows and an equal seed give the same model.",
    }
    used = {weight.feature for weight in model.weights()}
    blocks: tuple[Block, ...] = (Facts(facts), _split(found), _features(found))
    idle = len(about.specs) - len(used)
    note = (
        f"{idle} further features were offered to the model and carry no weight: unknown in this source, or of no use."
    )
    return Section(
        "Method",
        "What the model is, what it may use and in which direction, and how it was fitted.",
        (*blocks, Text(note)),
    )


def _counted(found: Validation, *, trained: bool) -> str:
    rows = found.subject.trained if trained else found.subject.unseen
    return (
        f"{COUNT.write(len(rows))} rows from {rows.as_of.min()} to {rows.as_of.max()}, "
        f"{COUNT.write(rows.positives)} followed by the event ({PERCENT.write(rows.positives / len(rows))})"
    )


def _excluded(found: Validation) -> Grid:
    both = found.subject.looked
    names = [name for name in _HURDLES if any(one.hurdles[name] for one in both)]
    rows = [("met on the dates of observation", *(COUNT.write(one.met) for one in both), "")]
    rows += [(_HURDLES[name], *(_left(one, name) for one in both), _why(name)) for name in names]
    helped = [one.helped for one in found.subject.left_out]
    if any(helped):
        told = "left out of training: help would make them look safer; of the unseen rows only counted"
        rows.append(("helped in time to change the outcome", *(COUNT.write(one) for one in helped), told))
    rows.append(("asked about", *(COUNT.write(one.asked) for one in both), ""))
    return Grid(
        "Customers counted once on each date. Of several reasons to leave one out the first is counted.",
        ("Who", "Training", "Unseen", "Why they are left out"),
        rows,
        frozenset({0, 3}),
    )


def _left(one: Looked, name: str) -> str:
    return f"{COUNT.write(one.hurdles[name])} ({PERCENT.write(one.hurdles[name] / one.met)})"


def _why(name: str) -> str:
    return {
        "known_too_short": "no usual behaviour to compare with",
        "inactive": "nothing is known of them any more",
        "in_arrears": "the event has happened; this is no longer a warning",
        "below_line": "the event has happened; this is no longer a warning",
        "recent_miss": "the same difficulty would be counted again",
    }[name]


def _rates(found: Validation) -> Picture:
    drawing = Drawing("rates", "Share of rows that the event followed, by date.", height=3.2, width=plots.WIDE)
    part = found.everybody
    shares = [hits / rows for _, rows, hits in found.trained_months]
    key = element(
        "ul",
        key_square("slate", "observed, training"),
        key_square("accent", "observed, unseen, with 95 % interval"),
        key_square("amber", "what the model expected of the unseen rows"),
        class_="legend",
    )
    return Picture(
        joined([key, plotted(plots.rates(found.trained_months, found.months, drawing))]),
        "How often the event happens",
        "Each dot is one date of observation. A level that moves between training and now is the first thing to "
        "explain.",
        f"From {PERCENT.write(min(shares))} to {PERCENT.write(max(shares))} by date in training; "
        f"{PERCENT.write(part.observed.value)} over all unseen dates, where the model expected "
        f"{PERCENT.write(part.mean_pd)}.",
    )


def _unknown(found: Validation) -> Grid:
    told = [one for one in found.steady.features if max(one.unknown) > 0.0]
    ranked = sorted(told, key=lambda one: (-max(one.unknown), one.name))
    never = len(found.subject.trained.specs) - len(found.steady.features)
    more = f" {never} features are unknown for everybody, because this source does not tell of them." if never else ""
    return Grid(
        f"Share of rows in which a feature is unknown; {len(found.steady.features) - len(told)} features are always "
        f"known.{more} Unknown is a case of its own: nothing is filled in.",
        ("Feature", "Training", "Unseen"),
        [(one.name, *(PERCENT.write(share) for share in one.unknown)) for one in ranked],
    )


def _feed(found: Validation) -> Grid:
    feed = found.subject.looked[1].feed
    total = sum(feed.values())
    return Grid(
        f"What became of the {COUNT.write(total)} events of the archive when they were read: nothing is dropped "
        "without a count.",
        ("Outcome", "What it means", "Events"),
        [
            (name.replace("_", " "), OUTCOME_MEANINGS.get(name, ""), COUNT.write(count))
            for name, count in feed.items()
            if count
        ],
        frozenset({0, 1}),
    )


def kind_in_words(found: Validation) -> str:
    """What kind of model it is, for people. Raises ModelMismatch for one that is not trained."""
    match found.subject.artefact.model:
        case Boosting() as model:
            return (
                f"gradient-boosted decision trees ({COUNT.write(model.rounds)} trees), each constrained so that a "
                "feature can move the probability only in its stated direction."
            )
        case Scorecard() as model:
            return (
                f"a scorecard: logistic regression on {len(model.scored)} features cut into bins, whose points add up; "
                "every feature can count only in its stated direction."
            )
        case other:
            raise ModelMismatch(f"a model of kind {other.kind} is not trained, so there is nothing to validate it by")


def _settings(found: Validation) -> str:
    if isinstance(found.subject.artefact.model, Scorecard):
        scorecard = ScorecardSettings()
        return (
            f"at most {scorecard.bins.prebins} quantile bins a feature and {scorecard.bins.positive_prebins} more "
            f"among positives, pooled until they are monotone; ridge penalty {scorecard.penalty:g}."
        )
    settings = default_settings(found.subject.artefact.provenance.positives)
    return (
        f"depth {settings.depth}, learning rate {settings.learning_rate:g}, at least {settings.min_child_weight:g} "
        f"expected positives in a leaf, ridge {settings.ridge:g}, {PERCENT.write(settings.row_share)} of the rows and "
        f"{PERCENT.write(settings.column_share)} of the features drawn for each tree. They follow from the number of "
        "positives; the number of trees was chosen on later blocks of the training dates."
    )


def calibrator_in_words(found: Validation) -> str:
    """How probabilities were made of scores, for people."""
    match found.subject.artefact.calibrator:
        case Platt(intercept, slope):
            return (
                f"a line through the model's log-odds (intercept {SLOPE.write(intercept)}, slope "
                f"{SLOPE.write(slope)}), "
                "fitted on rows that the fitted models had not seen (Platt 1999)."
            )
        case other if other.kind == "isotonic":
            return "a never-falling line through unseen log-odds (Zadrozny and Elkan 2002)."
        case _:
            return "none: there were too few positives to correct the model's own probabilities by."


def _split(found: Validation) -> Picture:
    subject = found.subject
    spans = []
    for rows in (subject.trained, subject.unseen):
        first, ended = label_days(rows)
        last = rows.as_of.max().astype(object)
        spans.append(((first, last), (first, ended)))
    drawing = Drawing("split", "Dates of observation and of outcomes.", height=2.3, width=plots.WIDE)
    key = element("ul", key_square("accent", "training"), key_square("amber", "unseen: this document"), class_="legend")
    return Picture(
        joined([key, plotted(plots.split(spans[0], spans[1], drawing))]),
        "Split by time",
        "Full bars: dates on which customers were observed. Pale bars: days in which their outcomes fell. The dotted "
        "line is the first unseen date; no outcome of training lies behind it.",
        f"The last outcome of training was settled by {spans[0][1][1]}, the first unseen date is {spans[1][0][0]}.",
    )


def _features(found: Validation) -> Grid:
    known = {one.name: one for one in found.subject.features.features}
    rows = []
    for weight in found.subject.artefact.model.weights():
        one = known[weight.feature]
        meaning = " ".join(one.meaning.split())
        rows.append((one.name, meaning, one.unit, DIRECTIONS[one.direction], PERCENT.write(weight.share)))
    what = "gain of its splits" if found.subject.kind == "boosting" else "spread of its points"
    return Grid(
        f"Features in use, the heaviest first. Weight: share of the {what} in training. Direction: what a larger "
        "value may do to the probability.",
        ("Feature", "What it measures", "Unit", "Direction", "Weight"),
        rows or [(DASH, DASH, DASH, DASH, DASH)],
        frozenset({0, 1, 2, 3}),
    )
