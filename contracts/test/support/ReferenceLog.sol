// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title A log kept as RFC 6962 section 2.1 is written, by its recursive definition
/// @notice The tree hash of a range of an append-only list never changes, so each is computed once.
abstract contract ReferenceLog {
    bytes[] internal entries;
    mapping(uint256 range => bytes32) private _hashes;

    function push(bytes memory entry) internal {
        entries.push(entry);
    }

    function rootOf(uint256 size) internal returns (bytes32) {
        return size == 0 ? sha256("") : _range(0, size);
    }

    /// @dev Inclusion proof (RFC 6962 section 2.1.1), nearest sibling first.
    function pathOf(uint256 index, uint256 size) internal returns (bytes32[] memory) {
        return _path(0, size, index);
    }

    function _range(uint256 from, uint256 to) private returns (bytes32 hash) {
        uint256 key = (from << 128) | to;
        hash = _hashes[key];
        if (hash != 0) return hash;
        if (to - from == 1) {
            hash = sha256(abi.encodePacked(uint8(0), entries[from]));
        } else {
            uint256 middle = from + _split(to - from);
            hash = sha256(abi.encodePacked(uint8(1), _range(from, middle), _range(middle, to)));
        }
        _hashes[key] = hash;
    }

    function _path(uint256 from, uint256 to, uint256 index) private returns (bytes32[] memory) {
        if (to - from == 1) return new bytes32[](0);
        uint256 middle = from + _split(to - from);
        if (index < middle) return _with(_path(from, middle, index), _range(middle, to));
        return _with(_path(middle, to, index), _range(from, middle));
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
