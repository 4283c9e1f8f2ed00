// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title RFC 6962's tree over a batch's records, with keccak-256 as its hash
library KeccakTree {
    /// @notice Writes the leaf of a record in calldata: keccak-256(0x00 ‖ record ‖ nullifier), the nullifier only where
    /// there is one.
    /// @param place memory address of the leaf, a word of the caller's array
    /// @param buffer memory address of 128 bytes of the caller's, beginning with 0x00
    /// @param position calldata position of the record
    /// @param nullifierPosition calldata position of its nullifier
    /// @param nullifierBytes 32, or 0 where it has none
    function writeLeaf(
        uint256 place,
        uint256 buffer,
        uint256 position,
        uint256 nullifierPosition,
        uint256 nullifierBytes
    ) internal pure {
        assembly ("memory-safe") {
            calldatacopy(add(buffer, 1), position, 64)
            calldatacopy(add(buffer, 65), nullifierPosition, nullifierBytes)
            mstore(place, keccak256(buffer, add(65, nullifierBytes)))
        }
    }

    /// @notice The root over at least one leaf; the array is used up. Pairing neighbours level by level and moving an
    /// odd last node up unchanged gives the tree that RFC 6962 defines by its split at the largest power of two.
    /// @param buffer memory address of 128 bytes of the caller's
    function root(bytes32[] memory leaves, uint256 buffer) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            // Node j of a level is written over leaf j, which has been read: 2j ≥ j. Only the array's own words and
            // the buffer are written.
            let nodes := add(leaves, 32)
            let count := mload(leaves)
            mstore8(buffer, 1)
            for {} gt(count, 1) {} {
                let pairs := shr(1, count)
                let to := nodes
                let from := nodes
                for {
                    let end := add(nodes, shl(5, pairs))
                } lt(to, end) {} {
                    mstore(add(buffer, 1), mload(from))
                    mstore(add(buffer, 33), mload(add(from, 32)))
                    mstore(to, keccak256(buffer, 65))
                    to := add(to, 32)
                    from := add(from, 64)
                }
                if and(count, 1) {
                    mstore(to, mload(from))
                }
                count := add(pairs, and(count, 1))
            }
            value := mload(nodes)
        }
    }
}
