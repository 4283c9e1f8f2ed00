// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ICouncil} from "../../interfaces/ICouncil.sol";
import {IPermissions} from "../../interfaces/IPermissions.sol";
import {IValidators} from "../../interfaces/IValidators.sol";
import {Test} from "./Test.sol";

/// @title The runner's block cheatcode
interface VmBlock {
    function roll(uint256 blockNumber) external;
}

/// @title A network's genesis contracts, wired as `luya network init` wires them
/// @notice Organisations 1 … n act through accounts 0xA001 … 0xA00n; each runs one validator and one node.
abstract contract Network is Test {
    uint256 internal constant START = 1_781_496_000;
    uint32 internal constant DELAY = 2 days;
    uint32 internal constant LIFETIME = 14 days;
    uint64 internal constant POWER = 10;

    ICouncil internal council;
    IValidators internal validators;
    IPermissions internal permissions;
    address internal authority;
    uint256 private _salt;

    function deployNetwork(uint32 organisations, uint32 threshold, uint32 delay) internal {
        vm.warp(START);
        roll(1);
        ICouncil.Member[] memory members = new ICouncil.Member[](organisations);
        IValidators.Validator[] memory set = new IValidators.Validator[](organisations);
        IValidators.Node[] memory nodes = new IValidators.Node[](organisations);
        IPermissions.Permission[] memory granted = new IPermissions.Permission[](organisations);
        for (uint32 i = 0; i < organisations; ++i) {
            members[i] = ICouncil.Member(account(i + 1), i + 1, nameOf(i + 1));
            set[i] = IValidators.Validator(key(i + 1), POWER, i + 1);
            nodes[i] = IValidators.Node(node(i + 1), i + 1);
            granted[i] = IPermissions.Permission(account(i + 1), 1);
        }
        council = ICouncil(create("Council", abi.encode(members, threshold, delay, LIFETIME)));
        authority = create("AccessManager", abi.encode(council));
        validators = IValidators(create("Validators", abi.encode(authority, council, set, nodes)));
        permissions = IPermissions(create("Permissions", abi.encode(authority, granted, false)));
    }

    // ------------------------------------------------------------------------------------------- names of organisations

    function account(uint256 organisation) internal pure returns (address) {
        return address(uint160(0xA000 + organisation));
    }

    function nameOf(uint256 organisation) internal pure returns (bytes32) {
        return bytes32("organisation") | bytes32(organisation);
    }

    function key(uint256 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("key", number));
    }

    function node(uint256 number) internal pure returns (bytes20) {
        return bytes20(keccak256(abi.encode("node", number)));
    }

    // ------------------------------------------------------------------------------------------------------- proposals

    function one(address target, bytes memory data) internal pure returns (ICouncil.Call[] memory calls) {
        calls = new ICouncil.Call[](1);
        calls[0] = ICouncil.Call(target, data);
    }

    function proposeBy(uint256 organisation, address target, bytes memory data) internal returns (bytes32) {
        vm.prank(account(organisation));
        return council.propose(one(target, data), bytes32(++_salt));
    }

    function approveBy(uint256 organisation, bytes32 id) internal {
        vm.prank(account(organisation));
        council.approve(id);
    }

    function executeBy(uint256 organisation, bytes32 id) internal {
        vm.prank(account(organisation));
        council.execute(id);
    }

    /// @dev Proposed by 1, approved by 2 and 3, executed by 1 after the delay: what 3 of 4 can do.
    function enact(address target, bytes memory data) internal {
        bytes32 id = proposeBy(1, target, data);
        approveBy(2, id);
        approveBy(3, id);
        vm.warp(block.timestamp + DELAY);
        executeBy(1, id);
    }

    // --------------------------------------------------------------------------------------------------------- machine

    function roll(uint256 blockNumber) internal {
        VmBlock(address(vm)).roll(blockNumber);
    }

    /// @dev 0 where the constructor refuses.
    function tryCreate(string memory name, bytes memory arguments) internal returns (address deployed) {
        bytes memory code = bytes.concat(creationOf(name), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
    }

    function create(string memory name, bytes memory arguments) internal returns (address deployed) {
        deployed = tryCreate(name, arguments);
        assertTrue(deployed != address(0), name);
    }
}
