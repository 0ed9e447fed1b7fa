"""Artefacts: bit for bit after a round trip, refused when touched."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from forbear.domain.errors import CorruptState, ModelMismatch
from forbear.models.artefact import Artefact, ModelTarget, library_versions, make_artefact
from forbear.models.boosting import default_settings
from forbear.models.dataset import Dataset
from forbear.models.training import TrainingSpec, train

TARGET = ModelTarget(days_past_due_at_least=1, within_days=30, event="a scheduled payment is missed")


@pytest.fixture(scope="module", params=["scorecard", "boosting", "ensemble"])
def artefact(bank: Dataset, request: pytest.FixtureRequest) -> Artefact:
    """An artefact of each trainable kind."""
    quick = replace(default_settings(bank.positives), max_rounds=60)
    trained = train(bank, TrainingSpec(request.param, seed=11, boosting=quick, resamples=10))
    return make_artefact(trained, bank, TARGET, "feature-set-a")


def test_scores_are_the_same_bits_after_a_round_trip(artefact: Artefact, bank: Dataset) -> None:
    """Encoded and decoded, an artefact gives the same PDs, the same bytes and the same identity."""
    raw = artefact.encode()
    loaded = Artefact.decode(raw)
    np.testing.assert_array_equal(artefact.predict(bank.features), loaded.predict(bank.features))
    np.testing.assert_array_equal(artefact.log_odds(bank.features), loaded.log_odds(bank.features))
    assert raw == loaded.encode()
    assert artefact.digest() == loaded.digest() == json.loads(raw)["sha256"]
    assert artefact.provenance == loaded.provenance


def test_says_where_it_comes_from(artefact: Artefact, bank: Dataset) -> None:
    """Target, window, data, figures, seed and library versions are all in the file."""
    stated = artefact.provenance
    assert stated.target == TARGET
    assert (stated.window.first_as_of, stated.window.last_as_of) == ("2023-01-01", "2023-12-01")
    assert stated.window.labels_end == "2023-12-31"
    assert stated.data_fingerprint == bank.fingerprint()
    assert (stated.rows, stated.positives, stated.seed) == (len(bank), bank.positives, 11)
    assert stated.metrics["auc"]["value"] is not None
    assert stated.versions == library_versions()
    assert stated.specs == bank.specs


def test_any_change_is_noticed(artefact: Artefact) -> None:
    """One digit changed, one field removed or the end cut off: the file is refused."""
    raw = artefact.encode()
    document = json.loads(raw)
    document["provenance"]["positives"] += 1
    without = {name: value for name, value in json.loads(raw).items() if name != "calibrator"}
    for broken in (json.dumps(document).encode(), json.dumps(without).encode(), raw[:-40], b"", b"[]", b"\xff"):
        with pytest.raises(CorruptState):
            Artefact.decode(broken)


def test_an_unknown_format_is_refused(artefact: Artefact) -> None:
    """A file of a later format is not guessed at."""
    document = {**json.loads(artefact.encode()), "format": 99}
    with pytest.raises(CorruptState, match="format 1"):
        Artefact.decode(json.dumps(document).encode())


def test_another_feature_set_is_refused_by_name(artefact: Artefact) -> None:
    """A model is used only with the formulas it was trained on; the refusal names both."""
    assert artefact.for_features("feature-set-a") is artefact
    with pytest.raises(ModelMismatch, match=r"feature-set-a.*feature-set-b"):
        artefact.for_features("feature-set-b")
