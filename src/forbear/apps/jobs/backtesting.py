"""Backtest: a model on days that it has not seen, beside another model and a rule of thumb, with its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

import forbear
from forbear.adapters.disk import write_document, write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.explaining import explain_riskiest
from forbear.apps.jobs.known_truth import TruthRequest, find_truth
from forbear.apps.jobs.modelling import (
    dataset_of,
    event_in_words,
    kinds_kept,
    load_model_of,
    month_cuts,
    replay_rows,
    require_unseen,
    week_cuts,
)
from forbear.apps.page import BacktestPage, render
from forbear.domain.deployment import HORIZON_DAYS, Deployment
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.backfill import Replay, Rows
from forbear.features.columns import day_of
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact
from forbear.models.evaluate import Scored, evaluate_scored, with_lead_time
from forbear.models.intervals import Bootstrap
from forbear.models.results import Evaluation, LeadTime, Weight
from forbear.models.scorecard import Scorecard
from forbear.simulation.known import KnownTruth

RULE = "lowest balance of 90 days"
OUTCOMES = {
    "missed_payment": "missed payments",
    "days_past_due": "delinquencies",
    "balance": "overdrawn accounts",
}
"""What is foreseen, in the plural, by kind of miss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to test: as-of dates in [first, last], the month's first days for the figures, Mondays for lead time.

    kind: the model that leads; None takes the one that the home prefers.  truth: hold a synthetic bank's models and
    trials of help against its hidden state too.
    """

    first: date
    last: date
    kind: str | None = None
    seed: int = 0
    resamples: int = 200
    created: str = ""
    truth: bool = False


@dataclass(frozen=True, slots=True)
class Backtest:
    """Evaluations, the leading model first, and where document and page are.

    explained: rows whose every score was explained.  largest_error: the most by which any score of theirs missed the
    sum of its attributions, by kind of model [log-odds].
    """

    request: Request
    synthetic: bool
    evaluations: tuple[Evaluation, ...]
    page: Path
    replay: Replay
    explained: int
    largest_error: Mapping[str, float]
    truth: KnownTruth | None = None

    @property
    def written(self) -> Path:
        """Where the document is."""
        return self.page.with_suffix(".json")

    def summary(self) -> dict[str, object]:
        """One object for a script: the document, and where it and its page are."""
        return {"document": str(self.written), "page": str(self.page), **self.document()}

    def document(self) -> dict[str, object]:
        """Plain values: the leading model's figures at the top, the others under their names."""
        leading, *others = self.evaluations
        return {
            "created": self.request.created,
            "synthetic": self.synthetic,
            "first": self.request.first.isoformat(),
            "last": self.request.last.isoformat(),
            **figures_of(leading),
            "others": {evaluation.model: figures_of(evaluation) for evaluation in others},
            "feed": self.replay.fold_counts,
            "explained": {"rows": self.explained, "largest_error": dict(self.largest_error)},
            **({} if self.truth is None else {"truth": self.truth.summary()}),
        }


def backtest(home: Home, request: Request, console: Console) -> Backtest:
    """Test the home's models. Raises ModelMismatch if one has seen any of the days."""
    deployment = home.deployment  # a home without data has more to mend than its models
    kinds = kinds_kept(home)
    if not kinds:
        raise ConfigError(f"{home.folder} holds no model", mend="run `forbear train` with this --home first")
    if request.kind is not None:
        kinds = [request.kind, *(kind for kind in kinds if kind != request.kind)]
    artefacts = {kind: load_model_of(home, kind) for kind in kinds}
    for artefact in artefacts.values():
        require_unseen(artefact, request.first)
    months, weeks = month_cuts(request.first, request.last), week_cuts(request.first, request.last)
    replay = replay_rows(home, sorted({*months, *weeks}), console, until=None)
    monthly = replay.rows.where(np.isin(replay.rows.cut_day, months))
    weekly = replay.rows.where(np.isin(replay.rows.cut_day, weeks))
    if not len(monthly.labels):
        raise NotEnoughData(
            f"no mature row has an as-of date in [{request.first}, {request.last}]",
            mend=f"the archive is closed until {day_of(replay.closed_until)}; labels need "
            f"{HORIZON_DAYS + deployment.miss.reporting_days} days after the as-of date",
        )
    tested = _Tested(artefacts, FeatureSet.standard(deployment.unsupported), monthly, weekly, replay)
    evaluations = _evaluations(tested, Bootstrap(request.seed, request.resamples), console)
    customers = explain_riskiest(home, artefacts[kinds[0]], int(monthly.cut_day.max()), console)
    truth = find_truth(home, TruthRequest(first=request.first, last=request.last), console) if request.truth else None
    page = replace(_page(deployment, request, tested, evaluations), customers=customers, truth=truth)
    path = home.reports / f"backtest-{request.first}-{request.last}.html"
    write_whole(path, render(page).encode())
    explained, errors = len(monthly.labels) + len(weekly.labels), _largest_errors(tested)
    found = Backtest(request, home.synthetic, evaluations, path, replay, explained, errors, truth)
    write_document(found.written, found.document())
    return found


