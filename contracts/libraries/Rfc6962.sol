// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title The right edge of an RFC 6962 tree (SHA-256), in memory
/// @notice `nodes[l]` is the root of the full subtree of 2^l leaves that ends the tree's left part, valid where bit l
/// of `size` is set. Appending a leaf merges as a binary counter carries; RFC 6962's tree hash is those roots folded
/// from the right (RFC 6962 section 2.1). Between calls the ledger keeps the same nodes in storage.
library Rfc6962 {
    /// @notice Levels kept: 2^48 entries are never reached.
    uint256 internal constant LEVELS = 48;

    /// @notice SHA-256 of nothing, the root of the empty tree.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice The edge: size, `nodes` (memory address of 48 words), `scratch` (memory address of 96 bytes that begin
    /// with 0x01, the prefix of an inner node).
    struct Edge {
        uint256 size;
        uint256 nodes;
        uint256 scratch;
    }

    /// @notice An edge with room for its nodes.
    function open(uint256 size) internal pure returns (Edge memory edge) {
        uint256 nodes;
        uint256 scratch;
        assembly ("memory-safe") {
            // Allocate 48 + 3 words at the free pointer. Nodes are written before they are read (only levels whose
            // bit is set are read), so they need not be cleared.
            nodes := mload(0x40)
            scratch := add(nodes, 1536)
            mstore8(scratch, 1)
            mstore(0x40, add(scratch, 96))
        }
        edge.size = size;
        edge.nodes = nodes;
        edge.scratch = scratch;
    }

    /// @notice The node of a level whose bit in `size` is set.
    function node(Edge memory edge, uint256 level) internal pure returns (bytes32 value) {
        uint256 nodes = edge.nodes;
        assembly ("memory-safe") {
            value := mload(add(nodes, shl(5, level)))
        }
    }

    /// @notice Puts a stored node into the edge; level < 48.
    function setNode(Edge memory edge, uint256 level, bytes32 value) internal pure {
        uint256 nodes = edge.nodes;
        assembly ("memory-safe") {
            mstore(add(nodes, shl(5, level)), value)
        }
    }

    /// @notice SHA-256(0x00 ‖ the `length` bytes at `data`). The byte before `data` belongs to the caller and is
    /// overwritten.
    function leafAt(uint256 data, uint256 length) internal view returns (bytes32 value) {
        assembly ("memory-safe") {
            // The result goes to scratch space. The precompile fails only for want of gas: then all is undone.
            let start := sub(data, 1)
            mstore8(start, 0)
            if iszero(staticcall(gas(), 2, start, add(length, 1), 0, 32)) {
                revert(0, 0)
            }
            value := mload(0)
        }
    }

    /// @notice SHA-256(0x00 ‖ entry).
    function leaf(bytes memory entry) internal view returns (bytes32 value) {
        uint256 length = entry.length;
        uint256 data;
        assembly ("memory-safe") {
            // The byte before the content is the last of the length word, which is put back below.
            data := add(entry, 32)
        }
        value = leafAt(data, length);
        assembly ("memory-safe") {
            mstore(entry, length)
        }
    }

    /// @notice Appends a leaf hash: one inner hash per trailing one-bit of the size.
    function append(Edge memory edge, bytes32 leafHash) internal view {
        uint256 size = edge.size;
        uint256 place = edge.nodes;
        uint256 scratch = edge.scratch;
        assembly ("memory-safe") {
            // `place` walks the levels; inner hashes are built in the edge's own 96 bytes: 0x01 ‖ left ‖ right.
            let rest := size
            for {} and(rest, 1) {} {
                mstore(add(scratch, 1), mload(place))
                mstore(add(scratch, 33), leafHash)
                if iszero(staticcall(gas(), 2, scratch, 65, 0, 32)) {
                    revert(0, 0)
                }
                leafHash := mload(0)
                place := add(place, 32)
                rest := shr(1, rest)
            }
            mstore(place, leafHash)
        }
        unchecked {
            edge.size = size + 1;
        }
    }

    /// @notice The tree's root: the edge's nodes folded from the smallest.
    function root(Edge memory edge) internal view returns (bytes32 value) {
        uint256 rest = edge.size;
        if (rest == 0) return EMPTY_ROOT;
        uint256 place = edge.nodes;
        uint256 scratch = edge.scratch;
        assembly ("memory-safe") {
            let started := 0
            for {} rest {} {
                if and(rest, 1) {
                    switch started
                    case 0 {
                        value := mload(place)
                        started := 1
                    }
                    default {
                        mstore(add(scratch, 1), mload(place))
                        mstore(add(scratch, 33), value)
                        if iszero(staticcall(gas(), 2, scratch, 65, 0, 32)) {
                            revert(0, 0)
                        }
                        value := mload(0)
                    }
                }
                place := add(place, 32)
                rest := shr(1, rest)
            }
        }
    }

    /// @notice Whether a leaf hash is at `index` in the tree of `size` with this root (RFC 9162 section 2.1.3.2).
    function verify(
        bytes32 leafHash,
        uint256 index,
        uint256 size,
        bytes32[] calldata proof,
        bytes32 root_
    ) internal pure returns (bool) {
        if (index >= size) return false;
        uint256 last = size - 1;
        bytes32 hash = leafHash;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return false;
            if (index & 1 == 1 || index == last) {
                hash = sha256(abi.encodePacked(uint8(1), proof[i], hash));
                while (index & 1 == 0 && index != 0) {
                    index >>= 1;
                    last >>= 1;
                }
            } else {
                hash = sha256(abi.encodePacked(uint8(1), hash, proof[i]));
            }
            index >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == root_;
    }
}
