"""Learn online in a home: what has matured since, two candidates, the gate of a retrained model; nothing in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import CUTS, kinds_kept, last_as_of, load_model_of, note_newest
from forbear.apps.jobs.online_learners import (
    ONLINE,
    Learnt,
    Lessons,
    challenge,
    figures_document,
    newest_corrected,
    recalibrate,
    step_document,
)
from forbear.apps.jobs.retraining import Candidate, champion_in_force, keep_judged, months_before, rows_between
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.engine.backfill import newest_close
from forbear.features.columns import day_of
from forbear.models.artefact import Artefact
from forbear.models.dataset import Dataset
from forbear.models.gate import Champion, Question, judge
from forbear.models.gate_terms import GateTerms
from forbear.models.intervals import Bootstrap
from forbear.models.online import OnlineScorecard
from forbear.models.online_terms import OnlineTerms
from forbear.models.prequential import paired_figures
from forbear.models.results import Figure, Floats

REPORT_FORMAT = 1
CHAMPION = "champion"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineRequest:
    """What is asked. until: nothing known from that day on is used; None: all that the home holds.

    terms: of learning.  gate: of judging, its hold-out included.  created: for the page.  seed: of the bootstrap.
    """

    terms: OnlineTerms
    gate: GateTerms
    created: str
    until: date | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Roles:
    """Who takes part. champion: in force; None where nobody is.  corrected: whose calibration is followed.

    scorecard: as it was trained; None where there is none.  resumed: where its learning stopped; None: not begun.
    """

    champion: Champion | None
    corrected: Artefact | None
    scorecard: Artefact | None
    resumed: Artefact | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What came of an update.

    known_until: the first day of which nothing was known.  learnt, candidates: by learner; those without a candidate
    are in the first alone.  figures: by model, on the rows that all of them foretold.  foretold: these rows; None where
    there are none.
    """

    known_until: date
    champion: str
    roles: Roles
    learnt: Mapping[str, Learnt]
    candidates: Mapping[str, Candidate]
    figures: Mapping[str, Mapping[str, Figure]]
    foretold: Dataset | None
    synthetic: bool

    def document(self, request: OnlineRequest) -> dict[str, Any]:
        """The update as JSON-able values: equal homes and requests give equal ones."""
        return {
            "format": REPORT_FORMAT,
            "known_until": self.known_until.isoformat(),
            "synthetic": self.synthetic,
            "champion": self.champion or None,
            "terms": {"version": request.terms.version, "digest": request.terms.digest},
            "gate_terms": {"version": request.gate.version, "digest": request.gate.digest},
            "seed": request.seed,
            "learners": {name: self._learner(one) for name, one in self.learnt.items()},
            "foretold": self._foretold(),
        }

    def _learner(self, one: Learnt) -> dict[str, Any]:
        candidate = self.candidates.get(one.name)
        told = None if candidate is None else candidate.report
        return {
            "parent": one.parent,
            "candidate": None if candidate is None else candidate.digest,
            "why_not": one.why or None,
            "update": one.update if one.statement else None,
            "statement": one.statement or None,
            "steps": [step_document(step) for step in one.steps],
            "outcome": None if told is None else str(told.outcome),
            "checks": {} if told is None else {check.name: str(check.verdict) for check in told.checks},
            "gate": None if candidate is None else str(candidate.document.name),
        }

    def _foretold(self) -> dict[str, Any] | None:
        if self.foretold is None:
            return None
        return {
            "first_as_of": str(self.foretold.as_of.min()),
            "last_as_of": str(self.foretold.as_of.max()),
            "dates": len(np.unique(self.foretold.as_of)),
            "rows": len(self.foretold),
            "positives": self.foretold.positives,
            "figures": {name: figures_document(told) for name, told in self.figures.items()},
        }


