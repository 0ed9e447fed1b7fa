"""The table of figures: every model side by side, with intervals, and a footnote for every dash."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase

from forbear.apps.page import words
from forbear.apps.page.markup import Html, column, element, joined, row_heading, small, table
from forbear.apps.page.numerals import (
    COUNT,
    DASH,
    PERCENT,
    RATIO,
    SIGNED,
    SLOPE,
    SMALL,
    SPACE,
    Notation,
    round_percent,
)
from forbear.apps.page.request import BacktestPage
from forbear.models.results import Evaluation, Figure

NO_PROBABILITY = "The model ranks but states no probability, so there is none to check."
ONE_CLASS = "Undefined: the test rows are all positive or all negative."
NOT_GIVEN = "Not part of this evaluation."
NOT_ESTIMATED = "Could not be estimated from this much data."
NO_LEAD_TIME = "The day of the outcome is not known, or no budget was tried."
NO_INTERVAL = "No interval: too few resamples in which the figure exists."

_OF_A_PROBABILITY = frozenset({"brier", "log_loss", "calibration_slope", "calibration_intercept"})


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: a figure's name in the evaluation, its label, its meaning and how it is written."""

    name: str
    label: str
    meaning: str
    notation: Notation


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading, with a word on what they have in common."""

    title: str
    meaning: str
    lines: tuple[Line, ...]


def _budget_lines() -> tuple[Line, ...]:
    return tuple(
        Line(f"{name.lower()}_at_{percent}pct", f"{name} at {round_percent(percent / 100.0)}", "", PERCENT)
        for percent in (1, 2, 5, 10)
        for name in ("Precision", "Recall")
    )


GROUPS = (
    Group(
        "Ranking",
        "larger is better, 1 is perfect",
        (
            Line("auc", "AUC", "chance that a positive outranks a negative", RATIO),
            Line("pr_auc", "PR-AUC", "mean precision over all recalls", RATIO),
            Line("ks", "KS", "largest distance between the two classes", RATIO),
        ),
    ),
    Group(
        "Probabilities",
        "smaller scores are better",
        (
            Line("brier", "Brier score", "mean squared error", SMALL),
            Line("brier_base", "Brier score of the base rate", "one probability for everybody; to be beaten", SMALL),
            Line("log_loss", "Log-loss", "mean surprise at what happened", SMALL),
            Line("calibration_slope", "Calibration slope", "1 is right, below 1 is overconfident", SLOPE),
            Line("calibration_intercept", "Calibration intercept", "0 is right, where the slope is 1", SIGNED),
        ),
    ),
    Group(
        "Contacting the riskiest",
        "precision: share of contacts that were right; recall: share of positive rows reached",
        _budget_lines(),
    ),
)
_KNOWN = frozenset(line.name for group in GROUPS for line in group.lines)


@dataclass(slots=True)
class Footnotes:
    """Reasons in the order in which they were first needed, each with a letter."""

    reasons: list[str] = field(default_factory=list)

    def mark(self, reason: str) -> Html:
        """The raised letter of a reason."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        return element("sup", ascii_lowercase[self.reasons.index(reason)])

    def listed(self) -> Html:
        """The list of reasons; nothing without any."""
        items = [
            element("li", element("sup", letter), f" {reason}")
            for letter, reason in zip(ascii_lowercase, self.reasons, strict=False)
        ]
        return element("ul", *items, class_="footnotes") if items else Html()


def figures_table(page: BacktestPage) -> Html:
    """The table and its footnotes. Figures without a line of their own come last, under their own names."""
    notes = Footnotes()
    groups = (*GROUPS, Group("Further figures", "", _further_lines(page)))
    bodies = [_test_rows(page), *(_figure_rows(group, page, notes) for group in groups), _caught_rows(page, notes)]
    caption = (
        "Figures on rows later than any that a model was trained on. A row is one customer on one scoring date. "
        f"Below each figure: its 95{SPACE}% interval, bootstrapped over customers."
    )
    models = [_heading(one.model, class_) for one, class_ in zip(page.evaluations, _classes(page), strict=True)]
    content = table(caption, [column("Figure"), *models], *bodies, name="Figures of every model")
    return element("div", content, notes.listed(), class_="figures")


