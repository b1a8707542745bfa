"""Merkle tree hash, inclusion and consistency proofs of RFC 6962 (section 2.1), with SHA-256.

Leaf hash: SHA-256(0x00 ‖ entry); node: SHA-256(0x01 ‖ left ‖ right). A tree of *n* leaves splits at the greatest power
of two below *n*. Checking follows RFC 9162, sections 2.1.3.2 and 2.1.4.2, whose proofs are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def _full_root(leaves: Sequence[bytes]) -> bytes:
    """Root of a tree whose size is a power of two, level by level."""
    level = list(leaves)
    while len(level) > 1:
        pairs = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return level[0]


def subtrees(leaves: Sequence[bytes], before: int) -> list[tuple[bytes, int]]:
    """Roots and sizes of the full subtrees that leaves make behind ``before`` others, from the left."""
    found, start = [], 0
    while start < len(leaves):
        block = 1 << (len(leaves) - start).bit_length() - 1
        if before:
            block = min(block, before & -before)
        found.append((_full_root(leaves[start : start + block]), block))
        start += block
        before += block
    return found


@dataclass
class Frontier:
    """A growing tree: of its leaves only the roots of the full subtrees from the left are kept (at most 64).

    Attributes:
        size: number of leaves.
        peaks: roots of the full subtrees, greatest first; their sizes are the binary digits of ``size``.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        for root, block in subtrees(leaves, self.size):
            self.push(root, block)

    def push(self, root: bytes, block: int) -> None:
        """Append a full subtree, as :func:`subtrees` gives them."""
        while self.size & block:
            root = node_hash(self.peaks.pop(), root)
            self.size -= block
            block *= 2
        self.peaks.append(root)
        self.size += block

    def root(self) -> bytes:
        """Merkle tree hash of all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of leaf hashes."""
    tree = Frontier()
    tree.extend(leaves)
    return tree.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Audit path of the leaf at ``index`` (from 0), from the leaf upwards."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves has no leaf {index}")
    path: list[bytes] = []
    first, last = 0, len(leaves)
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(tree_root(leaves[middle:last]))
            last = middle
        else:
            path.append(tree_root(leaves[first:middle]))
            first = middle
    return path[::-1]


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Root that a proof leads to from a leaf hash; ``None`` if the proof cannot belong to this place of this size."""
    if not 0 <= index < size:
        return None
    position, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if position & 1 or position == last:
            root = node_hash(sibling, root)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        position, last = position >> 1, last >> 1
    return root if last == 0 else None


def consistency_proof(leaves: Sequence[bytes], older: int) -> list[bytes]:
    """Proof that the tree of the first ``older`` leaves is the beginning of the tree of all."""
    if not 0 < older <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves has no older tree of {older}")
    return _subproof(older, leaves, known=True)


def _subproof(older: int, leaves: Sequence[bytes], *, known: bool) -> list[bytes]:
    if older == len(leaves):
        return [] if known else [tree_root(leaves)]
    middle = _split(len(leaves))
    if older <= middle:
        return [*_subproof(older, leaves[:middle], known=known), tree_root(leaves[middle:])]
    return [*_subproof(older - middle, leaves[middle:], known=False), tree_root(leaves[:middle])]


def is_consistent(older: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree of ``older`` leaves is the beginning of the tree of ``size``."""
    if not 0 < older <= size:
        return False
    if older == size:
        return not proof and old_root == root
    path = list(proof) if older & (older - 1) else [old_root, *proof]
    if not path:
        return False
    position, last = older - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old_root and second == root


def _split(size: int) -> int:
    """The greatest power of two below ``size`` (at least 2)."""
    return 1 << (size - 1).bit_length() - 1
