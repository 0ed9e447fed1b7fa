"""The plots in their cards: title, how to read it, key, plot, and the same in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forbear.apps.page import plots, words
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.legend import absent, key_line, key_square, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import PERCENT, SPACE, round_percent
from forbear.apps.page.request import BacktestPage
from forbear.apps.page.style import BUDGET_LINES, DIRECTIONS, MODEL_LINES
from forbear.models.results import Evaluation, Figure, LeadTime

MOST_WEIGHTS = 15


@dataclass(frozen=True, slots=True)
class Card:
    """A plot with its words.  key: the legend, may be empty.  plot: the drawing, or a word on why there is none."""

    title: str
    how: str
    key: Html
    plot: Html
    summary: str

    def html(self) -> Html:
        """The card as a figure with its caption below the plot."""
        parts = [element("h3", self.title), element("p", self.how, class_="how"), element("div", self.key), self.plot]
        caption = element("figcaption", self.summary)
        return element("figure", *parts, caption, class_="card")


def lead_time_card(page: BacktestPage) -> Html:
    """How many days ahead the leading model sees what it sees, plot and table side by side."""
    lines = [line for line in page.leader.lead_time if line.days_ahead]
    title = element("h3", f"How early: {page.leader.model}")
    how = element(
        "p",
        f"For each budget, the share of {page.outcomes} whose customer had been among the riskiest at least so many "
        "days before. Time to help is to the right. "
        f"Bands are 95{SPACE}% intervals; the dotted line marks {words.in_days(words.days_in_time(page.leader))} "
        "ahead.",
        class_="how",
    )
    if not any(not math.isnan(figure.value) for line in lines for figure in line.caught):
        why = absent("Not drawn: no day of an outcome is known in the test rows.")
        return element("figure", element("div", title, how, class_="side"), why, class_="card wide")
    summary = words.lead_time_summary(lines)
    marked = words.days_in_time(page.leader)
    plot = plots.lead_time(lines, marked, Drawing("lead-time", f"Lead time by budget. {summary}", height=3.7))
    left = element("div", title, how, _budget_key(lines), plotted(plot), class_="side")
    return element("figure", left, _lead_time_table(lines), element("figcaption", summary), class_="card wide")


def roc_card(page: BacktestPage) -> Html:
    """The ROC curve of every model."""
    summary = words.ranking_summary(page.evaluations, "auc", "AUC")
    drawing = Drawing("roc", f"ROC curves. {summary}", height=5.2)
    drawn = any(plots.drawable(one.roc) for one in page.evaluations)
    return Card(
        "Ranking: ROC",
        "How many positives are found for how many false alarms, from the riskiest row to the safest. "
        "The further up and left the better; the dotted diagonal is chance.",
        _model_key(page.evaluations) if drawn else Html(),
        plotted(plots.roc(page.evaluations, drawing)) if drawn else _one_class(),
        summary,
    ).html()


def precision_recall_card(page: BacktestPage) -> Html:
    """Precision by recall of every model."""
    summary = words.ranking_summary(page.evaluations, "pr_auc", "PR-AUC")
    rate = words.base_rate(page.leader)
    drawing = Drawing("precision-recall", f"Precision by recall. {summary}", height=5.2)
    drawn = any(plots.drawable(one.precision_recall) for one in page.evaluations)
    return Card(
        "Effort: precision and recall",
        "How often an alarm is right when so much of what is coming is to be found. "
        f"The dotted line is the base rate, {PERCENT.write(rate)}: alarms drawn at random.",
        _model_key(page.evaluations) if drawn else Html(),
        plotted(plots.precision_recall(page.evaluations, rate, drawing)) if drawn else _one_class(),
        summary,
    ).html()


def calibration_card(page: BacktestPage) -> Html:
    """Predicted against observed, of the first model that states probabilities."""
    shown = next((one for one in page.evaluations if one.calibration), None)
    title = f"Calibration: {shown.model}" if shown else "Calibration"
    how = (
        "Each dot is a bin of rows with similar predictions. On the dotted diagonal, what was predicted is what "
        f"happened; bars are 95{SPACE}% intervals (Wilson), a hollow dot is a rate of 0 below the axis."
    )
    if shown is None:
        return Card(title, how, Html(), absent("Not drawn: no model here states a probability."), "").html()
    summary = words.calibration_summary(shown.calibration)
    drawing = Drawing("calibration", f"Observed rate by predicted probability. {summary}", height=6.0)
    return Card(title, how, Html(), plotted(plots.calibration(shown.calibration, drawing)), summary).html()


def weights_card(page: BacktestPage) -> Html:
    """The features that carry the leading model."""
    known = (weight for weight in page.leader.weights if math.isfinite(weight.share))
    ranked = sorted(known, key=lambda weight: (-weight.share, weight.feature))
    title = f"What it looks at: {page.leader.model}"
    how = "How much of the model's weight each feature carries, and which way the model may use it."
    if not ranked:
        return Card(title, how, Html(), absent("Not drawn: the model gives no weights."), "").html()
    first = ranked[:MOST_WEIGHTS]
    summary = words.weights_summary(ranked, len(first))
    drawing = Drawing("weights", f"Weight of the features. {summary}", height=0.2 + 0.39 * len(first))
    return Card(title, how, _direction_key(), plotted(plots.weights(first, drawing)), summary).html()


def _lead_time_table(lines: Sequence[LeadTime]) -> Html:
    head = [column("Days ahead"), *(column(f"Riskiest {round_percent(line.budget)}") for line in lines)]
    by_day = [dict(zip(line.days_ahead, line.caught, strict=True)) for line in lines]
    days = [day for day in plots.MARKED_DAYS if any(day in caught for caught in by_day)] or sorted(by_day[0])
    rows = [
        element("tr", row_heading(f"at least {day}"), *(_cell(caught.get(day, words.MISSING)) for caught in by_day))
        for day in days
    ]
    return table(f"Share caught, 95{SPACE}% interval", head, element("tbody", *rows), name="Lead time in figures")


def _cell(figure: Figure) -> Html:
    interval = PERCENT.interval(figure)
    return element("td", PERCENT.write(figure.value), small(interval))


def _model_key(evaluations: Sequence[Evaluation]) -> Html:
    items = [
        key_line(*MODEL_LINES[rank % len(MODEL_LINES)], text=evaluation.model)
        for rank, evaluation in enumerate(evaluations)
    ]
    return element("ul", *items, class_="legend")


def _budget_key(lines: Sequence[LeadTime]) -> Html:
    items = [
        key_line(*BUDGET_LINES[rank % len(BUDGET_LINES)], text=f"riskiest {round_percent(line.budget)}")
        for rank, line in enumerate(lines)
    ]
    return element("ul", *items, class_="legend")


def _direction_key() -> Html:
    items = []
    for colour, mark, meaning in DIRECTIONS.values():
        items.append(key_square(colour, f"{mark} {meaning}"))
    return element("ul", *items, class_="legend")


def _one_class() -> Html:
    return absent("Not drawn: the test rows are all positive or all negative.")


def cards(page: BacktestPage) -> Html:
    """All plots, the one that the headline is about first."""
    made = (lead_time_card, roc_card, precision_recall_card, calibration_card, weights_card)
    return element("div", *(make(page) for make in made), class_="grid")
