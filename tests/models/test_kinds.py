"""Laws of every kind of model: monotone, tolerant of unknown values, the same bits after a round trip."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forbear.domain.errors import CorruptState, ModelMismatch
from forbear.domain.stated import canonical_json
from forbear.models.base import MODELS, Model, load_model
from forbear.models.boosting import default_settings, fit_boosting
from forbear.models.calibration import Identity
from forbear.models.dataset import Dataset
from forbear.models.ensemble import Ensemble
from forbear.models.expert import build_expert
from forbear.models.online import Beginning, begin_online, fold_day
from forbear.models.online_terms import ChallengerTerms
from forbear.models.prequential import by_day
from forbear.models.scorecard import ScorecardSettings, fit_scorecard

EXPERTISE = {
    "format": 1,
    "version": "test",
    "base_pd": 0.02,
    "features": {
        "stress": {"calm": 0.0, "stressed": 2.0, "points": 1.0},
        "cover": {"calm": 1.0, "stressed": -1.0, "points": 2.0},
    },
}


@pytest.fixture(scope="module")
def models(bank: Dataset) -> dict[str, Model]:
    """One model of each kind on the same columns."""
    scorecard = fit_scorecard(bank, ScorecardSettings())
    boosting = fit_boosting(bank, default_settings(bank.positives), rounds=120, seed=0)
    expert = build_expert(EXPERTISE, bank.specs)
    ensemble = Ensemble.of([(1.0, boosting), (2.0, scorecard), (1.0, expert)])
    terms = ChallengerTerms(trust=0.5, half_life_days=365.0)
    began = begin_online(scorecard, Identity(), Beginning("0" * 64, "2022-12-31", len(bank), bank.positives), terms)
    return {
        "scorecard": scorecard,
        "boosting": boosting,
        "expert": expert,
        "ensemble": ensemble,
        "online": fold_day(began, next(by_day(bank)), terms),
    }


def test_every_registered_kind_is_tested(models: dict[str, Model]) -> None:
    """A kind added to the registry must be added here."""
    assert MODELS.keys() == models.keys()
    assert all(kind == model.kind for kind, model in models.items())


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_risk_never_falls_in_a_features_direction(models: dict[str, Model], bank: Dataset, kind: str) -> None:
    """Raising a +1 feature, or lowering a -1 one, never lowers the log-odds of any row."""
    start = bank.features[:200].copy()
    for column, spec in enumerate(bank.specs):
        if spec.direction == 0:
            continue
        last = np.full(len(start), -np.inf)
        for value in spec.direction * np.sort(spec.direction * np.linspace(-4.0, 4.0, 60)):
            moved = start.copy()
            moved[:, column] = value
            now = models[kind].log_odds(moved)
            assert (now >= last).all(), (spec.name, value)
            last = now


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_the_planted_features_carry_the_weight(models: dict[str, Model], kind: str) -> None:
    """Shares add up to one, and the two features that drive the outcomes are the heaviest."""
    weights = models[kind].weights()
    assert sum(weight.share for weight in weights) == pytest.approx(1.0)
    assert {"stress", "cover"} == {weight.feature for weight in weights[:2]}
    assert {("stress", 1), ("cover", -1)} == {(weight.feature, weight.direction) for weight in weights[:2]}


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_attributions_sum_to_the_score(models: dict[str, Model], bank: Dataset, kind: str) -> None:
    """Every row's attributions and what it starts from are its score; one row is explained as many are."""
    rows = bank.features[:400].copy()
    rows[::3, ::2] = np.nan
    found = models[kind].explain(rows)
    assert found.attributions.shape == rows.shape
    assert found.errors.max() <= 1e-12
    np.testing.assert_array_equal(found.log_odds, models[kind].log_odds(rows))
    np.testing.assert_array_equal(models[kind].explain(rows[7:8]).attributions[0], found.attributions[7])


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_change_for_the_worse_is_attributed_upwards(models: dict[str, Model], bank: Dataset, kind: str) -> None:
    """Where one feature alone changes to its riskier side, its own attribution does not fall."""
    calm, worse = bank.features[:300].copy(), bank.features[:300].copy()
    for column, spec in enumerate(bank.specs):
        if spec.direction == 0:
            continue
        calm[:, column], worse[:, column] = -4.0 * spec.direction, 4.0 * spec.direction
        before, after = (models[kind].explain(rows).attributions[:, column] for rows in (calm, worse))
        assert (after >= before).all(), spec.name


def test_a_scorecard_is_explained_against_its_training_rows(models: dict[str, Model], bank: Dataset) -> None:
    """Attributions average to nothing over the rows that the scorecard was fitted to."""
    found = models["scorecard"].explain(bank.features)
    np.testing.assert_allclose(found.attributions.mean(axis=0), 0.0, atol=1e-12)
    assert found.expected == pytest.approx(found.log_odds.mean())


def test_an_expert_scorecard_is_explained_against_calm(models: dict[str, Model], bank: Dataset) -> None:
    """Signs of stress only add: no attribution is negative, and a customer without any has none at all."""
    found = models["expert"].explain(bank.features)
    assert (found.attributions >= 0.0).all()
    assert not models["expert"].explain(np.full((1, len(bank.specs)), np.nan)).attributions.any()


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_unknown_values_never_make_an_unknown_score(models: dict[str, Model], bank: Dataset, kind: str) -> None:
    """A customer of whom nothing is known still has a PD inside (0, 1)."""
    pds = models[kind].predict(np.full((3, len(bank.specs)), np.nan))
    assert ((pds > 0.0) & (pds < 1.0)).all()


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_one_row_scores_as_many_do(models: dict[str, Model], bank: Dataset, kind: str) -> None:
    """The log-odds of a row do not depend on the rows beside it."""
    many = models[kind].log_odds(bank.features[:50])
    one = [models[kind].log_odds(bank.features[i : i + 1])[0] for i in range(50)]
    np.testing.assert_array_equal(many, one)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_scores_are_the_same_bits_after_a_round_trip(models: dict[str, Model], bank: Dataset, kind: str) -> None:
    """Through canonical JSON and back nothing changes, the document included."""
    raw = canonical_json(models[kind].to_document())
    loaded = load_model(json.loads(raw))
    np.testing.assert_array_equal(models[kind].log_odds(bank.features), loaded.log_odds(bank.features))
    assert raw == canonical_json(loaded.to_document())
    assert models[kind].weights() == loaded.weights()


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_other_columns_are_refused(models: dict[str, Model], kind: str) -> None:
    """Features of another width are refused, not misread."""
    with pytest.raises(ModelMismatch):
        models[kind].predict(np.zeros((2, 3)))


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_mutilated_document_is_refused(models: dict[str, Model], kind: str) -> None:
    """A missing field or a wrong type is named as corruption."""
    document = models[kind].to_document()
    for broken in ({"kind": kind}, {**document, "features": 7}, {**document, "kind": "oracle"}):
        with pytest.raises(CorruptState):
            load_model(broken)
