"""Explaining trees: the laws of Shapley values, agreement with xgboost and with the definition, and every refusal."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forbear.domain.errors import CorruptState, ModelMismatch
from forbear.models.forest import Tree, read_forest
from forbear.models.tree_explainer import BLOCK, FEW, TreeExplainer

Floats = NDArray[np.float64]

COLUMNS = 8
CLOSE = 1e-5
"""What issue and bench ask of the agreement with xgboost, whose own sums are in single precision."""


def rows_of(seed: int, count: int, unknown_share: float, columns: int = COLUMNS) -> Floats:
    """Rows of a few distinct and many continuous values; about this share of them is unknown."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, columns))
    rows[:, 0] = np.round(rows[:, 0])
    rows[rng.random(rows.shape) < unknown_share] = np.nan
    return rows


def grown(seed: int, depth: int, unknown_share: float, *, monotone: bool = False, rounds: int = 8) -> xgboost.Booster:
    """Trees grown on such rows, with an outcome in which features interact."""
    rows = rows_of(seed, 600, unknown_share)
    known = np.nan_to_num(rows)
    noise = np.random.default_rng(seed + 1).logistic(size=len(rows))
    labels = known[:, 0] + known[:, 1] * known[:, 2] - known[:, 3] + noise > 0.5
    parameters = {
        "objective": "binary:logistic",
        "max_depth": depth,
        "learning_rate": 0.3,
        "min_child_weight": 0.5,
        "tree_method": "hist",
        "monotone_constraints": (1, 0, 0, -1, 0, 0, 0, 0) if monotone else (0,) * COLUMNS,
        "nthread": 1,
        "seed": seed,
    }
    return xgboost.train(parameters, xgboost.DMatrix(rows, label=labels), num_boost_round=rounds)


def document_of(booster: xgboost.Booster) -> dict[str, Any]:
    """The booster as it is stored."""
    document: dict[str, Any] = json.loads(booster.save_raw("json"))
    return document


def explainer_of(booster: xgboost.Booster) -> TreeExplainer:
    """The booster, ready to explain."""
    return TreeExplainer.of(document_of(booster), COLUMNS)


FORESTS = st.tuples(
    st.integers(0, 10_000), st.integers(3, 6), st.sampled_from([0.0, 0.05, 0.4]), st.booleans(), st.integers(1, 12)
)


@given(FORESTS)
@settings(deadline=None, max_examples=40)
def test_attributions_agree_with_xgboost(forest: tuple[int, int, float, bool, int]) -> None:
    """Depths 3 to 6, with and without unknown values, monotone or free: scores and attributions are xgboost's."""
    seed, depth, unknown_share, monotone, rounds = forest
    booster = grown(seed, depth, unknown_share, monotone=monotone, rounds=rounds)
    rows = rows_of(seed + 7, 300, unknown_share)

    found = explainer_of(booster).explain(rows)

    theirs = booster.predict(xgboost.DMatrix(rows), pred_contribs=True)
    np.testing.assert_allclose(found.attributions, theirs[:, :-1], atol=CLOSE, rtol=0)
    assert found.expected == pytest.approx(theirs[0, -1], abs=CLOSE)
    margin = booster.predict(xgboost.DMatrix(rows), output_margin=True)
    np.testing.assert_allclose(found.log_odds, margin, atol=CLOSE, rtol=0)


@given(FORESTS)
@settings(deadline=None, max_examples=20)
def test_attributions_sum_to_the_score_exactly(forest: tuple[int, int, float, bool, int]) -> None:
    """Not nearly: to the last bit, whatever the order of the sum; the score is that of scoring alone."""
    seed, depth, unknown_share, monotone, rounds = forest
    explainer = explainer_of(grown(seed, depth, unknown_share, monotone=monotone, rounds=rounds))
    rows = rows_of(seed + 9, 200, unknown_share)

    found = explainer.explain(rows)

    assert (found.errors == 0.0).all()
    backwards = found.attributions[:, ::-1].cumsum(axis=1)[:, -1] + found.expected
    np.testing.assert_array_equal(backwards, found.log_odds)
    np.testing.assert_array_equal(explainer.log_odds(rows), found.log_odds)


