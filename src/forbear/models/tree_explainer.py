"""Scores of boosted trees and what each feature adds to them, in one compiled pass over precomputed tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.models.explanation import Explanation, refuse
from forbear.models.forest import read_forest
from forbear.models.results import Floats
from forbear.models.tree_pieces import NO_COLUMN, Piece, cut, laid_out
from forbear.models.tree_tables import tables_of

BLOCK = 512
"""Rows that pass through one piece together: their answers and sums fit the first-level cache."""
FEW = 32
"""Below so many rows each passes through all pieces by itself: making ready for a block would take longer."""


class Plan(NamedTuple):
    """A forest as the kernels walk it. Every piece asks `bits` questions; the last may be ones nobody answers yes.

    Columns are doubled: number f reads column f with unknown = -inf, number k + f with unknown = +inf, so that one
    comparison sends a row with an unknown value the way that the tree learned for it.

    asked, threshold: (bits, p) doubled column and float32 threshold of each question; yes = value >= threshold.
    columns: (p, w) whom each word of a table row is for; behind a piece's own columns, places that nobody reads.
    used: (p,) how many of them are a piece's own.  first: (p,) the word at which its table begins.
    words: the tables, a row of w + 1 words for each pattern: the score, then the columns.
    """

    asked: NDArray[np.int32]
    threshold: NDArray[np.float32]
    columns: NDArray[np.int32]
    used: NDArray[np.int32]
    first: NDArray[np.int64]
    words: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class TreeExplainer:
    """Boosted trees, ready to score and to explain.

    features: number of columns, k.  start: units of log-odds before the first tree.  expected: units that the trees
    give on average.  unit: log-odds of 1, a power of two: sums of units are exact.
    """

    features: int
    plan: Plan
    start: int
    expected: int
    unit: float

    @classmethod
    def of(cls, document: Mapping[str, Any], features: int) -> TreeExplainer:
        """The explainer of an xgboost model document over so many columns.

        Raises CorruptState for a document that is not one, ModelMismatch for trees too deep or too many to explain.
        """
        forest = read_forest(document, features)
        pieces = cut(forest)
        cuts = laid_out(pieces)
        tables = tables_of(cuts, forest)
        width = cuts.columns.shape[1]
        plan = Plan(
            *_questions(pieces, features),
            columns=np.where(cuts.columns == NO_COLUMN, features + np.arange(width), cuts.columns).astype(np.int32),
            used=np.count_nonzero(cuts.columns != NO_COLUMN, axis=1).astype(np.int32),
            first=cuts.row_first[:-1] * (width + 1),
            words=tables.words.ravel(),
        )
        return cls(features, plan, round(forest.base / tables.unit), tables.expected, tables.unit)

    def log_odds(self, features: Floats) -> Floats:
        """Natural log-odds of each row of (n, k), (n,); NaN follows the branch that each split learned for it."""
        return self._pass(features, np.empty((0, 0)))

    def explain(self, features: Floats) -> Explanation:
        """The same log-odds of each row of (n, k), with what each feature adds to them.

        Raises ModelMismatch if a score is not the sum of its attributions, to the last bit.
        """
        attributions = np.empty(features.shape)
        scores = self._pass(features, attributions)
        return Explanation(scores, (self.start + self.expected) * self.unit, attributions)

    def _pass(self, features: Floats, attributions: Floats) -> Floats:
        """Scores (n,) of some rows; fills the attributions (n, k), or nothing into (0, 0)."""
        scores = np.empty(len(features))
        kernel = _pass_rows if len(features) < FEW else _pass_blocks
        terms = (self.start, self.expected, self.unit)
        # A plain tuple goes into compiled code in a third of the time that a named one takes.
        wrong = kernel(np.ascontiguousarray(features), tuple(self.plan), terms, scores, attributions)
        if wrong >= 0:
            raise refuse(wrong)
        return scores


def _questions(pieces: tuple[Piece, ...], features: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Plan.asked and Plan.threshold."""
    bits = max((len(piece.nodes) for piece in pieces), default=0)
    asked = np.zeros((bits, len(pieces)), dtype=np.int32)
    threshold = np.full((bits, len(pieces)), np.nan, dtype=np.float32)
    for place, piece in enumerate(pieces):
        nodes, tree = np.array(piece.nodes, dtype=np.int64), piece.tree
        asked[: len(nodes), place] = tree.feature[nodes] + features * tree.default_right[nodes]
        threshold[: len(nodes), place] = tree.threshold[nodes]
    return asked, threshold


@compiled
def _double(value: float) -> tuple[np.float32, np.float32]:
    """A value as both kinds of column hold it: xgboost compares in single precision."""
    single = np.float32(value)
    if np.isnan(single):
        return np.float32(-np.inf), np.float32(np.inf)
    return single, single


