"""The approved reasons of the package, and approved reasons read back from a home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forbear.apps.jobs.modelling import feature_specs
from forbear.apps.package_data import shipped
from forbear.features.compute import FeatureSet
from forbear.features.figures import FIGURES
from forbear.models.documents import Document
from forbear.models.expert import build_expert
from forbear.models.reasons.approved import Approved, approval_of, read_approved
from forbear.models.reasons.catalogue import Catalogue
from forbear.models.reasons.selection import Limits

_LIMITS = Limits()


def shipped_approval(features: FeatureSet, limits: Limits = _LIMITS) -> Document:
    """The package's catalogue with the calm points of its expert scorecard, as one document."""
    calm = build_expert(shipped("expert.toml"), feature_specs(features)).references
    return approval_of(shipped("reasons.toml"), calm, limits)


def approved(features: FeatureSet, document: Mapping[str, Any]) -> Approved:
    """Approved reasons, checked against a feature set and the figures. Raises as `read_approved` does."""
    kinds = {name: figure.kind for name, figure in FIGURES.items()}
    return read_approved(document, feature_specs(features), kinds)


def shipped_catalogue(features: FeatureSet) -> Catalogue:
    """The catalogue of reasons of the package, checked against a feature set and the figures."""
    return approved(features, shipped_approval(features)).catalogue
