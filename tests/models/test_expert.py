"""The expert scorecard: worked cases, the shipped document, and refusals."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from forbear.domain.errors import ConfigError, ModelMismatch
from forbear.models.dataset import FeatureSpec
from forbear.models.expert import Reference, build_expert

SPECS = (
    FeatureSpec("delay", "income", 1, 0.0, 60.0, "days"),
    FeatureSpec("cover", "stress", -1, -30.0, 365.0, "days"),
    FeatureSpec("other", "cash", 0, 0.0, 1.0, "share"),
)


def expertise(**changes: Any) -> dict[str, Any]:
    """A small document, with changes."""
    features = {
        "delay": {"calm": 1.0, "stressed": 11.0, "points": 1.0},
        "cover": {"calm": 14.0, "stressed": 4.0, "points": 2.0},
    }
    return {"format": 1, "version": "t", "base_pd": 0.5, "features": features, **changes}


def test_points_interpolate_between_calm_and_stressed() -> None:
    """Half-way to the stressed point earns half of the points; beyond either point nothing changes."""
    model = build_expert(expertise(), SPECS)
    rows = np.array([[0.0, 20.0, 0.5], [6.0, 20.0, 0.5], [0.0, 9.0, 0.5], [50.0, -9.0, 0.5]])
    np.testing.assert_allclose(model.log_odds(rows), [0.0, 0.5, 1.0, 3.0], atol=1e-12)


def test_an_unknown_feature_adds_nothing_and_is_listed() -> None:
    """Unknown is neither calm nor stressed: it is named; columns without weight are not."""
    model = build_expert(expertise(), SPECS)
    rows = np.array([[np.nan, 4.0, np.nan], [11.0, 4.0, 0.1]])
    np.testing.assert_allclose(model.log_odds(rows), [2.0, 3.0], atol=1e-12)
    assert model.unknown(rows) == [("delay",), ()]


def test_a_document_against_a_features_direction_is_refused() -> None:
    """Reference points the wrong way round would reward stress."""
    swapped = {"delay": {"calm": 11.0, "stressed": 1.0, "points": 1.0}}
    with pytest.raises(ModelMismatch, match="delay alarms against"):
        build_expert(expertise(features=swapped), SPECS)


def test_a_document_for_other_features_is_refused() -> None:
    """A feature that is not computed cannot be weighed."""
    with pytest.raises(ModelMismatch, match="cover"):
        build_expert(expertise(), SPECS[:1])


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"base_pd": 0.0},
        {"base_pd": "low"},
        {"features": {}},
        {"colour": "red"},
        {"features": {"delay": {"calm": 1.0, "stressed": 1.0, "points": 1.0}}},
        {"features": {"delay": {"calm": 1.0, "stressed": 2.0, "points": -1.0}}},
    ],
)
def test_a_document_that_cannot_be_read_is_the_operators_to_mend(changes: dict[str, Any]) -> None:
    """Unknown formats and keys, impossible PDs and empty references are configuration errors."""
    with pytest.raises(ConfigError):
        build_expert(expertise(**changes), SPECS)


def test_severity_of_one_feature() -> None:
    """Severity is 0 at calm, 1 at stressed, and NaN where the value is."""
    severity = Reference(calm=14.0, stressed=4.0, points=1.0).severity(np.array([15.0, 14.0, 9.0, 4.0, np.nan]))
    np.testing.assert_allclose(severity, [0.0, 0.0, 0.5, 1.0, np.nan])


def test_the_shipped_document_tells_calm_from_stressed() -> None:
    """The package's own document gives a calm customer the base PD and a thoroughly stressed one over 90 %."""
    shipped = tomllib.loads(files("forbear").joinpath("data", "expert.toml").read_text(encoding="utf-8"))
    references = shipped["features"]
    specs = tuple(FeatureSpec(name, "any", 0, -np.inf, np.inf, "any") for name in references)
    model = build_expert(shipped, specs)
    rows = np.array([[entry[end] for entry in references.values()] for end in ("calm", "stressed")])
    calm, stressed = model.predict(rows)
    assert calm == pytest.approx(shipped["base_pd"])
    assert stressed > 0.9
    assert max(weight.share for weight in model.weights()) < 0.15
