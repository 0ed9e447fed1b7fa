"""Sentences that say what the values say, for who reads no curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from forbear.apps.page.markup import Html, element, joined
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, Notation, round_percent
from forbear.apps.page.request import BacktestPage
from forbear.models.results import CalibrationBin, Evaluation, Figure, LeadTime, Weight

HEADLINE_BUDGET = 0.05
HEADLINE_DAYS = 7
MISSING = Figure(math.nan, math.nan, math.nan)


def headline(page: BacktestPage) -> Html:
    """The result in one sentence for a head of collections, or as much of it as the values can carry."""
    leader = page.leader
    contacting = f"Contacting the riskiest {round_percent(HEADLINE_BUDGET)} of customers {page.cadence} would have "
    caught = _in_time(leader)
    if not math.isnan(caught.value):
        ahead = f" of {page.outcomes} at least {in_days(days_in_time(leader))} ahead."
        return joined([contacting, "reached ", _estimate(PERCENT, caught), ahead])
    if leader.positives == 0:
        return joined([f"There are no {page.outcomes} in the test window: how well they are foreseen cannot be said."])
    recall = figure_of(leader, "recall_at_5pct")
    if not math.isnan(recall.value):
        found = f" of the {COUNT.write(leader.positives)} test rows that {page.outcomes} followed."
        return joined([contacting, "reached ", _estimate(PERCENT, recall), found])
    auc = figure_of(leader, "auc")
    if not math.isnan(auc.value):
        return joined(["The model ranks cases as they turn out with an AUC of ", _estimate(RATIO, auc), "."])
    return joined(["There is too little data in the test window to say how well the model foresees."])


def beside_headline(page: BacktestPage) -> str:
    """What the other models reach at the headline's budget and day; empty where nothing can be compared."""
    if math.isnan(_in_time(page.leader).value):
        return ""
    reached = []
    for other in page.evaluations[1:]:
        caught = _in_time(other)
        if not math.isnan(caught.value):
            reached.append(f"{other.model} {PERCENT.estimate(caught)}")
    return f"With the same number of contacts: {'; '.join(reached)}." if reached else ""


def at_budget(lines: Sequence[LeadTime], budget: float) -> LeadTime | None:
    """The line of one budget, if it was evaluated and has days."""
    return next((line for line in lines if math.isclose(line.budget, budget) and line.days_ahead), None)


def days_in_time(evaluation: Evaluation) -> int:
    """The day that shares caught are quoted at: HEADLINE_DAYS, or what this evaluation has nearest before it."""
    return next((caught_ahead(line)[0] for line in evaluation.lead_time if line.days_ahead), HEADLINE_DAYS)


def in_days(days: int) -> str:
    """A number of days in words."""
    return "1 day" if days == 1 else f"{days} days"


def caught_ahead(line: LeadTime, days: int = HEADLINE_DAYS) -> tuple[int, Figure]:
    """The latest day not beyond `days` (else the first) and the share caught by then."""
    place = max((i for i, day in enumerate(line.days_ahead) if day <= days), default=0)
    return line.days_ahead[place], line.caught[place]


def figure_of(evaluation: Evaluation, name: str) -> Figure:
    """A figure by name; NaN throughout where the evaluation has none of that name."""
    return evaluation.figures.get(name, MISSING)


def base_rate(evaluation: Evaluation) -> float:
    """Share of rows that are positive; NaN without rows."""
    return evaluation.positives / evaluation.rows if evaluation.rows else math.nan


def predicted_and_observed(bins: Sequence[CalibrationBin]) -> tuple[float, float]:
    """Mean predicted PD and observed rate over all bins; both NaN without rows."""
    rows = np.array([one.rows for one in bins], dtype=np.float64)
    if not rows.sum():
        return math.nan, math.nan
    predicted = np.array([one.predicted for one in bins])
    observed = np.array([one.observed.value for one in bins])
    return float(rows @ predicted / rows.sum()), float(rows @ observed / rows.sum())


def ranking_summary(evaluations: Sequence[Evaluation], name: str, title: str) -> str:
    """One figure of every model, e.g. the AUC."""
    found = [f"{one.model} {RATIO.estimate(figure_of(one, name))}" for one in evaluations]
    return f"{title}: {'; '.join(found)}."


def lead_time_summary(lines: Sequence[LeadTime]) -> str:
    """How much each budget catches in time to help.  lines: at least one, all with days."""
    days = caught_ahead(lines[0])[0]
    found = [f"{PERCENT.estimate(caught_ahead(line)[1])} at a budget of {round_percent(line.budget)}" for line in lines]
    return f"Caught at least {in_days(days)} ahead, out of {COUNT.write(lines[0].misses)}: {'; '.join(found)}."


def calibration_summary(bins: Sequence[CalibrationBin]) -> str:
    """Predicted against observed overall, and how many bins agree within their interval."""
    predicted, observed = predicted_and_observed(bins)
    agreeing = sum(one.observed.low <= one.predicted <= one.observed.high for one in bins)
    return (
        f"Predicted {PERCENT.write(predicted)} on average, observed {PERCENT.write(observed)}. "
        f"The prediction lies within the interval in {agreeing} of {len(bins)} bins."
    )


def weights_summary(ranked: Sequence[Weight], shown: int) -> str:
    """How concentrated the model is."""
    first = sum(weight.share for weight in ranked[:5])
    more = f" {len(ranked) - shown} smaller ones are not shown." if len(ranked) > shown else ""
    return (
        f"The first {min(5, len(ranked))} of {len(ranked)} features carry {PERCENT.write(first)} of the weight.{more}"
    )


def _in_time(evaluation: Evaluation) -> Figure:
    """Share caught in time to help at the headline's budget; NaN where it is not known."""
    line = at_budget(evaluation.lead_time, HEADLINE_BUDGET)
    return caught_ahead(line)[1] if line else MISSING


def _estimate(notation: Notation, figure: Figure) -> Html:
    value, interval = element("strong", notation.write(figure.value)), notation.interval(figure)
    return element("span", value, f" ({interval})" if interval else "", class_="estimate")
