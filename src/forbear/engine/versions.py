"""What a registry says of a model: where it came from, when it was put there, and what its gates said of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

import forbear
from forbear.domain.errors import ConfigError, CorruptState
from forbear.domain.stated import canonical_json
from forbear.models.artefact import Artefact, ModelTarget, TrainingWindow
from forbear.models.gate_terms import Verdict

VERSION_FORMAT = 1
LEAST_DIGITS = 12
"""So many digits of a digest name a model where a person types them."""
_DIGEST = r"^[0-9a-f]{64}\Z"

Origin = Literal["train", "retrain", "online", "before the registry"]


class Lineage(Struct, frozen=True, kw_only=True):
    """What an artefact does not know of itself.

    origin: the command that made it.  history_offset: how many events the archive held then.  history_digest: SHA-256
    of them, "" where it is not known.  parent: digest of the champion then, "" for none.
    """

    origin: Origin
    history_offset: int = 0
    history_digest: str = ""
    parent: str = ""


class ModelVersion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of a registry, as `version.json` says it; never changed once it is there.

    digest: of the artefact.  created: when it was put there, None where nobody wrote it down.  code_version: of
    forbear.  data_fingerprint: of the training rows.  metrics: of the validation forward in time, before calibration.
    """

    format: int
    digest: Annotated[str, Meta(pattern=_DIGEST)]
    kind: str
    created: datetime | None
    lineage: Lineage
    target: ModelTarget
    window: TrainingWindow
    rows: int
    positives: int
    data_fingerprint: str
    feature_set_hash: str
    metrics: dict[str, dict[str, float | None]]
    seed: int
    code_version: str
    libraries: dict[str, str]


class GateRecord(Struct, frozen=True, kw_only=True):
    """A gate's report as a registry keeps it. digest: SHA-256 of its canonical JSON.  report: what it says."""

    digest: str
    report: dict[str, Any]

    @property
    def verdict(self) -> Verdict:
        """What it came to. Raises CorruptState for a report that does not say so."""
        try:
            return Verdict(str(self.report.get("outcome")))
        except ValueError as error:
            raise CorruptState(f"gate report {self.digest[:12]}: {error}", mend=_RESTORE) from error


def version_of(artefact: Artefact, lineage: Lineage, created: datetime | None) -> ModelVersion:
    """What a registry says of an artefact."""
    about = artefact.provenance
    return ModelVersion(
        format=VERSION_FORMAT,
        digest=artefact.digest(),
        kind=artefact.model.kind,
        created=created,
        lineage=lineage,
        target=about.target,
        window=about.window,
        rows=about.rows,
        positives=about.positives,
        data_fingerprint=about.data_fingerprint,
        feature_set_hash=about.feature_set_hash,
        metrics=about.metrics,
        seed=about.seed,
        code_version=str(about.versions.get("forbear", forbear.__version__)),
        libraries={name: version for name, version in about.versions.items() if name != "forbear"},
    )


def encode_version(version: ModelVersion) -> bytes:
    """Canonical JSON with a checksum of its own."""
    body = msgspec.to_builtins(version)
    return canonical_json({**body, "sha256": sha256(canonical_json(body)).hexdigest()})


def decode_version(raw: bytes) -> ModelVersion:
    """The version that encode_version wrote. Raises CorruptState for anything else."""
    try:
        body = json.loads(raw)
        stated = body.pop("sha256")
        if stated != sha256(canonical_json(body)).hexdigest():
            raise CorruptState("version.json: the checksum is not that of the content", mend=_RESTORE)
        found = msgspec.convert(body, ModelVersion, strict=False)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, msgspec.MsgspecError) as error:
        raise CorruptState(f"version.json: {error}", mend=_RESTORE) from error
    if found.format != VERSION_FORMAT:
        raise CorruptState(f"version.json: format {found.format} is not {VERSION_FORMAT}", mend=_RESTORE)
    return found


def gate_record(report: Mapping[str, Any]) -> GateRecord:
    """A gate's report under its digest. Raises ValueError for one that is no JSON."""
    return GateRecord(digest=sha256(canonical_json(report)).hexdigest(), report=dict(report))


def state_of(records: Iterable[GateRecord]) -> Verdict | None:
    """What all gates together say of a model: failed once, failed for good; else the last word; None without any.

    records: the oldest first.
    """
    verdicts = [record.verdict for record in records]
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    return verdicts[-1] if verdicts else None


def named_by(versions: Iterable[ModelVersion], beginning: str) -> ModelVersion:
    """The one version whose digest begins so. Raises ConfigError for fewer than 12 digits, for none, and for two."""
    if len(beginning) < LEAST_DIGITS:
        raise ConfigError(f"{beginning!r} names no model", mend=f"give {LEAST_DIGITS} or more digits of its digest")
    found = [version for version in versions if version.digest.startswith(beginning)]
    if len(found) != 1:
        raise ConfigError(
            f"{len(found)} models of the registry begin with {beginning!r}", mend="`forbear models list` names them"
        )
    return found[0]


_RESTORE = "restore it from a backup: what a registry holds is never written again"
