"""The two that learn online: the champion under another calibration, and the scorecard that goes on learning.

Each takes rows to learn from and rows that are only asked about, and answers a candidate, if there is one, with the
statement of what it did. The statement's digest stands in the candidate: what is told of it later can be checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import numpy as np

from forbear.domain.stated import canonical_json
from forbear.engine.versions import LEAST_DIGITS
from forbear.models.artefact import Artefact, Continued, TrainingWindow
from forbear.models.calibration import Corrected, Identity
from forbear.models.dataset import LABEL_WINDOW_DAYS, Dataset, together
from forbear.models.intervals import Bootstrap
from forbear.models.online import Beginning, OnlineScorecard, begin_online, fold_day
from forbear.models.online_terms import OnlineTerms
from forbear.models.prequential import by_day, paired_figures, predict_first
from forbear.models.recalibration import (
    Correction,
    Recalibrating,
    Step,
    begin_recalibrating,
    gather,
    outcomes_of,
    recalibrated,
)
from forbear.models.results import Figure, Floats
from forbear.models.scorecard import Scorecard

RECALIBRATED, ONLINE = "recalibrated", "online"
STATEMENT_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What a learner is given.

    learn: rows to learn from, the label of each known before the first of `held` was observed.  held: rows that it is
    judged on.  lag_days: from a row's date to the day from which its label counts.
    """

    learn: Dataset
    held: Dataset
    lag_days: int
    terms: OnlineTerms
    chance: Bootstrap

    def after(self, day: str) -> Lessons:
        """The same, with no row to learn from up to a date (ISO)."""
        return replace(self, learn=self.learn.rows(self.learn.as_of > np.datetime64(day, "D")))

    @property
    def everything(self) -> Dataset:
        """Rows to learn from, and then those held."""
        return together(self.learn, self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a learner came to. artefact: the candidate; None where there is none, and why says why.

    parent: digest of what it began as.  asked: rows that were predicted before they were learnt from.
    stated: (len(asked),) PDs.  fair_from: as-of date (ISO) from which they used nothing that was not known.
    statement: of what was done, JSON-able; empty where nothing was.  steps: of a recalibration.
    """

    name: str
    artefact: Artefact | None
    why: str
    parent: str
    asked: Dataset
    stated: Floats
    fair_from: str
    statement: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[Step] = ()

    @property
    def update(self) -> str:
        """SHA-256 of the statement."""
        return digest_of_statement(self.statement)


def digest_of_statement(statement: Mapping[str, Any]) -> str:
    """SHA-256 of a statement's canonical JSON, hexadecimal: what a candidate's provenance names as its update."""
    return sha256(canonical_json(statement)).hexdigest()


def figures_document(figures: Mapping[str, Figure]) -> dict[str, dict[str, float | None]]:
    """Figures for JSON."""
    return {name: figure.as_dict() for name, figure in figures.items()}


def recalibrate(artefact: Artefact, lessons: Lessons) -> Learnt:
    """The artefact under the calibration that its matured outcomes ask for.

    It learns from dates behind all labels that the artefact has learnt from, always beginning at the artefact itself.
    """
    about, digest, terms = artefact.provenance, artefact.digest(), lessons.terms.recalibration
    newest, corrected = newest_corrected(artefact), isinstance(artefact.calibrator, Corrected)
    mine = lessons.after(newest)
    fair_from = _days_after(newest, lessons.lag_days) if corrected else about.window.labels_end
    start, rows = begin_recalibrating(artefact), mine.everything

    def learn(state: Recalibrating, day: Dataset) -> Recalibrating:
        return gather(state, outcomes_of(artefact, day), terms)

    def predict(state: Recalibrating, features: Floats) -> Floats:
        return state.calibrator.apply(artefact.log_odds(features))

    stated, _ = predict_first(rows, start, learn, predict, matures_after_days=lessons.lag_days)
    state = start
    for day in by_day(mine.learn):
        state = learn(state, day)
    found = Learnt(
        name=RECALIBRATED,
        artefact=None,
        why=_why_not(start, state),
        parent=digest,
        asked=rows,
        stated=stated,
        fair_from=fair_from,
        steps=state.steps,
    )
    if found.why:
        return found
    used = mine.learn.rows(mine.learn.as_of <= np.datetime64(state.steps[-1].last_as_of, "D"))
    pair = {"parent": artefact.predict(used.features), "this": predict(state, used.features)}
    stating = _statement(RECALIBRATED, digest, lessons, used) | {
        "steps": [step_document(step) for step in state.steps],
        "correction": _line(state.correction),
    }
    found = replace(found, statement=stating)
    continued = _continued(found, digest, _figures(pair, used, lessons.chance))
    return replace(found, artefact=recalibrated(artefact, state, continued))


def newest_corrected(artefact: Artefact) -> str:
    """The last date (ISO) whose outcomes a recalibration of the artefact must not see again.

    Those that a correction was made of; without one, all that share days with labels that the model has learnt from.
    """
    about = artefact.provenance
    if isinstance(artefact.calibrator, Corrected) and about.continued is not None:
        return about.continued.last_as_of
    return _days_after(about.window.labels_end, -1)


def challenge(start: Artefact, resumed: Artefact | None, lessons: Lessons) -> Learnt:
    """The scorecard of `start`, learning on from where `resumed` stopped; None: from its training.

    Raises TypeError where either holds another kind of model.
    """
    terms, parent = lessons.terms.challenger, resumed or start
    model, digest = _model_of(start, resumed, lessons.terms), parent.digest()
    mine = lessons.after(model.last_as_of)
    rows = mine.everything

    def learn(state: OnlineScorecard, day: Dataset) -> OnlineScorecard:
        return fold_day(state, day, terms)

    stated, _ = predict_first(
        rows,
        model,
        learn,
        lambda state, features: state.predict(features),
        matures_after_days=lessons.lag_days,
    )
    before = model
    for day in by_day(mine.learn):
        model = learn(model, day)
    found = Learnt(
        name=ONLINE,
        artefact=resumed,
        why=f"nothing has matured that was observed after {model.last_as_of}",
        parent=digest,
        asked=rows,
        stated=stated,
        # A calibration that was followed has seen later outcomes than the scorecard under it.
        fair_from=max(_days_after(before.last_as_of, lessons.lag_days), parent.provenance.window.labels_end),
    )
    if model == before:
        return found
    stating = _statement(ONLINE, digest, lessons, mine.learn) | {
        "began_as": model.start,
        "learnt": model.learnt,
        "rows_in_all": model.rows,
        "positives_in_all": model.positives,
    }
    found = replace(found, statement=stating, why="")
    pair = {"parent": before.predict(mine.learn.features), "this": model.predict(mine.learn.features)}
    continued = _continued(found, digest, _figures(pair, mine.learn, lessons.chance))
    return replace(found, artefact=_artefact_of(model, start, continued))


def step_document(step: Step) -> dict[str, Any]:
    """A step for JSON."""
    return {
        "first_as_of": step.first_as_of,
        "last_as_of": step.last_as_of,
        "rows": step.rows,
        "positives": step.positives,
        "before": _line(step.before),
        "after": _line(step.after),
        "asked": {"shift": step.shift.as_dict(), "slope": step.slope.as_dict()},
        "moved": step.moved,
        "bounded": step.bounded,
    }


def _model_of(start: Artefact, resumed: Artefact | None, terms: OnlineTerms) -> OnlineScorecard:
    if resumed is not None:
        if not isinstance(resumed.model, OnlineScorecard):
            raise TypeError(f"a {resumed.model.kind} cannot be gone on with")
        return resumed.model
    about = start.provenance
    if not isinstance(start.model, Scorecard):
        raise TypeError(f"a {start.model.kind} cannot be begun as")
    of = Beginning(start.digest(), about.window.last_as_of, about.rows, about.positives)
    return begin_online(start.model, start.calibrator, of, terms.challenger)


def _artefact_of(model: OnlineScorecard, start: Artefact, continued: Continued) -> Artefact:
    """The artefact of a model that learnt on; its intercept is learnt, so no calibrator stands behind it.

    The scorecard's figures of validation are not its own: it has none but those of `continued`, and its gates'.
    """
    about = start.provenance
    ends = max(_days_after(model.last_as_of, int(LABEL_WINDOW_DAYS)), about.window.labels_end)
    provenance = replace(
        about,
        window=TrainingWindow(about.window.first_as_of, model.last_as_of, ends),
        data_fingerprint=model.learnt,
        rows=about.rows + model.rows,
        positives=about.positives + model.positives,
        metrics={},
        left_out=None,
        continued=continued,
    )
    return Artefact(model, Identity(), provenance)


def _statement(name: str, parent: str, lessons: Lessons, used: Dataset) -> dict[str, Any]:
    return {
        "format": STATEMENT_FORMAT,
        "learner": name,
        "parent": parent,
        "terms": {"version": lessons.terms.version, "digest": lessons.terms.digest},
        "first_as_of": str(used.as_of.min()),
        "last_as_of": str(used.as_of.max()),
        "dates": len(np.unique(used.as_of)),
        "rows": len(used),
        "positives": used.positives,
        "fingerprint": used.fingerprint(),
    }


def _continued(found: Learnt, parent: str, figures: dict[str, dict[str, float | None]]) -> Continued:
    told = found.statement
    return Continued(
        parent=parent,
        update=found.update,
        first_as_of=told["first_as_of"],
        last_as_of=told["last_as_of"],
        rows=told["rows"],
        positives=told["positives"],
        figures=figures,
    )


def _figures(pair: Mapping[str, Floats], rows: Dataset, chance: Bootstrap) -> dict[str, dict[str, float | None]]:
    """Figures of the parent and of this model on what was learnt from, which this model has seen."""
    found = paired_figures(pair, rows, chance)
    return {f"{name}_{figure}": value.as_dict() for name, told in found.items() for figure, value in told.items()}


def _why_not(start: Recalibrating, state: Recalibrating) -> str:
    """Why there is no candidate, "" where there is one."""
    if state.correction != start.correction:
        return ""
    if not state.steps:
        waiting = sum(day.positives for day in state.gathered)
        return f"{waiting} misses have matured behind what the champion learnt from, too few for a step"
    return f"of {len(state.steps)} steps considered nothing is left: the intervals hold no change"


def _line(correction: Correction) -> dict[str, float]:
    return {"shift": correction.shift, "slope": correction.slope}


def _days_after(day: str, days: int) -> str:
    return str(np.datetime64(day, "D") + np.timedelta64(days, "D"))


def short(digest: str) -> str:
    """As many digits of a digest as name a model."""
    return digest[:LEAST_DIGITS]
