"""A trained model as one checked JSON file: what it is, what it learned from and what it is good for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
import numpy as np

import forbear
from forbear.domain.errors import CorruptState, ModelMismatch
from forbear.domain.stated import canonical_json
from forbear.models.base import Model, load_model
from forbear.models.calibration import Calibrator, load_calibrator
from forbear.models.dataset import Dataset, FeatureSpec
from forbear.models.documents import Document
from forbear.models.explanation import Explanation
from forbear.models.results import Floats
from forbear.models.training import TrainedModel
from forbear.models.untreated import LeftOut

ARTEFACT_FORMAT = 1
_RETRAIN = "train again, or restore the file from a copy"


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """What the PD is of: so many days past due, reached within so many days; event names the rule in words."""

    days_past_due_at_least: int
    within_days: int
    event: str


@dataclass(frozen=True, slots=True)
class TrainingWindow:
    """First and last observation date, and the day by which every label window had closed (ISO dates)."""

    first_as_of: str
    last_as_of: str
    labels_end: str


@dataclass(frozen=True, slots=True)
class Continued:
    """How a model went on learning from matured outcomes after it was trained.

    parent: digest of the artefact whose learning was gone on with.  update: SHA-256 of the document that says what was
    done.  first_as_of, last_as_of: of the outcomes (ISO dates).  rows, positives: of them.
    figures: on them, of the parent and of this model, which has seen them; each with value, low and high.
    """

    parent: str
    update: str
    first_as_of: str
    last_as_of: str
    rows: int
    positives: int
    figures: dict[str, dict[str, float | None]]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model comes from.

    feature_set_hash: of the formulas that computed `specs`.  data_fingerprint: Dataset.fingerprint().
    metrics: cross-validation figures, each with value, low and high; None = undefined.
    left_out: what became of rows whose customers were helped; None, and not in the document, where nobody was.
    continued: what was learnt after training; None, and not in the document, where nothing was.
    """

    target: ModelTarget
    feature_set_hash: str
    specs: tuple[FeatureSpec, ...]
    window: TrainingWindow
    data_fingerprint: str
    rows: int
    positives: int
    metrics: dict[str, dict[str, float | None]]
    seed: int
    versions: dict[str, str]
    left_out: LeftOut | None = None
    continued: Continued | None = None


@dataclass(frozen=True, slots=True)
class Artefact:
    """A model, its calibrator and their provenance; scores bit for bit the same after encode and decode."""

    model: Model
    calibrator: Calibrator
    provenance: Provenance

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds before calibration for each row of (n, k), (n,)."""
        return self.model.log_odds(features)

    def predict(self, features: Floats) -> Floats:
        """Calibrated PD of the target in [0, 1] for each row of (n, k), (n,)."""
        return self.calibrated(self.model.log_odds(features))

    def calibrated(self, log_odds: Floats) -> Floats:
        """Calibrated PD in [0, 1] of (n,) log-odds."""
        return self.calibrator.apply(log_odds)

    def explain(self, features: Floats) -> Explanation:
        """Scores of (n, k) before calibration, and what each feature adds to them."""
        return self.model.explain(features)

    def for_features(self, feature_set_hash: str) -> Artefact:
        """The artefact itself, if it was trained on this feature set.

        Raises ModelMismatch, naming both hashes, if not.
        """
        if feature_set_hash != self.provenance.feature_set_hash:
            raise ModelMismatch(
                f"the model was trained on feature set {self.provenance.feature_set_hash}, "
                f"this is feature set {feature_set_hash}",
                mend="train again, or pick a model of this feature set",
            )
        return self

    def digest(self) -> str:
        """SHA-256 of the content, as recorded in the file: the model's identity."""
        return _digest(self._body())

    def encode(self) -> bytes:
        """Canonical JSON: equal artefacts give equal bytes."""
        body = self._body()
        return canonical_json({**body, "sha256": _digest(body)})

    @classmethod
    def decode(cls, raw: bytes) -> Artefact:
        """The artefact that encode wrote.

        Raises CorruptState for bytes that are not JSON, an unknown format, a wrong checksum, or content
        that does not fit.
        """
        document = _checked(raw)
        try:
            provenance = _read_provenance(document["provenance"])
            return cls(load_model(document["model"]), load_calibrator(document["calibrator"]), provenance)
        except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
            raise CorruptState(f"artefact: {error}", mend=_RETRAIN) from error

    def _body(self) -> Document:
        provenance = msgspec.to_builtins(self.provenance)
        for later in ("left_out", "continued"):
            # Without them an artefact keeps the very bytes, and so the name, that it has always had.
            if provenance[later] is None:
                del provenance[later]
        provenance["specs"] = [_spec_document(spec) for spec in self.provenance.specs]
        return {
            "format": ARTEFACT_FORMAT,
            "model": self.model.to_document(),
            "calibrator": self.calibrator.to_document(),
            "provenance": provenance,
        }


def make_artefact(
    trained: TrainedModel,
    dataset: Dataset,
    target: ModelTarget,
    feature_set_hash: str,
    left_out: LeftOut | None = None,
) -> Artefact:
    """The artefact of a model and the rows it was trained on. left_out: None where nobody was helped."""
    first, last = dataset.as_of.min(), dataset.as_of.max()
    window = TrainingWindow(str(first), str(last), str(last + np.timedelta64(trained.spec.horizon_days, "D")))
    provenance = Provenance(
        target=target,
        feature_set_hash=feature_set_hash,
        specs=dataset.specs,
        window=window,
        data_fingerprint=dataset.fingerprint(),
        rows=len(dataset),
        positives=dataset.positives,
        metrics={name: figure.as_dict() for name, figure in trained.validation.figures.items()},
        seed=trained.spec.seed,
        versions=library_versions(),
        left_out=left_out,
    )
    return Artefact(trained.model, trained.calibrator, provenance)


def library_versions() -> dict[str, str]:
    """Versions of everything that takes part in training."""
    # Only whoever trains asks; a process that scores would load them for nothing, and that takes as long as all else.
    import scipy  # noqa: PLC0415
    import sklearn  # noqa: PLC0415
    import xgboost  # noqa: PLC0415

    modules = {"numpy": np, "scipy": scipy, "scikit-learn": sklearn, "xgboost": xgboost, "forbear": forbear}
    return {name: str(module.__version__) for name, module in modules.items()}


def _digest(body: Mapping[str, Any]) -> str:
    return sha256(canonical_json(body)).hexdigest()


def _checked(raw: bytes) -> Document:
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise CorruptState("artefact: not JSON", mend=_RETRAIN) from error
    if not isinstance(document, dict) or document.get("format") != ARTEFACT_FORMAT:
        raise CorruptState(f"artefact: not of format {ARTEFACT_FORMAT}", mend=_RETRAIN)
    stated = document.pop("sha256", None)
    if stated != _digest(document):
        raise CorruptState("artefact: the checksum is not that of the content", mend=_RETRAIN)
    return document


def _spec_document(spec: FeatureSpec) -> Document:
    document: Document = msgspec.to_builtins(spec)
    # JSON has no infinity: an open end of a range is null.
    for bound in ("low", "high"):
        document[bound] = float(document[bound]) if np.isfinite(document[bound]) else None
    return document


def _read_provenance(document: Document) -> Provenance:
    specs = [
        {
            **spec,
            "low": -np.inf if spec["low"] is None else spec["low"],
            "high": np.inf if spec["high"] is None else spec["high"],
        }
        for spec in document["specs"]
    ]
    return msgspec.convert({**document, "specs": specs}, Provenance)
