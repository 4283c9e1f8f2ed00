// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Vm} from "./Vm.sol";

/// @title Assertions of the Solidity tests
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Unequal(string what, uint256 left, uint256 right);
    error UnequalWords(string what, bytes32 left, bytes32 right);
    error UnequalBytes(string what, bytes left, bytes right);
    error Untrue(string what);

    function assertEq(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert Unequal(what, left, right);
    }

    function assertEq(bytes32 left, bytes32 right, string memory what) internal pure {
        if (left != right) revert UnequalWords(what, left, right);
    }

    function assertEq(address left, address right, string memory what) internal pure {
        if (left != right) revert UnequalWords(what, bytes32(bytes20(left)), bytes32(bytes20(right)));
    }

    function assertEq(bytes memory left, bytes memory right, string memory what) internal pure {
        if (keccak256(left) != keccak256(right)) revert UnequalBytes(what, left, right);
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert Untrue(what);
    }

    /// @dev Creation code of a contract as the package ships it; of an instrumented one where coverage is measured.
    function creationOf(string memory name) internal view returns (bytes memory) {
        string memory folder = vm.envOr("LUYA_ARTEFACTS", string("chain_node/artefacts"));
        return vm.parseJsonBytes(vm.readFile(string.concat(folder, "/", name, ".json")), ".bytecode");
    }

    /// @dev A number in [low, high], spread over the range.
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + (value % (high - low + 1));
    }
}
