"""The Merkle tree: the vectors of RFC 6962's reference implementation, and the laws of its proofs."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.engine.merkle import (
    EMPTY,
    Frontier,
    consistency_proof,
    extends,
    includes,
    inclusion_proof,
    leaf_of,
    node_of,
    root_of,
)

LAW = settings(deadline=None, max_examples=60)
TREES = st.lists(st.binary(max_size=4), min_size=1, max_size=40)
CONTENTS = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Roots of the first so many of CONTENTS, as certificate-transparency's own tests have them."""


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    """The published roots come out; of no leaves it is the hash of nothing."""
    assert root_of(CONTENTS[:size]).hex() == ROOTS[size - 1]
    assert root_of([]) == EMPTY == hashlib.sha256(b"").digest()


def test_proofs_are_those_of_the_reference() -> None:
    """The published paths of the tree of eight leaves come out."""
    path = [one.hex() for one in inclusion_proof(CONTENTS, 0)]
    assert path == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    proof = [one.hex() for one in consistency_proof(CONTENTS, 6)]
    assert proof == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@LAW
@given(TREES, st.data())
def test_a_tree_grows_from_where_it_was(contents: list[bytes], data: st.DataObject) -> None:
    """A frontier kept after any number of leaves goes on to the same root."""
    size = data.draw(st.integers(0, len(contents)))
    first = Frontier()
    for content in contents[:size]:
        first.add(content)
    second = Frontier(first.size, first.hashes)
    for content in contents[size:]:
        second.add(content)

    assert first.root() == root_of(contents[:size])
    assert second.root() == root_of(contents)


@LAW
@given(TREES, st.data())
def test_a_leaf_is_proved_and_no_other(contents: list[bytes], data: st.DataObject) -> None:
    """A proof holds for its leaf, place, size and root, and for nothing else."""
    index, root = data.draw(st.integers(0, len(contents) - 1)), root_of(contents)
    proof, size = inclusion_proof(contents, index), len(contents)

    assert includes(root, size, index, contents[index], proof)
    assert not includes(root, size, index, contents[index] + b"x", proof)
    assert not includes(leaf_of(root), size, index, contents[index], proof)
    assert not includes(root, size, index, contents[index], [*proof, root])
    assert not includes(root, size, size, contents[index], proof)
    if proof:
        assert not includes(root, size, index, contents[index], proof[:-1])


@LAW
@given(TREES, st.data())
def test_a_tree_that_was_rewritten_does_not_extend_the_older(contents: list[bytes], data: st.DataObject) -> None:
    """A consistency proof holds between a tree and what it was, and not once a leaf of then is another."""
    size = data.draw(st.integers(1, len(contents)))
    older, newer = (size, root_of(contents[:size])), (len(contents), root_of(contents))
    proof = consistency_proof(contents, size)
    place = data.draw(st.integers(0, size - 1))
    rewritten = [*contents[:place], contents[place] + b"x", *contents[place + 1 :]]

    assert extends(older, newer, proof)
    assert not extends(older, (len(contents), root_of(rewritten)), consistency_proof(rewritten, size))
    assert not extends(newer, (size - 1, older[1]), proof)


def test_a_node_is_no_leaf() -> None:
    """Two leaves cannot be passed off as one whose content is their hashes."""
    left, right = leaf_of(b"a"), leaf_of(b"b")

    assert node_of(left, right) != leaf_of(left + right)


def test_what_is_not_in_the_tree_has_no_proof() -> None:
    """A place or a size beyond the tree is refused."""
    for wrong in (-1, 2):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_proof([b"a", b"b"], wrong)
    for wrong in (0, 3):
        with pytest.raises(ValueError, match="no tree"):
            consistency_proof([b"a", b"b"], wrong)
    with pytest.raises(ValueError, match="subtrees"):
        Frontier(3, [EMPTY])
