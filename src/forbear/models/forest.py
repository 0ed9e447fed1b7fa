"""The trees of an xgboost document as plain arrays, checked before anyone walks them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import CorruptState
from forbear.models.results import Floats

NO_CHILD = -1
MOST_DEPTH = 64
_RETRAIN = "train the model again"

Indices: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree; node 0 is its root, arrays are (nodes,).

    left, right: child nodes, NO_CHILD at a leaf.  feature: column that is asked; a row goes left where its value is
    below `threshold` (float32, as xgboost compares), and where the value is unknown unless `default_right`.
    value: log-odds that a leaf adds.  cover: summed p(1-p) of the training rows that came by, > 0.
    """

    left: Indices
    right: Indices
    feature: Indices
    threshold: NDArray[np.float32]
    default_right: NDArray[np.bool_]
    value: Floats
    cover: Floats

    def is_leaf(self, node: int) -> bool:
        """Whether the node asks nothing more."""
        return bool(self.left[node] == NO_CHILD)

    def share(self, node: int, child: int) -> float:
        """Share of the node's training rows that went on to this child, (0, 1)."""
        return float(self.cover[child] / self.cover[node])

    def height(self, node: int) -> int:
        """Questions on the longest way from the node to a leaf."""
        if self.is_leaf(node):
            return 0
        return 1 + max(self.height(int(self.left[node])), self.height(int(self.right[node])))


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose values add up. base: log-odds before the first tree.  features: number of columns."""

    trees: tuple[Tree, ...]
    base: float
    features: int

    @property
    def reach(self) -> float:
        """How far from `base` the trees can take a row, in either direction."""
        return float(sum(np.abs(tree.value[tree.left == NO_CHILD]).max() for tree in self.trees))


def read_forest(document: Mapping[str, Any], features: int) -> Forest:
    """The forest of an xgboost model document (JSON, any version from 2 on) over so many columns.

    Raises CorruptState for anything but numeric binary trees of a logistic model, each node reached once.
    """
    try:
        learner = msgspec.convert(document, _Document, strict=False).learner
        base = float(learner.learner_model_param.base_score.strip("[]"))
    except (msgspec.ValidationError, ValueError) as error:
        raise CorruptState(f"trees: {error}", mend=_RETRAIN) from error
    booster, objective = learner.gradient_booster, learner.objective.name
    if booster.name != "gbtree" or objective != "binary:logistic" or not 0.0 < base < 1.0:
        raise CorruptState(
            f"trees: {booster.name} of objective {objective}, base score {base}; gbtree of binary:logistic expected",
            mend=_RETRAIN,
        )
    trees = tuple(_tree(stored, features, place) for place, stored in enumerate(booster.model.trees))
    return Forest(trees, math.log(base) - math.log1p(-base), features)


class _Tree(msgspec.Struct):
    left_children: list[int]
    right_children: list[int]
    split_indices: list[int]
    split_conditions: list[float]
    split_type: list[int]
    default_left: list[bool]
    sum_hessian: list[float]


class _Model(msgspec.Struct):
    trees: list[_Tree]


class _Booster(msgspec.Struct):
    name: str
    model: _Model


class _Parameters(msgspec.Struct):
    base_score: str


class _Objective(msgspec.Struct):
    name: str


class _Learner(msgspec.Struct):
    gradient_booster: _Booster
    learner_model_param: _Parameters
    objective: _Objective


class _Document(msgspec.Struct):
    learner: _Learner


def _tree(stored: _Tree, features: int, place: int) -> Tree:
    columns = (getattr(stored, name) for name in stored.__struct_fields__)
    if len({len(column) for column in columns}) != 1 or not stored.left_children or any(stored.split_type):
        raise CorruptState(f"tree {place} has columns of different lengths, or asks for categories", mend=_RETRAIN)
    condition = np.array(stored.split_conditions)
    tree = Tree(
        left=np.array(stored.left_children),
        right=np.array(stored.right_children),
        feature=np.array(stored.split_indices),
        threshold=condition.astype(np.float32),
        default_right=~np.array(stored.default_left, dtype=np.bool_),
        # xgboost keeps a leaf's value where a branch keeps its threshold.
        value=condition.astype(np.float32).astype(np.float64),
        cover=np.array(stored.sum_hessian),
    )
    _require_sound(tree, features, place)
    return tree


def _require_sound(tree: Tree, features: int, place: int) -> None:
    """Refuse what would be walked for ever, out of bounds, or into a division by nothing."""
    ahead, reached = [(0, 0)], set[int]()
    while ahead:
        node, depth = ahead.pop()
        sound = 0 <= node < len(tree.left) and node not in reached and depth <= MOST_DEPTH
        if not sound or not tree.cover[node] > 0.0 or not np.isfinite(tree.cover[node] + tree.value[node]):
            raise CorruptState(f"tree {place} is broken at node {node}", mend=_RETRAIN)
        reached.add(node)
        if tree.is_leaf(node):
            continue
        if not 0 <= tree.feature[node] < features:
            raise CorruptState(f"tree {place} asks for column {tree.feature[node]} of {features}", mend=_RETRAIN)
        ahead += [(int(tree.left[node]), depth + 1), (int(tree.right[node]), depth + 1)]
