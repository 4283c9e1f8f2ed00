// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title RFC 6962 section 2.1 as it is written, with keccak-256: recursive, slow, independent of the ledger's code
library ReferenceTree {
    function keccakRoot(bytes[] memory entries) internal pure returns (bytes32) {
        return _keccakRoot(entries, 0, entries.length);
    }

    function _keccakRoot(bytes[] memory entries, uint256 from, uint256 to) private pure returns (bytes32) {
        if (to - from == 1) return keccak256(abi.encodePacked(uint8(0), entries[from]));
        uint256 middle = from + _split(to - from);
        return
            keccak256(abi.encodePacked(uint8(1), _keccakRoot(entries, from, middle), _keccakRoot(entries, middle, to)));
    }

    /// @dev The largest power of two below `count`, count ≥ 2.
    function _split(uint256 count) private pure returns (uint256 k) {
        k = 1;
        while (2 * k < count) k *= 2;
    }
}
