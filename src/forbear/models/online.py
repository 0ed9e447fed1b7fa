"""A scorecard that goes on learning: its weights follow outcomes as they mature, a day of them at a time.

The bins stay as they were fitted. Intercept and weights have a normal distribution each; the outcomes of a date move
its mean to the most probable place and narrow it by what they tell (online Laplace approximation with a diagonal,
Chapelle and Li 2011, algorithm 3). Weights stay >= 0, so that no feature turns against its direction. What was learnt
long ago fades. All state is in the document: learning that was broken off goes on to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import ClassVar

import numpy as np

from forbear.domain.errors import ModelMismatch
from forbear.models.calibration import Calibrator, Corrected, Platt
from forbear.models.dataset import Dataset
from forbear.models.documents import Documented
from forbear.models.explanation import Explanation
from forbear.models.logistic import Prior, fit_from, sigmoid
from forbear.models.online_terms import ChallengerTerms
from forbear.models.results import Floats, Weight
from forbear.models.scorecard import Scorecard, ScoredFeature


@dataclass(frozen=True, slots=True)
class OnlineScorecard(Documented):
    """A scorecard's lines with the weights that outcomes have given them since it was trained.

    features: the columns it expects, (k,).  start: digest of the artefact that it began as.
    lines: coefficients >= 0.  precision: (lines + 1,) > 0, of intercept and coefficients: one over their variances.
    last_as_of: newest date that it learnt from.  rows, positives: learnt since it began.
    learnt: SHA-256 over everything that it learnt from, in order.  Raises ValueError where a range disagrees.
    """

    kind: ClassVar[str] = "online"

    features: tuple[str, ...]
    start: str
    intercept: float
    lines: tuple[ScoredFeature, ...]
    precision: tuple[float, ...]
    last_as_of: str
    rows: int
    positives: int
    learnt: str

    def __post_init__(self) -> None:
        if len(self.precision) != len(self.lines) + 1 or not all(one > 0.0 for one in self.precision):
            raise ValueError("a precision is missing or not above 0")
        if not all(line.coefficient >= 0.0 for line in self.lines):
            raise ValueError("a coefficient is below 0")

    @property
    def card(self) -> Scorecard:
        """The scorecard that it is by now."""
        return Scorecard(self.features, self.intercept, self.lines, (), ())

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds for each row of (n, k), (n,), never NaN; ModelMismatch for other columns."""
        return self.card.log_odds(features)

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,): its intercept is learnt, so nothing calibrates it further."""
        return sigmoid(self.log_odds(features))

    def explain(self, features: Floats) -> Explanation:
        """Scores of (n, k), each line against its mean over the rows that the scorecard was trained on."""
        return self.card.explain(features)

    def weights(self) -> tuple[Weight, ...]:
        """What each feature carries, heaviest first, as of a scorecard; features of weight 0 are left out."""
        carrying = tuple(line for line in self.lines if line.coefficient > 0.0)
        return replace(self.card, scored=carrying).weights()


@dataclass(frozen=True, slots=True)
class Beginning:
    """What learning begins as. digest: of the artefact.  last_as_of: its newest training date (ISO).

    rows, positives: that it was trained on.
    """

    digest: str
    last_as_of: str
    rows: int
    positives: int


def begin_online(card: Scorecard, calibrator: Calibrator, of: Beginning, terms: ChallengerTerms) -> OnlineScorecard:
    """A scorecard that has learnt nothing yet: it states the calibrated PDs of the one it begins as.

    Its precision is the curvature of the training rows at their base rate, by the share that the terms trust it with.
    A calibrator that is no line in log-odds (isotonic) is left out: outcomes have to calibrate it.
    Raises ValueError without rows of both classes.
    """
    if not 0 < of.positives < of.rows:
        raise ValueError("the scorecard learnt from no rows of both classes")
    line = _line_of(calibrator)
    rate = of.positives / of.rows
    spreads = [float(np.asarray(one.bins.rows) @ np.asarray(one.bins.woe) ** 2) for one in card.scored]
    known = terms.trust * rate * (1.0 - rate)
    return OnlineScorecard(
        features=card.features,
        start=of.digest,
        intercept=line.intercept + line.slope * card.intercept,
        lines=tuple(replace(one, coefficient=line.slope * one.coefficient) for one in card.scored),
        precision=tuple(known * each for each in (float(of.rows), *spreads)),
        last_as_of=of.last_as_of,
        rows=0,
        positives=0,
        learnt=of.digest,
    )


def fold_day(model: OnlineScorecard, day: Dataset, terms: ChallengerTerms) -> OnlineScorecard:
    """The model after the matured outcomes of one more date, in which their order does not matter.

    Raises ValueError for rows that are not of one date behind those before, ModelMismatch for other columns.
    """
    if day.names != model.features:
        raise ModelMismatch("the rows have other columns than the model", mend="begin with a newer scorecard")
    if not len(day):
        return model
    first, last = day.as_of.min(), day.as_of.max()
    if first != last or str(first) <= model.last_as_of:
        raise ValueError(f"rows of {first} to {last} after those of {model.last_as_of}")
    rows = day.rows(np.lexsort((model.log_odds(day.features), day.labels, day.customers)))
    design = np.empty((len(rows), len(model.lines)))
    for place, line in enumerate(model.lines):
        design[:, place] = line.bins.transform(rows.features[:, line.column])
    kept = _kept_after(int((first - np.datetime64(model.last_as_of)).astype(np.int64)), terms)
    before = kept * np.asarray(model.precision)
    mean = np.array([model.intercept, *(line.coefficient for line in model.lines)])
    intercept, coefficients = fit_from(design, rows.labels, Prior(mean, before), rows.row_weights)
    probability = sigmoid(intercept + design @ coefficients)
    told = rows.row_weights * probability * (1.0 - probability)
    after = before + np.concatenate([[told.sum()], told @ design**2])
    return replace(
        model,
        intercept=intercept,
        lines=tuple(replace(line, coefficient=float(one)) for line, one in zip(model.lines, coefficients, strict=True)),
        precision=tuple(map(float, after)),
        last_as_of=str(last),
        rows=model.rows + len(rows),
        positives=model.positives + rows.positives,
        learnt=sha256(f"{model.learnt}{rows.fingerprint()}".encode()).hexdigest(),
    )


def _kept_after(days: int, terms: ChallengerTerms) -> float:
    """Share of what was known that is left so many days later."""
    return float(0.5 ** (days / terms.half_life_days))


def _line_of(calibrator: Calibrator) -> Platt:
    """A calibrator as a line in log-odds; the line that changes nothing for one that is none."""
    if isinstance(calibrator, Platt):
        return calibrator
    if isinstance(calibrator, Corrected):
        base = _line_of(calibrator.base)
        away = calibrator.shift + (1.0 - calibrator.slope) * calibrator.centre
        return Platt(away + calibrator.slope * base.intercept, calibrator.slope * base.slope)
    return Platt(0.0, 1.0)
