"""Laws of every ModelRegistry. Subclass RegistryContract in a test file and define its methods. Needs pytest."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from forbear.domain.errors import ConfigError, CorruptState
from forbear.engine.ports import ModelRegistry
from forbear.engine.versions import GateRecord, Lineage, state_of
from forbear.models.artefact import Artefact, ModelTarget, Provenance, TrainingWindow
from forbear.models.calibration import Platt
from forbear.models.dataset import FeatureSpec
from forbear.models.expert import ExpertScorecard, Reference
from forbear.models.gate_terms import Verdict

_SPEC = FeatureSpec(name="strain", group="stress", direction=1, low=0.0, high=1.0, unit="share")
_EXPERT = ExpertScorecard(("strain",), "1", 0.05, {"strain": Reference(0.1, 0.9, 1.0)})
_LINEAGE = Lineage(origin="train", history_offset=7, history_digest="ab" * 32)


def artefact_of(seed: int) -> Artefact:
    """A small artefact; equal seeds give equal ones."""
    provenance = Provenance(
        target=ModelTarget(1, 30, "a scheduled payment missed"),
        feature_set_hash="f" * 64,
        specs=(_SPEC,),
        window=TrainingWindow("2024-01-01", "2024-06-01", "2024-07-01"),
        data_fingerprint="d" * 64,
        rows=100,
        positives=10,
        metrics={"auc": {"value": 0.8, "low": 0.7, "high": None}},
        seed=seed,
        versions={"forbear": "0", "numpy": "2"},
    )
    return Artefact(_EXPERT, Platt(0.1, 0.9), provenance)


class RegistryContract:
    """What holds of a registry wherever its models are."""

    def make(self, now: datetime) -> ModelRegistry:
        """A registry without models, that takes this for the present."""
        raise NotImplementedError

    def again(self, registry: ModelRegistry, now: datetime) -> ModelRegistry:
        """The same models as another process sees them, at another instant."""
        raise NotImplementedError

    def damage(self, registry: ModelRegistry, digest: str) -> None:
        """Change the stored bytes of an artefact."""
        raise NotImplementedError

    def test_what_was_put_is_there(self) -> None:
        """An artefact comes back as it was, under its own digest, in another process too."""
        registry, artefact = self.make(_NOON), artefact_of(0)
        digest = registry.put(artefact, _LINEAGE)
        found = self.again(registry, _NOON)
        features = np.array([[0.2], [np.nan], [0.95]])

        assert digest == artefact.digest()
        assert found.holds(digest)
        assert found.get(digest).encode() == artefact.encode()
        np.testing.assert_array_equal(found.get(digest).predict(features), artefact.predict(features))

    def test_a_version_says_what_the_model_is(self) -> None:
        """The version has the artefact's own facts, and those that it was put with."""
        registry, artefact = self.make(_NOON), artefact_of(3)
        version = self.again(registry, _NOON).version(registry.put(artefact, _LINEAGE))
        about = artefact.provenance

        assert (version.digest, version.kind, version.created) == (artefact.digest(), artefact.model.kind, _NOON)
        assert (version.lineage, version.seed, version.code_version) == (_LINEAGE, 3, "0")
        assert (version.target, version.window, version.metrics) == (about.target, about.window, about.metrics)
        assert (version.data_fingerprint, version.feature_set_hash) == ("d" * 64, "f" * 64)

    def test_nothing_is_written_twice(self) -> None:
        """Put once more, later and with another lineage, an artefact and its version stay as they were."""
        registry, artefact = self.make(_NOON), artefact_of(0)
        digest = registry.put(artefact, _LINEAGE)
        before = registry.version(digest)
        later = self.again(registry, _LATER)

        assert later.put(artefact, Lineage(origin="retrain", parent="c" * 64)) == digest
        assert later.version(digest) == before
        assert [one.digest for one in later.versions()] == [digest]

    def test_versions_come_in_the_order_in_which_they_were_put(self) -> None:
        """The oldest is first, whatever the digests are."""
        registry = self.make(_NOON)
        first = registry.put(artefact_of(1), _LINEAGE)
        second = self.again(registry, _LATER).put(artefact_of(2), _LINEAGE)

        assert [one.digest for one in registry.versions()] == [first, second]

    def test_what_is_not_there_is_said(self) -> None:
        """A digest that nothing was put under is ConfigError, also for what a gate would say of it."""
        registry, nothing = self.make(_NOON), "0" * 64

        assert not registry.holds(nothing)
        assert list(registry.versions()) == []
        assert list(registry.gates(nothing)) == []
        for asked in (registry.get, registry.version, lambda digest: registry.judge(digest, {"outcome": "passed"})):
            with pytest.raises(ConfigError):
                asked(nothing)

    def test_a_damaged_artefact_is_never_answered(self) -> None:
        """Whose bytes were changed is CorruptState; the others are as they were."""
        registry = self.make(_NOON)
        bad, good = registry.put(artefact_of(1), _LINEAGE), registry.put(artefact_of(2), _LINEAGE)
        self.damage(registry, bad)
        again = self.again(registry, _NOON)

        with pytest.raises(CorruptState):
            again.get(bad)
        assert again.get(good).digest() == good

    def test_gates_are_kept_in_order_and_once(self) -> None:
        """What gates said comes back in order, the same report once; failed once is failed for good."""
        registry = self.make(_NOON)
        digest = registry.put(artefact_of(1), _LINEAGE)
        reports = [
            {"outcome": "a person decides", "n": 1},
            {"outcome": "failed", "n": 2},
            {"outcome": "passed", "n": 3},
        ]
        told = [registry.judge(digest, report) for report in (*reports, reports[0])]
        found = list(self.again(registry, _LATER).gates(digest))

        assert found == told[:3]
        assert [one.report for one in found] == reports
        assert [state_of(found[:n]) for n in range(4)] == [
            None,
            Verdict.A_PERSON_DECIDES,
            Verdict.FAILED,
            Verdict.FAILED,
        ]
        assert all(isinstance(one, GateRecord) for one in found)


_NOON = datetime(2024, 8, 1, 12, tzinfo=UTC)
_LATER = datetime(2024, 8, 2, 12, tzinfo=UTC)