@compiled
def _pass_rows(features: Floats, arrays: Any, terms: tuple[int, int, float], scores: Floats, out: Floats) -> int:
    """Fill scores (n,) and out (n, k), row by row; scores only where out has no rows.

    Answers the first row whose sums do not add up, -1 if there is none.
    """
    start, expected, unit = terms
    plan = Plan(*arrays)
    rows, columns = features.shape
    bits, pieces = plan.asked.shape
    width = plan.columns.shape[1]
    doubled = np.empty(2 * columns, dtype=np.float32)
    found = np.empty(pieces, dtype=np.float32)
    word = np.empty(pieces, dtype=np.int32)
    sums = np.empty(columns + width, dtype=np.int32)
    wrong = -1
    for row in range(rows):
        for column in range(columns):
            doubled[column], doubled[columns + column] = _double(features[row, column])
        word[:] = 0
        for bit in range(bits):
            asked, threshold, yes = plan.asked[bit], plan.threshold[bit], np.int32((width + 1) << bit)
            # Two loops: the first only fetches, so that the second compares eight at a time.
            for piece in range(pieces):
                found[piece] = doubled[np.uint32(asked[piece])]
            for piece in range(pieces):
                word[piece] += yes if found[piece] >= threshold[piece] else np.int32(0)
        score = np.int64(0)
        for piece in range(pieces):
            score += plan.words[plan.first[piece] + word[piece]]
        scores[row] = (start + score) * unit
        if not len(out):
            continue
        sums[:] = 0
        for piece in range(pieces):
            given = plan.first[piece] + word[piece] + 1
            for place in range(width):
                sums[np.uint32(plan.columns[piece, place])] += plan.words[given + place]
        total = np.int64(expected)
        for column in range(columns):
            total += sums[column]
            out[row, column] = sums[column] * unit
        if total != score and wrong < 0:
            wrong = row
    return wrong


@compiled
def _pass_blocks(features: Floats, arrays: Any, terms: tuple[int, int, float], scores: Floats, out: Floats) -> int:
    """The same, bit for bit, for many rows: a block of them through one piece after the other."""
    plan = Plan(*arrays)
    rows, columns = features.shape
    pieces = len(plan.used)
    doubled = np.empty((2 * columns, BLOCK), dtype=np.float32)
    word = np.empty(BLOCK, dtype=np.int32)
    sums = np.empty((columns + 1, BLOCK), dtype=np.int32)
    wrong = -1
    for first in range(0, rows, BLOCK):
        count = min(BLOCK, rows - first)
        for row in range(count):
            for column in range(columns):
                doubled[column, row], doubled[columns + column, row] = _double(features[first + row, column])
        sums[:] = 0
        for piece in range(pieces):
            _find_words(plan, piece, doubled, count, word)
            table = plan.words[plan.first[piece] :]
            _add(sums[columns], table, word, count)
            if len(out):
                for place in range(plan.used[piece]):
                    _add(sums[plan.columns[piece, place]], table[1 + place :], word, count)
        missed = _write(sums, terms, (first, count), scores, out)
        if missed >= 0 and wrong < 0:
            wrong = missed
    return wrong


@compiled
def _find_words(plan: Plan, piece: int, doubled: Any, count: int, word: Any) -> None:
    """Fill word with where each row's pattern stands in the piece's table."""
    step = plan.columns.shape[1] + 1
    word[:count] = 0
    for bit in range(plan.asked.shape[0]):
        threshold = plan.threshold[bit, piece]
        if np.isnan(threshold):
            return
        values, yes = doubled[plan.asked[bit, piece]], np.int32(step << bit)
        for row in range(count):
            word[row] += yes if values[row] >= threshold else np.int32(0)


@compiled
def _add(sums: Any, table: Any, word: Any, count: int) -> None:
    for row in range(count):
        sums[row] += table[np.uint32(word[row])]


@compiled
def _write(sums: Any, terms: tuple[int, int, float], block: tuple[int, int], scores: Floats, out: Floats) -> int:
    """Write a block's results; the first of its rows that does not add up, -1 if there is none."""
    start, expected, unit = terms
    first, count = block
    columns, wrong = len(sums) - 1, -1
    for row in range(count):
        score = np.int64(sums[columns, row])
        scores[first + row] = (start + score) * unit
        if not len(out):
            continue
        total = np.int64(expected)
        for column in range(columns):
            total += sums[column, row]
            out[first + row, column] = sums[column, row] * unit
        if total != score and wrong < 0:
            wrong = first + row
    return wrong
