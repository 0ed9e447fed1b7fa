"""What a replay is played by: a model, a policy, a law and a capacity as they are named, else as they were."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import target_of
from forbear.apps.jobs.parts import HomeParts, digest_of, model_to_promote
from forbear.apps.jobs.scoring import EXPERT
from forbear.apps.package_data import text_in, toml_of
from forbear.domain.errors import ConfigError, ModelMismatch
from forbear.engine.scorer import Scoring
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact
from forbear.models.reasons.approved import Approved
from forbear.policy.document import Policy
from forbear.policy.law import Law, parse_law, under, with_capacity

KINDS = ("boosting", "scorecard", EXPERT)
_DIGEST = re.compile(r"[0-9a-f]{12,64}")
_PLACES = re.compile(r"([a-z][a-z0-9_]{0,47})=([0-9]{1,9})")


class NamedModel(NamedTuple):
    """A model that somebody has named. labels_end: the day up to which it knows what became of anybody, "" for none."""

    digest: str
    scoring: Scoring
    kind: str
    expected: float
    labels_end: str


@dataclass(frozen=True, slots=True)
class ReplayParts:
    """Parts of a home, but for what is named. policy: as it was written; None: whichever the log promotes.

    law, capacity: laid over every policy, the named one and those of the log.
    """

    parts: HomeParts
    model_named: NamedModel | None = None
    policy_named: Policy | None = None
    law: Law | None = None
    capacity: Mapping[str, int] = field(default_factory=dict)

    def model(self, digest: str, feature_hash: str) -> tuple[Scoring, str, float]:
        """The named model, or one of the home."""
        named = self.model_named
        if named is not None and named.digest == digest:
            return named.scoring, named.kind, named.expected
        return self.parts.model(digest, feature_hash)

    def policy(self, digest: str) -> Policy:
        """The named policy or one of the home, within the law and the capacity that are laid over it."""
        named = self.policy_named
        policy = named if named is not None and named.digest == digest else self.parts.policy(digest)
        return with_capacity(policy if self.law is None else under(policy, self.law), self.capacity)

    def reasons(self, digest: str) -> Approved:
        """Approved reasons of the home."""
        return self.parts.reasons(digest)


def named_model(home: Home, name: str) -> NamedModel:
    """The newest model of a kind, that of an artefact's file, or one of the home by 12 or more digits of its digest.

    Raises ConfigError for what is none of these, ModelMismatch for a model of other features or another target.
    """
    features = FeatureSet.standard(home.deployment.unsupported)
    parts = HomeParts(home)
    if name in KINDS:
        digest = model_to_promote(home, name)
    elif _DIGEST.fullmatch(name):
        digest = _digest_at(home, name)
    else:
        return _of_file(home, Path(name), features)
    scoring, kind, expected = parts.model(digest, features.hash)
    return NamedModel(digest, scoring, kind, expected, _labels_end(scoring))


def _digest_at(home: Home, beginning: str) -> str:
    """The whole digest of a model of the home."""
    for version in home.registry.versions():
        if version.digest.startswith(beginning):
            return version.digest
    expert = model_to_promote(home, EXPERT)
    if expert.startswith(beginning):
        return expert
    raise ConfigError(f"{home.models} holds no model {beginning}", mend="`forbear train` makes one, or name its file")


def _of_file(home: Home, path: Path, features: FeatureSet) -> NamedModel:
    with storage_errors(f"cannot read {path}"):
        if not path.is_file():
            mend = f"name one of {', '.join(KINDS)}, an artefact's file, or the first 12 digits of a digest"
            raise ConfigError(f"{path} is no model: there is no such file", mend=mend)
        content = path.read_bytes()
    try:
        artefact = Artefact.decode(content).for_features(features.hash)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no artefact: {error}", mend="name a file that `forbear train` wrote") from error
    if artefact.provenance.target != (target := target_of(home.deployment)):
        raise ModelMismatch(
            f"{path} foresees {artefact.provenance.target.event}, this home asks for {target.event}",
            mend="train a model for this home",
        )
    expected = artefact.explain(np.full((1, len(features.names)), np.nan)).expected
    return NamedModel(digest_of(artefact), artefact, artefact.model.kind, expected, _labels_end(artefact))


def _labels_end(scoring: Scoring) -> str:
    return scoring.provenance.window.labels_end if isinstance(scoring, Artefact) else ""


def law_of(path: Path | None) -> Law | None:
    """The law of a file. Raises ConfigError for what is no law."""
    return None if path is None else parse_law(text_in(path, "a law"))


def capacity_of(asked: str) -> Mapping[str, int]:
    """Places a day by channel: from "phone=50,sms=1000", or from a TOML file with such lines.

    Raises ConfigError for neither.
    """
    if not asked:
        return {}
    pairs = [_PLACES.fullmatch(part.strip()) for part in asked.split(",")]
    if all(pairs):
        return {found[1]: int(found[2]) for found in pairs if found}
    if "=" in asked:
        raise ConfigError(f"{asked!r} is no capacity", mend="write phone=50,sms=1000, or name a file")
    try:
        return msgspec.convert(toml_of(Path(asked), "a capacity"), dict[str, int])
    except msgspec.ValidationError as error:
        raise ConfigError(f"{asked}: {error}", mend="write one line a channel, such as phone = 50") from error