def update_online(home: Home, console: Console, request: OnlineRequest) -> Updated:
    """Let both learners learn from what has matured, and keep what they come to with what the gate says of it.

    Raises ConfigError where the home holds no trained model, NotEnoughData where nothing has matured behind what the
    models have learnt from and before the hold-out; else what the home raises.
    """
    last = last_as_of(home, request.until)
    held = CUTS[request.terms.every](
        max(home.deployment.first_asked, months_before(last, request.gate.window.hold_out_months)), last
    )
    lag = HORIZON_DAYS + home.deployment.miss.reporting_days
    end = day_of(held[0] + 1) - timedelta(days=lag) if held else last
    roles = _roles(home, end, console)
    learn = CUTS[request.terms.every](_since(roles), end) if held else []
    if not learn:
        raise NotEnoughData(
            f"up to {end} nothing has matured that the models have not learnt from",
            mend="come back when outcomes are older, or shorten the gate's hold-out",
        )
    learnt, judged = rows_between(home, console, (learn, held), request.until)
    chance = Bootstrap(request.seed, request.gate.evidence.resamples)
    lessons = Lessons(learn=learnt.dataset, held=judged.dataset, lag_days=lag, terms=request.terms, chance=chance)
    if not len(lessons.learn):
        raise NotEnoughData("everybody whose outcome has matured was helped", mend="hold some out by policy")
    found = _learnt(roles, lessons, console)
    candidates = {
        one.name: keep_judged(
            home, judge(_question(one.artefact, roles, lessons), request.gate), "online", request.created
        )
        for one in found.values()
        if one.artefact is not None
    }
    if ONLINE in candidates:
        # As after `train`, its kind can be asked for by name; which model leads stays what it was.
        note_newest(home, OnlineScorecard.kind, candidates[ONLINE].digest)
    closed = day_of(newest_close(home.archive) + 1)
    known_until = min(request.until or closed, closed)
    foretold = _foretold(roles, found, lessons)
    return Updated(
        known_until=known_until,
        champion=roles.champion.digest if roles.champion else "",
        roles=roles,
        learnt=found,
        candidates=candidates,
        figures={} if foretold is None else paired_figures(foretold[1], foretold[0], chance),
        foretold=None if foretold is None else foretold[0],
        synthetic=home.synthetic,
    )


def _roles(home: Home, end: date, console: Console) -> Roles:
    """Who takes part in learning up to a date. Raises ConfigError where nothing was trained that could learn on."""
    kinds = kinds_kept(home)
    if not kinds:
        raise ConfigError(f"{home.folder} holds no trained model", mend="run `forbear train` with this --home first")
    champion = champion_in_force(home, console)
    if champion is None:
        corrected: Artefact | None = load_model_of(home, kinds[0])
    else:
        corrected = champion.scorer if isinstance(champion.scorer, Artefact) else None
    scorecard = load_model_of(home, "scorecard") if "scorecard" in kinds else None
    if corrected is None and scorecard is None:
        raise ConfigError(
            "the champion has no calibration, and there is no scorecard that could learn on",
            mend="run `forbear train --model scorecard` with this --home first",
        )
    resumed = None if scorecard is None else _resumed(home, scorecard.digest(), end)
    return Roles(champion, corrected, scorecard, resumed)


def _resumed(home: Home, began_as: str, end: date) -> Artefact | None:
    """The artefact that has learnt longest of those that began as a scorecard and know nothing behind a date."""
    registry, found = home.registry, []
    for version in registry.versions():
        if version.kind == OnlineScorecard.kind and version.window.last_as_of <= end.isoformat():
            artefact = registry.get(version.digest)
            if isinstance(artefact.model, OnlineScorecard) and artefact.model.start == began_as:
                found.append(artefact)
    return max(found, key=lambda one: one.provenance.window.last_as_of, default=None)


def _since(roles: Roles) -> date:
    """The first date that some learner has not learnt from."""
    newest = []
    if roles.corrected is not None:
        newest.append(newest_corrected(roles.corrected))
    if (card := roles.resumed or roles.scorecard) is not None:
        newest.append(card.provenance.window.last_as_of)
    return date.fromisoformat(min(newest)) + timedelta(days=1)


def _learnt(roles: Roles, lessons: Lessons, console: Console) -> dict[str, Learnt]:
    """What each learner that there is came to."""
    found = []
    with console.progress("Learning", 2) as progress:
        if roles.corrected is not None:
            found.append(recalibrate(roles.corrected, lessons))
        progress(1)
        if roles.scorecard is not None:
            found.append(challenge(roles.scorecard, roles.resumed, lessons))
        progress(2)
    return {one.name: one for one in found}


def _question(candidate: Artefact, roles: Roles, lessons: Lessons) -> Question:
    return Question(
        candidate=candidate,
        champion=roles.champion,
        training=lessons.learn,
        hold_out=lessons.held,
        seed=lessons.chance.seed,
    )


def _foretold(roles: Roles, found: Mapping[str, Learnt], lessons: Lessons) -> tuple[Dataset, dict[str, Floats]] | None:
    """Rows that every model was asked about before it knew them, and what each said, the champion first.

    Where nobody is champion it is the model whose calibration is followed, as it was trained.
    """
    scorer = roles.champion.scorer if roles.champion else roles.corrected
    learnt_until = roles.champion.labels_end if roles.champion else ""
    fair_from = np.datetime64(max([learnt_until or "1970-01-01", *(one.fair_from for one in found.values())]), "D")
    everything = lessons.everything
    rows = everything.rows(everything.as_of >= fair_from)
    if scorer is None or not len(rows):
        return None
    stated = {CHAMPION: scorer.predict(rows.features)}
    for name, one in found.items():
        stated[name] = one.stated[one.asked.as_of >= fair_from]
    return rows, stated
