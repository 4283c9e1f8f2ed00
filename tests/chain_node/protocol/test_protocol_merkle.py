"""The log's tree: RFC 6962's vectors, and agreement with its recursive definitions, written down naively."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_node.protocol import merkle
from chain_node.protocol.errors import ProofError

# The reference inputs and roots of the certificate-transparency project for RFC 6962.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
LEAVES = [merkle.leaf_hash(data) for data in INPUTS]


def naive_root(data: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\0" + data[0]).digest()
    k = naive_split(len(data))
    return hashlib.sha256(b"\1" + naive_root(data[:k]) + naive_root(data[k:])).digest()


def naive_split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_path(m: int, data: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    if len(data) == 1:
        return []
    k = naive_split(len(data))
    if m < k:
        return [*naive_path(m, data[:k]), naive_root(data[k:])]
    return [*naive_path(m - k, data[k:]), naive_root(data[:k])]


def naive_subproof(m: int, data: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2."""
    if m == len(data):
        return [] if whole else [naive_root(data)]
    k = naive_split(len(data))
    if m <= k:
        return [*naive_subproof(m, data[:k], whole), naive_root(data[k:])]
    return [*naive_subproof(m - k, data[k:], False), naive_root(data[:k])]


def node_of(leaves: list[bytes]) -> merkle.GetNode:
    def get_node(level: int, index: int) -> bytes:
        part = leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level, "only full subtrees are asked for"
        return merkle.root_from_leaves(part)

    return get_node


def test_roots_of_rfc_6962() -> None:
    tree = merkle.Tree()
    assert tree.root() == merkle.EMPTY_ROOT == hashlib.sha256(b"").digest()
    for size, root in enumerate(ROOTS, start=1):
        assert tree.append(LEAVES[size - 1]) == size - 1
        assert (tree.size, tree.root()) == (size, root)
        assert merkle.root_from_leaves(LEAVES[:size]) == root
        assert merkle.tree_root(size, node_of(LEAVES)) == root


def test_paths_of_rfc_6962() -> None:
    assert [part.hex() for part in merkle.inclusion_proof(5, 8, node_of(LEAVES))] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [part.hex() for part in merkle.consistency_proof(6, 8, node_of(LEAVES))] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [part.hex() for part in merkle.consistency_proof(2, 5, node_of(LEAVES))] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


@given(st.data(), st.integers(1, 200))
def test_proofs_agree_with_the_definitions(data: st.DataObject, size: int) -> None:
    inputs = [number.to_bytes(2, "big") for number in range(size)]
    leaves = [merkle.leaf_hash(part) for part in inputs]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    get_node, root, old_root = node_of(leaves), naive_root(inputs), naive_root(inputs[:old])
    path = merkle.inclusion_proof(index, size, get_node)
    assert path == naive_path(index, inputs) == merkle.path_from_leaves(leaves, index)
    merkle.verify_inclusion(leaves[index], index, size, path, root)
    proof = merkle.consistency_proof(old, size, get_node)
    assert proof == (naive_subproof(old, inputs, True) if old else [])
    merkle.verify_consistency(old, size, proof, old_root, root)


@given(st.data(), st.integers(2, 70))
def test_false_proofs_are_refused(data: st.DataObject, size: int) -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(size)]
    get_node, root = node_of(leaves), merkle.root_from_leaves(leaves)
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_proof(index, size, get_node)
    at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
    bad: list[tuple[int, list[bytes]]] = [
        (index, [*path[:at], flipped, *path[at + 1 :]]),
        (index, path[:-1]),
        (index, [*path, path[0]]),
        (index, [*path[:-1], path[-1][:31]]),
        (size, path),
        (-1, path),
    ]
    if other != index:
        bad.append((other, path))
    for place, proof in bad:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(leaves[index], place, size, proof, root)


@given(st.data(), st.integers(2, 70))
def test_false_consistency_is_refused(data: st.DataObject, size: int) -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(size)]
    get_node, root = node_of(leaves), merkle.root_from_leaves(leaves)
    old = data.draw(st.integers(1, size - 1))
    old_root, proof = merkle.root_from_leaves(leaves[:old]), merkle.consistency_proof(old, size, get_node)
    at = data.draw(st.integers(0, len(proof) - 1))
    for parts in (
        [*proof[:at], bytes(32), *proof[at + 1 :]],
        proof[:-1],
        [*proof, bytes(32)],
        [*proof[:at], b"", *proof[at + 1 :]],
    ):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, size, parts, old_root, root)
    for before, after in ((bytes(32), root), (old_root, bytes(32))):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, size, proof, before, after)


def test_consistency_at_the_ends() -> None:
    root = ROOTS[7]
    merkle.verify_consistency(0, 8, [], merkle.EMPTY_ROOT, root)
    merkle.verify_consistency(8, 8, [], root, root)
    for old, new, proof, before, after in (
        (0, 8, [], root, root),
        (0, 8, [root], merkle.EMPTY_ROOT, root),
        (8, 8, [root], root, root),
        (8, 8, [], root, ROOTS[6]),
        (9, 8, [], root, root),
        (3, 8, [], ROOTS[2], root),
    ):
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, proof, before, after)
    with pytest.raises(ProofError):
        merkle.consistency_proof(9, 8, node_of(LEAVES))
    with pytest.raises(ProofError):
        merkle.inclusion_proof(8, 8, node_of(LEAVES))
    with pytest.raises(ProofError):
        merkle.path_from_leaves(LEAVES, 8)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_tree_goes_on_from_its_edge(first: int, more: int) -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(first + more)]
    tree = merkle.Tree()
    for leaf in leaves[:first]:
        tree.append(leaf)
    resumed = merkle.Tree(tree.size, tree.edge)
    copied = tree.copy()
    for leaf in leaves[first:]:
        resumed.append(leaf)
        copied.append(leaf)
    assert resumed.root() == copied.root() == merkle.root_from_leaves(leaves)
    assert tree.size == first


def test_an_edge_of_another_size_is_refused() -> None:
    with pytest.raises(ProofError):
        merkle.Tree(3, [bytes(32)])


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_leaf_and_root_have_the_length_of_a_hash(length: int) -> None:
    """In a tree of one leaf the proof is empty and the leaf is the root: anything would be its own proof."""
    other = bytes(length)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(other, 0, 1, [], other)
    for size in (0, 1, 5):
        with pytest.raises(ProofError):
            merkle.verify_consistency(size, size, [], other, other)
    with pytest.raises(ProofError):
        merkle.verify_consistency(0, 5, [], merkle.EMPTY_ROOT, other)


def test_the_tree_of_no_leaves_has_the_empty_root_alone() -> None:
    merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)
    with pytest.raises(ProofError):
        merkle.verify_consistency(0, 0, [], ROOTS[0], ROOTS[0])
    with pytest.raises(ProofError):
        merkle.verify_consistency(0, 3, [], ROOTS[0], ROOTS[2])
