"""The parts of the pack about what the model does: performance, stability, sensitivity and explanations."""

from __future__ import annotations

import numpy as np

from forbear.apps.feature_page import DIRECTIONS
from forbear.apps.jobs.backtesting import OUTCOMES
from forbear.apps.jobs.validating import EXPERT, TOP_SHARE, Validation
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.cards import calibration_card, lead_time_card, precision_recall_card, roc_card
from forbear.apps.page.figures_table import figures_table
from forbear.apps.page.legend import key_square, plotted
from forbear.apps.page.markup import element, joined
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, RATIO, SLOPE, round_percent
from forbear.apps.page.request import BacktestPage
from forbear.apps.validation import plots
from forbear.apps.validation.because import LEAD, because
from forbear.apps.validation.blocks import Block, Facts, Grid, Picture, Section, Text
from forbear.models.validation.breakdown import LEAST_POSITIVES, Part
from forbear.models.validation.sensitivity import Reaction
from forbear.models.validation.stability import Refits

MOST_SEGMENTS, MOST_FEATURES = 12, 12
"""Rows that a table of segments, or of features, shows at most; the JSON has all."""


def ranking_section(found: Validation) -> Section:
    """How well the model ranks, beside two baselines, by date and by segment."""
    page = _page(found)
    leads = Grid(
        "AUC of the model less that of each baseline on the same rows. Below 0 the baseline is better.",
        ("Baseline", "What it is", "Lead in AUC (95 % interval)"),
        [(name, _what(found, name), LEAD.estimate(lead)) for name, lead in found.leads.items()],
        frozenset({0, 1}),
    )
    cards = element("div", lead_time_card(page), roc_card(page), precision_recall_card(page), class_="grid")
    return Section(
        "Performance: ranking",
        "Whether those whom the model calls risky are those whom it happens to, on dates that it has never seen.",
        (leads, Picture(figures_table(page)), Picture(cards), _areas(found), *_segments(found)),
        found.lights["ranking"],
        because(found, "ranking"),
    )


def calibration_section(found: Validation) -> Section:
    """Whether probabilities are right."""
    rows = [_part(part) for part in (found.everybody, *found.months)]
    return Section(
        "Performance: calibration",
        "Whether of all customers with a probability of, say, 5 % about 5 in 100 have the event.",
        (
            Picture(element("div", calibration_card(_page(found)), class_="grid")),
            Grid(
                "Expected against observed by date, with 95 % intervals bootstrapped over customers. Ratio: observed "
                "over expected, 1 is right.",
                _PART_HEAD,
                rows,
            ),
        ),
        found.lights["calibration"],
        because(found, "calibration"),
    )


def stability_section(found: Validation) -> Section:
    """How the inputs, the scores and the order of customers move, and what another training would have said."""
    steady, terms = found.steady, found.terms.drift
    features = [
        (
            one.name,
            SLOPE.write(one.psi),
            *(PERCENT.write(share) for share in one.unknown),
            _drifted(one.psi, terms.look),
        )
        for one in steady.features[:MOST_FEATURES]
    ]
    changed = sum(one.psi >= terms.change for one in steady.features)
    psi = dict(zip([one.name for one in steady.months], steady.months, strict=True))
    order = {one.after: one for one in steady.order}
    dates = [
        (
            name,
            SLOPE.write(one.psi),
            RATIO.write(order[name].rank) if name in order else DASH,
            PERCENT.write(order[name].top) if name in order else DASH,
        )
        for name, one in psi.items()
    ]
    return Section(
        "Stability",
        "Population stability index (PSI): how far a distribution has moved from training; 0 is not at all.",
        (
            Grid(
                f"The features that moved most, {changed} of {len(steady.features)} by {terms.change:g} or more.",
                ("Feature", "PSI", "Unknown, training", "Unknown, unseen", ""),
                features,
                frozenset({0, 4}),
            ),
            Grid(
                "By date: PSI of the scores against training; rank correlation (Spearman) of the scores of customers "
                "who "
                f"were there on the date before; share of the riskiest {round_percent(TOP_SHARE)} then who still are.",
                ("Date", "PSI of scores", "Rank correlation", "Still among the riskiest"),
                dates,
            ),
            Text("What would have been said had other customers happened to be in the training data:"),
            Facts(_again(steady.refits)),
        ),
        found.lights["stability"],
        because(found, "stability"),
    )


