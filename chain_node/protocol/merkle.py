"""RFC 6962 Merkle trees: append, root, inclusion and consistency proofs, and their verification.

Leaf = SHA-256(0x00 ‖ entry), node = SHA-256(0x01 ‖ left ‖ right), empty tree = SHA-256("") (RFC 6962 section 2.1).
Proofs are verified by the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2. Functions take the node hash as an
argument where the records tree needs keccak-256. `get_node(level, index)` gives the hash of the full subtree over
leaves [index · 2^level, (index + 1) · 2^level).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from chain_node.protocol.errors import ProofError

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
HASH_BYTES: Final = 32

NodeHash = Callable[[bytes, bytes], bytes]
GetNode = Callable[[int, int], bytes]
Range = tuple[int, int]
"""A half-open range of leaves: the subtree over [start, end)."""

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return _sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree of which only the right edge is kept: appends and roots in O(log n) memory."""

    __slots__ = ("_edge", "_size")

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """A tree of `size` leaves whose full subtrees, largest first, have the hashes `edge`."""
        if size < 0 or len(edge) != size.bit_count():
            raise ProofError(f"a tree of {size} leaves has {size.bit_count()} full subtrees, not {len(edge)}")
        self._size = size
        self._edge = list(edge)

    @property
    def size(self) -> int:
        return self._size

    @property
    def edge(self) -> tuple[bytes, ...]:
        """The hashes of the full subtrees, largest first."""
        return tuple(self._edge)

    def append(self, leaf: bytes) -> int:
        """Append a leaf *hash*; gives its index."""
        index = size = self._size
        edge = self._edge
        while size & 1:
            leaf = _sha256(b"\x01" + edge.pop() + leaf).digest()
            size >>= 1
        edge.append(leaf)
        self._size = index + 1
        return index

    def root(self) -> bytes:
        return fold_edge(self._edge) if self._edge else EMPTY_ROOT

    def copy(self) -> Tree:
        return Tree(self._size, self._edge)


def fold_edge(edge: Sequence[bytes], node: NodeHash = node_hash) -> bytes:
    """The hash over adjoining full subtrees, largest first, at least one."""
    result = edge[-1]
    for left in reversed(edge[:-1]):
        result = node(left, result)
    return result


def full_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """(level, index) of the full subtrees, left to right, that make up a subtree of the tree over [start, end)."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def range_hash(start: int, end: int, get_node: GetNode, node: NodeHash = node_hash) -> bytes:
    """The hash of the subtree over [start, end), one that occurs in a tree of `end` or more leaves."""
    return fold_edge([get_node(level, index) for level, index in full_subtrees(start, end)], node)


def tree_root(size: int, get_node: GetNode) -> bytes:
    """The root of the first `size` leaves."""
    return range_hash(0, size, get_node) if size else EMPTY_ROOT


def root_from_leaves(leaves: Sequence[bytes], node: NodeHash = node_hash) -> bytes:
    """The root over leaf hashes, at least one unless `node` is the log's."""
    if not leaves:
        return EMPTY_ROOT
    return _layers(leaves, node)[-1][0]


def path_from_leaves(leaves: Sequence[bytes], index: int, node: NodeHash = node_hash) -> list[bytes]:
    """The inclusion path of leaf `index` in the tree over these leaf hashes. Raises ProofError: no such leaf."""
    if not 0 <= index < len(leaves):
        raise ProofError(f"index {index} is not in a tree of {len(leaves)} leaves")
    path = []
    for layer in _layers(leaves, node)[:-1]:
        if index ^ 1 < len(layer):
            path.append(layer[index ^ 1])
        index >>= 1
    return path


def _layers(leaves: Sequence[bytes], node: NodeHash) -> list[Sequence[bytes]]:
    """All layers from the leaves to the root; a node without a sibling moves up as it is, which is RFC 6962's split."""
    layers = [leaves]
    while len(layer := layers[-1]) > 1:
        above = [node(layer[i], layer[i + 1]) for i in range(0, len(layer) - 1, 2)]
        if len(layer) & 1:
            above.append(layer[-1])
        layers.append(above)
    return layers


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (≥ 2)."""
    return 1 << (count - 1).bit_length() - 1


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose hashes are the inclusion proof of leaf `index` at `size`, leaf's sibling first.

    Raises ProofError: no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"index {index} is not in a tree of {size} leaves")
    start, end = 0, size
    ranges: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def inclusion_proof(index: int, size: int, get_node: GetNode) -> list[bytes]:
    """RFC 6962 section 2.1.1's audit path of leaf `index` in the tree of `size`. Raises ProofError: no such leaf."""
    return [range_hash(start, end, get_node) for start, end in inclusion_ranges(index, size)]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The subtrees whose hashes are the consistency proof from `old` to `new` leaves (RFC 6962 section 2.1.2).

    Empty where old is 0 or equal to new. Raises ProofError: old > new.
    """
    if not 0 <= old <= new:
        raise ProofError(f"no tree of {old} leaves precedes one of {new}")
    if old in (0, new):
        return []
    start, end, whole = 0, new, True
    ranges: list[Range] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, end))
    return ranges[::-1]


def consistency_proof(old: int, new: int, get_node: GetNode) -> list[bytes]:
    """The proof that the tree of `new` leaves extends the tree of `old`. Raises ProofError: old > new."""
    return [range_hash(start, end, get_node) for start, end in consistency_ranges(old, new)]


def computes_root(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], node: NodeHash = node_hash
) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2), or None where its form is wrong."""
    if not 0 <= index < size or any(len(part) != HASH_BYTES for part in (leaf, *proof)):
        return None
    position, last, result = index, size - 1, leaf
    for part in proof:
        if last == 0:
            return None
        if position & 1 or position == last:
            result = node(part, result)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            result = node(result, part)
        position >>= 1
        last >>= 1
    return result if last == 0 else None


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash `leaf` is at `index` of the tree of `size` with this root.

    Raises ProofError: it is not.
    """
    if computes_root(leaf, index, size, proof) != root:
        raise ProofError(f"the inclusion proof of index {index} does not lead to the root of size {size}")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` leaves extends the tree of `old` (RFC 9162 section 2.1.4.2).

    Raises ProofError: it does not.
    """
    if not _consistent(old, new, proof, old_root, new_root):
        raise ProofError(f"the consistency proof does not lead from the root of size {old} to that of size {new}")


def _consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    if not 0 <= old <= new or any(len(part) != HASH_BYTES for part in (old_root, new_root, *proof)):
        return False
    if old == 0 and old_root != EMPTY_ROOT:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof
    parts = list(proof)
    if old & (old - 1) == 0:  # a full tree is a node of the larger one, so the proof leaves it out
        parts.insert(0, old_root)
    if not parts:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_result = new_result = parts[0]
    for part in parts[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_result, new_result = node_hash(part, old_result), node_hash(part, new_result)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            new_result = node_hash(new_result, part)
        position >>= 1
        last >>= 1
    return last == 0 and old_result == old_root and new_result == new_root
