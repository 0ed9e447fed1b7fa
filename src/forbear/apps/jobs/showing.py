"""What the modelling commands show: tables and sentences for a person, one line for a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forbear.apps.console import Console, figure
from forbear.apps.home import Home
from forbear.apps.jobs.backtesting import Backtest, Request, backtest
from forbear.apps.jobs.modelling import Trained, TrainingRequest, train_models
from forbear.apps.jobs.scoring import ScoreRequest, Scores, score, write_csv
from forbear.apps.jobs.showing_truth import print_truth
from forbear.apps.jobs.table import TableRequest, cross_validate
from forbear.models.leakage import Suspect
from forbear.models.results import Evaluation, Figure

FIGURES = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "ks": "KS",
    "brier": "Brier",
    "brier_base": "Brier of the base rate",
    "calibration_slope": "calibration slope",
    "precision_at_1pct": "precision at 1 %",
    "recall_at_1pct": "recall at 1 %",
    "recall_at_5pct": "recall at 5 %",
}


def show_training(home: Home, console: Console, request: TrainingRequest) -> list[Trained]:
    """Train and show what came out."""
    trained = train_models(home, console, request)
    console.result({"models": [one.summary() for one in trained]})
    for one in trained:
        about = one.artefact.provenance
        console.say(
            f"{one.kind}: {about.rows:,} rows from {about.window.first_as_of} to {about.window.last_as_of}, "
            f"{about.positives:,} positive -> {one.path}"
        )
    _print_without_help(console, trained)
    header = ("Validated forward in time (before calibration)", *(one.kind for one in trained))
    metrics = [one.artefact.provenance.metrics for one in trained]
    console.table(
        "Training", header, [(words, *(_cell(m.get(name)) for m in metrics)) for name, words in FIGURES.items()]
    )
    return trained


def _print_without_help(console: Console, trained: Sequence[Trained]) -> None:
    """How many rows were of customers who were helped, and what the naive way would have come to."""
    told = {one.kind: one.without_help for one in trained if one.without_help is not None}
    for found in [*told.values()][:1]:
        rows = found.left_out
        console.say(
            f"Help: {rows.helped:,} of {rows.rows:,} rows are of customers who were helped; they are left out, as are "
            f"{rows.kept_back:,} for whom help was proposed and not given. {rows.held_out:,} rows of the hold-out "
            f"stand for them. The rows learnt from tell as much as {rows.effective:,.0f} of equal weight."
        )
        if rows.exempt:
            console.say(f"For {rows.exempt:,} rows of customers who cannot be held out nobody stands.")
        if not rows.held_out:
            console.say("Nobody was held out: what those who were helped risk without help is learnt from others.")
    for kind, found in told.items():
        cells = {name: _cell(figure.as_dict()) for name, figure in found.auc.items()}
        console.say(
            f"{kind}: AUC on the risk without help {cells['ours']}; learnt naively, as though nobody had been helped, "
            f"{cells['naive']}; gain {cells['gain']}"
        )


def _cell(found: Mapping[str, float | None] | None) -> str:
    return figure(found["value"], found["low"], found["high"]) if found is not None else "-"


def show_table(request: TableRequest, console: Console) -> None:
    """Cross-validate on a table and show the figures."""
    found: Any = cross_validate(request, console)
    console.result(found)
    console.say(f"{found['rows']:,} rows, {found['positives']:,} positive, {len(found['columns'])} columns used")
    for column, reason in found["left_out"].items():
        console.say(f"left out: {column} ({reason})")
    for column, auc in found["suspects"].items():
        console.say(f"Leak? {Suspect(column, auc)}")
    models = found["models"]
    rows = [(words, *(_cell(m.get(name)) for m in models.values())) for name, words in FIGURES.items()]
    console.table(f"{request.folds}-fold cross-validation", ("pooled out of fold", *models), rows)


def show_backtest(home: Home, request: Request, console: Console) -> Backtest:
    """Backtest and show the figures and the page's path."""
    found = backtest(home, request, console)
    console.result(found.summary())
    print_evaluations(console, found.evaluations)
    for kind, error in found.largest_error.items():
        console.say(
            f"{kind}: {found.explained:,} scores explained; largest distance to their attributions' sum {error:.2g}"
        )
    if found.truth is not None:
        print_truth(console, found.truth)
    console.say(f"Page: {found.page}")
    return found


def print_evaluations(console: Console, evaluations: Sequence[Evaluation]) -> None:
    """Figures of some models side by side, and how early each would have caught the misses."""
    leading = evaluations[0]
    title = f"Backtest: {leading.rows:,} rows, {leading.positives:,} misses, {leading.customers:,} customers"
    header = ("95 % intervals over customers", *(one.model for one in evaluations))
    rows = [(words, *(_cell(one.figures[name].as_dict()) for one in evaluations)) for name, words in FIGURES.items()]
    console.table(title, header, rows)
    early = [
        (f"{curve.budget:.0%} of the book a week", *(_percent(curve.caught[days - 1]) for days in (1, 7, 14, 21)))
        for curve in leading.lead_time
    ]
    console.table(
        f"Share of misses that {leading.model} caught at least so many days ahead",
        ("alerted", "1 day", "7 days", "14 days", "21 days"),
        early,
    )


def _percent(caught: Figure) -> str:
    return figure(caught.value, caught.low, caught.high, ".0%")


def show_scores(home: Home, console: Console, request: ScoreRequest) -> Scores:
    """Score the book and show the riskiest."""
    scores, top = score(home, console, request), request.top
    if request.out is not None:
        write_csv(scores, request.out)
    console.result(scores.summary(top))
    listed = zip(scores.customers[:top], scores.probabilities[:top], strict=True)
    console.table(
        f"Riskiest of {len(scores.customers):,} customers as of {scores.as_of} ({scores.model})",
        ("customer", "PD within 30 days"),
        [(customer, f"{pd:.2%}") for customer, pd in listed],
    )
    if request.out is not None:
        console.say(f"All scores: {request.out}")
    return scores
