"""The ensemble is the weighted mean of its members, in scores, in reasons and on rows that nobody had seen."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.domain.errors import CorruptState
from forbear.domain.stated import canonical_json
from forbear.models.base import load_model
from forbear.models.boosting import default_settings, fit_boosting
from forbear.models.dataset import Dataset
from forbear.models.ensemble import Ensemble, MemberModel
from forbear.models.scorecard import ScorecardSettings, fit_scorecard
from forbear.models.training import TrainedModel, TrainingSpec, train

WEIGHTS = st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3)


@pytest.fixture(scope="module")
def members(bank: Dataset) -> list[MemberModel]:
    """Two sizes of trees and a scorecard."""
    trees = [fit_boosting(bank, default_settings(bank.positives), rounds=rounds, seed=0) for rounds in (10, 60)]
    return [*trees, fit_scorecard(bank, ScorecardSettings())]


def mixed(members: list[MemberModel], weights: list[float]) -> Ensemble:
    """The members with these weights."""
    return Ensemble.of(list(zip(weights, members, strict=True)))


@settings(max_examples=12, deadline=None)
@given(weights=WEIGHTS)
def test_whatever_the_weights_the_laws_hold(members: list[MemberModel], bank: Dataset, weights: list[float]) -> None:
    """Scores lie among the members', attributions sum to them, more risk is no lower score, a document is the same."""
    ensemble, rows = mixed(members, weights), bank.features[:80]
    each = np.array([model.log_odds(rows) for model in members])
    found = ensemble.explain(rows)

    assert (found.log_odds >= each.min(axis=0) - 1e-9).all()
    assert (found.log_odds <= each.max(axis=0) + 1e-9).all()
    assert found.errors.max() <= 1e-12
    for column, spec in enumerate(bank.specs):
        worse = rows.copy()
        worse[:, column] = np.nan_to_num(worse[:, column]) + 2.0 * spec.direction
        known = rows.copy()
        known[:, column] = np.nan_to_num(known[:, column])
        if spec.direction:
            assert (ensemble.log_odds(worse) >= ensemble.log_odds(known)).all(), spec.name
    again = load_model(json.loads(canonical_json(ensemble.to_document())))
    np.testing.assert_array_equal(found.log_odds, again.log_odds(rows))
    np.testing.assert_array_equal(found.attributions, again.explain(rows).attributions)


def test_attributions_are_the_members_with_their_weights(members: list[MemberModel], bank: Dataset) -> None:
    """With weights that are powers of two nothing is rounded away: they are the very sum of the members'."""
    rows = bank.features[:50]
    pair = Ensemble.of([(1.0, members[0]), (3.0, members[1])])
    first, second = (model.explain(rows) for model in members[:2])

    found = pair.explain(rows)
    np.testing.assert_array_equal(found.attributions, 0.25 * first.attributions + 0.75 * second.attributions)
    assert found.expected == 0.25 * first.expected + 0.75 * second.expected


def test_equal_members_are_the_member(members: list[MemberModel], bank: Dataset) -> None:
    """A model mixed with itself says what it says alone."""
    twice = Ensemble.of([(1.0, members[2]), (1.0, members[2])])
    np.testing.assert_array_equal(members[2].log_odds(bank.features), twice.log_odds(bank.features))
    assert members[2].weights() == twice.weights()


def test_what_is_no_ensemble_is_refused(members: list[MemberModel], bank: Dataset) -> None:
    """One member, a weight of nothing, and members of other columns."""
    narrow = fit_scorecard(
        replace(bank, features=bank.features[:, :3].copy(), specs=bank.specs[:3]), ScorecardSettings()
    )
    for wrong in ([(1.0, members[0])], [(1.0, members[0]), (0.0, members[1])], [(1.0, members[0]), (1.0, narrow)]):
        with pytest.raises(ValueError, match=r"ensemble|weights"):
            Ensemble.of(wrong)


def _nested(document: dict[str, Any]) -> None:
    document["members"][0]["model"] = {**document}


def _unweighted(document: dict[str, Any]) -> None:
    document["members"][0]["weight"] = 0.9


def _alone(document: dict[str, Any]) -> None:
    document["members"] = [{**document["members"][0], "weight": 1.0}]


def _renamed(document: dict[str, Any]) -> None:
    document["features"][0] = "another"


@pytest.mark.parametrize("break_it", [_nested, _unweighted, _alone, _renamed])
def test_a_document_that_cannot_be_is_refused(members: list[MemberModel], break_it: Any) -> None:
    """An ensemble in an ensemble, weights that are no mean, one member alone, and columns that no member has."""
    document = json.loads(canonical_json(mixed(members, [1.0, 1.0, 1.0]).to_document()))
    break_it(document)
    with pytest.raises(CorruptState):
        load_model(document)


@pytest.fixture(scope="module")
def trained(bank: Dataset) -> dict[str, TrainedModel]:
    """The ensemble and its members, trained by one specification."""
    quick = replace(default_settings(bank.positives), max_rounds=60)
    spec = TrainingSpec("ensemble", seed=3, boosting=quick, resamples=10)
    alone = {kind: train(bank, replace(spec, kind=kind)) for kind, _ in spec.members}
    return {"ensemble": train(bank, spec), **alone}


def test_training_mixes_what_its_members_would_have_become(trained: dict[str, TrainedModel], bank: Dataset) -> None:
    """Its members are the models that are trained alone, and its unseen scores the mean of theirs."""
    ensemble = trained["ensemble"]
    assert isinstance(ensemble.model, Ensemble)
    assert [
        (0.5, trained[kind].model.to_document()) for kind in ("boosting", "scorecard")
    ] == [(member.weight, member.model.to_document()) for member in ensemble.model.members]  # fmt: skip
    unseen = [trained[kind].unseen.log_odds for kind in ("boosting", "scorecard")]
    np.testing.assert_array_equal(0.5 * unseen[0] + 0.5 * unseen[1], ensemble.unseen.log_odds)
    np.testing.assert_array_equal(trained["boosting"].unseen.rows, ensemble.unseen.rows)
    assert ensemble.validation.figures["auc"].value > 0.6
