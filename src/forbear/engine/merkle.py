"""The Merkle tree of RFC 6962, section 2.1: one hash for any number of records, and short proofs about it.

Leaves and nodes are hashed with different first bytes, so that neither can be passed off as the other. Hashes are
SHA-256, 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256().digest()
"""The root of no leaves."""
_sha256 = hashlib.sha256


def leaf_of(content: bytes) -> bytes:
    """The hash of a leaf's content."""
    return _sha256(b"\x00" + content).digest()


def node_of(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two others."""
    return _sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that grows by leaves, as the roots of its complete subtrees, the largest first: all that it needs.

    size: how many leaves it has.  hashes: as many as `size` has binary ones.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError(f"{len(self.hashes)} subtrees for {size} leaves")

    def add(self, content: bytes) -> None:
        """Add one leaf by its content."""
        node = _sha256(b"\x00" + content).digest()
        size, hashes = self.size, self.hashes
        while size & 1:
            node = _sha256(b"\x01" + hashes.pop() + node).digest()
            size >>= 1
        hashes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The hash over all leaves so far."""
        if not self.hashes:
            return EMPTY
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_of(left, root)
        return root


def root_of(contents: Iterable[bytes]) -> bytes:
    """The root of a tree of leaves, by their contents."""
    tree = Frontier()
    for content in contents:
        tree.add(content)
    return tree.root()


def inclusion_proof(contents: Sequence[bytes], index: int) -> list[bytes]:
    """Hashes that prove a leaf to be at a place of the tree, the deepest first (RFC 6962, 2.1.1)."""
    if not 0 <= index < len(contents):
        raise ValueError(f"no leaf {index} among {len(contents)}")
    if len(contents) == 1:
        return []
    left = _left_of(len(contents))
    if index < left:
        return [*inclusion_proof(contents[:left], index), root_of(contents[left:])]
    return [*inclusion_proof(contents[left:], index - left), root_of(contents[:left])]


def includes(root: bytes, size: int, index: int, content: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a tree of so many leaves has this one at this place (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf_of(content)
    for other in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_of(other, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_of(node, other)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(contents: Sequence[bytes], size: int) -> list[bytes]:
    """Hashes that prove that the first `size` leaves are still the first ones of the whole tree (RFC 6962, 2.1.2)."""
    if not 0 < size <= len(contents):
        raise ValueError(f"no tree of {size} leaves within one of {len(contents)}")
    return _subproof(contents, size, whole=True)


def extends(older: tuple[int, bytes], newer: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that one tree, by its size and root, begins with another (RFC 9162, 2.1.4.2)."""
    (first, first_root), (second, second_root) = older, newer
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    path = [first_root, *proof] if first.bit_count() == 1 else list(proof)
    if not path:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_of(other, old), node_of(other, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_of(new, other)
        place, last = place >> 1, last >> 1
    return last == 0 and (old, new) == (first_root, second_root)


def _subproof(contents: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    if size == len(contents):
        return [] if whole else [root_of(contents)]
    left = _left_of(len(contents))
    if size <= left:
        return [*_subproof(contents[:left], size, whole=whole), root_of(contents[left:])]
    return [*_subproof(contents[left:], size - left, whole=False), root_of(contents[:left])]


def _left_of(size: int) -> int:
    """How many leaves the left subtree has: the largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)
