"""A model registry over objects: artefact, version and gates' reports under the digest, each written once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forbear.adapters.objects import FileObjects
from forbear.domain.errors import ConfigError, CorruptState
from forbear.domain.stated import canonical_json
from forbear.engine.ports import Objects
from forbear.engine.versions import (
    GateRecord,
    Lineage,
    ModelVersion,
    decode_version,
    encode_version,
    gate_record,
    version_of,
)
from forbear.models.artefact import Artefact

ARTEFACT, VERSION = "artefact.json", "version.json"
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_KEPT = re.compile(rf"([0-9a-f]{{64}})/{re.escape(ARTEFACT)}\Z")
_GATE = re.compile(r"[0-9a-f]{64}/gate-([0-9]{4})-([0-9a-f]{12})\.json\Z")
_EARLIER = re.compile(r"[a-z_]+-([0-9a-f]{12})\.json\Z")
_SHORT = 12


class ObjectModels:
    """A registry over objects. now: when something is put there; by the clock if it is not given.

    What earlier versions left is read where it lies: <kind>-<12 digits>.json, without a version.json.
    """

    def __init__(self, objects: Objects, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._objects = objects
        self._now = now

    def where(self, digest: str) -> str:
        """Path or URL of an artefact; the first 12 digits are enough for one that an earlier version left.

        Raises ConfigError where there is none.
        """
        return self._objects.where(self._name(digest))

    def put(self, artefact: Artefact, lineage: Lineage) -> str:
        """Keep an artefact behind its version: it is there once both are. What was there stays as it is."""
        digest = artefact.digest()
        if not self._objects.exists(f"{digest}/{ARTEFACT}"):
            self._objects.put(f"{digest}/{VERSION}", encode_version(version_of(artefact, lineage, self._now())))
            self._objects.put(f"{digest}/{ARTEFACT}", artefact.encode())
        return digest

    def get(self, digest: str) -> Artefact:
        """The artefact of a digest. Raises ConfigError where there is none, CorruptState for a damaged one."""
        name = self._name(digest)
        artefact = self._read(name)
        if not artefact.digest().startswith(digest):
            raise CorruptState(
                f"{self._objects.where(name)} is not what was put there: its digest differs", mend=_RETRAIN
            )
        return artefact

    def holds(self, digest: str) -> bool:
        """Whether there is an artefact of a digest."""
        try:
            self._name(digest)
        except ConfigError:
            return False
        return True

    def version(self, digest: str) -> ModelVersion:
        """What is known of an artefact; of one of an earlier version, what it says itself."""
        name = self._name(digest)
        if not _KEPT.match(name):
            return version_of(self.get(digest), Lineage(origin="before the registry"), None)
        about = f"{digest}/{VERSION}"
        where = self._objects.where(about)
        if not self._objects.exists(about):
            raise CorruptState(f"{where} is not there", mend=_RESTORE)
        try:
            found = decode_version(self._objects.get(about))
        except CorruptState as error:
            raise CorruptState(f"{where}: {error}") from error
        if found.digest != digest:
            raise CorruptState(f"{where} is of model {found.digest[:12]}", mend=_RESTORE)
        return found

    def versions(self) -> Sequence[ModelVersion]:
        """All of them: those of earlier versions first, the others by when they were put there."""
        names = self._objects.list()
        earlier = [self._read(name).digest() for name in names if _EARLIER.match(name)]
        whole = [match[1] for name in names if (match := _KEPT.match(name))]
        found = [self.version(digest) for digest in dict.fromkeys([*earlier, *whole])]
        return sorted(found, key=lambda one: (one.created or _LONG_AGO, one.digest))

    def judge(self, digest: str, report: Mapping[str, Any]) -> GateRecord:
        """Keep what a gate said of an artefact, beside it; the same report once."""
        self._name(digest)
        record, told = gate_record(report), self.gates(digest)
        if record.digest not in {one.digest for one in told}:
            name = f"{digest}/gate-{len(told):04d}-{record.digest[:12]}.json"
            self._objects.put(name, canonical_json(report))
        return record

    def gates(self, digest: str) -> Sequence[GateRecord]:
        """What gates said of an artefact, the oldest first. Raises CorruptState for a damaged or missing report."""
        if not _DIGEST.match(digest):
            return []
        matches = [match for name in self._objects.list(f"{digest}/gate-") if (match := _GATE.match(name))]
        found = []
        for place, match in enumerate(matches):
            where = self._objects.where(match[0])
            try:
                record = gate_record(json.loads(self._objects.get(match[0])))
            except (ValueError, TypeError, RecursionError) as error:
                raise CorruptState(f"{where} is damaged: {error}", mend=_RESTORE) from error
            if int(match[1]) != place or not record.digest.startswith(match[2]):
                raise CorruptState(f"{where} is not what was put there", mend=_RESTORE)
            found.append(record)
        return found

    def _name(self, digest: str) -> str:
        """The name of the object that an artefact is. Raises ConfigError where there is none."""
        if _DIGEST.match(digest) and self._objects.exists(name := f"{digest}/{ARTEFACT}"):
            return name
        for name in self._objects.list():
            match = _EARLIER.match(name)
            if match and digest[:_SHORT] == match[1] and self._read(name).digest().startswith(digest):
                return name
        raise ConfigError(f"{self._objects.where('')} holds no model {digest[:12]}", mend=_RESTORE)

    def _read(self, name: str) -> Artefact:
        content, where = self._objects.get(name), self._objects.where(name)
        try:
            return Artefact.decode(content)
        except CorruptState as error:
            raise CorruptState(f"{where}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise CorruptState(f"{where}: artefact: {error}", mend=_RETRAIN) from error


class FileModels(ObjectModels):
    """A registry over a folder: a folder an artefact."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(FileObjects(folder), now)
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the artefact of a digest lies. Raises ConfigError where there is none."""
        return Path(self.where(digest))


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_RESTORE = "restore it from a backup: what was promoted must stay"
_RETRAIN = "train again, or restore the file from a copy"
