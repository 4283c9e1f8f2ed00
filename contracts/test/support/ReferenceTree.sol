// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title RFC 6962 section 2.1 as it is written: recursive, slow, independent of the ledger's code
library ReferenceTree {
    function sha256Root(bytes[] memory entries) internal pure returns (bytes32) {
        if (entries.length == 0) return sha256("");
        return _sha256Root(entries, 0, entries.length);
    }

    function keccakRoot(bytes[] memory entries) internal pure returns (bytes32) {
        return _keccakRoot(entries, 0, entries.length);
    }

    /// @notice Inclusion proof of entry `index` (RFC 6962 section 2.1.1), nearest sibling first.
    function path(bytes[] memory entries, uint256 index) internal pure returns (bytes32[] memory) {
        return _path(entries, 0, entries.length, index);
    }

    function _sha256Root(bytes[] memory entries, uint256 from, uint256 to) private pure returns (bytes32) {
        if (to - from == 1) return sha256(abi.encodePacked(uint8(0), entries[from]));
        uint256 middle = from + _split(to - from);
        return sha256(
            abi.encodePacked(uint8(1), _sha256Root(entries, from, middle), _sha256Root(entries, middle, to))
        );
    }

    function _keccakRoot(bytes[] memory entries, uint256 from, uint256 to) private pure returns (bytes32) {
        if (to - from == 1) return keccak256(abi.encodePacked(uint8(0), entries[from]));
        uint256 middle = from + _split(to - from);
        return keccak256(
            abi.encodePacked(uint8(1), _keccakRoot(entries, from, middle), _keccakRoot(entries, middle, to))
        );
    }

    function _path(bytes[] memory entries, uint256 from, uint256 to, uint256 index)
        private
        pure
        returns (bytes32[] memory)
    {
        if (to - from == 1) return new bytes32[](0);
        uint256 middle = from + _split(to - from);
        if (index < middle) return _with(_path(entries, from, middle, index), _sha256Root(entries, middle, to));
        return _with(_path(entries, middle, to, index), _sha256Root(entries, from, middle));
    }

    function _with(bytes32[] memory list, bytes32 last) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    /// @dev The largest power of two below `count`, count ≥ 2.
    function _split(uint256 count) private pure returns (uint256 k) {
        k = 1;
        while (2 * k < count) k *= 2;
    }
}
