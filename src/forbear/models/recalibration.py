"""Online recalibration: a trained model's calibration follows outcomes as they mature, a bounded step at a time.

The correction is a line in log-odds about the model's own base rate. Days are gathered until they hold misses enough;
then a step is considered: the most probable change of the line under a prior about no change (ridge). It is taken only
where its interval leaves out none: first the slope, then the shift, as in the closed test of Vergouwe et al. (2017),
each at 97.5 %. Intervals allow for customers with several rows (sandwich, Liang and Zeger 1986). No step, and not all
steps together, goes further than the terms allow, and the slope stays above 0: ranks stay, and so do attributions,
which are of the log-odds before calibration.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forbear.models.artefact import Artefact, Continued
from forbear.models.calibration import Calibrator, Corrected
from forbear.models.dataset import LABEL_WINDOW_DAYS, Bools, Dataset, Days, Ints
from forbear.models.logistic import logit, sigmoid
from forbear.models.online_terms import RecalibrationTerms
from forbear.models.results import Figure, Floats

_Z = 2.241402727604947
"""Of an interval of 97.5 %: slope and shift are two questions, and both intervals together hold with 95 %."""
_NEWTON_STEPS, _HALVINGS, _NEWTON_TOLERANCE = 50, 40, 1e-11


@dataclass(frozen=True, slots=True)
class Outcomes:
    """n outcomes that have matured.

    log_odds: (n,) of the PD that the model would have stated as it was trained, calibrated.  labels: (n,) bool.
    customers: (n,) ids, equal ones stand or fall together.  as_of: (n,) dates.  weights: (n,) > 0.
    """

    log_odds: Floats
    labels: Bools
    customers: Ints
    as_of: Days
    weights: Floats

    @property
    def positives(self) -> int:
        """Number of misses."""
        return int(np.count_nonzero(self.labels))

    def in_order(self) -> Outcomes:
        """The same outcomes in the one order that their content gives them."""
        order = np.lexsort((self.weights, self.log_odds, self.labels, self.customers, self.as_of))
        return Outcomes(
            self.log_odds[order], self.labels[order], self.customers[order], self.as_of[order], self.weights[order]
        )


@dataclass(frozen=True, slots=True)
class Correction:
    """shift: log-odds added at the model's base rate.  slope: by which distances from it are stretched, > 0."""

    shift: float = 0.0
    slope: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step that was considered.

    first_as_of, last_as_of: of its outcomes.  before, after: the correction; equal where nothing moved.
    shift, slope: the changes that the outcomes ask for, each with its 97.5 % interval, before any bound.
    bounded: whether a bound of the terms held it back.
    """

    first_as_of: str
    last_as_of: str
    rows: int
    positives: int
    before: Correction
    after: Correction
    shift: Figure
    slope: Figure
    bounded: bool

    @property
    def moved(self) -> bool:
        """Whether anything changed."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Recalibrating:
    """Where online recalibration stands. base: the model's own calibrator.  centre: log-odds of its base rate.

    gathered: outcomes that wait for a step.  steps: that were considered, the oldest first.
    """

    base: Calibrator
    centre: float
    correction: Correction = Correction()
    gathered: tuple[Outcomes, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def calibrator(self) -> Calibrator:
        """The calibrator as it is by now: the base itself while nothing has moved."""
        if self.correction == Correction():
            return self.base
        return Corrected(self.base, self.centre, self.correction.shift, self.correction.slope)


def begin_recalibrating(artefact: Artefact) -> Recalibrating:
    """Where an artefact stands: one that was corrected before goes on from its correction.

    Raises ValueError for an artefact that knows of no rows of both classes.
    """
    about, found = artefact.provenance, artefact.calibrator
    if isinstance(found, Corrected):
        return Recalibrating(found.base, found.centre, Correction(found.shift, found.slope))
    if not 0 < about.positives < about.rows:
        raise ValueError("the artefact learnt from no rows of both classes")
    return Recalibrating(found, float(logit(np.array([about.positives / about.rows]))[0]))


def outcomes_of(artefact: Artefact, rows: Dataset) -> Outcomes:
    """Matured rows as recalibration takes them."""
    base = begin_recalibrating(artefact).base
    log_odds = logit(base.apply(artefact.log_odds(rows.features)))
    return Outcomes(log_odds, rows.labels, rows.customers, rows.as_of, rows.row_weights)


def gather(state: Recalibrating, day: Outcomes, terms: RecalibrationTerms) -> Recalibrating:
    """The state after the outcomes of one more date, in which their order does not matter.

    Once the dates gathered hold misses enough, and both classes, they make a step and are let go.
    Raises ValueError for outcomes that are not of a date later than those before.
    """
    if not len(day.labels):
        return state
    if day.as_of.min() != day.as_of.max() or str(day.as_of[0]) <= _last(state):
        raise ValueError(f"outcomes of {day.as_of.min()} to {day.as_of.max()} after those of {_last(state)}")
    gathered = (*state.gathered, day.in_order())
    positives = sum(one.positives for one in gathered)
    if positives < terms.least_positives or positives == sum(len(one.labels) for one in gathered):
        return replace(state, gathered=gathered)
    step = consider(state, _joined(gathered), terms)
    return replace(state, correction=step.after, gathered=(), steps=(*state.steps, step))


def consider(state: Recalibrating, found: Outcomes, terms: RecalibrationTerms) -> Step:
    """What the outcomes ask of the correction, and how far they may have it. found: in order, of both classes."""
    now, away = state.correction, found.log_odds - state.centre
    offset = state.centre + now.shift + now.slope * away
    both = np.column_stack([np.ones(len(away)), away])
    precision = np.array([terms.shift_sd, terms.slope_sd]) ** -2.0
    shift, slope = _asked(found, offset, both, precision)
    moved = slope.value if _certain(slope) else 0.0
    new_slope = _held(now.slope, moved, terms.step_slope, terms.total_slope)
    # What the slope does not take is the shift's to explain, so it is asked for behind the slope that was granted.
    offset += (new_slope - now.slope) * away
    [shift] = _asked(found, offset, both[:, :1], precision[:1])
    added = shift.value if _certain(shift) else 0.0
    new_shift = _held(now.shift, added, terms.step_shift, (-terms.total_shift, terms.total_shift))
    return Step(
        first_as_of=str(found.as_of.min()),
        last_as_of=str(found.as_of.max()),
        rows=len(found.labels),
        positives=found.positives,
        before=now,
        after=Correction(new_shift, new_slope),
        shift=shift,
        slope=slope,
        bounded=bool(new_slope != now.slope + moved or new_shift != now.shift + added),
    )


def recalibrated(artefact: Artefact, state: Recalibrating, continued: Continued) -> Artefact:
    """The artefact with the calibration that a state has come to; what it scores before calibration stays.

    Its label window ends with that of the newest outcome; the rows that it was trained on stay what they were.
    """
    about = artefact.provenance
    ends = str(np.datetime64(continued.last_as_of) + np.timedelta64(int(LABEL_WINDOW_DAYS), "D"))
    window = replace(about.window, labels_end=max(ends, about.window.labels_end))
    return replace(artefact, calibrator=state.calibrator, provenance=replace(about, window=window, continued=continued))


def _last(state: Recalibrating) -> str:
    if state.gathered:
        return str(state.gathered[-1].as_of[0])
    return state.steps[-1].last_as_of if state.steps else ""


def _joined(parts: tuple[Outcomes, ...]) -> Outcomes:
    return Outcomes(
        np.concatenate([part.log_odds for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.customers for part in parts]),
        np.concatenate([part.as_of for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def _certain(asked: Figure) -> bool:
    """Whether the interval leaves out no change."""
    return asked.low > 0.0 or asked.high < 0.0


def _held(now: float, asked: float, step: float, total: tuple[float, float]) -> float:
    """Where a change takes a value that may move so far at once, and lie between two ends."""
    if asked == 0.0:
        return now
    return float(np.clip(now + np.clip(asked, -step, step), *total))


def _asked(found: Outcomes, offset: Floats, design: Floats, precision: Floats) -> list[Figure]:
    """The most probable coefficients of (n, p) beside an offset (n,), under a normal prior about 0, with intervals."""
    labels, change = found.labels.astype(np.float64), np.zeros(design.shape[1])

    def cost(coefficients: Floats) -> float:
        log_odds = offset + design @ coefficients
        losses = np.logaddexp(0.0, log_odds) - labels * log_odds
        return float(found.weights @ losses) + 0.5 * float(precision @ coefficients**2)

    reached = cost(change)
    for _ in range(_NEWTON_STEPS):
        residual, hessian = _slopes(found, offset + design @ change, design, precision)
        step = np.linalg.solve(hessian, design.T @ residual - precision * change)
        for _ in range(_HALVINGS):
            if (ahead := cost(change + step)) <= reached:
                break
            step = step / 2.0
        else:
            break  # at the bottom, as far as floats can tell
        change, reached = change + step, ahead
        if np.abs(step).max() < _NEWTON_TOLERANCE:
            break
    residual, hessian = _slopes(found, offset + design @ change, design, precision)
    bread = np.linalg.inv(hessian)
    spread = np.sqrt(np.diag(bread @ _meat(found.customers, design * residual[:, np.newaxis]) @ bread))
    pairs = zip(change.tolist(), (_Z * spread).tolist(), strict=True)
    return [Figure(value, value - half, value + half) for value, half in pairs]


def _slopes(found: Outcomes, log_odds: Floats, design: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Residuals (n,) and the curvature (p, p) of the cost at log-odds (n,)."""
    probability = sigmoid(log_odds)
    curvature = found.weights * probability * (1.0 - probability)
    residual: Floats = found.weights * (found.labels - probability)
    return residual, (design * curvature[:, np.newaxis]).T @ design + np.diag(precision)


def _meat(customers: Ints, scores: Floats) -> Floats:
    """Sum over customers of the outer products of their summed scores, (p, p)."""
    distinct, cluster = np.unique(customers, return_inverse=True)
    sums = np.stack([np.bincount(cluster, column) for column in scores.T], axis=1)
    summed: Floats = np.asarray(sums.T @ sums, dtype=np.float64) * (len(distinct) / max(len(distinct) - 1, 1))
    return summed
