"""A model registry in a folder: a folder an artefact, named by its digest, written once and checked when read."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forbear.adapters.disk import storage_errors, sync_folder, write_whole
from forbear.domain.errors import ConfigError, CorruptState
from forbear.domain.stated import canonical_json
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
_GATE = re.compile(r"gate-([0-9]{4})-([0-9a-f]{12})\.json\Z")
_EARLIER = re.compile(r"[a-z_]+-([0-9a-f]{12})\.json\Z")
_SHORT = 12
_DRAFT = ".putting-"


class FileModels:
    """A registry over a folder. now: when something is put there; by the clock if it is not given.

    What earlier versions left is read where it lies: <kind>-<12 digits>.json, without a version.json.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._now = now

    def path(self, digest: str) -> Path:
        """Where the artefact of a digest lies; the first 12 digits are enough for one that an earlier version left.

        Raises ConfigError where there is none.
        """
        with storage_errors(f"cannot read {self.folder}"):
            if _DIGEST.match(digest) and (where := self.folder / digest / ARTEFACT).is_file():
                return where
            for path in self._earlier():
                if digest[:_SHORT] == _digits(path) and _read(path).digest().startswith(digest):
                    return path
        raise ConfigError(f"{self.folder} holds no model {digest[:12]}", mend=_RESTORE)

    def put(self, artefact: Artefact, lineage: Lineage) -> str:
        """Keep an artefact with its version.json: both appear by one renaming. What was there stays as it is."""
        digest = artefact.digest()
        home = self.folder / digest
        with storage_errors(f"cannot write {home}"):
            if (home / ARTEFACT).exists():
                return digest
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=self.folder, prefix=_DRAFT))
            try:
                draft.chmod(0o755)
                write_whole(draft / ARTEFACT, artefact.encode())
                write_whole(draft / VERSION, encode_version(version_of(artefact, lineage, self._now())))
                if not home.exists():
                    draft.rename(home)
                    sync_folder(self.folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return digest

    def get(self, digest: str) -> Artefact:
        """The artefact of a digest. Raises ConfigError where there is none, CorruptState for a damaged one."""
        path = self.path(digest)
        artefact = _read(path)
        if not artefact.digest().startswith(digest):
            raise CorruptState(f"{path} is not what was put there: its digest differs", mend=_RETRAIN)
        return artefact

    def holds(self, digest: str) -> bool:
        """Whether there is an artefact of a digest."""
        try:
            self.path(digest)
        except ConfigError:
            return False
        return True

    def version(self, digest: str) -> ModelVersion:
        """What is known of an artefact; of one of an earlier version, what it says itself."""
        path = self.path(digest)
        if path.name != ARTEFACT:
            return version_of(self.get(digest), Lineage(origin="before the registry"), None)
        about = path.with_name(VERSION)
        with storage_errors(f"cannot read {about}"):
            if not about.is_file():
                raise CorruptState(f"{about} is not there", mend=_RESTORE)
            content = about.read_bytes()
        try:
            found = decode_version(content)
        except CorruptState as error:
            raise CorruptState(f"{about}: {error}") from error
        if found.digest != digest:
            raise CorruptState(f"{about} is of model {found.digest[:12]}", mend=_RESTORE)
        return found

    def versions(self) -> Sequence[ModelVersion]:
        """All of them: those of earlier versions first, the others by when they were put there."""
        with storage_errors(f"cannot read {self.folder}"):
            if not self.folder.is_dir():
                return []
            whole = sorted(one.name for one in self.folder.iterdir() if _DIGEST.match(one.name) and one.is_dir())
            earlier = [_read(path).digest() for path in self._earlier()]
        found = [self.version(digest) for digest in dict.fromkeys([*earlier, *whole])]
        return sorted(found, key=lambda one: (one.created or _LONG_AGO, one.digest))

    def judge(self, digest: str, report: Mapping[str, Any]) -> GateRecord:
        """Keep what a gate said of an artefact, beside it; the same report once."""
        self.path(digest)
        record, told = gate_record(report), self.gates(digest)
        if record.digest not in {one.digest for one in told}:
            name = f"gate-{len(told):04d}-{record.digest[:12]}.json"
            write_whole(self.folder / digest / name, canonical_json(report))
        return record

    def gates(self, digest: str) -> Sequence[GateRecord]:
        """What gates said of an artefact, the oldest first. Raises CorruptState for a damaged or missing report."""
        where, found = self.folder / digest, []
        with storage_errors(f"cannot read {where}"):
            paths = sorted(path for path in where.glob("gate-*.json") if _GATE.match(path.name))
            for place, path in enumerate(paths):
                number, digits = _matched(_GATE, path)
                try:
                    record = gate_record(json.loads(path.read_bytes()))
                except (ValueError, TypeError, RecursionError) as error:
                    raise CorruptState(f"{path} is damaged: {error}", mend=_RESTORE) from error
                if int(number) != place or not record.digest.startswith(digits):
                    raise CorruptState(f"{path} is not what was put there", mend=_RESTORE)
                found.append(record)
        return found

    def _earlier(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.json") if _EARLIER.match(path.name))


def _digits(path: Path) -> str:
    """The first digits of the digest that a file of an earlier version is named by."""
    return _matched(_EARLIER, path)[0]


def _matched(pattern: re.Pattern[str], path: Path) -> tuple[str, ...]:
    match = pattern.match(path.name)
    assert match is not None
    return match.groups()


def _read(path: Path) -> Artefact:
    with storage_errors(f"cannot read {path}"):
        content = path.read_bytes()
    try:
        return Artefact.decode(content)
    except CorruptState as error:
        raise CorruptState(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise CorruptState(f"{path}: artefact: {error}", mend=_RETRAIN) from error


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_RESTORE = "restore it from a backup: what was promoted must stay"
_RETRAIN = "train again, or restore the file from a copy"