def _again(refits: Refits) -> dict[str, str]:
    failed = f" {refits.failed} more found too few events to learn from." if refits.failed else ""
    told = {
        "Trainings": f"{refits.number}, each on customers drawn anew with replacement, with a seed of its own.{failed}"
    }
    if refits.number < 2:
        return told
    median, high, highest = map(PERCENT.write, refits.spread)
    return {
        **told,
        "PD of the same row": (
            f"its standard deviation over its mean is {median} for the middle row, {high} at the 90th and {highest} "
            "at the "
            "99th percentile."
        ),
        f"The riskiest {round_percent(TOP_SHARE)}": f"{PERCENT.write(refits.top)} of them are the same, on average.",
        "AUC on the unseen rows": f"{RATIO.write(min(refits.auc))} to {RATIO.write(max(refits.auc))}.",
    }


def sensitivity_section(found: Validation) -> Section:
    """What moved, unknown and shuffled inputs do."""
    sensitive, base = found.sensitive, found.everybody.mean_pd
    first = sensitive.shocks[:MOST_FEATURES]
    units = {spec.name: spec.unit for spec in found.subject.unseen.specs}
    rows = [
        (
            one.feature,
            DIRECTIONS[one.direction],
            f"{one.step:.3g} {units[one.feature]}",
            *map(_reaction, (one.lower, one.higher, one.unknown)),
        )
        for one in first
    ]
    shuffled = [
        (one.feature, LEAD.write(one.fall.value), LEAD.interval(one.fall), SLOPE.write(one.attribution))
        for one in sensitive.importances.features[:MOST_FEATURES]
    ]
    blocks: tuple[Block, ...] = (
        _swings(found),
        Grid(
            "Each feature moved in every row by its step (half the distance from its 16th to its 84th percentile in "
            "training), and made unknown in every row: the mean PD, and in parentheses the share of rows at or above "
            f"{PERCENT.write(sensitive.cut_off)}, the PD of the riskiest {round_percent(TOP_SHARE)}. As they are: "
            f"{PERCENT.write(base)}.",
            ("Feature", "A larger value", "Step", "One step lower", "One step higher", "Unknown"),
            rows,
            frozenset({0, 1, 2}),
        ),
        Text(
            f"A customer of whom nothing at all is known is given a PD of {PERCENT.write(sensitive.nothing)}; the "
            f"mean of the unseen rows is {PERCENT.write(base)}. {_nothing(sensitive.nothing, base)}"
        ),
        Grid(
            "Permutation importance: by how much the AUC falls when a feature's values are shuffled among the "
            "customers of "
            f"a date (mean, least and most of {sensitive.importances.repeats} shuffles), beside the mean absolute "
            "part of "
            "the score that explanations give to it [log-odds]. Rank correlation of the two over all features in use: "
            f"{SLOPE.write(sensitive.importances.agreement)}.",
            ("Feature", "Fall of AUC", "Least to most", "Mean absolute attribution"),
            shuffled,
        ),
    )
    return Section(
        "Sensitivity",
        "What the answers do when the questions change: a step up or down, a value that is missing, values shuffled.",
        blocks,
        found.lights["sensitivity"],
        because(found, "sensitivity"),
    )


def explanations_section(found: Validation) -> Section:
    """Whether explanations are those of the score."""
    text = (
        "Every score is explained by what each feature adds to it (Shapley values, exact for this kind of model). A "
        "reason "
        "is told to a person only if it raises the score, lies on the worrying side of a stated calm point, and would "
        "lower the probability if it were put right; so some high scores have none to tell."
    )
    return Section(
        "Explanations",
        "Whether what is told about a score is really where the score comes from.",
        (Text(text),),
        found.lights["explanations"],
        because(found, "explanations"),
    )


def page_words(found: Validation) -> str:
    """What is foreseen, in the plural."""
    return OUTCOMES[found.subject.home.deployment.miss.kind]


