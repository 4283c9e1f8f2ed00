// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Big-endian integers at an offset of an entry in memory
/// @notice Reading beyond the end gives what lies behind it in memory: callers check the entry's length, or hold an
/// entry that a contract of ours built.
library EntryReader {
    /// @notice The `bits` / 8 bytes at `offset`. Memory is only read.
    function read(bytes memory entry, uint256 offset, uint256 bits) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, bits), mload(add(add(entry, 32), offset)))
        }
    }

    /// @notice The memory address of the byte at `offset`.
    function addressOf(bytes memory entry, uint256 offset) internal pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := add(add(entry, 32), offset)
        }
    }

    function u8(bytes memory entry, uint256 offset) internal pure returns (uint8) {
        return uint8(read(entry, offset, 8));
    }

    function u16(bytes memory entry, uint256 offset) internal pure returns (uint16) {
        return uint16(read(entry, offset, 16));
    }

    function u32(bytes memory entry, uint256 offset) internal pure returns (uint32) {
        return uint32(read(entry, offset, 32));
    }

    function u64(bytes memory entry, uint256 offset) internal pure returns (uint64) {
        return uint64(read(entry, offset, 64));
    }

    function addr(bytes memory entry, uint256 offset) internal pure returns (address) {
        return address(uint160(read(entry, offset, 160)));
    }

    function word(bytes memory entry, uint256 offset) internal pure returns (uint256) {
        return read(entry, offset, 256);
    }
}