@pytest.mark.parametrize("count", [0, 1, FEW - 1, FEW, FEW + 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_one_row_gets_the_bits_of_many(count: int) -> None:
    """However many rows come together, and in whatever order, each gets the same bits."""
    explainer = explainer_of(grown(3, 4, 0.05))
    rows = rows_of(5, count, 0.05)

    found = explainer.explain(rows)
    turned = explainer.explain(rows[::-1])

    assert found.attributions.shape == (count, COLUMNS)
    np.testing.assert_array_equal(turned.attributions[::-1], found.attributions)
    for place in range(0, count, 37):
        alone = explainer.explain(rows[place : place + 1])
        np.testing.assert_array_equal(alone.attributions[0], found.attributions[place])
        assert alone.log_odds[0] == found.log_odds[place] == explainer.log_odds(rows[place : place + 1])[0]


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_attributions_are_shapley_values_by_definition(depth: int) -> None:
    """They equal the definition, worked out over every set of features for one tree and one row at a time."""
    booster = grown(11, depth, 0.2, rounds=2)
    forest = read_forest(document_of(booster), COLUMNS)
    rows = rows_of(13, 6, 0.2)

    found = explainer_of(booster).explain(rows)

    for row, attributions in zip(rows, found.attributions, strict=True):
        by_definition = sum(defined(tree, row.astype(np.float32)) for tree in forest.trees)
        np.testing.assert_allclose(attributions, by_definition, atol=1e-6, rtol=0)


def defined(tree: Tree, row: NDArray[np.float32]) -> Floats:
    """Shapley values of one tree, where a feature outside the set sends a row both ways by cover."""
    asked = sorted(set(tree.feature[tree.left != -1].tolist()))
    worth = {
        known: expectation(tree, row, frozenset(known), 0)
        for size in range(len(asked) + 1)
        for known in combinations(asked, size)
    }
    values = np.zeros(COLUMNS)
    for feature in asked:
        for known, without in worth.items():
            if feature not in known:
                weight = 1.0 / (len(asked) * comb(len(asked) - 1, len(known)))
                values[feature] += weight * (worth[tuple(sorted((*known, feature)))] - without)
    return values


def expectation(tree: Tree, row: NDArray[np.float32], known: frozenset[int], node: int) -> float:
    """Mean value of the leaves that a row may reach when only some features are known."""
    if tree.is_leaf(node):
        return float(tree.value[node])
    left, right, feature = int(tree.left[node]), int(tree.right[node]), int(tree.feature[node])
    if feature not in known:
        share = tree.share(node, left)
        return share * expectation(tree, row, known, left) + (1 - share) * expectation(tree, row, known, right)
    goes_right = tree.default_right[node] if np.isnan(row[feature]) else row[feature] >= tree.threshold[node]
    return expectation(tree, row, known, right if goes_right else left)


def test_a_feature_that_no_tree_asks_for_is_given_nothing() -> None:
    """Exactly zero, not nearly."""
    booster = grown(17, 3, 0.0, rounds=2)
    forest = read_forest(document_of(booster), COLUMNS)
    asked = {int(feature) for tree in forest.trees for feature in tree.feature[tree.left != -1]}
    idle = sorted(set(range(COLUMNS)) - asked)

    found = explainer_of(booster).explain(rows_of(19, 100, 0.1))

    assert idle
    assert not found.attributions[:, idle].any()


def test_boundless_values_go_where_xgboost_sends_them() -> None:
    """A value beyond single precision is above or below every threshold; an unknown one is neither."""
    booster = grown(23, 4, 0.1)
    explainer = explainer_of(booster)
    base = np.zeros((1, COLUMNS))
    for value, stand_in in ((np.inf, 1e30), (1e300, 1e30), (-np.inf, -1e30), (-1e300, -1e30)):
        found, plain = explainer.log_odds(base + value), explainer.log_odds(base + stand_in)
        assert found == plain


def test_trees_without_a_question_explain_nothing() -> None:
    """A model that learned only its prevalence scores everybody alike and attributes nothing."""
    rows = rows_of(29, 50, 0.0)
    parameters = {"objective": "binary:logistic", "max_depth": 3, "min_child_weight": 1e6, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, label=rows[:, 0] > 0), num_boost_round=3)

    found = explainer_of(booster).explain(rows)

    assert not found.attributions.any()
    assert (found.log_odds == found.expected).all()
    assert found.expected == pytest.approx(booster.predict(xgboost.DMatrix(rows), output_margin=True)[0], abs=CLOSE)


def test_a_score_that_is_not_its_attributions_is_refused() -> None:
    """One wrong word in a table, and no row that meets it is given reasons."""
    explainer = explainer_of(grown(31, 4, 0.0))
    rows = rows_of(37, 1_000, 0.0)
    words = explainer.plan.words.copy()
    width = explainer.plan.columns.shape[1] + 1
    words[1::width] += 1
    broken = replace(explainer, plan=explainer.plan._replace(words=words))

    for some in (rows[:1], rows):
        with pytest.raises(ModelMismatch, match="do not sum"):
            broken.explain(some)


def test_trees_too_deep_to_explain_are_refused_with_advice() -> None:
    """More answers than a table can be indexed by: the model's owner is told what to train instead."""
    rows = rows_of(41, 4_000, 0.0)
    labels = np.random.default_rng(43).random(len(rows)) < 0.5
    parameters = {"objective": "binary:logistic", "max_depth": 12, "min_child_weight": 0.01, "nthread": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(rows, label=labels), num_boost_round=1)

    with pytest.raises(ModelMismatch, match="at most 12 are possible") as refused:
        explainer_of(booster)

    assert "depth" in str(refused.value.mend)


def _cyclic(tree: dict[str, Any]) -> None:
    tree["right_children"][1] = 0


def _outside(tree: dict[str, Any]) -> None:
    tree["left_children"][0] = 10_000


def _stranger(tree: dict[str, Any]) -> None:
    tree["split_indices"][0] = COLUMNS


def _uncovered(tree: dict[str, Any]) -> None:
    tree["sum_hessian"][1] = 0.0


def _uneven(tree: dict[str, Any]) -> None:
    tree["sum_hessian"].pop()


def _mistyped(tree: dict[str, Any]) -> None:
    tree["split_conditions"][0] = "low"


def _categorical(tree: dict[str, Any]) -> None:
    tree["split_type"][0] = 1


@pytest.mark.parametrize(
    "damage", [_cyclic, _outside, _stranger, _uncovered, _uneven, _mistyped, _categorical], ids=lambda d: d.__name__
)
def test_broken_trees_are_refused(damage: Any) -> None:
    """A document that would be walked for ever, out of bounds or into nothing is corruption, not a crash."""
    document = deepcopy(document_of(grown(47, 4, 0.0, rounds=2)))
    damage(document["learner"]["gradient_booster"]["model"]["trees"][1])

    with pytest.raises(CorruptState, match="tree"):
        TreeExplainer.of(document, COLUMNS)


@pytest.mark.parametrize(
    ("part", "value"), [("objective", {"name": "reg:squarederror"}), ("learner_model_param", {"base_score": "high"})]
)
def test_other_models_are_refused(part: str, value: dict[str, str]) -> None:
    """Only trees of a logistic model are in log-odds."""
    document = document_of(grown(53, 3, 0.0, rounds=1))
    document["learner"][part] = value

    with pytest.raises(CorruptState, match="trees"):
        TreeExplainer.of(document, COLUMNS)
