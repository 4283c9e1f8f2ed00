// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Rfc6962} from "../../../contracts/libraries/Rfc6962.sol";

/// @title The log's edge, for all leaves, up to 16 of them
/// @notice Proved by halmos, with SHA-256 as any function: what holds, holds whatever it hashes to.
contract LogSymbolic {
    using Rfc6962 for Rfc6962.Edge;

    uint256 private constant _LEAVES = 16;

    /// @dev Appended one by one, the root at every size is RFC 6962's, by its recursive definition.
    function check_EveryRootIsTheRecursiveOne(bytes32[_LEAVES] calldata leaves) external view {
        Rfc6962.Edge memory edge = Rfc6962.open(0);
        for (uint256 size = 1; size <= _LEAVES; ++size) {
            edge.append(leaves[size - 1]);
            assert(edge.size == size);
            assert(edge.root() == _root(leaves, 0, size));
        }
    }

    /// @dev Opened anew from the nodes that its size names, and from nothing else, an edge goes on as if never closed.
    function check_AnEdgeIsItsNodes(bytes32[_LEAVES] calldata leaves, bytes32[5] calldata noise) external view {
        Rfc6962.Edge memory edge = Rfc6962.open(0);
        for (uint256 size = 0; size < _LEAVES; ++size) {
            Rfc6962.Edge memory other = Rfc6962.open(size);
            for (uint256 level = 0; level < 5; ++level) {
                other.setNode(level, size & (1 << level) != 0 ? edge.node(level) : noise[level]);
            }
            edge.append(leaves[size]);
            other.append(leaves[size]);
            assert(edge.root() == other.root());
        }
    }

    /// @dev Each entry's path from the definition is accepted.
    function check_EveryPathIsAccepted(bytes32[9] calldata few) external view {
        bytes32[_LEAVES] memory leaves;
        for (uint256 i = 0; i < few.length; ++i) leaves[i] = few[i];
        this.pathsAreAccepted(leaves, few.length);
    }

    function pathsAreAccepted(bytes32[_LEAVES] calldata leaves, uint256 most) external view {
        for (uint256 size = 1; size <= most; ++size) {
            bytes32 root = _root(leaves, 0, size);
            for (uint256 index = 0; index < size; ++index) {
                bytes32[] memory path = _path(leaves, 0, size, index);
                assert(this.verify(leaves[index], index, size, path, root));
            }
        }
    }

    /// @dev A path of another length than the definition's is refused, whatever is in it and whatever the root.
    function check_NoPathOfAnotherLength(bytes32 leaf, bytes32[4] calldata any, bytes32 root) external view {
        for (uint256 size = 1; size <= 5; ++size) {
            for (uint256 index = 0; index < size; ++index) {
                uint256 right = _depth(size, index);
                for (uint256 length = 0; length <= any.length; ++length) {
                    if (length == right) continue;
                    bytes32[] memory path = new bytes32[](length);
                    for (uint256 i = 0; i < length; ++i) path[i] = any[i];
                    assert(!this.verify(leaf, index, size, path, root));
                }
            }
        }
    }

    function check_NothingIsBehindTheEnd(bytes32 leaf, uint64 index, uint64 size, bytes32 root) external view {
        if (index < size) return;
        assert(!this.verify(leaf, index, size, new bytes32[](0), root));
    }

    function verify(
        bytes32 leaf,
        uint256 index,
        uint256 size,
        bytes32[] calldata path,
        bytes32 root
    ) external pure returns (bool) {
        return Rfc6962.verify(leaf, index, size, path, root);
    }

    function _root(bytes32[_LEAVES] calldata leaves, uint256 from, uint256 to) private pure returns (bytes32) {
        if (to - from == 1) return leaves[from];
        uint256 middle = from + _split(to - from);
        return sha256(abi.encodePacked(uint8(1), _root(leaves, from, middle), _root(leaves, middle, to)));
    }

    function _path(
        bytes32[_LEAVES] calldata leaves,
        uint256 from,
        uint256 to,
        uint256 index
    ) private pure returns (bytes32[] memory path) {
        path = new bytes32[](_depth(to - from, index - from));
        for (uint256 place = path.length; place > 0; --place) {
            uint256 middle = from + _split(to - from);
            if (index < middle) (path[place - 1], to) = (_root(leaves, middle, to), middle);
            else (path[place - 1], from) = (_root(leaves, from, middle), middle);
        }
    }

    /// @dev How many siblings a leaf's path has.
    function _depth(uint256 size, uint256 index) private pure returns (uint256 depth) {
        for (; size > 1; ++depth) {
            uint256 middle = _split(size);
            if (index < middle) size = middle;
            else (size, index) = (size - middle, index - middle);
        }
    }

    function _split(uint256 count) private pure returns (uint256 half) {
        half = 1;
        while (2 * half < count) half *= 2;
    }
}
