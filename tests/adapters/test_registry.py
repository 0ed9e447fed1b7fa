"""The registry in a folder keeps the laws of registries, survives a crash, and reads what earlier versions left."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from forbear.adapters import objects as module
from forbear.adapters.registry import FileModels
from forbear.domain.errors import ConfigError, CorruptState, StorageError
from forbear.engine.ports import ModelRegistry
from forbear.engine.versions import Lineage, named_by
from forbear.testing.registry_contract import RegistryContract, artefact_of

NOON = datetime(2024, 8, 1, 12, tzinfo=UTC)
LINEAGE = Lineage(origin="train")


def folder_of(registry: ModelRegistry) -> Path:
    """Where a registry's models are."""
    assert isinstance(registry, FileModels)
    return registry.folder


class TestFileModels(RegistryContract):
    """The laws of every registry."""

    @pytest.fixture(autouse=True)
    def _folders(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path

    def make(self, now: datetime) -> ModelRegistry:
        """A registry whose folder is not there yet."""
        return FileModels(self.tmp_path / "models", lambda: now)

    def again(self, registry: ModelRegistry, now: datetime) -> ModelRegistry:
        """The same folder."""
        return FileModels(folder_of(registry), lambda: now)

    def damage(self, registry: ModelRegistry, digest: str) -> None:
        """One bit flipped."""
        path = folder_of(registry) / digest / "artefact.json"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))


@pytest.fixture
def models(tmp_path: Path) -> FileModels:
    """An empty registry."""
    return FileModels(tmp_path / "models", lambda: NOON)


@pytest.mark.parametrize("written", [0, 1])
def test_a_put_that_is_cut_short_leaves_no_model(
    models: FileModels, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """Whichever file cannot be written, no model is there, and the next put keeps it whole."""
    real, left = module.write_new, iter(range(2))

    def fails(path: Path, content: bytes) -> bool:
        if next(left) == written:
            raise StorageError("the disk is full")
        return real(path, content)

    monkeypatch.setattr(module, "write_new", fails)
    with pytest.raises(StorageError):
        models.put(artefact_of(0), LINEAGE)
    assert not models.holds(artefact_of(0).digest())
    assert list(models.versions()) == []

    monkeypatch.setattr(module, "write_new", real)
    digest = models.put(artefact_of(0), LINEAGE)
    assert models.version(digest).digest == digest


def test_an_artefact_under_anothers_name_is_refused(models: FileModels) -> None:
    """A whole artefact in the folder of another digest is not what was put there."""
    one, other = (models.put(artefact_of(seed), LINEAGE) for seed in (1, 2))
    (models.folder / one / "artefact.json").write_bytes((models.folder / other / "artefact.json").read_bytes())

    with pytest.raises(CorruptState, match="digest differs"):
        models.get(one)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_changed_version_is_refused(models: FileModels, place: float) -> None:
    """A flipped bit in version.json, or the version of another model, is CorruptState that names the file."""
    one, other = (models.put(artefact_of(seed), LINEAGE) for seed in (1, 2))
    path = models.folder / one / "version.json"
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CorruptState, match=r"version\.json"):
        models.version(one)

    path.write_bytes((models.folder / other / "version.json").read_bytes())
    with pytest.raises(CorruptState, match="is of model"):
        models.versions()


def test_a_gate_report_that_is_gone_or_changed_is_missed(models: FileModels) -> None:
    """A failed candidate does not come clean by losing or rewriting a report."""
    digest = models.put(artefact_of(1), LINEAGE)
    for n, outcome in enumerate(("failed", "passed")):
        models.judge(digest, {"outcome": outcome, "n": n})
    first = next((models.folder / digest).glob("gate-0000-*.json"))
    whole = first.read_bytes()

    first.write_bytes(whole.replace(b"failed", b"passed"))
    with pytest.raises(CorruptState):
        models.gates(digest)
    first.unlink()
    with pytest.raises(CorruptState):
        models.gates(digest)
    first.write_bytes(whole)
    assert len(models.gates(digest)) == 2


def test_artefacts_of_earlier_versions_are_read(models: FileModels) -> None:
    """<kind>-<12 digits>.json is a model like any other, whose version says what the artefact itself says."""
    artefact = artefact_of(5)
    digest = artefact.digest()
    models.folder.mkdir()
    path = models.folder / f"expert-{digest[:12]}.json"
    path.write_bytes(artefact.encode())

    assert models.path(digest) == models.path(digest[:12]) == path
    assert models.get(digest).digest() == digest
    version = models.version(digest)
    assert (version.digest, version.created, version.lineage.origin) == (digest, None, "before the registry")
    newer = models.put(artefact_of(6), LINEAGE)
    assert [one.digest for one in models.versions()] == [digest, newer]
    models.judge(digest, {"outcome": "passed"})
    assert [str(one.verdict) for one in models.gates(digest)] == ["passed"]


def test_a_model_is_named_by_digits(models: FileModels) -> None:
    """Twelve digits of a digest name the model; fewer, or those of none, are ConfigError."""
    digest = models.put(artefact_of(1), LINEAGE)

    assert named_by(models.versions(), digest[:12]).digest == digest
    for wrong in (digest[:11], "0" * 12, ""):
        with pytest.raises(ConfigError):
            named_by(models.versions(), wrong)


@pytest.mark.parametrize("name", ["", "..", "../secret", "latest", "0" * 63, "g" * 64, "n" * 5_000])
def test_no_name_leads_out_of_the_folder(models: FileModels, name: str) -> None:
    """What is no digest is no model."""
    models.put(artefact_of(1), LINEAGE)

    assert not models.holds(name)
