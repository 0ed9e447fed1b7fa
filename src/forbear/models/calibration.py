"""From a model's log-odds to a PD that means what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias

import numpy as np

from forbear.domain.errors import CorruptState
from forbear.models.dataset import Bools
from forbear.models.documents import Document, Documented, read_document
from forbear.models.logistic import logit, recalibrate, sigmoid
from forbear.models.results import Floats

CalibrationMethod: TypeAlias = Literal["platt", "isotonic"]

# Two parameters from fewer positives say less than the model's own log-odds; steps need many more.
PLATT_POSITIVES = 20
ISOTONIC_POSITIVES = 1_000


class Calibrator(Protocol):
    """Log-odds in, PD out, never falling.  kind says which it is."""

    kind: ClassVar[str]

    def apply(self, log_odds: Floats) -> Floats:
        """PD in [0, 1] of each row's log-odds, (n,)."""

    def to_document(self) -> Document:
        """JSON-able values, among them `kind`."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The calibrator that to_document wrote; raises CorruptState for anything else."""


@dataclass(frozen=True, slots=True)
class Identity(Documented):
    """The model's own PD: there were too few positives to correct it."""

    kind: ClassVar[str] = "identity"

    def apply(self, log_odds: Floats) -> Floats:
        """PD in [0, 1] of each row's log-odds, (n,)."""
        return sigmoid(log_odds)


@dataclass(frozen=True, slots=True)
class Platt(Documented):
    """PD = sigmoid(intercept + slope x log-odds), slope >= 0 (Platt 1999, on the logit scale)."""

    kind: ClassVar[str] = "platt"

    intercept: float
    slope: float

    def apply(self, log_odds: Floats) -> Floats:
        """PD in [0, 1] of each row's log-odds, (n,)."""
        return sigmoid(self.intercept + self.slope * log_odds)


@dataclass(frozen=True, slots=True)
class Isotonic(Documented):
    """A never-falling line through (log_odds, pd) points, flat outside (Zadrozny and Elkan 2002)."""

    kind: ClassVar[str] = "isotonic"

    log_odds: tuple[float, ...]
    pd: tuple[float, ...]

    def apply(self, log_odds: Floats) -> Floats:
        """PD in [0, 1] of each row's log-odds, (n,)."""
        return np.interp(log_odds, self.log_odds, self.pd)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Another calibrator, moved by a line in log-odds that matured outcomes asked for.

    log-odds = centre + shift + slope x (log-odds of base - centre).  centre: at which the slope moves nobody, the base
    rate of the model's training.  slope: > 0, so that ranks stay. Raises ValueError for another.
    """

    kind: ClassVar[str] = "corrected"

    base: Calibrator
    centre: float
    shift: float
    slope: float

    def __post_init__(self) -> None:
        if not (self.slope > 0.0 and np.isfinite([self.centre, self.shift, self.slope]).all()):
            raise ValueError(f"centre {self.centre}, shift {self.shift}, slope {self.slope}")

    def apply(self, log_odds: Floats) -> Floats:
        """PD in [0, 1] of each row's log-odds, (n,)."""
        away = logit(self.base.apply(log_odds)) - self.centre
        return sigmoid(self.centre + self.shift + self.slope * away)

    def to_document(self) -> Document:
        """JSON-able values, among them `kind`; those of `base` beside them."""
        line = {"centre": self.centre, "shift": self.shift, "slope": self.slope}
        return {"kind": self.kind, "base": self.base.to_document(), **line}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The value that to_document wrote, bit for bit; raises CorruptState for anything else."""
        read = read_document(document, cls.kind, _CorrectedDocument)
        if read.base.get("kind") == cls.kind:
            raise CorruptState("a correction of a correction", mend="restore the file from a copy")
        try:
            return cls(load_calibrator(read.base), read.centre, read.shift, read.slope)
        except ValueError as error:
            raise CorruptState(f"{cls.kind} document: {error}", mend="restore the file from a copy") from error


@dataclass(frozen=True, slots=True)
class _CorrectedDocument:
    base: Document
    centre: float
    shift: float
    slope: float


CALIBRATORS: dict[str, type[Calibrator]] = {each.kind: each for each in (Identity, Platt, Isotonic, Corrected)}


def fit_calibrator(
    log_odds: Floats, labels: Bools, method: CalibrationMethod = "platt", weights: Floats | None = None
) -> Calibrator:
    """The calibrator that so many positives can carry; its kind says which it became.

    log_odds: (n,) from a model that has not seen these rows.  labels: (n,) bool.
    weights: (n,) > 0, how many rows each stands for; None: itself.
    Fewer than 20 positives, or no negatives: Identity.  Isotonic asked for with fewer than 1,000: Platt.
    """
    positives = int(np.count_nonzero(labels))
    if positives < PLATT_POSITIVES or positives == len(labels):
        return Identity()
    if method == "isotonic" and positives >= ISOTONIC_POSITIVES:
        return _isotonic(log_odds, labels, weights)
    return _platt(log_odds, labels, np.ones(len(labels)) if weights is None else weights)


def load_calibrator(document: Mapping[str, Any]) -> Calibrator:
    """The calibrator of any kind that a document holds; raises CorruptState for anything else."""
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in CALIBRATORS:
        raise CorruptState(f"calibrator of unknown kind {kind!r}", mend="train the model again")
    return CALIBRATORS[kind].from_document(document)


def _platt(log_odds: Floats, labels: Bools, weights: Floats) -> Calibrator:
    line = recalibrate(log_odds, labels.astype(np.float64), weights)
    if np.isnan(line.slope):
        return Identity()
    if line.slope < 0.0:
        # Scores that rank backwards on unseen rows carry no news: everybody gets the prevalence.
        return Platt(float(logit(np.array([weights[labels].sum() / weights.sum()]))[0]), 0.0)
    return Platt(line.intercept, line.slope)


def _isotonic(log_odds: Floats, labels: Bools, weights: Floats | None) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415  # a second to load, and only to fit

    # A step of pure positives or negatives is not certainty: half a row is the least that n rows tell.
    least = 0.5 / len(labels)
    steps = IsotonicRegression(y_min=least, y_max=1.0 - least)
    fitted = steps.fit(log_odds, labels.astype(np.float64), sample_weight=weights)
    return Isotonic(tuple(map(float, fitted.X_thresholds_)), tuple(map(float, fitted.y_thresholds_)))
