"""What every pattern of answers gives to every feature: the tables of all pieces, computed once a model.

The exact path-dependent Shapley values of Lundberg, Erion and Lee (2018, "Consistent individualized feature
attribution for tree ensembles"), leaf by leaf. On the way to a leaf, a feature f has the share z_f of the training
rows that every question about it let pass, and o_f in {0, 1}, whether this row passes all of them. A leaf of value v
gives f

    v (o_f - z_f)  sum over sets S of the other features  |S|! (m - 1 - |S|)! / m!  prod_S o  prod_not-S z

so only the pattern of answers counts, and there are few of them. The tables then become whole numbers of one unit, a
power of two: sums of them are exact in whatever order, so one row and a million rows get the same bits, and
attributions add up to the score with no error at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.models.forest import Forest
from forbear.models.results import Floats
from forbear.models.tree_pieces import MOST_BITS, NO_COLUMN, Cuts

_ROOM = (1 << 31) - (1 << 24)
"""The largest sum that the unit leaves room for: what an int32 holds, less what rounding may add."""

SMALLEST_REACH = 2.0**-10
"""Trees that move the log-odds by less than this are told apart no further."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of all pieces, in units of log-odds.

    words: (rows, w + 1) int32; a row is a pattern of a piece: first what the piece adds to the score, then to each of
    its columns.  expected: units that the pieces give to a row of which nothing is known, summed.
    unit: log-odds of 1, a power of two.
    """

    words: NDArray[np.int32]
    expected: int
    unit: float


def tables_of(cuts: Cuts, forest: Forest) -> Tables:
    """The tables of the pieces of a forest."""
    rows, width = int(cuts.row_first[-1]), cuts.columns.shape[1]
    values = np.zeros((rows, width + 1))
    expected = np.zeros(len(cuts.bits))
    _fill(cuts, values, expected)
    largest = max(forest.reach, _largest_attribution(cuts, values, forest.features), SMALLEST_REACH)
    unit = 2.0 ** math.ceil(math.log2(largest / _ROOM))
    words = np.empty((rows, width + 1), dtype=np.int32)
    return Tables(words, _in_units(cuts, values, expected, unit, words), unit)


@compiled
def _fill(cuts: Cuts, values: Floats, expected: Floats) -> None:
    """Fill values with every pattern's score and attributions, and expected with each piece's mean."""
    weights = np.empty((1 << MOST_BITS, MOST_BITS))
    place_of = np.empty(MOST_BITS, dtype=np.int64)
    shares = np.empty(MOST_BITS)
    for piece in range(len(cuts.bits)):
        for leaf in range(cuts.leaf_first[piece], cuts.leaf_first[piece + 1]):
            features = _merged(cuts, leaf, place_of, shares)
            _shapley_weights(shares, features, weights)
            reached = cuts.value[leaf]
            for feature in range(features):
                reached *= shares[feature]
            expected[piece] += reached
            _add_leaf(cuts, piece, leaf, (place_of, weights), values)


@compiled
def _merged(cuts: Cuts, leaf: int, place_of: Any, shares: Any) -> int:
    """How many features the way to a leaf asks for; their places, and the share of rows that pass each."""
    features = 0
    for step in range(cuts.step_first[leaf], cuts.step_first[leaf + 1]):
        known = 0
        while known < features and place_of[known] != cuts.place[step]:
            known += 1
        if known == features:
            place_of[features], shares[features] = cuts.place[step], 1.0
            features += 1
        shares[known] *= cuts.share[step]
    return features


@compiled
def _shapley_weights(shares: Any, features: int, weights: Any) -> None:
    """Fill weights[passes, f]: what a leaf of value 1 gives to f where the features of the bits `passes` are passed."""
    sums = np.empty(features + 1)
    for passes in range(1 << features):
        for feature in range(features):
            # sums[s]: over the sets S of s other features, the products of o within S and z outside.
            sums[0], size = 1.0, 0
            for other in range(features):
                if other == feature:
                    continue
                passed = float((passes >> other) & 1)
                sums[size + 1] = sums[size] * passed
                for s in range(size, 0, -1):
                    sums[s] = sums[s] * shares[other] + sums[s - 1] * passed
                sums[0] *= shares[other]
                size += 1
            weight, total = 1.0 / features, 0.0
            for s in range(features):
                total += weight * sums[s]
                weight *= (s + 1.0) / max(1, features - 1 - s)
            weights[passes, feature] = (float((passes >> feature) & 1) - shares[feature]) * total


@compiled
def _add_leaf(cuts: Cuts, piece: int, leaf: int, of_leaf: tuple[Any, Any], values: Floats) -> None:
    """Add what a leaf gives under every pattern of its piece."""
    place_of, weights = of_leaf
    features = 0
    steps = range(cuts.step_first[leaf], cuts.step_first[leaf + 1])
    of_step = np.empty(MOST_BITS, dtype=np.int64)
    for step in steps:
        known = 0
        while place_of[known] != cuts.place[step]:
            known += 1
        of_step[step - steps.start] = known
        features = max(features, known + 1)
    for pattern in range(1 << cuts.bits[piece]):
        row = cuts.row_first[piece] + pattern
        passes = (1 << features) - 1
        for step in steps:
            if ((pattern >> cuts.bit[step]) & 1) != cuts.right[step]:
                passes &= ~(1 << of_step[step - steps.start])
        if passes == (1 << features) - 1:
            values[row, 0] += cuts.value[leaf]
        for feature in range(features):
            values[row, 1 + place_of[feature]] += cuts.value[leaf] * weights[passes, feature]


@compiled
def _largest_attribution(cuts: Cuts, values: Floats, columns: int) -> float:
    """No feature is given more than this, in either direction, however the pieces' answers fall."""
    sums = np.zeros(columns)
    for piece in range(len(cuts.bits)):
        for place in range(cuts.columns.shape[1]):
            column = cuts.columns[piece, place]
            if column == NO_COLUMN:
                break
            most = 0.0
            for row in range(cuts.row_first[piece], cuts.row_first[piece + 1]):
                most = max(most, abs(values[row, 1 + place]))
            sums[column] += most
    return float(sums.max())


@compiled
def _in_units(cuts: Cuts, values: Floats, expected: Floats, unit: float, words: NDArray[np.int32]) -> int:
    """Fill words with whole units; the rounding of a row goes to its largest attribution. Answers expected's sum."""
    total = np.int64(0)
    for piece in range(len(cuts.bits)):
        mean = np.int64(np.rint(expected[piece] / unit))
        total += mean
        for row in range(cuts.row_first[piece], cuts.row_first[piece + 1]):
            score = np.int64(np.rint(values[row, 0] / unit))
            left, largest = score - mean, 1
            for place in range(1, values.shape[1]):
                whole = np.int64(np.rint(values[row, place] / unit))
                words[row, place] = whole
                left -= whole
                if abs(values[row, place]) > abs(values[row, largest]):
                    largest = place
            words[row, 0] = score
            if values.shape[1] > 1:
                words[row, largest] += left
    return int(total)