def figures_of(evaluation: Evaluation) -> dict[str, object]:
    """An evaluation for JSON: counts as numbers, every figure as value, low and high, undefined ones null."""
    return {
        "model": evaluation.model,
        "rows": evaluation.rows,
        "positives": evaluation.positives,
        "customers": evaluation.customers,
        **{name: figure.as_dict() for name, figure in evaluation.figures.items()},
        "lead_time": [_lead_time(curve) for curve in evaluation.lead_time],
    }


def _lead_time(curve: LeadTime) -> dict[str, object]:
    caught = zip(curve.days_ahead, curve.caught, strict=True)
    return {
        "budget": curve.budget,
        "misses": curve.misses,
        "caught_by_days_ahead": {str(days): figure.as_dict() for days, figure in caught},
    }


@dataclass(frozen=True, slots=True)
class _Tested:
    """Models by kind, the leading one first, and the rows that they are asked about."""

    artefacts: Mapping[str, Artefact]
    features: FeatureSet
    monthly: Rows
    weekly: Rows
    replay: Replay


def _evaluations(tested: _Tested, bootstrap: Bootstrap, console: Console) -> tuple[Evaluation, ...]:
    monthly, weekly = tested.monthly, tested.weekly
    by_month, by_week = dataset_of(monthly, tested.features), dataset_of(weekly, tested.features)
    evaluations = []
    with console.progress("Evaluating", len(tested.artefacts) + 1) as progress:
        for done, (kind, artefact) in enumerate(tested.artefacts.items()):
            weights, pds = artefact.model.weights(), [artefact.predict(one.features) for one in (by_month, by_week)]
            asked = [Scored(kind, pd, one, weights, pd) for pd, one in zip(pds, (by_month, by_week), strict=True)]
            evaluations.append(evaluated(asked, bootstrap))
            progress(done + 1)
        weights = (Weight(RULE, 1.0, -1),)
        asked = [Scored(RULE, _rule(r), one, weights, None) for r, one in ((monthly, by_month), (weekly, by_week))]
        rule = evaluated(asked, bootstrap)
    return (*evaluations, rule)


def evaluated(asked: Sequence[Scored], bootstrap: Bootstrap) -> Evaluation:
    """A score on month starts, with its lead time from weekly rows where there are any. asked: it on either."""
    monthly, weekly = asked
    found = evaluate_scored(monthly, bootstrap)
    return with_lead_time(found, weekly.scores, weekly.dataset, bootstrap) if len(weekly.dataset) else found


def _largest_errors(tested: _Tested) -> dict[str, float]:
    """The most by which any score missed the sum of its attributions, over every row that was scored, by model."""
    parts = [np.ascontiguousarray(rows.values) for rows in (tested.monthly, tested.weekly) if len(rows.labels)]
    return {
        kind: max(float(artefact.explain(values).errors.max()) for values in parts)
        for kind, artefact in tested.artefacts.items()
    }


def _rule(rows: Rows) -> np.typing.NDArray[np.float64]:
    """The lower the balance the riskier; it says nothing of a customer whose balance is unknown."""
    return np.where(np.isnan(rows.lowest_balance), -np.inf, -rows.lowest_balance)


def _page(
    deployment: Deployment, request: Request, tested: _Tested, evaluations: tuple[Evaluation, ...]
) -> BacktestPage:
    artefacts, monthly = tested.artefacts, tested.monthly
    about, eligibility = next(iter(artefacts.values())).provenance, deployment.eligibility
    days = [day_of(day) for day in np.unique(monthly.as_of_day)]
    card = next((a.model for a in artefacts.values() if isinstance(a.model, Scorecard)), None)
    return BacktestPage(
        title=f"Backtest {days[0]} to {days[-1]}",
        source=deployment.source,
        synthetic=deployment.synthetic,
        question=(
            f"The probability of {event_in_words(deployment)} within {HORIZON_DAYS} days, for customers known for at "
            f"least {eligibility.history_days} days, active within {eligibility.active_within_days} days, not in "
            f"arrears, and without such an event in the {eligibility.clear_days} days before."
        ),
        trained=(
            f"{about.rows:,} customer-days from {about.window.first_as_of} to {about.window.last_as_of}, "
            f"{about.positives:,} of them followed by a miss; every label window closed by {about.window.labels_end}."
        ),
        tested=(
            f"{len(monthly.labels):,} customer-days on {len(days)} month starts from {days[0]} to {days[-1]}, "
            f"{int(monthly.labels.sum()):,} followed by a miss. Lead time from weekly scoring over the same period."
        ),
        evaluations=evaluations,
        outcomes=OUTCOMES[deployment.miss.kind],
        cadence="each week",
        features_unsupported=tested.features.missing,
        feed=tested.replay.fold_counts,
        notes=(),
        scorecard_table=_scorecard_rows(card),
        facts={
            "forbear": forbear.__version__,
            "feature set": tested.features.hash,
            "data": about.data_fingerprint,
            **{f"{kind} artefact": artefact.digest() for kind, artefact in artefacts.items()},
        },
        created=request.created,
    )


def _scorecard_rows(card: Scorecard | None) -> tuple[tuple[str, ...], ...]:
    if card is None:
        return ()
    return tuple(
        (row.feature, _bin(row.low, row.high), f"{row.points:.0f}", f"{row.rows_share:.1%}") for row in card.table()
    )


def _bin(low: float, high: float) -> str:
    return "unknown" if np.isnan(low) else f"{low:.3g} to {high:.3g}"
