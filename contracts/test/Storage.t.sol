// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Network} from "./support/Network.sol";

/// @title The storage that luyad reads lies where chain_node/luyad/layout.go says
/// @notice Reads the words as luyad does, without asking the contracts. The numbers are layout.go's; a Python test
/// compares that file with the compiler's own layout.
contract StorageTest is Network {
    function setUp() public {
        deployNetwork(4, 3, DELAY);
        vm.warp(START + 1);
    }

    function test_Validators() public {
        roll(77);
        vm.prank(address(council));
        validators.setValidator(key(5), 3, 2);
        address at = address(validators);
        assertEq(_number(at, 1), 5, "length");
        uint256 base = uint256(keccak256(abi.encode(1)));
        assertEq(vm.load(at, bytes32(base + 8)), key(5), "key");
        assertEq(_number(at, base + 9), (uint256(2) << 64) | 3, "power and organisation");
        assertEq(vm.load(at, bytes32(base)), key(1), "first key");
        assertEq(_number(at, uint256(keccak256(abi.encode(key(5), 3)))), 5, "place");
        assertEq(_number(at, 5), (uint256(43) << 64) | 77, "summary");
    }

    function test_Nodes() public view {
        address at = address(validators);
        assertEq(_number(at, 2), 4, "length");
        uint256 base = uint256(keccak256(abi.encode(2)));
        assertEq(_number(at, base + 2), (uint256(3) << 160) | uint160(node(3)), "node and organisation");
        assertEq(_number(at, uint256(keccak256(abi.encode(node(3), 4)))), 3, "place");
    }

    function test_Permissions() public {
        vm.prank(address(council));
        permissions.setPermission(address(7), 2);
        address at = address(permissions);
        assertEq(_number(at, uint256(keccak256(abi.encode(address(7), 1)))), 3, "flags");
        assertEq(_number(at, 2), 1, "deployers");
        assertEq(_number(at, uint256(keccak256(abi.encode(2)))), 7, "deployer");
        assertEq(_number(at, 4), 5, "accounts");
        assertEq(_number(at, uint256(keccak256(abi.encode(4))) + 4), 7, "account");
        assertEq(_number(at, 6), 0, "closed");
        vm.prank(address(council));
        permissions.setOpenSending(true);
        assertEq(_number(at, 6), 1, "open");
    }

    function test_Council() public view {
        address at = address(council);
        assertEq(_number(at, 0), 4, "members");
        assertEq(_number(at, uint256(keccak256(abi.encode(0))) + 2), uint160(account(3)), "member");
        assertEq(uint32(_number(at, uint256(keccak256(abi.encode(account(3), 1))))), 3, "organisation");
        assertEq(uint32(_number(at, uint256(keccak256(abi.encode(address(7), 1))))), 0, "stranger");
    }

    function _number(address target, uint256 slot) private view returns (uint256) {
        return uint256(vm.load(target, bytes32(slot)));
    }
}
