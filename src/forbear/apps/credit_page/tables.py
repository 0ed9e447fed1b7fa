"""The tables of the credit page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forbear.apps.jobs.credit import CreditReport
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SIGNED, SLOPE, Notation
from forbear.domain.credit import Cause
from forbear.models.credit.judgement import PdJudgement
from forbear.models.credit.outlook import YEAR
from forbear.models.results import Figure

MILLIONS = Notation(lambda _: 1, factor=1e-8)
"""Minor units as millions of the currency."""
GAIN = Notation(lambda _: 3, signed=True)
"""Differences of AUCs."""
HORIZONS = {1: "next quarter", YEAR: "next 12 months"}
_FIGURES = (
    ("auc", "AUC", "chance that a loan that defaults outranks one that does not", RATIO),
    ("auc_blind", "AUC without the economy", "", RATIO),
    ("auc_gain", "Gain", "difference of the two", GAIN),
    ("observed_to_expected", "Observed / expected", "1 is right, above 1 too few were expected", SLOPE),
    ("observed_to_expected_blind", "Observed / expected without the economy", "", SLOPE),
    ("slope", "Calibration slope", "1 is right, below 1 is overconfident", SLOPE),
    ("intercept", "Calibration intercept", "0 is right, where the slope is 1", SIGNED),
)


def pd_table(judged: Sequence[PdJudgement]) -> Html:
    """Ranking and calibration at each horizon."""
    rows = [
        _row(label, meaning, [_estimate(notation, one.figures[name]) for one in judged])
        for name, label, meaning, notation in _FIGURES
    ]
    counts = [
        _row("Rows", "a loan at the end of a quarter", [element("td", COUNT.write(one.rows)) for one in judged]),
        _row("Followed by a default", "", [element("td", COUNT.write(one.defaults)) for one in judged]),
        _row("Loans", "distinct", [element("td", COUNT.write(one.loans)) for one in judged]),
    ]
    head = [column("Figure"), *(column(f"Default in the {HORIZONS[one.quarters]}") for one in judged)]
    caption = "Every row is later than all that its model had learned from. 95 % intervals, bootstrapped over loans."
    return table(caption, head, element("tbody", *counts, *rows), name="PD out of time")


def origin_table(report: CreditReport) -> Html:
    """Each origin: what it had learned from, and how it did until the next."""
    fitted = {one.origin: one for one in report.models}
    rows = [
        element(
            "tr",
            row_heading(f"quarter {check.origin}"),
            element("td", COUNT.write(fitted[check.origin].defaults)),
            _estimate(RATIO, check.auc),
            _estimate(RATIO, check.auc_blind),
            element("td", COUNT.write(check.expected)),
            element("td", COUNT.write(check.defaults)),
        )
        for check in report.origins
    ]
    titles = ("Defaults learned from", "AUC", "AUC without the economy", "Expected", "Came")
    head = [column("Fitted at"), *(column(title) for title in titles)]
    caption = "Default in the next quarter, asked at each quarter's end until the next fit."
    return table(caption, head, element("tbody", *rows), name="Origins")


def book_table(report: CreditReport) -> Html:
    """The book once a year: stages, expected loss and what came."""
    last = report.book.quarters[-1].quarter
    rows = [
        element(
            "tr",
            row_heading(f"quarter {end.quarter}"),
            *(element("td", COUNT.write(loans)) for loans in end.loans),
            element("td", MILLIONS.write(sum(end.allowance)), small(_by_stage(end.allowance))),
            element("td", MILLIONS.write(end.loss_year)),
            element("td", MILLIONS.write(_or_nan(end.realised_year)), small(_unresolved(end.unresolved))),
            element("td", MILLIONS.write(end.loss_lifetime)),
            element("td", MILLIONS.write(end.realised_so_far)),
        )
        for end in report.book.quarters
        if (last - end.quarter) % YEAR == 0
    ]
    titles = (
        *("Stage 1", "Stage 2", "Stage 3", "Allowance", "12-month ECL", "Lost within a year"),
        *("Lifetime ECL", "Lost up to the end"),
    )
    caption = (
        "Loans by stage; money in millions of USD. Allowance: by stage 1, 2, 3. ECL and losses: of all running loans, "
        "discounted. Small print: the share of what was owed in those defaults whose workout is not over."
    )
    head = [column("End of"), *(column(title) for title in titles)]
    return table(caption, head, element("tbody", *rows), name="The book once a year")


def cause_table(report: CreditReport) -> Html:
    """Why loans are in their stage, in the quarter with the most of them in stage 2 and in the last."""
    ends = report.book.quarters
    shown = (max(ends, key=lambda end: end.loans[1]), ends[-1])
    rows = [
        _row(_plain(cause), "", [element("td", COUNT.write(end.causes[place])) for end in shown])
        for place, cause in enumerate(Cause)
    ]
    head = [column("Cause"), *(column(f"quarter {end.quarter}") for end in shown)]
    caption = "Loans that each cause speaks for; several may. The panel has no days past due and no watch list."
    return table(caption, head, element("tbody", *rows), name="Causes")


def lgd_table(report: CreditReport) -> Html:
    """LGD expected at default beside what came, by year of default."""
    rows = [
        element(
            "tr",
            row_heading(f"quarters {check.quarter} to {check.quarter + YEAR - 1}"),
            element("td", COUNT.write(check.defaults)),
            element("td", PERCENT.write(check.expected)),
            _estimate(PERCENT, check.observed),
        )
        for check in report.lgd
    ]
    head = [column("Defaulted in"), column("Resolved"), column("Expected"), column("Came")]
    caption = (
        "Mean loss given default. Expected: by the table of the models then in force, of what was resolved by then."
    )
    return table(caption, head, element("tbody", *rows), name="LGD out of time")


def move_table(report: CreditReport) -> Html:
    """Transition matrix of a quarter."""
    moves = report.moves
    rows = []
    for place, state in enumerate(moves.states):
        if not moves.counts[place].sum():
            continue
        cells = [_estimate(PERCENT, moves.figure(place, other)) for other in range(len(moves.states))]
        rows.append(_row(state, f"{COUNT.write(float(moves.counts[place].sum()))} loan-quarters", cells))
    head = [column("From"), *(column(state) for state in moves.states)]
    caption = "Share of running loans that is in each state a quarter later, with its 95 % interval (Wilson)."
    return table(caption, head, element("tbody", *rows), name="Transitions of a quarter")


def _row(label: str, meaning: str, cells: Sequence[Html]) -> Html:
    return element("tr", row_heading(label, small(meaning)), *cells)


def _estimate(notation: Notation, figure: Figure) -> Html:
    return element("td", notation.write(figure.value), small(notation.interval(figure)))


def _by_stage(allowance: Sequence[float]) -> str:
    return " + ".join(MILLIONS.write(amount) for amount in allowance)


def _unresolved(share: float) -> str:
    return "" if np.isnan(share) or share == 0.0 else f"{PERCENT.write(share)} unresolved"


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _plain(cause: Cause) -> str:
    return str(cause.name).lower().replace("_", " ")
