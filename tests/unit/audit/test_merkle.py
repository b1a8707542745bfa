"""The tree against RFC 6962: its recursive definition, the vectors of Certificate Transparency, and all proofs."""

from __future__ import annotations

from hashlib import sha256

import pytest

from governance.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    root_of_inclusion,
    tree_root,
)

# leaves and roots of the reference tests of google/certificate-transparency (merkletree/merkle_tree_test.cc)
CT_LEAVES = [
    bytes.fromhex(x)
    for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = range(1, 66)


def defined_root(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = max(2**i for i in range(8) if 2**i < len(entries))
    return sha256(b"\x01" + defined_root(entries[:k]) + defined_root(entries[k:])).digest()


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert tree_root([]) == EMPTY_ROOT == defined_root([])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_vectors_of_certificate_transparency(size: int) -> None:
    assert tree_root([leaf_hash(leaf) for leaf in CT_LEAVES[:size]]).hex() == CT_ROOTS[size - 1]


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_every_size_is_proved_and_nowhere_else(size: int) -> None:
    leaves = [leaf_hash(entry) for entry in entries(size)]
    root = defined_root(entries(size))
    assert tree_root(leaves) == root
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(leaves, index)
        assert root_of_inclusion(leaf, index, size, proof) == root
        assert root_of_inclusion(leaf_hash(b"other"), index, size, proof) != root
        assert all(root_of_inclusion(leaf, other, size, proof) != root for other in range(size) if other != index)
        assert root_of_inclusion(leaf, index, size, [*proof, root]) != root
        assert not proof or root_of_inclusion(leaf, index, size, proof[:-1]) != root


@pytest.mark.parametrize("size", SIZES)
def test_every_older_tree_is_shown_to_be_the_beginning(size: int) -> None:
    leaves = [leaf_hash(entry) for entry in entries(size)]
    root = defined_root(entries(size))
    for older in range(1, size + 1):
        proof = consistency_proof(leaves, older)
        assert is_consistent(older, defined_root(entries(older)), size, root, proof)
        assert not is_consistent(older, leaf_hash(b"another history"), size, root, proof)
        assert not is_consistent(older, defined_root(entries(older)), size, leaf_hash(b"other"), proof)


def test_a_tree_grown_in_pieces_is_the_same_tree() -> None:
    leaves = [leaf_hash(entry) for entry in entries(64)]
    for first in range(65):
        for second in range(first, 65, 7):
            tree = Frontier()
            for piece in (leaves[:first], leaves[first:second], leaves[second:]):
                tree.extend(piece)
            assert (tree.size, tree.root()) == (64, defined_root(entries(64)))


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_that_is_not_there_has_no_proof(index: int) -> None:
    leaves = [leaf_hash(entry) for entry in entries(3)]
    with pytest.raises(IndexError):
        inclusion_proof(leaves, index)
    assert root_of_inclusion(leaves[0], index, 3, []) is None
