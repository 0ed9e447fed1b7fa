"""Models, policies and approved reasons that a log names: found in a home by their digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from forbear.adapters.disk import storage_errors, write_whole
from forbear.apps.home import Home
from forbear.apps.jobs.approving import approved
from forbear.apps.jobs.modelling import feature_specs, load_model_of
from forbear.apps.jobs.scoring import EXPERT, chosen_model
from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError, CorruptState
from forbear.domain.stated import canonical_json
from forbear.engine.scorer import Scoring
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact
from forbear.models.expert import ExpertScorecard, build_expert
from forbear.models.reasons.approved import Approved, digest_of_approval
from forbear.policy.document import Policy, to_toml
from forbear.policy.reading import parse_policy


class HomeParts:
    """Parts over a home: artefacts in models/, policies in policies/, reasons in reasons/, the shipped scorecard."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._features = FeatureSet.standard(home.deployment.unsupported)
        self._newest: tuple[str, Artefact | ExpertScorecard, str, float] | None = None

    def model(self, digest: str, feature_hash: str) -> tuple[Scoring, str, float]:
        """The model of a digest, its kind, and the log-odds that everybody starts from. The last one is remembered."""
        if self._newest is None or self._newest[0] != digest:
            loaded, kind = self.scorer(digest)
            unknown = np.full((1, len(self._features.names)), np.nan)
            self._newest = digest, loaded, kind, loaded.explain(unknown).expected
        _, scorer, kind, expected = self._newest
        if isinstance(scorer, Artefact):
            scorer.for_features(feature_hash)
        return scorer, kind, expected

    def policy(self, digest: str) -> Policy:
        """The policy of a digest."""
        path = self._home.policies / f"{digest}.toml"
        with storage_errors(f"cannot read {path}"):
            if not path.exists():
                raise ConfigError(f"the log names policy {digest[:12]}, and {path} is not there", mend=_RESTORE)
            policy = parse_policy(path.read_text(encoding="utf-8"))
        if policy.digest != digest:
            raise CorruptState(f"{path} is not the policy that was promoted: its digest differs", mend=_RESTORE)
        return policy

    def reasons(self, digest: str) -> Approved:
        """The approved reasons of a digest."""
        path = self._home.reasons / f"{digest}.json"
        with storage_errors(f"cannot read {path}"):
            if not path.exists():
                raise ConfigError(f"the log names reasons {digest[:12]}, and {path} is not there", mend=_RESTORE)
            content = path.read_bytes()
        if sha256(content).hexdigest() != digest:
            raise CorruptState(f"{path} is not what was promoted: its digest differs", mend=_RESTORE)
        return approved(self._features, json.loads(content))

    def scorer(self, digest: str) -> tuple[Artefact | ExpertScorecard, str]:
        """The model of a digest, and its kind. Raises ConfigError where the home does not hold it."""
        registry = self._home.registry
        if registry.holds(digest):
            artefact = registry.get(digest)
            return artefact, artefact.model.kind
        expert = build_expert(shipped("expert.toml"), feature_specs(self._features))
        if digest_of(expert) == digest:
            return expert, EXPERT
        raise ConfigError(f"the log names model {digest[:12]}, and {self._home.models} does not hold it", mend=_RESTORE)


def digest_of(scorer: Artefact | ExpertScorecard) -> str:
    """SHA-256 of a model's content."""
    if isinstance(scorer, Artefact):
        return scorer.digest()
    return sha256(canonical_json(scorer.to_document())).hexdigest()


def model_to_promote(home: Home, kind: str | None) -> str:
    """The digest of the newest model of a kind, of the leading kind for None, or of the expert scorecard."""
    if kind is None or kind == EXPERT:
        return digest_of(chosen_model(home, kind)[0])
    return load_model_of(home, kind).digest()


def keep_policy(home: Home, policy: Policy) -> Path:
    """Write a policy into a home under its digest."""
    path = home.policies / f"{policy.digest}.toml"
    write_whole(path, to_toml(policy).encode())
    return path


def keep_reasons(home: Home, document: Mapping[str, Any]) -> str:
    """Write approved reasons into a home under their digest, and answer it."""
    digest = digest_of_approval(document)
    write_whole(home.reasons / f"{digest}.json", canonical_json(document))
    return digest


_RESTORE = "restore it from a backup: what was promoted must stay"