def _further_lines(page: BacktestPage) -> tuple[Line, ...]:
    names = {name: None for one in page.evaluations for name in one.figures if name not in _KNOWN}
    return tuple(Line(name, name, "", SMALL) for name in names)


def _heading(model: str, class_: str) -> Html:
    return column(model, small("leads" if class_ else ""), class_=class_)


def _classes(page: BacktestPage) -> tuple[str, ...]:
    """The class of each model's column: the leader stands out where there are others."""
    others = len(page.evaluations) - 1
    return ("leads" if others else "", *[""] * others)


def _test_rows(page: BacktestPage) -> Html:
    models = page.evaluations
    rows = [
        _row(page, "Rows", "customers times dates", [COUNT.write(one.rows) for one in models]),
        _row(page, "Customers", "distinct", [COUNT.write(one.customers) for one in models]),
        _row(page, "Positives", "rows that the outcome follows", [COUNT.write(one.positives) for one in models]),
        _row(page, "Base rate", "share of positives", [PERCENT.write(words.base_rate(one)) for one in models]),
    ]
    return _body(page, "Test rows", "", rows)


def _figure_rows(group: Group, page: BacktestPage, notes: Footnotes) -> Html:
    rows = [
        _row(page, line.label, line.meaning, [_figure(line, one, notes) for one in page.evaluations])
        for line in group.lines
        if any(line.name in one.figures for one in page.evaluations)
    ]
    return _body(page, group.title, group.meaning, rows)


def _caught_rows(page: BacktestPage, notes: Footnotes) -> Html:
    rows = []
    for budget in dict.fromkeys(line.budget for one in page.evaluations for line in one.lead_time if line.days_ahead):
        lines = [words.at_budget(one.lead_time, budget) for one in page.evaluations]
        caught = [words.caught_ahead(line)[1] if line else words.MISSING for line in lines]
        cells = [_estimate(PERCENT, figure, NO_LEAD_TIME, notes) for figure in caught]
        rows.append(_row(page, f"Riskiest {round_percent(budget)}", "", cells))
    days = words.in_days(words.days_in_time(page.leader))
    return _body(page, f"Caught at least {days} ahead", f"share of {page.outcomes}", rows)


def _body(page: BacktestPage, title: str, meaning: str, rows: list[Html]) -> Html:
    if not rows:
        return Html()
    span = str(len(page.evaluations) + 1)
    heading = element("th", title, small(meaning), scope="rowgroup", colspan=span, class_="group")
    return element("tbody", element("tr", heading), *rows)


def _row(page: BacktestPage, label: str, meaning: str, contents: Sequence[str]) -> Html:
    cells = [element("td", one, class_=class_) for one, class_ in zip(contents, _classes(page), strict=True)]
    return element("tr", row_heading(label, small(meaning)), *cells)


def _figure(line: Line, evaluation: Evaluation, notes: Footnotes) -> Html:
    figure = words.figure_of(evaluation, line.name)
    return _estimate(line.notation, figure, _why_missing(line.name, evaluation), notes)


def _estimate(notation: Notation, figure: Figure, why_missing: str, notes: Footnotes) -> Html:
    """A figure with its interval below, or a dash with its footnote."""
    if math.isnan(figure.value):
        return joined([DASH, notes.mark(why_missing)])
    interval = notation.interval(figure)
    return joined([notation.write(figure.value), small(interval) if interval else notes.mark(NO_INTERVAL)])


def _why_missing(name: str, evaluation: Evaluation) -> str:
    if name not in evaluation.figures:
        return NOT_GIVEN
    if name in _OF_A_PROBABILITY and not evaluation.calibration:
        return NO_PROBABILITY
    if evaluation.positives in (0, evaluation.rows):
        return ONE_CLASS
    return NOT_ESTIMATED
