"""What every model offers, and the way back from a document to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

from forbear.domain.errors import CorruptState
from forbear.models.documents import Document
from forbear.models.ensemble import MEMBERS, Ensemble
from forbear.models.explanation import Explanation
from forbear.models.online import OnlineScorecard
from forbear.models.results import Floats, Weight


class Model(Protocol):
    """A probability of the event from features; larger log-odds are riskier.

    kind: its name in documents.  features: the columns it expects, (k,).
    """

    kind: ClassVar[str]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns it expects, (k,)."""

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds for each row of (n, k), (n,), never NaN; ModelMismatch for other columns."""

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,), before calibration."""

    def explain(self, features: Floats) -> Explanation:
        """Scores of (n, k) and what each feature adds to them; ModelMismatch for other columns."""

    def weights(self) -> tuple[Weight, ...]:
        """What each feature carries, heaviest first; the shares sum to 1 unless nothing carries."""

    def to_document(self) -> Document:
        """JSON-able values, among them `kind`."""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The model that to_document wrote, scoring bit for bit the same; CorruptState for anything else."""


MODELS: dict[str, type[Model]] = {**MEMBERS, Ensemble.kind: Ensemble, OnlineScorecard.kind: OnlineScorecard}


def load_model(document: Mapping[str, Any]) -> Model:
    """The model of any kind that a document holds.

    Raises CorruptState for an unknown kind or a document that its kind cannot read.
    """
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in MODELS:
        raise CorruptState(f"model of unknown kind {kind!r}", mend=f"known kinds: {', '.join(sorted(MODELS))}")
    return MODELS[kind].from_document(document)