def _page(found: Validation) -> BacktestPage:
    """What the plots and tables of a backtest need to draw the same for these rows."""
    return BacktestPage(
        title="",
        source=found.subject.home.deployment.source,
        synthetic=found.subject.home.synthetic,
        question="",
        trained="",
        tested="",
        evaluations=found.evaluations,
        created="",
        outcomes=page_words(found),
        cadence="each week",
    )


def _what(found: Validation, name: str) -> str:
    if name == EXPERT:
        return "points that experts have stated; nothing was learned from data"
    return f"{found.alone}, which ranked best by itself in training, fitted in bins: all others must add to it"


_PART_HEAD = ("Date", "Rows", "Events", "Expected", "Observed", "Ratio", "AUC")


def _part(part: Part) -> tuple[str, ...]:
    return (
        part.name,
        COUNT.write(part.rows),
        COUNT.write(part.positives),
        PERCENT.write(part.mean_pd),
        PERCENT.estimate(part.observed),
        SLOPE.estimate(part.ratio),
        RATIO.estimate(part.auc),
    )


def _areas(found: Validation) -> Picture:
    told = [part for part in found.months if not np.isnan(part.auc.value)]
    drawing = Drawing("areas", "AUC by date of observation.", height=2.8, width=plots.WIDE)
    auc = found.evaluations[0].figures["auc"]
    drawn = plots.areas(found.months, auc, drawing)
    values = [part.auc.value for part in told]
    says = (
        f"From {RATIO.write(min(values))} to {RATIO.write(max(values))} on {len(told)} of {len(found.months)} dates; "
        f"{RATIO.estimate(auc)} on all together (dotted)."
        if told
        else f"No date has {LEAST_POSITIVES} events, so no date is judged by itself."
    )
    return Picture(
        plotted(drawn),
        "Ranking by date",
        f"Dates with fewer than {LEAST_POSITIVES} events are left out: their AUC would be noise. Bars are 95 % "
        "intervals.",
        says,
    )


def _segments(found: Validation) -> list[Grid]:
    made = []
    for dimension, parts in found.segments.items():
        if len(parts) < 2:
            continue
        ranked = sorted(parts, key=lambda one: (-one.rows, one.name))
        more = f" The {MOST_SEGMENTS} largest of {len(parts)}." if len(parts) > MOST_SEGMENTS else ""
        caption = (
            f"By {dimension}, all unseen dates together. No AUC is given for fewer than {LEAST_POSITIVES} events.{more}"
        )
        made.append(
            Grid(caption, (dimension.capitalize(), *_PART_HEAD[1:]), [_part(one) for one in ranked[:MOST_SEGMENTS]])
        )
    return made


def _drifted(psi: float, look: float) -> str:
    return "worth a look" if psi >= look else ""


def _reaction(reaction: Reaction) -> str:
    return f"{PERCENT.write(reaction.mean_pd)} ({PERCENT.write(reaction.high)})"


def _nothing(nothing: float, base: float) -> str:
    if nothing > 2.0 * base:
        return "That is more than twice as much: who is unknown counts as risky, and a gap in the feed as risk."
    if nothing < 0.5 * base:
        return "That is less than half: who is unknown is treated as safe, and a gap in the feed hides risk."
    return "That is of the same size: a gap in the feed neither hides nor invents much."


def _swings(found: Validation) -> Picture:
    first = found.sensitive.shocks[:MOST_FEATURES]
    drawing = Drawing(
        "swings", "Mean PD under a step of each feature.", height=0.9 + 0.32 * len(first), width=plots.WIDE
    )
    base = found.everybody.mean_pd
    key = element("ul", key_square("accent", "one step lower"), key_square("amber", "one step higher"), class_="legend")
    widest = first[0] if first else None
    says = (
        f"{widest.feature} moves the mean PD most: {PERCENT.write(widest.lower.mean_pd)} one step lower, "
        f"{PERCENT.write(widest.higher.mean_pd)} one step higher."
        if widest
        else "No feature could be moved."
    )
    return Picture(
        joined([key, plotted(plots.swings(first, base, drawing))]),
        "A step of one feature, for everybody",
        f"Each bar goes from the mean PD as it is ({PERCENT.write(base)}) to what it would be. A long bar is a feature "
        "whose errors matter.",
        says,
    )
