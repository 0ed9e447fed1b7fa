"""An expert scorecard for a bank without labels: stated reference points instead of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np

from forbear.domain.errors import ConfigError, ModelMismatch
from forbear.models.dataset import Bools, FeatureSpec, require_columns
from forbear.models.documents import Documented
from forbear.models.explanation import Explanation, checked
from forbear.models.logistic import logit, sigmoid
from forbear.models.results import Floats, Weight

EXPERT_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Reference:
    """How one feature alarms.

    calm, stressed: values with severity 0 and 1, linear between and flat outside; calm > stressed
    where small values alarm.  points: log-odds added at severity 1, > 0.
    Raises ValueError when the two points coincide or the points are not positive.
    """

    calm: float
    stressed: float
    points: float

    def __post_init__(self) -> None:
        if self.calm == self.stressed or not self.points > 0.0:
            raise ValueError(f"calm {self.calm}, stressed {self.stressed}, points {self.points}")

    @property
    def direction(self) -> int:
        """+1 where large values alarm, else -1."""
        return 1 if self.stressed > self.calm else -1

    def severity(self, values: Floats) -> Floats:
        """[0, 1] for each value; NaN stays NaN."""
        severity: Floats = np.clip((values - self.calm) / (self.stressed - self.calm), 0.0, 1.0)
        return severity


@dataclass(frozen=True, slots=True)
class ExpertScorecard(Documented):
    """log-odds = logit(base PD) + the points of every feature, each weighted by its severity.

    features: the columns it expects, (k,).  version: of the document.
    base_pd: the PD of a customer without any sign of stress, an assumption, (0, 1).
    references: by feature, a subset of `features`.
    """

    kind: ClassVar[str] = "expert"

    features: tuple[str, ...]
    version: str
    base_pd: float
    references: dict[str, Reference]

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds of the event for each row of (n, k), (n,); an unknown feature adds 0.

        Raises ModelMismatch for another number of columns.
        """
        log_odds: Floats = self._base_log_odds + self._added(features).sum(axis=1)
        return log_odds

    def explain(self, features: Floats) -> Explanation:
        """Scores of (n, k), against a customer without any sign of stress; no attribution is negative.

        Raises ModelMismatch for another number of columns.
        """
        return checked(Explanation(self.log_odds(features), self._base_log_odds, self._added(features)))

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,): as good as the assumptions, until calibrated."""
        return self.calibrated(self.log_odds(features))

    def calibrated(self, log_odds: Floats) -> Floats:
        """PD in [0, 1] of (n,) log-odds: as they are, for there was nothing to calibrate with."""
        return sigmoid(log_odds)

    def unknown(self, features: Floats) -> list[tuple[str, ...]]:
        """For each row of (n, k), the features that would have counted but were unknown.

        Raises ModelMismatch for another number of columns.
        """
        require_columns(features, self.features)
        columns = [column for column, _ in self._columns()]
        names = [self.features[column] for column in columns]
        absent: Bools = np.isnan(features[:, columns])
        return [tuple(name for name, gone in zip(names, row, strict=True) if gone) for row in absent]

    def weights(self) -> tuple[Weight, ...]:
        """Share of each feature in the points of a customer whose every feature is at its worst."""
        total = sum(reference.points for reference in self.references.values())
        ranked = sorted(self.references.items(), key=lambda item: (-item[1].points, item[0]))
        return tuple(Weight(name, reference.points / total, reference.direction) for name, reference in ranked)

    @property
    def _base_log_odds(self) -> float:
        return float(logit(np.array([self.base_pd]))[0])

    def _added(self, features: Floats) -> Floats:
        """(n, k) log-odds that each column adds; an unknown one adds 0."""
        require_columns(features, self.features)
        added = np.zeros(features.shape)
        for column, reference in self._columns():
            added[:, column] = np.nan_to_num(reference.points * reference.severity(features[:, column]), nan=0.0)
        return added

    def _columns(self) -> list[tuple[int, Reference]]:
        return [(i, self.references[name]) for i, name in enumerate(self.features) if name in self.references]


class _Expertise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of the versioned document (package data: expert.toml)."""

    format: int
    version: str
    base_pd: float
    features: dict[str, Reference]


def build_expert(expertise: Mapping[str, Any], specs: Sequence[FeatureSpec]) -> ExpertScorecard:
    """The expert scorecard of a parsed document (format, version, base_pd, features) over these columns.

    specs: (k,); columns that the document does not name carry no weight.
    Raises ConfigError for a document that cannot be read, ModelMismatch when it names a feature that
    is not a column or orders its reference points against the feature's direction.
    """
    document = _parse(expertise)
    known = {spec.name: spec for spec in specs}
    if strangers := sorted(document.features.keys() - known.keys()):
        raise ModelMismatch(
            f"expert document {document.version} names unknown features {strangers}",
            mend="remove them, or use the document of this feature set",
        )
    for name, reference in document.features.items():
        if known[name].direction * reference.direction < 0:
            raise ModelMismatch(
                f"expert document {document.version}: {name} alarms against the direction of the feature",
                mend="swap its calm and stressed points",
            )
    return ExpertScorecard(tuple(known), document.version, document.base_pd, document.features)


def _parse(expertise: Mapping[str, Any]) -> _Expertise:
    try:
        document = msgspec.convert(expertise, _Expertise)
    except msgspec.ValidationError as error:
        raise ConfigError(f"expert document: {error}", mend="compare it with the shipped expert.toml") from error
    if document.format != EXPERT_FORMAT:
        raise ConfigError(f"expert document: format {document.format}, this version reads {EXPERT_FORMAT}")
    if not 0.0 < document.base_pd < 1.0 or not document.features:
        raise ConfigError(f"expert document: base_pd {document.base_pd}, {len(document.features)} features")
    return document
