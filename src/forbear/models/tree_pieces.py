"""Trees cut into pieces of three levels, each of which is decided by a few bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import ModelMismatch
from forbear.models.forest import Forest, Indices, Tree
from forbear.models.results import Floats

LEVELS = 3
MOST_BITS = 12
MOST_WORDS = 1 << 27
"""Words of four bytes that all tables together may take: half a gigabyte."""


class Step(NamedTuple):
    """One answer on the way to a leaf: which bit of the pattern, what it must be, share of rows that gave it."""

    bit: int
    right: bool
    share: float


class Leaf(NamedTuple):
    """A leaf and its way from the root of the tree."""

    value: float
    way: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """The bottom of one tree below a node, at most three levels high, with the way from the root to that node.

    nodes: the questions, one bit each: first those of the way, then its own.  leaves: every leaf below the node.
    Whatever a row's answers are, these bits alone decide what the leaves give to each feature.
    """

    tree: Tree
    nodes: tuple[int, ...]
    leaves: tuple[Leaf, ...]

    @property
    def columns(self) -> tuple[int, ...]:
        """The features that are asked for, rising."""
        return tuple(sorted({int(self.tree.feature[node]) for node in self.nodes}))


def cut(forest: Forest) -> tuple[Piece, ...]:
    """All pieces of all trees; every leaf is in exactly one.

    Raises ModelMismatch for trees so deep, or so many, that the tables of their pieces would not fit a memory.
    """
    pieces = tuple(piece for tree in forest.trees for piece in _cut(tree, 0, ()))
    bits = max((len(piece.nodes) for piece in pieces), default=0)
    if bits > MOST_BITS:
        raise ModelMismatch(
            f"the trees need {bits} bits to be explained, at most {MOST_BITS} are possible",
            mend="train trees of depth 8 or less; boosting seldom gains from more than 6",
        )
    width = max((len(piece.columns) for piece in pieces), default=0)
    words = (width + 1) * sum(1 << len(piece.nodes) for piece in pieces)
    if words > MOST_WORDS:
        raise ModelMismatch(
            f"explaining {len(forest.trees)} trees would take {words * 4 / 2**20:,.0f} MB of tables",
            mend="train fewer or shallower trees",
        )
    return pieces


def _cut(tree: Tree, node: int, way: tuple[tuple[int, bool], ...]) -> Iterator[Piece]:
    """Pieces below a node that is reached by these (node, went right)."""
    if tree.height(node) <= LEVELS:
        yield _piece(tree, node, way)
        return
    yield from _cut(tree, int(tree.left[node]), (*way, (node, False)))
    yield from _cut(tree, int(tree.right[node]), (*way, (node, True)))


def _piece(tree: Tree, top: int, way: tuple[tuple[int, bool], ...]) -> Piece:
    bits: dict[int, int] = {node: bit for bit, (node, _) in enumerate(way)}
    leaves, ahead = [], [(top, way)]
    while ahead:
        node, come = ahead.pop(0)
        if tree.is_leaf(node):
            path = [*(at for at, _ in come), node]
            steps = zip(come, path[1:], strict=True)
            leaves.append(
                Leaf(
                    float(tree.value[node]),
                    tuple(Step(bits[at], right, tree.share(at, to)) for (at, right), to in steps),
                )
            )
            continue
        bits[node] = len(bits)
        ahead += [(int(tree.left[node]), (*come, (node, False))), (int(tree.right[node]), (*come, (node, True)))]
    return Piece(tree, tuple(bits), tuple(leaves))


class Cuts(NamedTuple):
    """Pieces as the kernels take them.

    bits: (p,) bits of each piece.  row_first: (p + 1,) where its patterns begin among those of all pieces.
    columns: (p, w) features of each piece, NO_COLUMN behind the last.
    leaf_first: (p + 1,) its leaves.  value: (leaves,).  step_first: (leaves + 1,) the way to each leaf.
    bit, right, share, place: (steps,); place is that of the feature among the piece's columns.
    """

    bits: Indices
    row_first: Indices
    columns: Indices
    leaf_first: Indices
    value: Floats
    step_first: Indices
    bit: Indices
    right: NDArray[np.bool_]
    share: Floats
    place: Indices


NO_COLUMN = -1


def laid_out(pieces: Sequence[Piece]) -> Cuts:
    """The pieces side by side in arrays."""
    width = max((len(piece.columns) for piece in pieces), default=0)
    columns = np.full((len(pieces), width), NO_COLUMN)
    places = []
    for row, piece in zip(columns, pieces, strict=True):
        row[: len(piece.columns)] = piece.columns
        asked = [piece.columns.index(int(piece.tree.feature[node])) for node in piece.nodes]
        places += [asked[step.bit] for leaf in piece.leaves for step in leaf.way]
    leaves = [leaf for piece in pieces for leaf in piece.leaves]
    steps = [step for leaf in leaves for step in leaf.way]
    return Cuts(
        bits=np.array([len(piece.nodes) for piece in pieces], dtype=np.int64),
        row_first=_firsts([1 << len(piece.nodes) for piece in pieces]),
        columns=columns,
        leaf_first=_firsts([len(piece.leaves) for piece in pieces]),
        value=np.array([leaf.value for leaf in leaves]),
        step_first=_firsts([len(leaf.way) for leaf in leaves]),
        bit=np.array([step.bit for step in steps], dtype=np.int64),
        right=np.array([step.right for step in steps], dtype=np.bool_),
        share=np.array([step.share for step in steps]),
        place=np.array(places, dtype=np.int64),
    )


def _firsts(lengths: Sequence[int]) -> Indices:
    return np.array([0, *accumulate(lengths)], dtype=np.int64)
